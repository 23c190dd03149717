// Package test holds what concerns no single package. This file holds the
// import rules: who may know whom, and why.
package test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// An arrow says which of our own packages the packages in a directory may
// import. Patterns are directories below the module's root; "/*" stands for
// the directories directly in one, "/..." for it and all below. The first
// arrow that fits a directory holds.
type arrow struct {
	from string
	to   []string
	why  string
}

var arrows = []arrow{
	{"promoter", nil, "the core is the language: everyone may speak it, it speaks to no one"},
	{"promoter/yamltree", nil, "it knows bytes and YAML, no meaning"},
	{"promoter/slo/rollouts", []string{"promoter", "promoter/yamltree", "promoter/slo"}, "it reads other people's gates into ours"},
	{"promoter/config", []string{"promoter", "promoter/yamltree", "promoter/slo", "promoter/slo/rollouts"}, "a gate that cannot be judged is refused with its line, where it is written"},
	{"promoter/scenario", []string{"promoter", "promoter/yamltree", "promoter/config"}, "a story is told under a user's own configuration"},
	{"promoter/...", []string{"promoter", "promoter/yamltree"}, "they turn bytes into the core's values, or drive it, and know no edge"},
	{"templates", []string{"promoter"}, "texts are made of the core's values"},

	{"detectors", []string{"promoter", "promoter/yamltree"}, "the contract of all detectors knows none of them"},
	{"detectors/all", []string{"detectors", "detectors/*"}, "the list is the one place that knows every detector"},
	{"detectors/scan", []string{"promoter", "promoter/yamltree", "detectors", "detectors/layout"}, "the engine runs whatever list it is given and places what it finds"},
	{"detectors/layout", nil, "it reads paths and names, which are plain text"},
	{"detectors/detectortest", []string{"promoter", "detectors"}, "the tests of all detectors share it, so it knows none of them"},
	{"detectors/source", []string{"promoter"}, "I/O upstream knows artifacts and releases, not where they are written"},
	{"detectors/source/all", []string{"promoter", "detectors/source", "detectors/source/*"}, "the list is the one place that knows every source"},
	{"detectors/source/*", []string{"promoter", "detectors/source"}, "a source is replaced without a look at the others"},
	{"detectors/*", []string{"promoter", "promoter/yamltree", "detectors"}, "a detector is added or removed without a look at the others"},

	{"gitops", []string{"promoter", "promoter/yamltree", "templates"}, "the edges observe and execute; what is written in a repository, detectors say"},
	{"gitops/argocd", []string{"promoter", "gitops", "promoter/converge"}, "an engine's answers become what convergence is judged by"},
	{"gitops/flux", []string{"promoter", "gitops", "promoter/converge"}, "an engine's answers become what convergence is judged by"},
	{"gitops/prometheus", []string{"promoter", "gitops", "promoter/slo"}, "a provider's answers become what gates are judged by"},
	{"gitops/alertmanager", []string{"promoter", "gitops", "promoter/slo"}, "a provider's answers become what gates are judged by"},
	{"gitops/httpprobe", []string{"promoter", "gitops", "promoter/slo"}, "a provider's answers become what gates are judged by"},
	{"gitops/jsonmetric", []string{"promoter", "gitops", "promoter/slo"}, "a provider's answers become what gates are judged by"},
	{"gitops/meter", []string{"promoter", "gitops", "promoter/slo"}, "it judges by whatever answers, and knows no provider"},
	{"gitops/*", []string{"promoter", "promoter/yamltree", "gitops", "templates"}, "an edge is replaced without a look at the others"},

	{"cmd/...", []string{"promoter/...", "templates", "detectors/...", "gitops/...", "test/world/...", "test/sim"}, "wiring knows everything, the worlds of the demo and of the simulator too, and nothing knows wiring"},
	{"test/...", []string{"promoter/...", "templates", "detectors/...", "gitops/...", "test/..."}, "what is shipped does not import its tests"},
}

// An outsider is a library, and the directories that may import it: a type of
// its own must not cross their border. A library in no row may not be
// imported.
type outsider struct {
	prefix string
	by     []string
	why    string
}

