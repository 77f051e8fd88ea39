package gateway

import (
	"net/http"
	"strings"

	"github.com/beep-chat/beep"
	"github.com/beep-chat/beep/kit/rpc"
)

// maxToken bounds an Authorization header; ours are under 2 KiB.
const maxToken = 8 << 10

// authenticate turns an access token into the internal identity that every service verifies. Without a
// token the request goes on as a guest's: each method says whether it takes one.
func (g *Gateway) authenticate(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		token, err := bearer(r)
		if err != nil {
			g.edge.Problem(w, r, err)
			return
		}
		if token == "" {
			next.ServeHTTP(w, r)
			return
		}
		// A bad one is refused even where a guest may pass: who shows one means to be somebody.
		caller, _, err := g.deps.Tokens.Verify(r.Context(), token)
		if err != nil {
			g.edge.Problem(w, r, err)
			return
		}
		// For 60 s, and in place of the access token, which no service ever sees.
		ctx, err := rpc.WithIdentity(beep.WithCaller(r.Context(), caller), g.deps.Minter, caller)
		if err != nil {
			g.edge.Problem(w, r, err)
			return
		}
		next.ServeHTTP(w, r.WithContext(ctx))
	})
}

// bearer is the token of a request, empty for a guest. A header that holds anything else is refused: who meant to be
// signed in must not be told, as a guest, that what is theirs is not there.
func bearer(r *http.Request) (string, error) {
	values := r.Header.Values("Authorization")
	if len(values) == 0 {
		return "", nil
	}
	scheme, token, ok := strings.Cut(values[0], " ")
	// Of two headers a proxy before us may have judged the other.
	if len(values) > 1 || !ok || !strings.EqualFold(scheme, "Bearer") || token == "" || len(token) > maxToken ||
		strings.ContainsAny(token, " \t,") {
		return "", beep.Unauthenticated(beep.CodeInvalidToken, "the Authorization header is not one Bearer token")
	}
	return token, nil
}
