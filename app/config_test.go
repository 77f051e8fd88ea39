package app

import (
	"flag"
	"log/slog"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"

	authzv1 "github.com/beep-chat/beep/api/beep/authz/v1"
	messagesv1 "github.com/beep-chat/beep/api/beep/messages/v1"
	serversv1 "github.com/beep-chat/beep/api/beep/servers/v1"
	usersv1 "github.com/beep-chat/beep/api/beep/users/v1"
	"github.com/beep-chat/beep/kit/telemetry"
)

var update = flag.Bool("update", false, "rewrite docs/config.md")

func TestConfigDocs_AreUpToDate(t *testing.T) {
	const path = "../docs/config.md"
	want := ConfigDocs()
	if *update {
		if err := os.WriteFile(path, []byte(want), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(path)
	if err != nil || string(got) != want {
		t.Errorf("docs/config.md is not what `beep config` prints (%v): go test ./app -update", err)
	}
	if strings.Contains(want, "| ` |") || strings.Contains(want, "|  |\n") {
		t.Error("a setting has no name or meaning")
	}
}

func TestOpenBus_KeepsThePasswordToItself(t *testing.T) {
	for _, url := range []string{"redis://:hunter2@host:port", "http://:hunter2@host"} {
		err := (&process{cfg: Config{Redis: url}}).openBus()
		if err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: got %v, want an error without the password", url, err)
		}
	}
}

// While Redis is away the replicas together keep to a user's rate, however many peers a process was told of.
func TestLimiter_GrantsItsShareWithoutRedis(t *testing.T) {
	for name, c := range map[string]struct {
		cfg  Config
		want int
	}{
		"unsaid":      {Config{}, 4},
		"said":        {Config{Replicas: 6}, 2},
		"with a peer": {Config{Replicas: 6, Peers: map[string]string{"messages": "127.0.0.1:1"}}, 2},
	} {
		t.Run(name, func(t *testing.T) {
			c.cfg.Redis = "redis://127.0.0.1:1" // nothing answers there
			p := &process{cfg: c.cfg, tel: telemetryFor(t)}
			if err := p.openBus(); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = p.close() })
			throttle, admitted := p.limiter(), 0
			for range 20 {
				if ok, _ := throttle.Allow(t.Context(), "send:1", 12, time.Minute, ""); ok {
					admitted++
				}
			}
			if admitted != c.want {
				t.Errorf("%d of 12 were admitted by one process, want its share of %d", admitted, c.want)
			}
		})
	}
}

func telemetryFor(t *testing.T) *telemetry.Telemetry {
	t.Helper()
	tel, err := telemetry.New(t.Context(), telemetry.Options{Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	return tel
}

func TestResolve(t *testing.T) {
	cases := map[string]struct {
		in   Config
		want func(Config) bool
		err  string
	}{
		"nothing": {Config{HTTP: "127.0.0.1:8080", Data: "d"}, func(c Config) bool {
			return !c.split() && c.PublicURL == "http://127.0.0.1:8080" && c.MessagesStore == "sqlite://d/messages.db"
		}, ""},
		"every interface": {Config{HTTP: ":8080"}, func(c Config) bool { return c.PublicURL == "http://localhost:8080" }, ""},
		"own URL": {Config{HTTP: ":80", PublicURL: "https://chat.example.org/"}, func(c Config) bool {
			return c.PublicURL == "https://chat.example.org"
		}, ""},
		"some targets":        {Config{HTTP: ":1", Target: []string{"messages"}, Certs: "c"}, func(c Config) bool { return c.split() && c.runs("messages") }, ""},
		"pages and sockets":   {Config{HTTP: ":1", Target: []string{"users", "realtime"}, Certs: "c"}, nil, "need gateway"},
		"with the gateway":    {Config{HTTP: ":1", Target: []string{"users", "realtime", "gateway"}, Certs: "c"}, func(Config) bool { return true }, ""},
		"unknown target":      {Config{HTTP: ":1", Target: []string{"voice"}}, nil, "no target"},
		"split without certs": {Config{HTTP: ":1", Target: []string{"messages"}}, nil, "--certs"},
		"URL with a path":     {Config{HTTP: ":1", PublicURL: "https://x.org/chat"}, nil, "public URL"},
		"URL of no scheme":    {Config{HTTP: ":1", PublicURL: "x.org"}, nil, "public URL"},
		"bad address":         {Config{HTTP: "8080"}, nil, "HTTP address"},
		"an origin":           {Config{HTTP: ":1", Origins: []string{"https://x.org:8443"}}, func(Config) bool { return true }, ""},
		"origin with a slash": {Config{HTTP: ":1", Origins: []string{"https://x.org/"}}, nil, "origin"},
		"origin of no scheme": {Config{HTTP: ":1", Origins: []string{"x.org"}}, nil, "origin"},
		"any origin":          {Config{HTTP: ":1", Origins: []string{"*"}}, nil, "origin"},
		"negative rate":       {Config{HTTP: ":1", MessageRate: -1}, nil, "message rate"},
		"OTLP of no scheme":   {Config{HTTP: ":1", OTLP: "collector:4318"}, nil, "OTLP"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			got, err := c.in.resolve()
			switch {
			case c.err != "" && (err == nil || !strings.Contains(err.Error(), c.err)):
				t.Errorf("got %v, want an error with %q", err, c.err)
			case c.err == "" && (err != nil || !c.want(got)):
				t.Errorf("got %+v, %v", got, err)
			}
		})
	}
}

// Every method is in the policy by decision, not by oversight, and nothing in it is without a method.
func TestPolicy_NamesWhatThereIs(t *testing.T) {
	descs := []grpc.ServiceDesc{
		usersv1.Users_ServiceDesc, usersv1.Identity_ServiceDesc, serversv1.Servers_ServiceDesc, serversv1.ScopeLog_ServiceDesc,
		serversv1.Roles_ServiceDesc, serversv1.Moderation_ServiceDesc, serversv1.Webhooks_ServiceDesc, serversv1.Discovery_ServiceDesc,
		serversv1.Threads_ServiceDesc, serversv1.DirectMessages_ServiceDesc,
		messagesv1.Messages_ServiceDesc, messagesv1.ChannelLog_ServiceDesc, authzv1.Authz_ServiceDesc,
	}
	known := map[string]bool{}
	for _, d := range descs {
		known[d.ServiceName] = true
		for _, m := range d.Methods {
			full := "/" + d.ServiceName + "/" + m.MethodName
			known[full] = true
			rule, ok := policy().Rule(full)
			if !ok || len(rule.Callers) == 0 {
				t.Errorf("%s: nobody may call it", full)
			}
			open := d.ServiceName == usersv1.Identity_ServiceDesc.ServiceName || full == serversv1.Servers_GetInvitation_FullMethodName
			if rule.Guest && slices.Contains(rule.Callers, targetGateway) && !open {
				t.Errorf("%s is open to guests", full)
			}
		}
	}
	for key := range policy() {
		if !known[key] {
			t.Errorf("the policy names %s, which is not there", key)
		}
	}
	for _, m := range idempotent() {
		if !known[m] {
			t.Errorf("%s is not there", m)
		}
	}
}
