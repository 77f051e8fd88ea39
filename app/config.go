package app

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/beep-chat/beep"
	"github.com/beep-chat/beep/kit/rpc"
)

// Config is everything an operator can set, as flags of `beep serve` or as the environment variables named here. The
// zero value of every field is usable: `beep` alone is a whole installation in ./data. A field's tag is its
// documentation: see ConfigDocs.
type Config struct {
	Target []string `env:"BEEP_TARGET" default:"all" placeholder:"NAME" help:"Targets that this process runs: all, or some of gateway, realtime, users, servers, authz, messages."`
	Data   string   `env:"BEEP_DATA" default:"./data" placeholder:"DIR" help:"Folder of the embedded stores."`
	HTTP   string   `env:"BEEP_HTTP" default:"127.0.0.1:8080" placeholder:"HOST:PORT" help:"Where browsers and, between processes, the gateway are served. With users but without gateway: the pages to sign in, over mutual TLS."`
	Health string   `env:"BEEP_HEALTH" placeholder:"HOST:PORT" help:"Where /healthz, /readyz and /metrics are served; off if empty."`

	PublicURL   string   `env:"BEEP_PUBLIC_URL" placeholder:"URL" help:"Where browsers find Beep, also the issuer of its tokens. Without it, http:// and the HTTP address. With https, browsers are told to use nothing else for this host, and for no other, for two years (HSTS)."`
	RealtimeURL string   `env:"BEEP_REALTIME_URL" placeholder:"URL" help:"Where browsers find the socket, wss://…; without it, /ws at the public URL."`
	Origins     []string `env:"BEEP_ORIGINS" placeholder:"URL" help:"Other origins whose pages may call the API and the socket."`

	Proxies []string `env:"BEEP_PROXIES" placeholder:"CIDR" help:"Reverse proxies in front of Beep, believed about whom a request comes from (X-Forwarded-For)."`

	ServersStore  string `env:"BEEP_SERVERS_STORE" placeholder:"URL" help:"sqlite://FILE or postgres://…; without it, a file in the data folder."`
	UsersStore    string `env:"BEEP_USERS_STORE" placeholder:"URL" help:"As for servers."`
	MessagesStore string `env:"BEEP_MESSAGES_STORE" placeholder:"URL" help:"As for servers."`
	Redis         string `env:"BEEP_REDIS" placeholder:"URL" help:"redis://… for wake-ups and limits over several processes. Without it each process wakes only itself, and others see changes within a second."`

	Authz          string        `env:"BEEP_AUTHZ" placeholder:"URL" help:"permify://KEY@HOST:PORT[/TENANT][?tls=true] for checks of rights that Permify decides. Without it they are decided in the authz process."`
	AuthzCacheTTL  time.Duration `env:"BEEP_AUTHZ_CACHE_TTL" default:"10s" help:"How long an answer of Permify is kept, unless a change drops it before; 0 asks every time."`
	AuthzSample    int           `env:"BEEP_AUTHZ_SAMPLE" default:"100" placeholder:"N" help:"Of so many answers of Permify one is compared with our own, and what both allow holds; 0 compares none."`
	AuthzReconcile time.Duration `env:"BEEP_AUTHZ_RECONCILE" default:"10m" help:"How often all that Permify has is compared with the scope log, and repaired; 0 is never."`

	Replicas int `env:"BEEP_REPLICAS" default:"3" placeholder:"N" help:"Processes that run messages, or gateway if those are more: while Redis does not answer, each grants one such part of every rate. Less than there are lets more through."`

	Listen map[string]string `env:"BEEP_LISTEN" placeholder:"TARGET=HOST:PORT;…" help:"Where targets of this process serve gRPC to other processes."`
	Peers  map[string]string `env:"BEEP_PEERS" placeholder:"TARGET=HOST:PORT,…;…" help:"Where targets of other processes serve gRPC; several addresses are replicas."`
	Pages  string            `env:"BEEP_USERS_PAGES" placeholder:"HOST:PORT" help:"Where the users target of another process serves the pages to sign in."`
	Certs  string            `env:"BEEP_CERTS" placeholder:"DIR" help:"Folder with ca.pem and each target's TARGET.pem and TARGET-key.pem; beep dev-certs makes one for tests."`

	TLS          string `env:"BEEP_TLS" default:"own" enum:"own,mesh" help:"How processes prove themselves to each other: own, by mutual TLS with the certificates of the folder; mesh, by a service mesh's, in plain text to the sidecar, which also tries again. The certificates then only sign whom a call is made for."`
	MeshIdentity string `env:"BEEP_MESH_IDENTITY" default:"spiffe://cluster.local/ns/beep-{target}/sa/{target}" placeholder:"URI" help:"The identity that the mesh gives each target, believed when the sidecar names it in X-Forwarded-Client-Cert."`

	SMTP     string `env:"BEEP_SMTP" placeholder:"URL" help:"smtp://user:password@host:587 (STARTTLS) or smtps://…:465 for mail. Without it mail is read at /oidc/mailbox, on loopback only."`
	MailFrom string `env:"BEEP_MAIL_FROM" placeholder:"ADDRESS" help:"Sender of mail, such as Beep <beep@example.org>; without it, no-reply at the public host."`

	MessageRate    int `env:"BEEP_MESSAGE_RATE" default:"10" placeholder:"N" help:"Messages that a user may send in any 10 seconds."`
	EditRate       int `env:"BEEP_EDIT_RATE" default:"30" placeholder:"N" help:"Edits and deletions that a user may make in any 10 seconds."`
	InvitationRate int `env:"BEEP_INVITATION_RATE" default:"20" placeholder:"N" help:"Different codes of invitations that a user, and all at one address together, may try in any minute."`
	UserSockets    int `env:"BEEP_USER_SOCKETS" default:"20" placeholder:"N" help:"Sockets that a user may have open at once on a process."`

	LogLevel string        `env:"BEEP_LOG_LEVEL" default:"info" enum:"debug,info,warn,error" help:"Lowest level logged: debug, info, warn or error."`
	OTLP     string        `env:"BEEP_OTLP" placeholder:"URL" help:"http(s)://… of an OpenTelemetry collector for traces; off if empty."`
	Drain    time.Duration `env:"BEEP_DRAIN" default:"10s" help:"How long requests in flight may finish when the process is told to stop."`
}

