package provider

import (
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"strings"

	"github.com/beep-chat/beep/kit/rest"
	"github.com/beep-chat/beep/users"
)

// signUpPage asks for what an account needs.
func (v *visit) signUpPage() {
	// Before anybody fills in what cannot be sent.
	if !v.p.users.MailReady() {
		v.fail(users.ErrNoMail)
		return
	}
	if v.request == nil {
		v.problem(http.StatusGone, "problem.expired")
		return
	}
	v.show(v.signUpForm())
}

func (v *visit) signUpForm() page {
	password := v.newPasswordField()
	password.Label = v.t("field.password")
	return page{
		Title: v.t("sign-up"), To: v.t("to", "host", v.host()), Action: v.at("/oidc/sign-up"), Submit: &button{Label: v.t("sign-up.submit")},
		Fields: []field{
			{
				// For a password manager the username is what people sign in with, which is the address.
				Name: "username", Label: v.t("field.username"), Type: "text", Autocomplete: "nickname", Max: 32, Plain: true,
				Hint: v.t("sign-up.username.hint"), Value: v.value("username"),
			},
			{Name: "email", Label: v.t("field.email"), Type: "email", Autocomplete: "username", Max: 254, Plain: true, Value: v.value("email")},
			password,
		},
		Links: []link{{Lead: v.t("sign-up.have"), Text: v.t("sign-up.sign-in"), Href: v.at("/oidc/sign-in")}},
	}
}

// signUp takes the form.
func (v *visit) signUp() {
	if v.request == nil {
		v.problem(http.StatusGone, "problem.expired")
		return
	}
	handle, err := v.p.users.SignUp(v.r.Context(), users.SignUp{
		Visitor: v.visitor(), Username: v.value("username"), Email: strings.TrimSpace(v.value("email")), Password: v.value("password"), Request: v.id,
	})
	if err != nil {
		v.refuse(err, v.signUpForm())
		return
	}
	v.goTo(v.at("/oidc/confirm", "signup", handle))
}

// confirmPage waits for the code, or offers to confirm by the link. The link alone changes nothing: mail programs
// open links to look at them.
func (v *visit) confirmPage() {
	pg, err := v.confirmForm()
	if err != nil {
		v.fail(err)
		return
	}
	if v.r.Form.Get("notice") == "resent" {
		pg.Notice = v.t("confirm.resent")
	}
	v.show(pg)
}

// confirmForm is made from what the store says now, also for a refusal: meanwhile it may have expired.
func (v *visit) confirmForm() (page, error) {
	pg := page{
		Title: v.t("confirm"), Action: v.at("/oidc/confirm"), Submit: &button{Label: v.t("confirm.submit"), Value: "confirm"}, target: v.target(),
	}
	if link := v.r.Form.Get("link"); link != "" {
		pg.Lead, pg.Hidden = []string{v.t("confirm.link.lead")}, []pair{{"link", link}}
		elsewhere, err := v.p.users.ConfirmsElsewhere(v.r.Context(), v.visitor(), link)
		if elsewhere {
			pg.Lead = append(pg.Lead, v.t("confirm.link.elsewhere"))
			pg.Fields = []field{{Name: "password", Label: v.t("field.password"), Type: "password", Autocomplete: "current-password", Max: 512}}
		}
		return pg, err
	}
	handle := v.r.Form.Get("signup")
	email, err := v.p.users.SignUpAddress(v.r.Context(), handle)
	if err != nil {
		return page{}, err
	}
	pg.Lead, pg.Hidden = []string{v.t("confirm.lead", "email", email)}, []pair{{"signup", handle}}
	pg.Fields = []field{{Name: "code", Label: v.t("field.code"), Type: "text", Autocomplete: "one-time-code", Max: 12, Code: true, Plain: true}}
	pg.Second = &button{Label: v.t("confirm.resend"), Value: "resend"}
	if v.p.users.MailboxOpen() {
		pg.Links = []link{{Lead: v.t("mailbox.note"), Text: v.t("mailbox.link"), Href: "/oidc/mailbox?to=" + escape(email), Tab: true}}
	}
	return pg, nil
}

