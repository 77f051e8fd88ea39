package perm_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// A mutant is one fault that a slip could put into perm: old, which stands exactly once in the file, becomes
// new. The reference must notice each of them.
type mutant struct{ file, old, new string }

func mutants() []mutant {
	return []mutant{
		// The kernel.
		{"perm.go", "if owner || p.Has(Administrator) {", "if p.Has(Administrator) {"},
		{"perm.go", "if owner || p.Has(Administrator) {", "if owner {"},
		{"perm.go", "p := granted & RoleRights", "p := granted"},
		{"perm.go", "p |= ManageChannels", "p |= ManageMessages"},
		{"perm.go", "p |= ChangeNickname", "p |= 0"},
		{"perm.go", "p |= SendMessages", "p |= 0"},
		{"perm.go", "return p&^(m.Deny&OverwriteRights) | m.Allow&OverwriteRights", "return (p | m.Allow&OverwriteRights) &^ (m.Deny & OverwriteRights)"},
		{"perm.go", "return p&^(m.Deny&OverwriteRights) | m.Allow&OverwriteRights", "return p&^(m.Deny&OverwriteRights) | m.Allow"},
		{"perm.go", "return member.on(roles.on(everyone.on(base)))", "return roles.on(member.on(everyone.on(base)))"},
		{"perm.go", "return member.on(roles.on(everyone.on(base)))", "return member.on(everyone.on(roles.on(base)))"},
		{"perm.go", "return member.on(roles.on(everyone.on(base)))", "return roles.on(everyone.on(base))"},
		{"perm.go", "\tp = Muted(p, muted)\n", ""},
		{"perm.go", "if muted && !p.Has(Administrator) {", "if muted {"},
		{"perm.go", "if !p.Has(ViewChannels) {", "if p == 0 {"},
		{"perm.go", "p &^= AttachFiles", "p &^= 0"},
		{"perm.go", "p &^= Speak | MuteMembers", "p &^= Speak"},
		{"perm.go", "if closed && !parent.Has(ManageMessages) {", "if closed {"},
		{"perm.go", "return parent &^ (SendMessages | AttachFiles)", "return parent &^ SendMessages"},
		{"perm.go", "return ViewChannels | SendMessages | AttachFiles | Connect | Speak", "return ViewChannels | SendMessages | AttachFiles | Connect"},
		{"perm.go", "if blocked {", "if false {"},
		{"rights.go", "ViewChannels | ManageChannels | ManageWebhooks | ManagePermissions | SendMessages |\n", "ViewChannels | ManageChannels | ManageWebhooks | SendMessages |\n"},
		// The view: what is found, and what is said to be affected.
		{"query.go", "at.closed = c.Archived || c.Locked", "at.closed = c.Archived"},
		{"query.go", "category.Kind == Category {", "category.Kind != Thread {"},
		{"query.go", "at.source = nil\n", "at.source = c\n"},
		{"query.go", "if c.follows() {", "if c.Synced {"},
		{"query.go", "if user == v.owner {", "if user == 0 {"},
		{"query.go", "return Muted(v.base(user, m), m.muted)", "return v.base(user, m)"},
		{"view.go", "case roles[i] > have.role:\n\t\t\tj++", "case roles[i] > have.role:\n\t\t\ti++"},
		{"view.go", "\tp := v.roles[v.everyone()].Rights\n", "\tvar p Rights\n"},
		{"view.go", "if found, ok := v.setOf[string(key)]; ok && found == at {", "if found, ok := v.setOf[string(key)]; ok && found != at {"},
		{"apply.go", "if had && old.muted == m.Muted && slices", "if had && slices"},
		{"apply.go", "return Affects{All: v.regrant(r.ID)}, nil", "return Affects{All: v.regrant(r.ID) && r.ID == v.everyone()}, nil"},
		{"apply.go", "return Affects{All: v.without(id)}, nil", "return Affects{All: v.without(id) && false}, nil"},
		{"apply.go", "if c.Kind != Thread && !c.Synced {", "if !c.Synced {"},
		{"apply.go", "if thread := v.channels[kid]; thread.Kind == Thread {", "if thread := v.channels[kid]; thread.Kind == Text {"},
		{"apply.go", "return Affects{User: o.Member, Channels: v.reach(o.Channel)}, nil", "return Affects{User: o.Member, Channels: []beep.ChannelID{o.Channel}}, nil"},
		{"query.go", "if uint64(id) != v.scope.ID {", "if id == 0 {"},
		{"apply.go", "put(v.blocks, r.By) != 0 && len(v.blocks) == 1", "put(v.blocks, r.By) != 0 && len(v.blocks) == 2"},
		{"apply.go", "take(v.blocks, r.By) != 0 && len(v.blocks) == 0", "take(v.blocks, r.By) != 0 && false"},
		{"apply.go", "Affects{User: take(v.participants, r.User)}", "Affects{User: put(v.participants, r.User)}"},
		// The hierarchy.
		{"hierarchy.go", "return actor == v.owner || position < v.top(actor)", "return actor == v.owner || position <= v.top(actor)"},
		{"hierarchy.go", "return actor == v.owner || position < v.top(actor)", "return position < v.top(actor) || v.Rights(actor).Has(Administrator)"},
		{"hierarchy.go", "case actor == v.owner || v.top(target) < v.top(actor):", "case actor == v.owner || v.top(target) <= v.top(actor):"},
		{"hierarchy.go", "case target == v.owner:", "case target == v.owner && actor != target:"},
		{"hierarchy.go", "return lacks(v.roles[id].Rights &^ v.Rights(actor))", "return nil"},
		{"hierarchy.go", "return lacks(role.Rights &^ v.Rights(actor))", "return nil"},
		{"hierarchy.go", "return lacks(v.gainWithout(actor, id))", "return nil"},
		{"hierarchy.go", "return lacks(((old.Allow ^ o.Allow) | (old.Deny ^ o.Deny)) &^ held)", "return lacks((o.Allow | o.Deny) &^ held)"},
		{"hierarchy.go", "case c.follows():", "case false:"},
		{"hierarchy.go", "return refuse(NoMember) // what", "return nil // what"},
		{"hierarchy.go", "case !held.Any(ManageChannels | ManagePermissions):", "case !held.Has(ManageChannels):"},
		{"hierarchy.go", "more = o.Mask == old || yield(o, old)", "more = old == Mask{} || yield(o, old)"},
		{"hierarchy.go", "if !v.Has(target) {\n\t\treturn v.MayOnServer(actor, ManageMembers)", "if !v.Has(target) {\n\t\treturn refuse(NoMember)"},
	}
}

