package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const (
	person = "Ada <ada@example.com>"
	robot  = "updates[bot] <bot@example.com>"
)

// past is a repository whose history the test writes.
type past struct {
	t   *testing.T
	dir string
	at  time.Time
}

func newPast(t *testing.T) *past {
	t.Helper()
	p := &past{t: t, dir: t.TempDir(), at: time.Date(2024, time.March, 1, 12, 0, 0, 0, time.UTC)}
	p.git("init", "-q", "-b", "main")
	return p
}

func (p *past) git(args ...string) string {
	p.t.Helper()
	c := exec.Command("git", args...)
	c.Dir = p.dir
	date := p.at.Format(time.RFC3339)
	c.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_SYSTEM=/dev/null",
		"GIT_AUTHOR_DATE="+date, "GIT_COMMITTER_DATE="+date, "GIT_COMMITTER_NAME=forge", "GIT_COMMITTER_EMAIL=forge@example.com")
	out, err := c.CombinedOutput()
	if err != nil {
		p.t.Fatalf("git %v: %v\n%s", args, err, out)
	}
	return strings.TrimSpace(string(out))
}

func (p *past) write(file, text string) {
	p.t.Helper()
	name := filepath.Join(p.dir, file)
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		p.t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
		p.t.Fatal(err)
	}
}

// replace changes a text that stands in files, once in each.
func (p *past) replace(from, to string, files ...string) {
	p.t.Helper()
	for _, file := range files {
		data, err := os.ReadFile(filepath.Join(p.dir, file))
		if err != nil {
			p.t.Fatal(err)
		}
		if strings.Count(string(data), from) != 1 {
			p.t.Fatalf("%s: %q does not stand in it once", file, from)
		}
		p.write(file, strings.Replace(string(data), from, to, 1))
	}
}

// commit ends a day with what was written, and returns its id.
func (p *past) commit(author, subject string) string {
	p.t.Helper()
	p.at = p.at.Add(24 * time.Hour)
	p.git("add", "-A")
	p.git("commit", "-q", "--author", author, "-m", subject)
	return p.git("rev-parse", "HEAD")
}

// bump is a commit that changes one text.
func (p *past) bump(author, from, to string, files ...string) string {
	p.t.Helper()
	p.replace(from, to, files...)
	return p.commit(author, "raise "+from+" to "+to)
}

func application(env, version string) string {
	return fmt.Sprintf(`apiVersion: argoproj.io/v1alpha1
kind: Application
metadata:
  name: cache-%s
spec:
  source:
    repoURL: https://charts.example.com
    chart: cache
    targetRevision: %s
`, env, version)
}

func deployment(name string, images ...string) string {
	text := fmt.Sprintf("apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: %s\nspec:\n  template:\n    spec:\n      containers:\n", name)
	for i, image := range images {
		text += fmt.Sprintf("        - name: c%d\n          image: %s\n", i, image)
	}
	return text
}

func digest(letter string) string { return "sha256:" + strings.Repeat(letter, 64) }

// lived is a repository in which everything happens that is counted, and the
// commits at which its window begins and ends.
func lived(t *testing.T) (p *past, at, until string) {
	t.Helper()
	p = newPast(t)
	p.write("README.md", "one\n")
	p.write("apps/dev.yaml", application("dev", "1.0.0"))
	p.write("apps/prod.yaml", application("prod", "1.0.0"))
	p.write("deploy/web.yaml", deployment("web", "ghcr.io/org/web:1.0.0@"+digest("a")))
	p.write("deploy/job.yaml", deployment("job", "ghcr.io/org/job:"+strings.Repeat("1234567890", 4)))
	p.write("deploy/old.yaml", deployment("old", "ghcr.io/org/old:1.0", "ghcr.io/org/tool:2.0.0"))
	p.write("deploy/left.yaml", deployment("left", "ghcr.io/org/web:1.0.0@"+digest("a")))
	p.write("deploy/lib.yaml", deployment("lib", "ghcr.io/org/lib:3.0.0"))
	p.write("deploy/moved.yaml", deployment("moved", "docker.io/org/moved:1.0.0"))
	p.write("deploy/shaky.yaml", deployment("shaky", "ghcr.io/org/shaky:5.0.0"))
	p.write("broken.yaml", "a: [\n")
	p.write(".github/workflows/ci.yml", "jobs:\n  build:\n    steps:\n      - uses: actions/checkout@v3\n")
	p.write(".gitignore", "deploy/lib.yaml\n")
	p.git("add", "-f", "deploy/lib.yaml")
	at = p.commit(person, "begin")

	p.bump(robot, "1.0.0", "1.1.0", "apps/dev.yaml")
	p.bump(robot, "1.1.0", "1.2.0", "apps/dev.yaml")
	p.bump(robot, "1.0.0", "1.2.0", "apps/prod.yaml")
	p.bump(robot, "1.0.0@"+digest("a"), "1.1.0@"+digest("b"), "deploy/web.yaml")
	// What stands before it moves it down its list, and that is no update.
	p.bump(person, "      containers:\n", "      containers:\n        - name: proxy\n          image: ghcr.io/org/proxy:7.0.0\n", "deploy/web.yaml")
	p.bump(robot, "ghcr.io/org/web:1.1.0@"+digest("b"), "ghcr.io/org/web:1.2.0@"+digest("c"), "deploy/web.yaml")
	p.bump(robot, "proxy:7.0.0", "proxy:7.1.0", "deploy/web.yaml")
	p.bump(robot, strings.Repeat("1234567890", 4), strings.Repeat("abcdef0123", 4), "deploy/job.yaml")
	p.git("mv", "deploy/old.yaml", "deploy/renamed.yaml")
	p.commit(person, "a better name")
	p.bump(robot, "old:1.0", "old:1.1", "deploy/renamed.yaml")
	p.bump(person, "tool:2.0.0", "tool:2.1.0", "deploy/renamed.yaml")
	p.bump(robot, "lib:3.0.0", "lib:3.1.0", "deploy/lib.yaml")
	p.bump(person, "lib:3.1.0", "lib:3.2.0", "deploy/lib.yaml")
	p.bump(person, "docker.io/org/moved:1.0.0", "quay.io/org/moved:1.0.0", "deploy/moved.yaml")
	p.bump(robot, "moved:1.0.0", "moved:1.1.0", "deploy/moved.yaml")
	p.bump(robot, "shaky:5.0.0", "shaky:5.1.0", "deploy/shaky.yaml")
	p.bump(robot, "shaky:5.1.0", "shaky:4.9.0", "deploy/shaky.yaml")
	p.bump(robot, "checkout@v3", "checkout@v4", ".github/workflows/ci.yml")
	until = p.bump(robot, "one", "two", "README.md")
	p.bump(robot, "1.2.0", "2.0.0", "apps/dev.yaml")
	return p, at, until
}