// confirm takes the form.
func (v *visit) confirm() {
	handle := v.value("signup")
	if v.value("do") == "resend" {
		if err := v.p.users.ResendSignUp(v.r.Context(), v.visitor(), handle); err != nil {
			v.refuseConfirm(err)
			return
		}
		v.goTo(v.at("/oidc/confirm", "signup", handle, "notice", "resent"))
		return
	}
	// People type the code as they read it, in two groups.
	got, err := v.p.users.Confirm(v.r.Context(), users.Confirm{
		Visitor: v.visitor(), Handle: handle, Code: strings.ReplaceAll(v.value("code"), " ", ""), Link: v.value("link"), Username: v.value("username"),
		Password: v.value("password"),
	})
	if err != nil {
		v.refuseConfirm(err)
		return
	}
	if err := v.adopt(got.Opened); err != nil {
		v.fail(err)
		return
	}
	if !v.resume(got.Request) {
		v.show(v.confirmedPage())
		return
	}
	v.proceed(got.Opened.Session)
}

// resume makes a request that a use-case gave back the one that goes on, if it still waits.
func (v *visit) resume(id users.Digest) bool {
	request, err := v.p.users.Pending(v.r.Context(), id, v.visitor())
	if err != nil {
		return false
	}
	v.id, v.request = id, &request
	return true
}

func (v *visit) confirmedPage() page {
	return page{Title: v.t("confirmed"), Lead: []string{v.t("confirmed.lead")}, Go: &link{Text: v.t("continue"), Href: v.home()}}
}

// refuseConfirm shows the form again, with a field for another name where the first was taken.
func (v *visit) refuseConfirm(err error) {
	pg, formErr := v.confirmForm()
	if formErr != nil {
		v.fail(formErr)
		return
	}
	pg.status = http.StatusUnprocessableEntity
	// Save for a password, which no page sends back.
	for i := range pg.Fields {
		if pg.Fields[i].Type != "password" {
			pg.Fields[i].Value = v.value(pg.Fields[i].Name)
		}
	}
	var taken users.TakenError
	switch {
	case errors.Is(err, users.ErrWrongPassword) && len(pg.Fields) > 0:
		pg.Problem = v.t("problem.fields")
		pg.Fields[0].Error = v.t("confirm.wrong-password")
	case errors.Is(err, users.ErrWrongCode):
		pg.Problem = v.t("problem.fields")
		pg.Fields[0].Error, pg.Fields[0].Value = v.t("confirm.wrong"), ""
	case errors.As(err, &taken) && taken.What == users.TakenEmail:
		pg = page{
			Title: v.t("confirm"), Problem: v.t("confirm.email-taken"), Go: &link{Text: v.t("continue"), Href: v.home()}, status: http.StatusConflict,
		}
	case errors.As(err, &taken):
		pg.Problem = v.t("confirm.taken")
		pg.Fields = append(pg.Fields, v.nameField())
		pg.Fields[len(pg.Fields)-1].Error = v.t("field.problem." + string(users.NameTaken))
	default:
		if v.value("username") != "" {
			pg.Fields = append(pg.Fields, v.nameField())
		}
		v.refuse(err, pg)
		return
	}
	v.show(pg)
}

func (v *visit) nameField() field {
	return field{
		Name: "username", Label: v.t("field.username"), Type: "text", Autocomplete: "nickname", Max: 32, Plain: true,
		Hint: v.t("sign-up.username.hint"), Value: v.value("username"),
	}
}

// forgotPage asks for the address of an account.
func (v *visit) forgotPage() {
	if !v.p.users.MailReady() {
		v.fail(users.ErrNoMail)
		return
	}
	pg := v.forgotForm()
	if v.r.Form.Get("notice") == "sent" {
		pg.Notice, pg.Action, pg.Lead = v.t("forgot.sent"), "", nil
		if v.p.users.MailboxOpen() {
			pg.Links = append(pg.Links, link{Lead: v.t("mailbox.note"), Text: v.t("mailbox.link"), Href: "/oidc/mailbox", Tab: true})
		}
	}
	v.show(pg)
}

