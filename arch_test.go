package beep_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"
)

// This file is the map of who may import whom, as a test. A package that no row of the table covers, and an
// import that its row does not name, fail it; so a new seam is a new line here, to be read in review.

var update = flag.Bool("update", false, "rewrite docs/linked-packages.txt")

const module = "github.com/beep-chat/beep"

// services are the packages that may be told apart and run alone. In the table S stands for any of them,
// and on the right for the one whose row it is.
var services = []string{"users", "social", "servers", "messages", "files", "authz", "voice", "gateway", "realtime"}

// A rule lists what the packages whose folder matches in may import besides the standard library. Our own
// packages are written by folder ("." is the root), outside ones by a prefix of their path.
type rule struct {
	in  string
	may []string
}

const (
	anything = "**" // for the composition root and the black-box tests
	grpcLib  = "google.golang.org/grpc"
	protoLib = "google.golang.org/protobuf"
	genproto = "google.golang.org/genproto"
	gatewayR = "github.com/grpc-ecosystem/grpc-gateway/v2"
	redisLib = "github.com/redis/go-redis/v9"
	joseLib  = "github.com/go-jose/go-jose/v4"
	otelLib  = "go.opentelemetry.io"
	promLib  = "github.com/prometheus"
	zitadel  = "github.com/zitadel/oidc/v3"
	xCrypto  = "golang.org/x/crypto"
	xSync    = "golang.org/x/sync"
	xText    = "golang.org/x/text"
)

// service is what every service may import: the kernels, the plumbing, and its peers' contracts. Not a peer's
// Go package (they meet over gRPC alone), not a driver, not a database library.
var service = []string{
	".", "perm", "scopelog", "api/beep/*/v1", "kit/rpc", "kit/rest", "kit/limit", "kit/bus", "kit/telemetry",
	grpcLib, protoLib, xSync, xText,
}

// rules: the first row that matches a folder decides.
var rules = []rule{
	{".", nil},
	{"perm", []string{"."}},
	{"perm/permtest", []string{".", "perm", "perm/permref"}}, // holds the two below against each other
	{"perm/*", []string{"."}},                                // an independent reference shares no code with what it judges
	{"scopelog", []string{".", "perm", "api/beep/servers/v1", protoLib, xSync}},
	{"api", []string{"api/beep/*/v1", protoLib}}, // its fixtures against the messages
	{"api/beep/*/v1", []string{"api/beep/*/v1", grpcLib, protoLib, genproto, gatewayR}},

	{"api/permify/v1", []string{grpcLib, protoLib}}, // of Permify, not of ours

	{"kit/telemetry", []string{".", otelLib, promLib, grpcLib}},
	{"kit/rpc", []string{".", "kit/telemetry", grpcLib, protoLib, genproto, joseLib, otelLib}},
	{"kit/rpc/rpctest", []string{".", "kit/rpc", grpcLib}}, // an installation in miniature for tests
	{"kit/rest", []string{".", "kit/telemetry", grpcLib, protoLib, genproto, gatewayR}},
	{"kit/sqldb", []string{".", "kit/telemetry", "modernc.org/sqlite", "modernc.org/libc", "github.com/jackc/pgx/v5"}},
	{"kit/sqldb/sqltest", []string{"github.com/jackc/pgx/v5"}}, // fresh stores for tests
	{"kit/redistest", []string{redisLib}},                      // a Redis for tests, and its faults
	{"kit/bus", []string{".", "kit/telemetry", redisLib}},
	{"kit/limit", []string{".", "kit/telemetry", redisLib}},
	{"kit/oidc", []string{".", "kit/telemetry", joseLib}},

	{"users", append([]string{"kit/oidc", xCrypto}, service...)},
	{"gateway", append([]string{"kit/oidc", gatewayR}, service...)},
	{"realtime", append([]string{"kit/oidc", "github.com/lxzan/gws"}, service...)},
	{"S", service},
	{"users/provider", []string{"users", ".", "kit/oidc", "kit/rest", "kit/limit", "kit/telemetry", zitadel, joseLib, xCrypto, xText}},
	{"servers/order", nil},
	{"servers/community", append([]string{"S", "S/order"}, service...)},
	{"servers/channels", append([]string{"S", "S/order"}, service...)},
	{"servers/webhooks", append([]string{"S", joseLib}, service...)}, // whose tokens are JWTs
	{"servers/threads", append([]string{"S"}, service...)},
	{"servers/direct", append([]string{"S"}, service...)},
	{"servers/grpcapi", append([]string{"S", "S/community", "S/channels", "S/webhooks", "S/threads", "S/direct"}, service...)},
	{"S/grpcapi", append([]string{"S"}, service...)},
	{"authz/permify", []string{"authz", ".", "perm", "api/permify/v1", grpcLib, protoLib}},
	{"authz/authztest", []string{"authz", ".", "perm", "perm/permtest", "perm/permref", "scopelog", "api/beep/servers/v1", grpcLib, protoLib, "github.com/google/go-cmp"}},
	{"S/storetest", []string{"S", ".", "perm", "github.com/google/go-cmp"}},
	{"S/sqlstore", []string{"S", ".", "perm", "kit/sqldb"}},
	{"S/mongostore", []string{"S", ".", "perm", "go.mongodb.org/mongo-driver"}},
	{"S/*", []string{"S", ".", "perm"}}, // another driver gets a row that names its one client library
	{"compat", []string{"api/beep/*/v1", "kit/rest"}},

	// A client from outside: the contracts are all it shares with the services.
	{"client", []string{".", "api/beep/*/v1", protoLib, "github.com/coder/websocket", "golang.org/x/net"}},

	{"web", nil},
	{"app", []string{anything}},
	{"bench", []string{"client", "e2e/people", "api/beep/*/v1", "github.com/coder/websocket"}},
	{"cmd/beep", []string{".", "app", "bench", "github.com/alecthomas/kong"}},
	{"e2e", []string{anything}},
	{"e2e/*", []string{anything}},
	{"e2e/*/*", []string{anything}},
	{"e2e/*/*/*", []string{anything}},
}

