// Package gateway is the public edge: it turns REST into calls of the services that own things, checks who
// calls, serves the web client, the API's description and the pages to sign in. It owns no data and
// decides nothing about chat. Start with Handler.
package gateway

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"google.golang.org/grpc"

	"github.com/beep-chat/beep"
	gatewayv1 "github.com/beep-chat/beep/api/beep/gateway/v1"
	messagesv1 "github.com/beep-chat/beep/api/beep/messages/v1"
	serversv1 "github.com/beep-chat/beep/api/beep/servers/v1"
	usersv1 "github.com/beep-chat/beep/api/beep/users/v1"
	"github.com/beep-chat/beep/kit/rest"
	"github.com/beep-chat/beep/kit/rpc"
)

// Tokens says what an access token is worth; kit/oidc's Verifier does.
type Tokens interface {
	// Verify answers whose token it is and when it ends, or an Unauthenticated error.
	Verify(ctx context.Context, token string) (c beep.Caller, expires time.Time, err error)
}

// Deps is what a gateway needs.
type Deps struct {
	// In this process or another one; a gateway cannot tell.
	Users, Servers, Messages grpc.ClientConnInterface

	Tokens   Tokens
	Throttle Throttle
	Minter   *rpc.Minter // of the internal identities
	Limits   beep.Limits
	Log      *slog.Logger
	// TraceID names a request in problem documents; may be nil.
	TraceID func(context.Context) string

	PublicURL   *url.URL       // where browsers find this gateway
	RealtimeURL string         // where they find the socket; empty is /ws here
	ClientID    string         // of the web client at the OpenID Provider
	Origins     []string       // pages of these origins may call besides our own
	Proxies     []netip.Prefix // believed about whom a request comes from

	Pages    http.Handler // the OpenID Provider: /oidc/ and /.well-known/
	Realtime http.Handler // the socket, when it is served here; may be nil
	Web      fs.FS        // the built web client
	WebBuilt bool         // whether Web holds one

	OpenAPI, Docs []byte // the description of the REST API, for machines and for people
}

// Gateway is one process's gateway service.
type Gateway struct {
	deps Deps
	edge *rest.Edge
}

// New makes a gateway.
func New(ctx context.Context, d Deps) (*Gateway, error) {
	if d.Users == nil || d.Servers == nil || d.Messages == nil || d.Tokens == nil || d.Throttle == nil || d.Minter == nil || d.Log == nil ||
		d.PublicURL == nil || d.Pages == nil || d.Web == nil {
		return nil, errors.New("gateway: a dependency is missing")
	}
	g := &Gateway{deps: d}
	g.edge = rest.New(rest.Options{MaxBody: d.Limits.BodyBytes, TraceID: d.TraceID, Admit: g.admit, Fault: func(ctx context.Context, err error) {
		d.Log.ErrorContext(ctx, "request failed", "error", err)
	}})
	mux := g.edge.Mux
	err := errors.Join(
		usersv1.RegisterUsersHandlerClient(ctx, mux, usersv1.NewUsersClient(d.Users)),
		serversv1.RegisterServersHandlerClient(ctx, mux, serversv1.NewServersClient(d.Servers)),
		serversv1.RegisterRolesHandlerClient(ctx, mux, serversv1.NewRolesClient(d.Servers)),
		serversv1.RegisterModerationHandlerClient(ctx, mux, serversv1.NewModerationClient(d.Servers)),
		serversv1.RegisterWebhooksHandlerClient(ctx, mux, serversv1.NewWebhooksClient(d.Servers)),
		serversv1.RegisterDiscoveryHandlerClient(ctx, mux, serversv1.NewDiscoveryClient(d.Servers)),
		serversv1.RegisterThreadsHandlerClient(ctx, mux, serversv1.NewThreadsClient(d.Servers)),
		serversv1.RegisterDirectMessagesHandlerClient(ctx, mux, serversv1.NewDirectMessagesClient(d.Servers)),
		messagesv1.RegisterMessagesHandlerClient(ctx, mux, messagesv1.NewMessagesClient(d.Messages)),
		// The one that the gateway owns; no connection leads to it.
		gatewayv1.RegisterGatewayHandlerServer(ctx, mux, limitsServer{limits: d.Limits}),
	)
	if err != nil {
		return nil, err
	}
	return g, nil
}

// Handler serves all that the public sees.
func (g *Gateway) Handler() http.Handler {
	mux := http.NewServeMux()
	g.docs(mux)
	mux.Handle("GET /config.json", g.config())
	// The provider and the socket see for themselves who calls: one by its cookie, one by the first frame.
	mux.Handle("/oidc/", g.deps.Pages)
	mux.Handle("/.well-known/", g.deps.Pages)
	if g.deps.Realtime != nil {
		mux.Handle("/ws", g.deps.Realtime)
	}
	// They are on the address for operators. Here the client would answer, and a probe that was set to the wrong port
	// would find everything well for ever.
	for _, path := range []string{"/healthz", "/readyz", "/metrics"} {
		mux.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) { g.edge.Problem(w, r, noSuchPath()) })
	}
	mux.Handle("/", g.web())
	// Our own pages by our public name too: a proxy in front may send its own in Host.
	own := g.deps.PublicURL.Scheme + "://" + g.deps.PublicURL.Host
	// CORS first: a page that may not call is refused whoever is signed in, and a preflight carries no token.
	api := g.edge.CORS(append([]string{own}, g.deps.Origins...), g.authenticate(g.edge.Handler()))
	return rest.Secure(g.deps.PublicURL.Scheme == "https", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// Not through the mux, which answers a path with an empty segment with a redirect to another path: an id
		// that is missing is to be refused.
		if strings.HasPrefix(r.URL.Path, "/api/") && r.URL.Path != openAPIPath {
			api.ServeHTTP(w, r)
			return
		}
		mux.ServeHTTP(w, r)
	}))
}