func (v *visit) forgotForm() page {
	pg := page{
		Title: v.t("forgot"), Lead: []string{v.t("forgot.lead")}, Action: v.at("/oidc/forgot"), Submit: &button{Label: v.t("forgot.submit")},
		Fields: []field{{Name: "email", Label: v.t("field.email"), Type: "email", Autocomplete: "username", Max: 254, Plain: true, Value: v.value("email")}},
	}
	if v.request != nil {
		pg.Links = []link{{Text: v.t("back.sign-in"), Href: v.at("/oidc/sign-in")}}
	}
	return pg
}

// forgot takes the form; the answer is the same for every address.
func (v *visit) forgot() {
	if err := v.p.users.ForgotPassword(v.r.Context(), v.visitor(), strings.TrimSpace(v.value("email")), v.id); err != nil {
		v.refuse(err, v.forgotForm())
		return
	}
	v.goTo(v.at("/oidc/forgot", "notice", "sent"))
}

// resetPage asks for the new password, if the link of the mail still works.
func (v *visit) resetPage() {
	if err := v.p.users.CheckReset(v.r.Context(), v.r.Form.Get("link")); err != nil {
		v.fail(err)
		return
	}
	v.show(v.resetForm())
}

func (v *visit) resetForm() page {
	return page{
		Title: v.t("reset"), Lead: []string{v.t("reset.lead")}, Action: "/oidc/reset", Submit: &button{Label: v.t("password.save")},
		Hidden: []pair{{"link", v.r.Form.Get("link")}}, Fields: []field{v.newPasswordField()},
	}
}

// reset takes the form. Whoever did so signs in with the new password next.
func (v *visit) reset() {
	request, err := v.p.users.ResetPassword(v.r.Context(), v.visitor(), v.value("link"), v.value("password"))
	if err != nil {
		v.refuse(err, v.resetForm())
		return
	}
	if !v.resume(request) {
		v.show(page{Title: v.t("reset"), Notice: v.t("reset.done"), Go: &link{Text: v.t("continue"), Href: v.home()}})
		return
	}
	v.goTo(v.at("/oidc/sign-in", "notice", "reset"))
}

// here says whether a request comes from this machine and was sent to it. The name alone tells nothing: whoever can
// connect writes "localhost" there, where Beep listens for others too. A proxy on this machine that is not believed may
// stand for anyone.
func (v *visit) here() bool {
	peer, err := netip.ParseAddrPort(v.r.RemoteAddr)
	if err != nil || !isLoopbackHost(v.r.Host) {
		return false
	}
	forwarded := v.r.Header.Get("X-Forwarded-For") != "" || v.r.Header.Get("Forwarded") != ""
	believed := v.p.opts.Gateway || rest.Trusted(v.p.opts.Proxies, peer.Addr().Unmap())
	return v.p.address(v.r).IsLoopback() && (!forwarded || believed)
}

// isLoopbackHost says whether a request was sent to this machine by its name or address. A page of another site that
// makes its own name mean this machine is not let in.
func isLoopbackHost(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	host = strings.Trim(host, "[]")
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.IsLoopback()
}

// writeLetters is the mailbox for programs.
func (v *visit) writeLetters(letters []users.Letter) {
	type entry struct {
		To      string `json:"to"`
		Subject string `json:"subject"`
		Text    string `json:"text"`
		At      string `json:"at"`
	}
	out := struct {
		Letters []entry `json:"letters"`
	}{Letters: []entry{}}
	for _, l := range letters {
		out.Letters = append(out.Letters, entry{l.To, l.Subject, l.Text, l.At.Format("2006-01-02T15:04:05.000Z")})
	}
	v.w.Header().Set("Content-Type", "application/json")
	if err := json.NewEncoder(v.w).Encode(out); err != nil {
		return // a reader that has gone needs no letters
	}
}

// linked cuts a text so that the addresses of ours in it can be links.
func linked(text, issuer string) []link {
	var parts []link
	for {
		i := strings.Index(text, issuer)
		if i < 0 {
			return append(parts, link{Text: text})
		}
		end := i + len(issuer)
		if n := strings.IndexAny(text[end:], " \r\n"); n >= 0 {
			end += n
		} else {
			end = len(text)
		}
		parts = append(parts, link{Text: text[:i]}, link{Text: text[i:end], Href: text[i:end]})
		text = text[end:]
	}
}