const permPath = "github.com/beep-chat/beep/perm"

// TestReference_KillsEveryMutant compiles a copy of perm and permtest for each mutant into one program, by an
// overlay (nothing is written to the tree), and runs it. Copy 0 is perm as it is and must live.
func TestReference_KillsEveryMutant(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("builds a program with many copies of perm")
	}
	dir := t.TempDir()
	o := overlay{t: t, dir: dir, Replace: map[string]string{}}
	all := append([]mutant{{}}, mutants()...)
	for i, m := range all {
		o.copyPerm(i, m)
	}
	o.put("internal/mutants/main.go", program(len(all)))
	config, err := json.Marshal(o)
	if err != nil {
		t.Fatal(err)
	}
	overlayFile, binary := filepath.Join(dir, "overlay.json"), filepath.Join(dir, "mutants")
	if err := os.WriteFile(overlayFile, config, 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	// Without optimising, and with no path of the temporary folder in the cache's keys: seconds instead of a minute.
	build := exec.CommandContext(ctx, "go", "build", "-trimpath", "-gcflags="+permPath+"/...=-N -l",
		"-overlay", overlayFile, "-o", binary, permPath+"/internal/mutants")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("a mutant does not compile: %v\n%s", err, out)
	}
	out, err := exec.CommandContext(ctx, binary).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	survivors := strings.Fields(string(out))
	if len(survivors) == 0 || survivors[0] != "0" {
		t.Fatalf("perm itself was not found right: %q", out)
	}
	for _, s := range survivors[1:] {
		var i int
		if _, err := fmt.Sscan(s, &i); err != nil {
			t.Fatalf("unexpected output %q", out)
		}
		t.Errorf("%s: nobody noticed %q instead of %q", all[i].file, all[i].new, all[i].old)
	}
	t.Logf("%d mutants", len(all)-1)
}

// overlay is what the go command reads: files that are not there, and where their text is.
type overlay struct {
	t       *testing.T
	dir     string
	Replace map[string]string
}

// put adds a file of package perm's folder.
func (o *overlay) put(name, text string) {
	o.t.Helper()
	place := filepath.Join(o.dir, strings.ReplaceAll(name, "/", "_"))
	if err := os.WriteFile(place, []byte(text), 0o600); err != nil {
		o.t.Fatal(err)
	}
	path, err := filepath.Abs(name)
	if err != nil {
		o.t.Fatal(err)
	}
	o.Replace[path] = place
}

func (o *overlay) copyPerm(i int, m mutant) {
	o.t.Helper()
	home := fmt.Sprintf("internal/mutants/m%d", i)
	for _, pattern := range []string{"*.go", "permtest/*.go"} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			o.t.Fatal(err)
		}
		for _, file := range files {
			if strings.HasSuffix(file, "_test.go") {
				continue
			}
			text := o.read(file)
			if file == m.file {
				if n := strings.Count(text, m.old); n != 1 {
					o.t.Fatalf("%s: %q stands %d times, a mutant needs once", file, m.old, n)
				}
				text = strings.Replace(text, m.old, m.new, 1)
			}
			text = strings.ReplaceAll(text, `"`+permPath+`"`, `"`+permPath+"/"+home+`"`)
			o.put(home+"/"+file, text)
		}
	}
}

func (o *overlay) read(file string) string {
	o.t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		o.t.Fatal(err)
	}
	return string(text)
}

// program prints the numbers of the copies that the reference finds no fault with. A copy that panics is
// noticed too.
func program(copies int) string {
	var imports, checks strings.Builder
	for i := range copies {
		fmt.Fprintf(&imports, "\tm%d %q\n", i, fmt.Sprintf("%s/internal/mutants/m%d/permtest", permPath, i))
		fmt.Fprintf(&checks, "\t\tm%d.Check,\n", i)
	}
	return "package main\n\nimport (\n\t\"fmt\"\n\n" + imports.String() + `)

func lives(check func(uint64, int) error) (ok bool) {
	defer func() {
		if recover() != nil {
			ok = false
		}
	}()
	return check(1, 10_000) == nil
}

func main() {
	for i, check := range []func(uint64, int) error{
` + checks.String() + `	} {
		if lives(check) {
			fmt.Println(i)
		}
	}
}
`
}
