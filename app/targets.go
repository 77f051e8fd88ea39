package app

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httputil"
	"net/netip"
	"net/url"
	"time"

	"google.golang.org/grpc"

	"github.com/beep-chat/beep"
	"github.com/beep-chat/beep/api"
	authzv1 "github.com/beep-chat/beep/api/beep/authz/v1"
	messagesv1 "github.com/beep-chat/beep/api/beep/messages/v1"
	serversv1 "github.com/beep-chat/beep/api/beep/servers/v1"
	usersv1 "github.com/beep-chat/beep/api/beep/users/v1"
	"github.com/beep-chat/beep/authz"
	"github.com/beep-chat/beep/authz/permify"
	"github.com/beep-chat/beep/gateway"
	"github.com/beep-chat/beep/kit/rest"
	"github.com/beep-chat/beep/messages"
	messagesql "github.com/beep-chat/beep/messages/sqlstore"
	"github.com/beep-chat/beep/realtime"
	"github.com/beep-chat/beep/servers"
	serversapi "github.com/beep-chat/beep/servers/grpcapi"
	serversql "github.com/beep-chat/beep/servers/sqlstore"
	"github.com/beep-chat/beep/users"
	"github.com/beep-chat/beep/users/provider"
	"github.com/beep-chat/beep/users/smtp"
	usersql "github.com/beep-chat/beep/users/sqlstore"
	"github.com/beep-chat/beep/web"
)

// target is one service as this process runs it.
type target struct {
	register func(grpc.ServiceRegistrar)
	handler  http.Handler // what it adds to HTTP, or nil
}

// builder makes a target of what the process shares.
type builder func(context.Context, *process) (target, error)

// builders is the table of targets. They are built in the order of Targets and call each other only once all
// are: a call that a builder makes would find a peer that is not there yet. The order matters for one thing: the gateway
// comes last, since it takes the handlers that users and realtime have made.
func builders() map[string]builder {
	return map[string]builder{
		targetServers: buildServers, targetAuthz: buildAuthz, targetUsers: buildUsers,
		targetMessages: buildMessages, targetRealtime: buildRealtime, targetGateway: buildGateway,
	}
}

// build makes the targets that this process runs and the handler of its HTTP address, nil if it has none.
func (p *process) build(ctx context.Context) (http.Handler, error) {
	p.targets = map[string]target{}
	for _, name := range Targets() {
		if !p.cfg.runs(name) {
			continue
		}
		t, err := builders()[name](ctx, p)
		if err != nil {
			return nil, fmt.Errorf("target %s: %w", name, err)
		}
		// For calls within this process. serveGRPC registers it once more, for those from outside.
		if t.register != nil {
			t.register(p.local)
		}
		p.targets[name] = t
	}
	switch {
	case p.cfg.runs(targetGateway):
		return p.targets[targetGateway].handler, nil
	case p.cfg.runs(targetRealtime):
		mux := http.NewServeMux()
		mux.Handle("/ws", p.targets[targetRealtime].handler)
		return rest.Secure(p.publicURL().Scheme == "https", mux), nil
	}
	return p.targets[targetUsers].handler, nil
}

// buildServers makes a part of a circle: servers asks authz, which reads the log of servers, and asks messages, which asks
// authz. None calls while it is built.
func buildServers(ctx context.Context, p *process) (target, error) {
	authzConn, err1 := p.peer(targetServers, targetAuthz)
	messagesConn, err2 := p.peer(targetServers, targetMessages)
	if err := errors.Join(err1, err2); err != nil {
		return target{}, err
	}
	store, err := open(ctx, p.cfg.ServersStore, serversql.Open)
	if err != nil {
		return target{}, err
	}
	p.keep(targetServers+" store", store)
	s, err := serversapi.New(servers.Deps{
		Store: store, Authz: authzv1.NewAuthzClient(authzConn), ChannelLog: messagesv1.NewChannelLogClient(messagesConn),
		Messages: messagesv1.NewMessagesClient(messagesConn),
		Bus:      p.bus, Limits: p.cfg.limits(), Minter: p.ids, Log: p.log,
	})
	if err != nil {
		return target{}, err
	}
	p.background = append(p.background, s.Run)
	return target{register: s.Register}, nil
}