var outsiders = []outsider{
	{"github.com/Masterminds/semver/v3", []string{"promoter/...", "detectors/...", "gitops/edit"}, "versions are compared as Helm, Argo CD and Flux do"},
	{"gopkg.in/yaml.v3", []string{"promoter/yamltree", "promoter/config", "detectors/source"}, "YAML of the repository is read by yamltree, which knows its bytes"},
	{"sigs.k8s.io/yaml", []string{"detectors/appset", "detectors/report", "detectors/source/helmrepo", "gitops/edit", "cmd/promoter"}, "for output, and to agree with what Argo CD and Helm read"},
	{"github.com/bmatcuk/doublestar/v4", []string{"detectors/extractor"}, "the user's path patterns"},

	{"github.com/argoproj/argo-cd/v2", []string{"detectors/appset", "gitops/argocd"}, "Argo CD's own generators, and its API's types at its edge"},
	{"k8s.io/apimachinery", []string{"detectors/appset", "gitops/argocd", "gitops/flux"}, "types that Argo CD's and Flux' are made of"},
	{"sigs.k8s.io/controller-runtime/pkg/client", []string{"detectors/appset", "gitops/argocd", "gitops/flux"}, "what Argo CD's generators and Flux' types ask for"},
	{"github.com/sirupsen/logrus", []string{"detectors/appset"}, "only to silence Argo CD's generators"},
	{"k8s.io/client-go", []string{"gitops/argocd", "gitops/flux", "gitops/lease"}, "the Kubernetes API is an edge"},
	{"github.com/fluxcd", []string{"gitops/flux"}, "Flux' types stay at its edge"},

	{"github.com/go-git/go-git/v5/plumbing/format/gitignore", []string{"detectors/scan"}, "what Git ignores is not scanned"},
	{"github.com/go-git/go-git/v5/plumbing/format/index", []string{"detectors/scan"}, "what Git tracks is scanned, ignored or not"},
	{"github.com/go-git/go-git/v5/plumbing", []string{"detectors/source/gittags", "gitops/repo"}, "a server's refs and a repository's objects"},
	{"github.com/go-git/go-git/v5", []string{"gitops/repo"}, "Git is one edge"},
	{"github.com/go-git/go-billy/v5", []string{"gitops/repo"}, "goes with go-git"},
	{"github.com/ProtonMail/go-crypto", []string{"gitops/repo"}, "signing of commits"},
	{"golang.org/x/crypto", []string{"gitops/repo"}, "signing of commits"},
	{"github.com/google/go-github/v60", []string{"gitops/github"}, "GitHub is one forge of several"},

	{"helm.sh/helm/v3", []string{"detectors/source/helmrepo", "gitops/edit"}, "indexes as Helm reads them, lock files as Helm writes them"},
	{"github.com/google/go-containerregistry/pkg/authn", []string{"detectors/source", "detectors/source/ociregistry"}, "credentials as Docker's users have them"},
	{"github.com/google/go-containerregistry", []string{"detectors/source/ociregistry"}, "registries are one source"},
	{"github.com/docker/cli/cli/config", []string{"detectors/source"}, "credentials as Docker's users have them"},
	{"golang.org/x/net/publicsuffix", []string{"detectors/source", "detectors/source/ociregistry"}, "whose host a registry's token server is"},
	{"golang.org/x/sync", []string{"detectors/source/...", "gitops/...", "cmd/promoter"}, "bounded concurrency, where there is I/O"},
	{"golang.org/x/time/rate", []string{"detectors/source", "gitops/..."}, "a host's limits, where there is I/O"},

	{"github.com/prometheus/common/model", []string{"gitops/prometheus"}, "what Prometheus answers in"},
	{"github.com/prometheus/client_golang", []string{"gitops/prometheus", "cmd/promoter"}, "one provider of metrics, and our own"},
	{"github.com/google/go-cmp/cmp", []string{"detectors/detectortest"}, "tests say what differs, what is shipped does not"},
	{"github.com/rogpeppe/go-internal/txtar", []string{"detectors/detectortest"}, "repositories written as one file are cases of tests"},
	{"github.com/santhosh-tekuri/jsonschema/v6", []string{"promoter/config"}, "the schema that editors use is held to the decoder"},
	{"k8s.io/klog/v2", []string{"cmd/promoter"}, "what Kubernetes' client logs by itself goes where we log"},
	{"github.com/spf13/cobra", []string{"cmd/promoter"}, "the command line is wiring"},
	{"golang.org/x/term", []string{"cmd/promoter"}, "only the command line has a terminal"},
}

// A vow is what pure packages keep away from: their answers follow from their
// arguments, the same each time.
type vow struct {
	in     []string
	except []string // directories that are no detectors
	shun   []string // imports of the standard library; "/..." as above
	why    string
}

var vows = []vow{
	{
		in:   []string{"promoter"},
		shun: []string{"context", "os/...", "io/...", "net/...", "log/...", "sync/...", "math/rand/...", "crypto/rand", "syscall", "runtime/...", "unsafe", "plugin", "embed", "text/template", "html/template"},
		why:  "the core does nothing: it was handed what it knows and hands back what it wants",
	},
	{
		in:   []string{"promoter/yamltree", "detectors", "detectors/*"},
		shun: []string{"os/...", "net", "net/http/...", "log/...", "math/rand/...", "crypto/rand", "syscall", "plugin"},
		except: []string{
			"detectors/all", "detectors/detectortest", "detectors/report", "detectors/scan", "detectors/source", "detectors/legacy",
		},
		why: "detectors say the same for the same bytes: no network, no disk, no clock",
	},
}