// Names of the targets. They stand in certificates, in settings and in the names of images, so they stay as they are.
const (
	targetGateway  = "gateway"
	targetRealtime = "realtime"
	targetUsers    = "users"
	targetServers  = "servers"
	targetAuthz    = "authz"
	targetMessages = "messages"
)

// Targets are the names of all targets. Their order is the one in which they are built: see builders.
func Targets() []string {
	return []string{targetServers, targetAuthz, targetUsers, targetMessages, targetRealtime, targetGateway}
}

// resolve replaces what is unsaid by what it stands for, and refuses what cannot work.
func (c Config) resolve() (Config, error) {
	if len(c.Target) == 0 || slices.Contains(c.Target, "all") {
		c.Target = Targets()
	}
	for _, t := range c.Target {
		if !slices.Contains(Targets(), t) {
			return c, fmt.Errorf("there is no target %q; there are %s", t, strings.Join(Targets(), ", "))
		}
	}
	// It would make a CA of its own, which no other process trusts.
	if c.split() && c.Certs == "" {
		return c, errors.New("a process that runs some targets only needs --certs to prove itself to the others")
	}
	if c.runs(targetUsers) && c.runs(targetRealtime) && !c.runs(targetGateway) {
		return c, errors.New("users and realtime in one process need gateway there too: both are served at the HTTP address, one to the gateway alone and one to browsers")
	}
	var err error
	if c.PublicURL, err = c.public(); err != nil {
		return c, err
	}
	if err := c.check(); err != nil {
		return c, err
	}
	for _, store := range []struct {
		url  *string
		name string
	}{{&c.ServersStore, targetServers}, {&c.UsersStore, targetUsers}, {&c.MessagesStore, targetMessages}} {
		if *store.url == "" {
			// A file each: they write side by side, and can be moved out one at a time.
			*store.url = "sqlite://" + filepath.Join(c.Data, store.name+".db")
		}
	}
	return c, nil
}

