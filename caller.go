package beep

import "context"

// Caller is who a request is made for. The zero Caller is a guest.
type Caller struct {
	User    UserID    // none for a guest and for a service that acts for itself
	Session SessionID // the sign-in session that the token belongs to
	Roles   []string  // global roles, as in the token
	Service string    // the calling service between processes: "gateway", "messages", …; empty at the edge
}

type callerKey struct{}

// WithCaller is set by kit/rest and kit/rpc only.
func WithCaller(ctx context.Context, c Caller) context.Context {
	return context.WithValue(ctx, callerKey{}, c)
}

// CallerFrom is the caller of the request that ctx belongs to; the zero Caller if none was set.
func CallerFrom(ctx context.Context) Caller {
	c, _ := ctx.Value(callerKey{}).(Caller)
	return c
}

// UserFrom is the user who calls, or an Unauthenticated error.
func UserFrom(ctx context.Context) (UserID, error) {
	if c := CallerFrom(ctx); c.User != 0 {
		return c.User, nil
	}
	return 0, Unauthenticated(CodeUnauthenticated, "sign in first")
}