// buildAuthz has no store to open: all that authz knows it has read from the scope log.
func buildAuthz(_ context.Context, p *process) (target, error) {
	conn, err := p.peer(targetAuthz, targetServers)
	if err != nil {
		return target{}, err
	}
	deps := authz.Deps{
		Scopes: serversv1.NewScopeLogClient(conn), Bus: p.bus, Reconcile: p.cfg.AuthzReconcile, Options: authz.RemoteOptions{
			CacheTTL: p.cfg.AuthzCacheTTL, Sample: p.cfg.AuthzSample, Log: p.log, Count: p.tel.CountEvent,
		},
	}
	if p.cfg.Authz != "" {
		graph, err := permify.Open(p.cfg.Authz)
		if err != nil {
			return target{}, err
		}
		p.keep("permission graph", graph)
		deps.Graph = graph
	}
	s, err := authz.New(deps)
	if err != nil {
		return target{}, err
	}
	p.authz = s
	p.background = append(p.background, s.Run)
	return target{register: s.Register}, nil
}

func buildMessages(ctx context.Context, p *process) (target, error) {
	conn, err := p.peer(targetMessages, targetAuthz)
	if err != nil {
		return target{}, err
	}
	store, err := open(ctx, p.cfg.MessagesStore, messagesql.Open)
	if err != nil {
		return target{}, err
	}
	p.keep(targetMessages+" store", store)
	s, err := messages.New(messages.Deps{
		Store: store, Authz: authzv1.NewAuthzClient(conn), Bus: p.bus, Throttle: p.limiter(), Limits: p.cfg.limits(),
		Minter: p.ids, Log: p.log,
	})
	if err != nil {
		return target{}, err
	}
	p.background = append(p.background, s.Run)
	return target{register: s.Register}, nil
}

func buildUsers(ctx context.Context, p *process) (target, error) {
	store, err := open(ctx, p.cfg.UsersStore, usersql.Open)
	if err != nil {
		return target{}, err
	}
	p.keep(targetUsers+" store", store)
	deps := users.Deps{Store: store, Bus: p.bus, PublicURL: p.cfg.PublicURL, Log: p.log}
	if p.cfg.SMTP != "" {
		if deps.Mailer, err = smtp.New(p.cfg.SMTP, p.cfg.MailFrom, p.cfg.PublicURL); err != nil {
			return target{}, err
		}
	}
	s, err := users.New(deps)
	if err != nil {
		return target{}, err
	}
	if deps.Mailer == nil {
		// Said at the start: without a mail server nobody would find the code to sign up with.
		p.mail = whereMail(s.MailboxOpen(), p.cfg.PublicURL)
	}
	p.background = append(p.background, s.Run)
	proxies, err := p.cfg.proxies()
	if err != nil {
		return target{}, err
	}
	// Without a gateway here every request comes through one: see pages.
	pages, err := provider.New(s, provider.Options{Proxies: proxies, Gateway: !p.cfg.runs(targetGateway), Log: p.log})
	if err != nil {
		return target{}, err
	}
	return target{register: s.Register, handler: pages.Handler()}, nil
}

func buildRealtime(_ context.Context, p *process) (target, error) {
	serversConn, err1 := p.peer(targetRealtime, targetServers)
	messagesConn, err2 := p.peer(targetRealtime, targetMessages)
	usersConn, err3 := p.peer(targetRealtime, targetUsers)
	minter, err4 := p.creds[targetRealtime].Minter()
	if err := errors.Join(err1, err2, err3, err4); err != nil {
		return target{}, err
	}
	verifier := p.verifier(usersConn)
	// Our own pages by the public name too, since a proxy in front may send its own in Host.
	n, err := realtime.New(realtime.Deps{
		Scopes: serversv1.NewScopeLogClient(serversConn), Log: messagesv1.NewChannelLogClient(messagesConn),
		Users: usersv1.NewUsersClient(usersConn), Tokens: verifier, Minter: minter, Bus: p.bus, Limits: p.cfg.limits(),
		Logger: p.log, Origins: append([]string{p.cfg.PublicURL}, p.cfg.Origins...),
	})
	if err != nil {
		return target{}, err
	}
	// Revocations end sockets too, not only the next request.
	cancel := verifier.OnRevoked(func(session beep.SessionID, user beep.UserID, _ time.Time) { n.Revoked(session, user) })
	p.closers = append(p.closers, func() error { cancel(); return nil })
	// In front: it sends its clients to other nodes, and what it asks of the services meanwhile needs their background
	// work, which ends later.
	p.front = append(p.front, n.Run)
	return target{handler: n.Handler()}, nil
}