// forTests may be imported by test files besides what their package may: its own conformance suite and
// embedded driver, all plumbing, and the independent clients. A peer's Go package and app still not.
var forTests = []string{
	".", "S", "S/*", "perm", "perm/*", "kit/*", "api/beep/*/v1", "kit/rpc/rpctest", "kit/sqldb/sqltest", "e2e/stack",
	grpcLib, protoLib, redisLib, joseLib, otelLib, promLib,
	"github.com/google/go-cmp", "github.com/coder/websocket", "github.com/coreos/go-oidc/v3", "golang.org/x/oauth2", xSync,
	"golang.org/x/net/http2", // requests that no client would send
}

// refusedNames say nothing of what a package is for.
var refusedNames = []string{"util", "utils", "common", "helper", "helpers", "base", "shared", "types", "models", "model", "misc", "lib", "core"}

// maxPackageLines: a larger package hides a seam (tests and generated code not counted).
const maxPackageLines = 3000

// maxDependencies: each is code that we answer for and did not write.
const maxDependencies = 35

func TestArchitecture(t *testing.T) {
	t.Parallel()
	for _, v := range check(t, os.DirFS(".")) {
		t.Error(v)
	}
}

// TestArchitecture_CatchesPlantedViolations shows that the checker can fail: one row for each thing it forbids.
func TestArchitecture_CatchesPlantedViolations(t *testing.T) {
	t.Parallel()
	own := func(dir string) string { return `import _ "` + module + "/" + dir + `"` }
	tests := []struct{ name, file, code, want string }{
		{"a service imports a peer", "messages/service.go", own("servers"), "messages may not import servers"},
		{"a service imports a driver", "messages/service.go", own("messages/sqlstore"), "messages may not import messages/sqlstore"},
		{"a service imports the database", "messages/service.go", own("kit/sqldb"), "messages may not import kit/sqldb"},
		{"a service imports a client library", "messages/a.go", `import _ "` + redisLib + `"`, "messages may not import " + redisLib},
		{"a service imports oidc without need", "servers/a.go", own("kit/oidc"), "servers may not import kit/oidc"},
		{"a driver imports a contract", "messages/sqlstore/a.go", own("api/beep/messages/v1"), "messages/sqlstore may not import api/beep/messages/v1"},
		{"a driver imports a peer's driver", "messages/sqlstore/a.go", own("servers/sqlstore"), "messages/sqlstore may not import servers/sqlstore"},
		{"plumbing imports a service", "kit/bus/a.go", own("messages"), "kit/bus may not import messages"},
		{"plumbing imports plumbing", "kit/rest/a.go", own("kit/rpc"), "kit/rest may not import kit/rpc"},
		{"a kernel does I/O over plumbing", "perm/a.go", own("kit/bus"), "perm may not import kit/bus"},
		{"the root imports anything", "beep.go", own("perm"), ". may not import perm"},
		{"a service imports app", "users/a.go", own("app"), "users may not import app"},
		{"a test imports a peer", "messages/a_test.go", own("servers"), "messages (test) may not import servers"},
		{"a prefix is not a match", "kit/bus/a.go", `import _ "` + redisLib + `x"`, "kit/bus may not import " + redisLib + "x"},
		{"a package without a row", "extras/a.go", "", "extras: no rule"},
		{"a name that says nothing", "kit/util/a.go", "", "kit/util: a package name that says nothing"},
		{"an init function", "perm/a.go", "func init() {}", "perm/a.go: init"},
		{"the environment outside app", "perm/a.go", "import \"os\"\nvar x = os.Getenv(\"X\")", "perm/a.go: os.Getenv"},
		{"the environment under another name", "perm/a.go", "import env \"os\"\nvar x, _ = env.LookupEnv(\"X\")", "perm/a.go: os.LookupEnv"},
		{"a test that sleeps", "perm/a_test.go", "import \"time\"\nfunc f() { time.Sleep(1) }", "perm/a_test.go: time.Sleep"},
		{"a package that is too large", "perm/a.go", strings.Repeat("\n", maxPackageLines), "perm: more than"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			planted := fstest.MapFS{tt.file: {Data: []byte("package p\n" + tt.code + "\n")}}
			got := check(t, planted)
			if len(got) == 0 || !strings.Contains(strings.Join(got, "\n"), tt.want) {
				t.Errorf("check = %q, want %q among it", got, tt.want)
			}
		})
	}
}