// check refuses values that would be taken and then mean nothing, or nothing that anyone wants.
func (c Config) check() error {
	for name, n := range map[string]int{"message rate": c.MessageRate, "edit rate": c.EditRate, "invitation rate": c.InvitationRate, "sockets of a user": c.UserSockets, "number of replicas": c.Replicas, "sample of checks": c.AuthzSample} {
		if n < 0 {
			return fmt.Errorf("the %s is %d, less than nothing", name, n)
		}
	}
	for _, origin := range c.Origins {
		if !isOrigin(origin) {
			return fmt.Errorf("the origin %q is not http(s)://HOST, as browsers say it", origin)
		}
	}
	if u, err := url.Parse(c.OTLP); c.OTLP != "" && (err != nil || u.Host == "" || !isHTTP(u.Scheme)) {
		return fmt.Errorf("the OTLP address %q is not http(s)://HOST", c.OTLP)
	}
	return nil
}

// mesh knows who calls in a service mesh; nil where processes prove themselves.
func (c Config) mesh() (*rpc.Mesh, error) {
	if c.TLS != "mesh" {
		return nil, nil //nolint:nilnil // there is none, and that is no fault
	}
	return rpc.NewMesh(c.MeshIdentity, Targets()...)
}

// isOrigin says whether s is an origin to the letter: it is compared with what browsers send.
func isOrigin(s string) bool {
	u, err := url.Parse(s)
	return err == nil && u.Host != "" && isHTTP(u.Scheme) && s == u.Scheme+"://"+u.Host
}

func isHTTP(scheme string) bool { return scheme == "http" || scheme == "https" }

// public is the public URL, from the HTTP address where it is not set, without a slash at its end.
func (c Config) public() (string, error) {
	if c.PublicURL == "" {
		host, port, err := net.SplitHostPort(c.HTTP)
		if err != nil {
			return "", fmt.Errorf("the HTTP address: %w", err)
		}
		// That is where it listens, and no address that anyone could type.
		if ip := net.ParseIP(host); host == "" || (ip != nil && ip.IsUnspecified()) {
			host = "localhost"
		}
		return "http://" + net.JoinHostPort(host, port), nil
	}
	u, err := url.Parse(c.PublicURL)
	if err != nil || u.Host == "" || !isHTTP(u.Scheme) || strings.TrimSuffix(u.Path, "/") != "" {
		return "", fmt.Errorf("the public URL %q is not http(s)://HOST", c.PublicURL)
	}
	return strings.TrimSuffix(c.PublicURL, "/"), nil
}

// proxies are the reverse proxies that are believed.
func (c Config) proxies() ([]netip.Prefix, error) {
	var out []netip.Prefix
	for _, s := range c.Proxies {
		p, err := netip.ParsePrefix(s)
		if err != nil {
			return nil, fmt.Errorf("the proxy %q is not a network such as 10.0.0.0/8: %w", s, err)
		}
		out = append(out, p)
	}
	return out, nil
}

// runs says whether this process runs a target.
func (c Config) runs(target string) bool { return slices.Contains(c.Target, target) }

// split says whether other processes run the rest.
func (c Config) split() bool { return len(c.Target) < len(Targets()) }

// limits are the defaults, save for what an operator can set.
func (c Config) limits() beep.Limits {
	l := beep.DefaultLimits()
	l.MessageRate, l.EditRate, l.InvitationRate, l.SocketsPerUser = c.MessageRate, c.EditRate, c.InvitationRate, c.UserSockets
	return l
}
