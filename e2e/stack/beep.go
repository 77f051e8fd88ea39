package stack

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"
)

// Mode is how Beep runs in a test.
type Mode string

// The modes.
const (
	All   Mode = "all"   // one process on embedded stores
	Split Mode = "split" // every target a process of its own, some several times, on PostgreSQL and Redis
)

// Options say which Beep to start.
type Options struct {
	Mode Mode
	Bin  string   // the program
	Dir  string   // for data, certificates and logs
	Env  []string // for every process, over what the mode sets
	// Real servers of the split mode.
	Postgres *Postgres
	Redis    *Redis
	RedisDB  int // its number there: installations that count in the same one count together
	// Permify, if there is one, decides checks of the split mode, in a tenant of the installation's own.
	Permify *Permify
	// Tamper, if there is one, comes between the processes of the split mode. Whoever gives it closes it.
	Tamper *Tamper
}

// Beep is a running installation.
type Beep struct {
	URL       string              // where browsers find it
	Gateways  []string            // base URLs for REST
	Sockets   []string            // ws://… addresses
	Processes map[string]*Process // by name: "beep", or "gateway-1", "messages-2", …
	Health    map[string]string   // by name, where each tells of its health

	// Of the split mode: the folder of the certificates, and where, by name, each process serves gRPC and the users
	// target the pages to sign in. All else than the services themselves must find those addresses closed.
	Certs string
	GRPC  map[string]string
	Pages string
}

// replicas of the split mode: several of those that have to agree with each other.
var replicas = map[string]int{"users": 1, "servers": 1, "authz": 1, "messages": 2, "realtime": 3, "gateway": 2}

// StartBeep starts an installation and returns when every process is ready.
func StartBeep(ctx context.Context, o Options) (*Beep, error) {
	b := &Beep{Processes: map[string]*Process{}, Health: map[string]string{}}
	var err error
	if o.Mode == Split {
		err = b.startSplit(ctx, o)
	} else {
		err = b.startAll(ctx, o)
	}
	if err != nil {
		// With those that came up.
		return nil, errors.Join(err, b.Stop(context.WithoutCancel(ctx)))
	}
	return b, nil
}

// Stop stops every process, all at once: none may need another to end.
func (b *Beep) Stop(ctx context.Context) error {
	var g errgroup.Group
	for _, p := range b.Processes {
		g.Go(func() error { return p.Stop(ctx) })
	}
	return g.Wait()
}