// TestArchitecture_AllowsWhatItShould keeps the checker from passing the test above by refusing everything.
func TestArchitecture_AllowsWhatItShould(t *testing.T) {
	t.Parallel()
	files := map[string]string{
		"beep.go":                            `import _ "os"`,
		"perm/a.go":                          `import _ "` + module + `"`,
		"messages/a.go":                      `import _ "` + module + `/api/beep/servers/v1"; import _ "` + module + `/scopelog"`,
		"messages/a_test.go":                 `import _ "` + module + `/messages/sqlstore"; import _ "` + module + `/messages/storetest"`,
		"messages/sqlstore/a.go":             `import _ "` + module + `/messages"; import _ "` + module + `/kit/sqldb"`,
		"users/a.go":                         `import _ "` + module + `/kit/oidc"`,
		"kit/bus/a.go":                       `import _ "` + redisLib + `/maintnotifications"`,
		"app/a.go":                           `import _ "` + module + `/messages/sqlstore"; import "os"; var x = os.Getenv("X")`,
		"perm/a_test.go":                     `import "os"; var x = os.Getenv("X")`,
		"perm/sleeps_test.go":                "import \"time\"; import \"testing/synctest\"; var _ = synctest.Wait; func f() { time.Sleep(1) }",
		"tools/x/go.mod":                     ``,
		"tools/x/main.go":                    `import _ "` + module + `/messages"`,
		"api/beep/messages/v1/a.pb.go":       "func init() {}",
		"web/node_modules/flatted/golang.go": `import _ "` + module + `/messages"`,
	}
	planted := fstest.MapFS{}
	for name, code := range files {
		planted[name] = &fstest.MapFile{Data: []byte("// Code generated by hand. DO NOT EDIT.\npackage p\n" + code + "\n")}
		if !strings.HasPrefix(name, "api/") {
			planted[name].Data = []byte("package p\n" + code + "\n")
		}
	}
	if got := check(t, planted); len(got) > 0 {
		t.Errorf("check = %q, want nothing", got)
	}
}

