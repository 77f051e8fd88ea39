package people

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"regexp"
)

// ChangePassword sets another password in this browser, which stays signed in, with new tokens.
func (p *Person) ChangePassword(ctx context.Context, password string) error {
	a := newAttempt(p.provider)
	at, err := p.browser.open(ctx, a.address()+"&"+url.Values{"kc_action": {"UPDATE_PASSWORD"}}.Encode())
	if err != nil {
		return fmt.Errorf("change the password of %s: %w", p.Name, err)
	}
	if at.url.Path == "/oidc/sign-in" { // it was too long ago that the old one was given
		if at, err = p.fill(ctx, at, map[string]string{"password": p.Password}); err != nil {
			return fmt.Errorf("prove to be %s: %w", p.Name, err)
		}
	}
	if at, err = p.fill(ctx, at, map[string]string{"password": password}); err != nil {
		return fmt.Errorf("change the password of %s: %w", p.Name, err)
	}
	if !at.home || at.url.Query().Get("kc_action_status") != "success" {
		return fmt.Errorf("change the password of %s: %s", p.Name, at)
	}
	t, err := a.finish(ctx, p.http, at)
	if err != nil {
		return fmt.Errorf("change the password of %s: %w", p.Name, err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.Password, p.tokens = password, t
	return nil
}

var resetLink = regexp.MustCompile(`https?://\S+/oidc/reset\?\S+`)

// ResetPassword sets another password by the link that the provider mails to who has forgotten the old one, in a
// browser that is not signed in. No browser stays so.
func (p *Person) ResetPassword(ctx context.Context, password string) error {
	b, err := newBrowser(p.provider.redirect)
	if err != nil {
		return err
	}
	other := &Person{Name: p.Name, Email: p.Email, base: p.base, http: p.http, provider: p.provider, browser: b}
	at, err := b.open(ctx, newAttempt(p.provider).address())
	if err != nil {
		return fmt.Errorf("reset the password of %s: %w", p.Name, err)
	}
	if at, err = b.follow(ctx, at, "forgot"); err != nil {
		return fmt.Errorf("reset the password of %s: %w", p.Name, err)
	}
	if _, err = other.fill(ctx, at, map[string]string{"email": p.Email}); err != nil {
		return fmt.Errorf("reset the password of %s: %w", p.Name, err)
	}
	link, err := other.mailed(ctx, func(l letter) string { return resetLink.FindString(l.Text) })
	if err != nil {
		return fmt.Errorf("reset the password of %s: %w", p.Name, err)
	}
	if at, err = b.open(ctx, link); err != nil {
		return fmt.Errorf("reset the password of %s: %w", p.Name, err)
	}
	if at, err = other.fill(ctx, at, map[string]string{"password": password}); err != nil {
		return fmt.Errorf("reset the password of %s: %w", p.Name, err)
	}
	if !at.has("email", "password") { // where the new one is to be tried
		return errors.New("after a reset nobody is asked to sign in: " + at.String())
	}
	p.Password = password
	return nil
}