func buildGateway(ctx context.Context, p *process) (target, error) {
	serversConn, err1 := p.peer(targetGateway, targetServers)
	messagesConn, err2 := p.peer(targetGateway, targetMessages)
	usersConn, err3 := p.peer(targetGateway, targetUsers)
	minter, err4 := p.creds[targetGateway].Minter()
	pages, err5 := p.pages()
	proxies, err6 := p.cfg.proxies()
	if err := errors.Join(err1, err2, err3, err4, err5, err6); err != nil {
		return target{}, err
	}
	files, built := web.FS()
	g, err := gateway.New(ctx, gateway.Deps{
		Users: usersConn, Servers: serversConn, Messages: messagesConn, Tokens: p.verifier(usersConn), Minter: minter,
		Throttle: p.limiter(), Proxies: proxies, Limits: p.cfg.limits(), Log: p.log, TraceID: p.tel.TraceID, PublicURL: p.publicURL(), RealtimeURL: p.cfg.RealtimeURL,
		ClientID: clientID, Origins: p.cfg.Origins, Pages: pages, Realtime: p.targets[targetRealtime].handler,
		Web: files, WebBuilt: built, OpenAPI: api.OpenAPI, Docs: api.Docs,
	})
	if err != nil {
		return target{}, err
	}
	return target{handler: p.tel.HTTP(g.Handler())}, nil
}

// pages are the OpenID Provider's, of this process or, over mutual TLS, of another.
func (p *process) pages() (http.Handler, error) {
	if p.cfg.runs(targetUsers) {
		return p.targets[targetUsers].handler, nil
	}
	if p.cfg.Pages == "" {
		return nil, errors.New("the users target runs elsewhere: name its address in --pages")
	}
	proxies, err := p.cfg.proxies()
	if err != nil {
		return nil, err
	}
	scheme := "https"
	if p.serve.Mesh != nil {
		scheme = "http" // to the sidecar
	}
	return once(&httputil.ReverseProxy{
		// The provider makes its links, and judges whose form it is, by the name that the browser knows.
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(&url.URL{Scheme: scheme, Host: p.cfg.Pages})
			r.Out.Host = r.In.Host
			r.Out.Header.Del("X-Forwarded-For") // what a client claims
			// A proxy that we believe has said whom it got the request from; SetXForwarded adds the proxy.
			if at, err := netip.ParseAddrPort(r.In.RemoteAddr); err == nil && rest.Trusted(proxies, at.Addr().Unmap()) {
				r.Out.Header["X-Forwarded-For"] = r.In.Header["X-Forwarded-For"]
			}
			r.SetXForwarded()
		},
		// Of its own, and so without a proxy from the environment: at the other end is a peer.
		Transport: &http.Transport{
			DialContext: (&net.Dialer{Timeout: 3 * time.Second}).DialContext, DialTLSContext: p.creds[targetGateway].DialTLS(targetUsers),
			MaxIdleConnsPerHost: 32, ResponseHeaderTimeout: 30 * time.Second,
		},
		ErrorHandler: func(w http.ResponseWriter, r *http.Request, err error) {
			p.log.WarnContext(r.Context(), "users pages unreachable", "error", err)
			rest.New(rest.Options{}).Problem(w, r, beep.Unavailable(err))
		},
	}), nil
}