func backtest(t *testing.T, o options) string {
	t.Helper()
	if o.bot == "" {
		o.bot = bots
	}
	if o.ref == "" {
		o.ref = "HEAD"
	}
	var out bytes.Buffer
	if err := run(t.Context(), o, &out); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func TestCounts(t *testing.T) {
	t.Parallel()
	p, at, until := lived(t)
	want := `window        2024-03-03 to 2024-03-21: 19 commits, 14 of the bot (1 of those touch nothing that is read)
start         10 pins, 1 problems
snapshot      10 artifacts, 23 versions
really made   7 updates of pins that were there at the start, in 11 steps (besides: 1 of pins that came later, 1 lowered)
proposed      5 of 7 (71.4%)
  4           to the same version
  1           to a newer version
not proposed  2
  1           a commit: commits are not ordered
  1           another artifact had taken its place
extra         3
  1           left as it was; elsewhere the bot brought the newer version
  1           people updated it; proposed to the same version
  1           the bot lowered it
no pin        1 values that the bot updated stand where nothing reads a version
  1           GitHub's own files: uses
pulls         6, whose edits can be made in 6
`
	got := backtest(t, options{repo: p.dir, at: at, until: until})
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("counts (-want +got):\n%s", diff)
	}
}

func TestRepositorysOwnRules(t *testing.T) {
	t.Parallel()
	p, at, until := lived(t)
	rules := filepath.Join(t.TempDir(), "rules.yaml")
	if err := os.WriteFile(rules, []byte("version: 1\nupdates:\n  - match: {kinds: [image]}\n    allow: patch\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	got := backtest(t, options{repo: p.dir, at: at, until: until, config: rules, verbose: true})
	for _, line := range []string{
		"proposed      2 of 7 (28.6%)\n",
		"  3           held: a minor update, at most patch is allowed\n",
		"apps/dev.yaml:9 chart https://charts.example.com cache: 1.0.0 -> 1.2.0 (",
		"; proposed 1.2.0\n",
	} {
		if !strings.Contains(got, line) {
			t.Errorf("the result lacks %q:\n%s", line, got)
		}
	}
}

func TestWindow(t *testing.T) {
	t.Parallel()
	p, _, _ := lived(t)
	// The end of the third day of March has seen the beginning, and one bump.
	got := backtest(t, options{repo: filepath.Join(p.dir, ".git"), at: "2024-03-03", until: "2024-03-04"})
	if want := "window        2024-03-03 to 2024-03-03: 1 commits, 1 of the bot"; !strings.HasPrefix(got, want) {
		t.Errorf("got %q, want it to begin with %q", got, want)
	}
}

func TestBadWindow(t *testing.T) {
	t.Parallel()
	p, at, _ := lived(t)
	for _, c := range []struct {
		o    options
		want string
	}{
		{options{}, "-at: write"},
		{options{at: "yesterday"}, `"yesterday" is neither a commit nor a date`},
		{options{at: "2020-01-01"}, "has no commit before 2020-01-01"},
		{options{at: at, until: at}, "no commit of HEAD is between"},
		{options{at: at, bot: "("}, "-bot: "},
	} {
		c.o.repo, c.o.ref = p.dir, "HEAD"
		err := run(t.Context(), c.o, &bytes.Buffer{})
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: got error %v, want one with %q", c.o, err, c.want)
		}
	}
}
