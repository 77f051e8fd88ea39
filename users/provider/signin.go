package provider

import (
	"errors"
	"net/http"
	"strconv"

	"github.com/beep-chat/beep"
	"github.com/beep-chat/beep/users"
)

// signInPage asks who is there, or, in a session whose proof is old, whether it still is the same person.
func (v *visit) signInPage() {
	if v.request == nil {
		v.problem(http.StatusGone, "problem.expired")
		return
	}
	switching := v.switching()
	if v.session != nil && !switching && v.p.satisfied(*v.request, *v.session) {
		v.proceed(*v.session) // back with the browser's button, or in another tab meanwhile
		return
	}
	v.show(v.signInForm(switching))
}

// switching says whether it is not who is signed in that should sign in.
func (v *visit) switching() bool {
	return v.r.Form.Get("switch") != "" || (v.session != nil && v.request.Other && older(v.session.SignedIn, *v.request))
}

// signInForm has the address fixed where a session is to be proven again; for another person there is a link.
func (v *visit) signInForm(switching bool) page {
	pg := page{
		Title: v.t("sign-in"), To: v.t("to", "host", v.host()), Action: v.at("/oidc/sign-in"), Submit: &button{Label: v.t("sign-in")}, target: v.target(),
		Fields: []field{
			{Name: "email", Label: v.t("field.email"), Type: "email", Autocomplete: "username", Max: 254, Plain: true, Value: v.request.Hint},
			{
				Name: "password", Label: v.t("field.password"), Type: "password", Autocomplete: "current-password", Max: 512,
				Aside: &link{Text: v.t("forgotten"), Href: v.at("/oidc/forgot")},
			},
		},
	}
	if v.r.Form.Get("notice") == "reset" {
		pg.Notice = v.t("reset.done")
	}
	if v.session != nil && !switching {
		pg.Title, pg.To, pg.Lead = v.t("sign-in.again"), "", []string{v.t("sign-in.again.lead")}
		pg.Fields[0].Value, pg.Fields[0].ReadOnly = v.user.Email, true
		pg.Links = []link{{Lead: v.t("sign-in.other"), Text: v.t("sign-in.switch"), Href: v.at("/oidc/sign-in", "switch", "1")}}
		return pg
	}
	if switching {
		pg.Hidden = []pair{{"switch", "1"}}
	}
	pg.Links = []link{{Lead: v.t("sign-in.none"), Text: v.t("sign-in.create"), Href: v.at("/oidc/sign-up")}}
	return pg
}

// signIn takes the form.
func (v *visit) signIn() {
	if v.request == nil {
		v.problem(http.StatusGone, "problem.expired")
		return
	}
	switching := v.switching()
	if v.session != nil && !switching {
		session, err := v.p.users.Reprove(v.r.Context(), *v.session, v.value("password"), v.visitor().IP)
		if errors.Is(err, beep.ErrNotFound) {
			v.goTo(v.at("/oidc/sign-in")) // the session has ended since this began: who is there is a new question
			return
		}
		if err != nil {
			v.refuseSignIn(err, switching)
			return
		}
		v.proceed(session)
		return
	}
	opened, err := v.p.users.SignIn(v.r.Context(), users.SignIn{Visitor: v.visitor(), Email: v.value("email"), Password: v.value("password")})
	if err != nil {
		v.refuseSignIn(err, switching)
		return
	}
	if err := v.adopt(opened); err != nil {
		v.fail(err)
		return
	}
	v.proceed(opened.Session)
}

// refuseSignIn says how many tries are left, which an address without an account has as well.
func (v *visit) refuseSignIn(err error, switching bool) {
	pg := v.signInForm(switching)
	if !pg.Fields[0].ReadOnly {
		pg.Fields[0].Value = v.value("email")
	}
	var wrong users.WrongPasswordError
	if !errors.As(err, &wrong) {
		v.refuse(err, pg)
		return
	}
	pg.status = http.StatusUnprocessableEntity
	switch wrong.Left {
	case 0:
		pg.Problem = v.t("sign-in.wrong.last")
	case 1:
		pg.Problem = v.t("sign-in.wrong.one")
	default:
		pg.Problem = v.t("sign-in.wrong", "n", strconv.Itoa(wrong.Left))
	}
	v.show(pg)
}

// adopt makes a new session this browser's. The one before ends: its tokens would live on unseen.
func (v *visit) adopt(o users.Opened) error {
	if v.session != nil {
		// Before the cookie is replaced: where it cannot be ended, the browser still has it and tries again.
		if err := v.p.users.EndSession(v.r.Context(), v.session.ID); err != nil {
			return err
		}
	}
	v.p.setCookie(v.w, cookieSession, o.Secret, sessionSeconds)
	v.session = &o.Session
	return nil
}

// proceed goes on with the request that waits.
func (v *visit) proceed(session users.Session) {
	address, err := v.p.next(v.r.Context(), v.id, *v.request, &session)
	if err != nil {
		v.fail(err)
		return
	}
	v.goTo(address)
}

// passwordPage asks for a new password, in a session that was just proven.
func (v *visit) passwordPage() {
	if v.ready() {
		v.show(v.passwordForm())
	}
}