// TestLinkedPackages holds the outside packages that end up in the binary against a list in the repository,
// so that a change which links more is seen in its diff.
func TestLinkedPackages(t *testing.T) {
	t.Parallel()
	if _, err := os.Stat("cmd/beep"); err != nil {
		t.Skip("there is no cmd/beep yet")
	}
	list := exec.CommandContext(t.Context(), "go", "list", "-deps", "-f", "{{if not .Standard}}{{.ImportPath}}{{end}}", "./cmd/beep")
	list.Env = append(os.Environ(), "GOOS=linux", "GOARCH=amd64", "CGO_ENABLED=0")
	out, err := list.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	linked := slices.DeleteFunc(strings.Fields(string(out)), func(p string) bool {
		return p == module || strings.HasPrefix(p, module+"/")
	})
	slices.Sort(linked)
	got := strings.Join(linked, "\n") + "\n"

	const golden = "docs/linked-packages.txt"
	if *update {
		if err := os.WriteFile(golden, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range linked {
		if !slices.Contains(strings.Fields(string(want)), p) {
			t.Errorf("newly linked: %s", p)
		}
	}
	if got != string(want) {
		t.Errorf("%s is not what cmd/beep links; run: go test . -run TestLinkedPackages -update", golden)
	}
}

// TestDependencies: every direct dependency has a line that says what it is for, and there are few.
func TestDependencies(t *testing.T) {
	t.Parallel()
	out, err := exec.CommandContext(t.Context(), "go", "mod", "edit", "-json").Output()
	if err != nil {
		t.Fatalf("go mod edit: %v", err)
	}
	var mod struct {
		Require []struct {
			Path     string
			Indirect bool
		}
	}
	if err := json.Unmarshal(out, &mod); err != nil {
		t.Fatal(err)
	}
	doc, err := os.ReadFile("docs/dependencies.md")
	if err != nil {
		t.Fatal(err)
	}
	direct := 0
	for _, require := range mod.Require {
		if require.Indirect {
			continue
		}
		direct++
		dep := require.Path
		// A line stands for the modules below it too: otel and its SDK.
		named := strings.Contains(string(doc), "| `"+dep+"` |")
		for parent := dep; !named && strings.Contains(parent, "/"); {
			parent = path.Dir(parent)
			named = strings.Contains(string(doc), "| `"+parent+"` |")
		}
		if !named {
			t.Errorf("docs/dependencies.md has no line for %s", dep)
		}
	}
	if direct == 0 || direct > maxDependencies {
		t.Errorf("%d direct dependencies, want 1-%d", direct, maxDependencies)
	}
}

// source is one Go file with what the rules ask of it.
type source struct {
	name, dir string // dir "." is the root
	test      bool
	generated bool
	synctest  bool // it imports testing/synctest
	lines     int
	imports   []string
	calls     []string // what only some may call: "init", "time.Sleep", and what reads the environment
}

// check answers every breach of the rules in the module that fsys holds, one sentence each.
func check(t *testing.T, fsys fs.FS) []string {
	t.Helper()
	var found []string
	lines := map[string]int{}
	for _, s := range sources(t, fsys) {
		found = append(found, s.importBreaches()...)
		if slices.Contains(refusedNames, path.Base(s.dir)) {
			found = append(found, s.dir+": a package name that says nothing")
		}
		if s.generated {
			continue
		}
		for _, call := range s.calls {
			if !s.mayCall(call) {
				found = append(found, s.name+": "+call)
			}
		}
		if !s.test {
			lines[s.dir] += s.lines
		}
	}
	for dir, n := range lines {
		if n > maxPackageLines {
			found = append(found, fmt.Sprintf("%s: more than %d lines (%d)", dir, maxPackageLines, n))
		}
	}
	slices.Sort(found)
	return slices.Compact(found)
}

// mayCall: configuration enters through app alone, so that one page documents all of it. A test that sleeps is slow
// or flaky, unless it does so in a synctest bubble, where time is not real.
func (s source) mayCall(call string) bool {
	switch call {
	case "init":
		return s.test
	case "time.Sleep":
		return s.synctest
	}
	top, _, _ := strings.Cut(s.dir, "/")
	return s.test || top == "app" || top == "cmd" || top == "e2e" || s.dir == "kit/sqldb/sqltest" || s.dir == "kit/redistest" // which only tests import
}

// importBreaches judges the imports of one file by the row of its folder.
func (s source) importBreaches() []string {
	name, self := s.dir, s.dir
	top, rest, _ := strings.Cut(s.dir, "/")
	if slices.Contains(services, top) {
		self = path.Join("S", rest)
	}
	i := slices.IndexFunc(rules, func(r rule) bool { return match(r.in, s.dir) || match(r.in, self) })
	if i < 0 {
		return []string{s.dir + ": no rule says what it may import; add a row to arch_test.go"}
	}
	may := rules[i].may
	if s.test {
		may, name = slices.Concat(may, forTests), s.dir+" (test)"
	}
	var found []string
	for _, imp := range s.imports {
		if imp != s.dir && !allowed(may, top, imp) {
			found = append(found, fmt.Sprintf("%s may not import %s", name, imp))
		}
	}
	return found
}

// allowed says whether the list names imp; top replaces S in it.
func allowed(may []string, top, imp string) bool {
	return slices.ContainsFunc(may, func(m string) bool {
		if m == anything {
			return true
		}
		if head, tail, _ := strings.Cut(m, "/"); head == "S" {
			m = path.Join(top, tail)
		}
		outside := strings.Contains(m, ".") && m != "."
		if outside {
			return imp == m || strings.HasPrefix(imp, m+"/")
		}
		return match(m, imp)
	})
}

func match(pattern, name string) bool {
	ok, err := path.Match(pattern, name)
	return ok && err == nil
}

// sources reads the Go files of the module: not of nested modules, hidden folders or installed packages.
func sources(t *testing.T, fsys fs.FS) []source {
	t.Helper()
	var all []source
	err := fs.WalkDir(fsys, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			_, nested := fs.Stat(fsys, path.Join(name, "go.mod"))
			hidden := strings.HasPrefix(d.Name(), ".") && name != "."
			if hidden || d.Name() == "node_modules" || d.Name() == "testdata" || (nested == nil && name != ".") {
				return fs.SkipDir
			}
			return nil
		}
		if path.Ext(name) != ".go" {
			return nil
		}
		s, err := parse(fsys, name)
		all = append(all, s)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// parse reads one file; imports of our own come back as folders, and those of the standard library not at all.
func parse(fsys fs.FS, name string) (source, error) {
	text, err := fs.ReadFile(fsys, name)
	if err != nil {
		return source{}, err
	}
	file, err := parser.ParseFile(token.NewFileSet(), name, text, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return source{}, err
	}
	s := source{
		name: name, dir: path.Dir(name), test: strings.HasSuffix(name, "_test.go"),
		generated: ast.IsGenerated(file), lines: strings.Count(string(text), "\n"),
	}
	std := map[string]string{} // what the file calls a package of the standard library
	for _, spec := range file.Imports {
		imp, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			return source{}, err
		}
		first, _, _ := strings.Cut(imp, "/")
		switch {
		case imp == module:
			s.imports = append(s.imports, ".")
		case strings.HasPrefix(imp, module+"/"):
			s.imports = append(s.imports, strings.TrimPrefix(imp, module+"/"))
		case strings.Contains(first, "."):
			s.imports = append(s.imports, imp)
		case spec.Name != nil:
			std[spec.Name.Name] = imp
		default:
			std[path.Base(imp)] = imp
		}
	}
	_, s.synctest = std["synctest"]
	s.calls = refusedCalls(file, std)
	return s, nil
}

// refusedCalls finds init functions and the calls that mayCall judges.
func refusedCalls(file *ast.File, std map[string]string) []string {
	refused := []string{"os.Getenv", "os.LookupEnv", "os.Environ", "os.ExpandEnv", "time.Sleep"}
	var calls []string
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncDecl:
			if n.Name.Name == "init" && n.Recv == nil {
				calls = append(calls, "init")
			}
		case *ast.SelectorExpr:
			pkg, ok := n.X.(*ast.Ident)
			if !ok {
				break
			}
			if call := std[pkg.Name] + "." + n.Sel.Name; slices.Contains(refused, call) {
				calls = append(calls, call)
			}
		}
		return true
	})
	return calls
}