// clock are the functions of package time that depend on when they are called.
var clock = []string{"Now", "Sleep", "After", "AfterFunc", "Tick", "NewTicker", "NewTimer", "Since", "Until"}

// unit is what one directory's files, tests aside, import.
type unit struct {
	dir     string
	imports map[string]string // import path → a file that has it
	clocked []string          // "file:line: time.Now"
}

func TestImportRules(t *testing.T) {
	t.Parallel()
	root := ".."
	module := modulePath(t, root)
	units := load(t, root)
	if len(units) < 5 {
		t.Fatalf("found %d packages; the rules hold nothing", len(units))
	}
	for _, u := range units {
		for _, complaint := range check(module, u) {
			t.Error(complaint)
		}
	}
}

// check holds one directory to every rule.
func check(module string, u unit) []string {
	var complaints []string
	say := func(imported, why string) {
		complaints = append(complaints, fmt.Sprintf("%s imports %s: %s", u.imports[imported], imported, why))
	}
	var own *arrow
	for i := range arrows {
		if fits(arrows[i].from, u.dir) {
			own = &arrows[i]
			break
		}
	}
	if own == nil {
		return []string{fmt.Sprintf("%s: no row of the table says what it may import", u.dir)}
	}
	for _, imported := range slices.Sorted(keys(u.imports)) {
		ours, isOurs := strings.CutPrefix(imported, module+"/")
		first, _, _ := strings.Cut(imported, "/")
		switch {
		case isOurs:
			if !fitsAny(own.to, ours) {
				say(imported, own.why)
			}
		case strings.Contains(first, "."):
			if fits("test/...", u.dir) {
				continue // the worlds of tests are made of whatever there is
			}
			i := slices.IndexFunc(outsiders, func(o outsider) bool { return within(o.prefix, imported) })
			if i < 0 {
				say(imported, "no row of the table says who may import it")
			} else if !fitsAny(outsiders[i].by, u.dir) {
				say(imported, outsiders[i].why)
			}
		}
	}
	for _, v := range vows {
		if !fitsAny(v.in, u.dir) || fitsAny(v.except, u.dir) {
			continue
		}
		for _, imported := range slices.Sorted(keys(u.imports)) {
			if fitsAny(v.shun, imported) {
				say(imported, v.why)
			}
		}
		for _, at := range u.clocked {
			complaints = append(complaints, at+": "+v.why)
		}
	}
	return complaints
}