// ready says whether the password may be changed now; if not, it has shown the page to go to.
func (v *visit) ready() bool {
	switch {
	case v.request == nil || v.request.Action != updatePassword:
		v.problem(http.StatusGone, "problem.expired")
		return false
	case v.session == nil || !v.p.satisfied(*v.request, *v.session):
		v.goTo(v.at("/oidc/sign-in"))
		return false
	}
	return true
}

func (v *visit) passwordForm() page {
	return page{
		Title: v.t("password.change"), Lead: []string{v.t("password.change.lead")}, Action: v.at("/oidc/password"),
		Submit: &button{Label: v.t("password.save")}, Second: &button{Label: v.t("cancel"), Value: "cancel"}, target: v.target(),
		Fields: []field{v.userField(), v.newPasswordField()},
	}
}

// userField tells password managers whose password it is.
func (v *visit) userField() field {
	return field{Name: "email", Label: v.t("field.email"), Type: "email", Autocomplete: "username", Max: 254, ReadOnly: true, Value: v.user.Email}
}

func (v *visit) newPasswordField() field {
	return field{
		Name: "password", Label: v.t("field.new-password"), Type: "password", Autocomplete: "new-password", Max: 512, Hint: v.t("sign-up.password.hint"),
	}
}

// password takes the form and tells the client how it went.
func (v *visit) password() {
	if !v.ready() {
		return
	}
	status := "cancelled"
	if v.value("do") != "cancel" {
		err := v.p.users.ChangePassword(v.r.Context(), *v.session, v.value("password"))
		switch {
		// Since the page was shown the proof has grown old, or the session has ended.
		case errors.Is(err, users.ErrWrongPassword):
			v.goTo(v.at("/oidc/sign-in"))
			return
		case err != nil:
			v.refuse(err, v.passwordForm())
			return
		}
		status = "success"
	}
	address, err := v.p.finish(v.r.Context(), *v.request, *v.session, status)
	if err != nil {
		v.fail(err)
		return
	}
	v.goTo(address)
}

// signOutPage asks before it signs anyone out, because any page can link to it.
func (v *visit) signOutPage() {
	q := v.r.Form
	back, err := v.p.postLogout(q.Get("client_id"), q.Get("post_logout_redirect_uri"), q.Get("state"))
	if err != nil {
		v.problem(http.StatusBadRequest, "problem.request")
		return
	}
	if v.session == nil {
		// Who signs out twice comes to where the first time led.
		if q.Get("post_logout_redirect_uri") != "" {
			v.goTo(back)
			return
		}
		v.show(page{Title: v.t("sign-out.none"), Lead: []string{v.t("sign-out.none.lead")}, Go: &link{Text: v.t("continue"), Href: v.home()}})
		return
	}
	pg := page{
		Title: v.t("sign-out"), Lead: []string{v.t("sign-out.lead", "name", v.user.Username)}, Action: "/oidc/sign-out",
		Submit: &button{Label: v.t("sign-out")}, Second: &button{Label: v.t("sign-out.stay"), Value: "stay"}, target: back,
	}
	for _, name := range []string{"client_id", "post_logout_redirect_uri", "state"} {
		if value := q.Get(name); value != "" {
			pg.Hidden = append(pg.Hidden, pair{name, value})
		}
	}
	v.show(pg)
}

// signOut takes the form.
func (v *visit) signOut() {
	back, err := v.p.postLogout(v.value("client_id"), v.value("post_logout_redirect_uri"), v.value("state"))
	if err != nil {
		v.problem(http.StatusBadRequest, "problem.request")
		return
	}
	if v.value("do") == "stay" {
		v.goTo(v.home())
		return
	}
	// Before its cookie goes: a browser without it could not try again.
	if v.session != nil {
		if err := v.p.users.EndSession(v.r.Context(), v.session.ID); err != nil {
			v.fail(err)
			return
		}
	}
	v.w.Header().Set("Clear-Site-Data", clearSiteData)
	v.p.setCookie(v.w, cookieSession, "", noCookie)
	v.goTo(back)
}

// mailbox shows the letters kept here: to this machine only, and only while there is no mail server.
func (v *visit) mailbox() {
	letters, err := v.p.users.Letters(v.r.Context(), v.r.Form.Get("to"))
	// One answer for who may not look and for where there is nothing to look at.
	if errors.Is(err, beep.ErrNotFound) || !v.here() {
		v.problem(http.StatusNotFound, "problem.not-found")
		return
	}
	if err != nil {
		v.fail(err)
		return
	}
	if v.r.Form.Get("format") == "json" {
		v.writeLetters(letters)
		return
	}
	pg := page{Title: v.t("mailbox"), Lead: []string{v.t("mailbox.lead")}}
	if len(letters) == 0 {
		pg.Lead = append(pg.Lead, v.t("mailbox.empty"))
	}
	for _, l := range letters {
		pg.Letters = append(pg.Letters, letter{To: l.To, Subject: l.Subject, At: l.At.Format("2006-01-02T15:04:05Z"), Text: linked(l.Text, v.p.users.Issuer())})
	}
	v.show(pg)
}