// Names are the names of the processes, sorted.
func (b *Beep) Names() []string {
	names := make([]string, 0, len(b.Processes))
	for name := range b.Processes {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

func (b *Beep) startAll(ctx context.Context, o Options) error {
	ports, err := FreePorts(2)
	if err != nil {
		return err
	}
	http, health := loopback(ports[0]), loopback(ports[1])
	b.URL = "http://" + http
	b.Gateways, b.Sockets = []string{b.URL}, []string{"ws://" + http + "/ws"}
	b.Health["beep"] = health
	p, err := Start(ctx, o.spec("beep", health, "BEEP_HTTP="+http, "BEEP_DATA="+filepath.Join(o.Dir, "data")))
	if p != nil {
		b.Processes["beep"] = p
	}
	return err
}

// spec has o.Env last, because the last of two values of a variable holds.
func (o Options) spec(name, health string, env ...string) Spec {
	return Spec{
		Name: name, Path: o.Bin, Args: []string{"serve"}, Log: filepath.Join(o.Dir, name+".log"),
		Env: slices.Concat([]string{"BEEP_HEALTH=" + health}, env, o.Env), Ready: HTTPReady("http://" + health + "/readyz"),
	}
}

func (b *Beep) startSplit(ctx context.Context, o Options) error {
	if o.Postgres == nil || o.Redis == nil {
		return errors.New("split mode runs on PostgreSQL and Redis")
	}
	certs := filepath.Join(o.Dir, "certs")
	if out, err := exec.CommandContext(ctx, o.Bin, "dev-certs", certs).CombinedOutput(); err != nil {
		return fmt.Errorf("dev-certs: %w: %s", err, out)
	}
	l, err := layOut()
	if err != nil {
		return err
	}
	peers := l.replicas()
	if o.Tamper != nil {
		if peers, err = o.Tamper.between(certs, peers); err != nil {
			return err
		}
	}
	b.Certs, b.GRPC, b.Pages = certs, l.grpc(), l["users-1"].http
	shared := []string{
		"BEEP_CERTS=" + certs, "BEEP_REDIS=" + o.Redis.database(o.RedisDB), "BEEP_PUBLIC_URL=" + l.public(), "BEEP_REALTIME_URL=" + l.sockets()[0],
		"BEEP_PEERS=" + peerList(peers), "BEEP_USERS_PAGES=" + b.Pages,
	}
	// A database for each service of each installation, so that one server does for all of them.
	if o.Permify != nil {
		shared = append(shared, "BEEP_AUTHZ="+o.Permify.Tenant(strings.ToLower(filepath.Base(o.Dir))))
	}
	for _, name := range []string{"users", "servers", "messages"} {
		url, err := o.Postgres.CreateDatabase(ctx, "beep_"+name+"_"+strings.ToLower(filepath.Base(o.Dir)))
		if err != nil {
			return err
		}
		shared = append(shared, "BEEP_"+strings.ToUpper(name)+"_STORE="+url)
	}
	b.URL, b.Gateways, b.Sockets = l.public(), l.gateways(), l.sockets()
	return b.startEach(ctx, o, l, shared)
}

// startEach starts every process at once: services start in any order.
func (b *Beep) startEach(ctx context.Context, o Options, l layout, shared []string) error {
	type started struct {
		name string
		p    *Process
	}
	// With room for all: those that came up are to be stopped even if another did not.
	found := make(chan started, len(l))
	g, ctx := errgroup.WithContext(ctx)
	for name, at := range l {
		b.Health[name] = at.health
		target, _, _ := strings.Cut(name, "-")
		env := append(slices.Clone(shared), "BEEP_TARGET="+target, "BEEP_HTTP="+at.http)
		if at.grpc != "" {
			env = append(env, "BEEP_LISTEN="+target+"="+at.grpc)
		}
		g.Go(func() error {
			p, err := Start(ctx, o.spec(name, at.health, env...))
			if p != nil {
				found <- started{name, p}
			}
			return err
		})
	}
	err := g.Wait()
	close(found)
	for s := range found {
		b.Processes[s.name] = s.p
	}
	return err
}

// place is where a process listens.
type place struct{ http, grpc, health string }

// layout is where each process of the split mode listens.
type layout map[string]place

// layOut finds all ports in one call, which gives none twice.
func layOut() (layout, error) {
	var names []string
	for target, n := range replicas {
		for i := range n {
			names = append(names, fmt.Sprintf("%s-%d", target, i+1))
		}
	}
	ports, err := FreePorts(3 * len(names))
	if err != nil {
		return nil, err
	}
	l := layout{}
	for i, name := range names {
		at := place{http: loopback(ports[3*i]), health: loopback(ports[3*i+2])}
		// Nobody but browsers calls these two.
		if target, _, _ := strings.Cut(name, "-"); target != "gateway" && target != "realtime" {
			at.grpc = loopback(ports[3*i+1])
		}
		l[name] = at
	}
	return l, nil
}

func (l layout) each(target string, f func(place) string) (out []string) {
	for i := range replicas[target] {
		out = append(out, f(l[fmt.Sprintf("%s-%d", target, i+1)]))
	}
	return out
}

func (l layout) gateways() []string {
	return l.each("gateway", func(at place) string { return "http://" + at.http })
}

func (l layout) sockets() []string {
	return l.each("realtime", func(at place) string { return "ws://" + at.http + "/ws" })
}

func (l layout) grpc() map[string]string {
	out := map[string]string{}
	for name, at := range l {
		if at.grpc != "" {
			out[name] = at.grpc
		}
	}
	return out
}

func (l layout) public() string { return l.gateways()[0] }

// replicas are the addresses for gRPC, by target.
func (l layout) replicas() map[string][]string {
	out := map[string][]string{}
	for _, target := range []string{"users", "servers", "authz", "messages"} {
		out[target] = l.each(target, func(at place) string { return at.grpc })
	}
	return out
}

// peerList is what BEEP_PEERS takes.
func peerList(replicas map[string][]string) string {
	var out []string
	for target, addresses := range replicas {
		out = append(out, target+"="+strings.Join(addresses, ","))
	}
	slices.Sort(out)
	return strings.Join(out, ";")
}

// Bin is the program to test: BEEP_BIN, or bin/beep of the checkout that holds the tests.
func Bin() (string, error) {
	if bin := os.Getenv("BEEP_BIN"); bin != "" {
		return bin, nil
	}
	dir, err := os.Getwd()
	for err == nil && dir != filepath.Dir(dir) {
		bin := filepath.Join(dir, "bin", "beep")
		if _, err := os.Stat(bin); err == nil {
			return bin, nil
		}
		dir = filepath.Dir(dir)
	}
	return "", errors.New("there is no bin/beep: run make build")
}