func TestImportRulesBite(t *testing.T) {
	t.Parallel()
	tests := []struct {
		dir, imports string
		allowed      bool
	}{
		{"promoter", "github.com/Masterminds/semver/v3", true},
		{"promoter", "ours/promoter/yamltree", false},
		{"promoter", "context", false},
		{"promoter", "os", false},
		{"promoter", "os/exec", false},
		{"promoter", "io", false},
		{"promoter", "net/url", false},
		{"promoter", "log/slog", false},
		{"promoter", "sync/atomic", false},
		{"promoter", "math/rand/v2", false},
		{"promoter", "math", true},
		{"promoter/config", "ours/promoter/yamltree", true},
		{"promoter/config", "ours/promoter/slo/rollouts", true},
		{"promoter/config", "ours/promoter/converge", false},
		{"promoter/config", "ours/detectors", false},
		{"gitops/meter", "ours/promoter/slo", true},
		{"gitops/meter", "ours/gitops/prometheus", false},
		{"promoter/config", "ours/promoter/loop", false},
		{"promoter/scenario", "ours/promoter/config", true},
		{"promoter/scenario", "ours/gitops", false},
		{"detectors/flux", "ours/detectors", true},
		{"detectors/flux", "ours/detectors/kustomize", false},
		{"detectors/flux", "ours/gitops", false},
		{"detectors/flux", "os", false},
		{"detectors/flux", "net/http", false},
		{"detectors/flux", "net/url", true},
		{"detectors/flux", "github.com/fluxcd/helm-controller/api/v2", false},
		{"detectors/all", "ours/detectors/flux", true},
		{"detectors/detectortest", "os", true},
		{"detectors/detectortest", "ours/detectors/flux", false},
		{"detectors/flux", "github.com/google/go-cmp/cmp", false},
		{"detectors/scan", "os", true},
		{"detectors/scan", "ours/detectors/flux", false},
		{"detectors/source/helmrepo", "ours/detectors/source", true},
		{"detectors/source/helmrepo", "ours/detectors/source/gittags", false},
		{"detectors/source/helmrepo", "ours/detectors", false},
		{"detectors/source/gittags", "github.com/go-git/go-git/v5/plumbing/protocol/packp", true},
		{"detectors/source/gittags", "github.com/go-git/go-git/v5", false},
		{"gitops/repo", "github.com/go-git/go-git/v5", true},
		{"gitops/github", "ours/gitops", true},
		{"gitops/github", "ours/gitops/repo", false},
		{"gitops/github", "ours/detectors", false},
		{"gitops/gitea", "github.com/google/go-github/v60/github", false},
		{"gitops/github", "github.com/google/go-github/v60/github", true},
		{"gitops", "ours/cmd/promoter", false},
		{"cmd/promoter", "ours/gitops/github", true},
		{"cmd/promoter", "ours/test/fake", false},
		{"cmd/promoter", "github.com/google/go-github/v60/github", false},
		{"cmd/promoter", "example.com/new/library", false},
		{"test/world", "example.com/new/library", true},
		{"newcomer", "fmt", false},
	}
	for _, tt := range tests {
		got := check("ours", unit{dir: tt.dir, imports: map[string]string{tt.imports: "x.go"}})
		if allowed := len(got) == 0; allowed != tt.allowed {
			t.Errorf("%s imports %s: allowed %v, want %v (%q)", tt.dir, tt.imports, allowed, tt.allowed, got)
		}
	}
	if got := check("ours", unit{dir: "promoter", clocked: []string{"x.go:1: time.Now"}}); len(got) != 1 {
		t.Errorf("a clock in the core: %q", got)
	}
	if got := check("ours", unit{dir: "gitops/repo", clocked: []string{"x.go:1: time.Now"}}); len(got) != 0 {
		t.Errorf("a clock at an edge: %q", got)
	}
}

// fits reports whether a pattern names a directory or import path.
func fits(pattern, dir string) bool {
	if base, ok := strings.CutSuffix(pattern, "/..."); ok {
		return within(base, dir)
	}
	if base, ok := strings.CutSuffix(pattern, "/*"); ok {
		return path.Dir(dir) == base
	}
	return pattern == dir
}

func fitsAny(patterns []string, dir string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool { return fits(p, dir) })
}

func within(base, dir string) bool { return dir == base || strings.HasPrefix(dir, base+"/") }

func keys(m map[string]string) func(func(string) bool) {
	return func(yield func(string) bool) {
		for k := range m {
			if !yield(k) {
				return
			}
		}
	}
}

func modulePath(t *testing.T, root string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if name, ok := strings.CutPrefix(line, "module "); ok {
			return strings.TrimSpace(name)
		}
	}
	t.Fatal("go.mod names no module")
	return ""
}

// load parses every file of the module that is shipped.
func load(t *testing.T, root string) []unit {
	t.Helper()
	byDir := map[string]*unit{}
	files := token.NewFileSet()
	err := filepath.WalkDir(root, func(name string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if e.IsDir() {
			if base := e.Name(); base == "testdata" || base == "vendor" || name != root && strings.HasPrefix(base, ".") {
				return fs.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
			return nil
		}
		rel, err := filepath.Rel(root, name)
		if err != nil {
			return err
		}
		rel = filepath.ToSlash(rel)
		file, err := parser.ParseFile(files, name, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		dir := path.Dir(rel)
		if byDir[dir] == nil {
			byDir[dir] = &unit{dir: dir, imports: map[string]string{}}
		}
		byDir[dir].add(files, rel, file)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	units := make([]unit, 0, len(byDir))
	for _, u := range byDir {
		units = append(units, *u)
	}
	slices.SortFunc(units, func(a, b unit) int { return strings.Compare(a.dir, b.dir) })
	return units
}

func (u *unit) add(files *token.FileSet, rel string, file *ast.File) {
	clockName := ""
	for _, spec := range file.Imports {
		imported, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			continue // the parser has refused such a file before
		}
		u.imports[imported] = rel
		if imported == "time" {
			clockName = "time"
			if spec.Name != nil {
				clockName = spec.Name.Name
			}
		}
	}
	if clockName == "" {
		return
	}
	ast.Inspect(file, func(n ast.Node) bool {
		sel, ok := n.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		if x, ok := sel.X.(*ast.Ident); ok && x.Name == clockName && slices.Contains(clock, sel.Sel.Name) {
			u.clocked = append(u.clocked, fmt.Sprintf("%s:%d: time.%s", rel, files.Position(sel.Pos()).Line, sel.Sel.Name))
		}
		return true
	})
}
