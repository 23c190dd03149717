package e2e

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// Product is the program that the stories are about.
type Product struct{ path string }

// BuildProduct builds the product of this checkout.
func BuildProduct(ctx context.Context, dir string) (Product, error) {
	here, err := moduleDir(ctx)
	if err != nil {
		return Product{}, err
	}
	p := Product{filepath.Join(dir, "promoter")}
	cmd := exec.CommandContext(ctx, "go", "build", "-o", p.path, "./cmd/promoter")
	cmd.Dir = filepath.Join(here, "..", "..")
	if said, err := cmd.CombinedOutput(); err != nil {
		return p, fmt.Errorf("build the product: %w: %s", err, said)
	}
	return p, nil
}

// patience is how long a step of a story may take at the most, on a machine that
// has much else to do. None takes more than a minute or two on two idle cores.
const patience = 7 * time.Minute

// Story is one test's part of the world: a repository and namespaces of its own.
type Story struct {
	*testing.T
	World   *World
	Product Product
	Number  int    // that it has among those that must be told
	Name    string // also what its namespaces, applications and charts begin with
	Repo    *Repository
	Dir     string // of the product's caches and logs
	Token   string // of Promoter's account in Argo CD
	Began   time.Time

	listen   string // where Promoter tells its metrics
	promoter *Process
	seen     map[string]bool
}

// slots are for stories that are told beside each other: more of them only get
// in each other's way on two cores.
var slots = make(chan struct{}, 4)

// Tell begins a story.
func Tell(t *testing.T, number int, name string) *Story {
	t.Helper()
	slots <- struct{}{}
	t.Cleanup(func() { <-slots })
	return tellBeside(t, number, name)
}

// tellBeside begins a story that mostly waits, beside as many others as there
// are.
func tellBeside(t *testing.T, number int, name string) *Story {
	t.Helper()
	s := &Story{T: t, World: world, Product: product, Number: number, Name: name, Dir: filepath.Join(world.Dir, "stories", name), Token: world.Argo.Token, Began: time.Now(), seen: map[string]bool{}}
	s.Must(os.MkdirAll(s.Dir, 0o755))
	var err error
	s.listen, err = world.ports.next()
	s.Must(err)
	t.Cleanup(func() {
		if t.Failed() {
			s.Explain()
			s.row("FAILED")
			t.Logf("logs are in %s and %s", s.Dir, world.logs)
		}
		s.Halt()
	})
	return s
}

// Must fails the story on an error.
func (s *Story) Must(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}

// Says logs a line with the time since the story began.
func (s *Story) Says(format string, args ...any) {
	s.Helper()
	s.Logf("%6.1fs %s", time.Since(s.Began).Seconds(), fmt.Sprintf(format, args...))
}

// Namespaces makes namespaces whose metrics Prometheus collects.
func (s *Story) Namespaces(names ...string) {
	s.Helper()
	for _, n := range names {
		s.Must(s.World.Kube.Apply(s.Context(), "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: "+n+"\n"))
	}
	s.Must(s.World.Traffic.Watch(names...))
}

// Host puts files on the Git host. In them, {{name}} stands for the story's
// name, {{repo}} for the repository's address, {{charts}} for that of the
// story's chart repository, {{registry}}, {{argocd}}, {{prometheus}} and
// {{alertmanager}} for the servers'.
func (s *Story) Host(files map[string]string) {
	s.Helper()
	filled := map[string]string{}
	for name, text := range files {
		filled[name] = s.Fill(text)
	}
	var err error
	s.Repo, err = s.World.AddRepository(s.Context(), s.Name, filled)
	s.Must(err)
}

// Fill puts names and addresses in a text.
func (s *Story) Fill(text string) string {
	w := s.World
	return strings.NewReplacer(
		"{{name}}", s.Name, "{{repo}}", w.Forge.URL+"/"+owner+"/"+s.Name+".git", "{{charts}}", s.ChartsURL(), "{{registry}}", w.Registry,
		"{{argocd}}", w.Argo.URL, "{{prometheus}}", w.Prometheus, "{{alertmanager}}", w.Alertmanager, "{{kubeconfig}}", w.Kubeconfig,
	).Replace(text)
}

// ChartsURL is the address of the story's chart repository.
func (s *Story) ChartsURL() string { return s.World.Site + "/charts/" + s.Name }

// Publish publishes versions in the story's chart repository.
func (s *Story) Publish(charts ...Chart) {
	s.Helper()
	s.Must(s.World.Charts.Add(s.Name, charts...))
	for _, c := range charts {
		s.Says("%s %s (%s) is published", c.Name, c.Version, c.App)
	}
}

func (s *Story) command(args ...string) Command {
	w := s.World
	args = append(args, "--forge", "gitea", "--forge-url", w.Forge.URL, "--cache-dir", filepath.Join(s.Dir, "cache"))
	return Command{Name: "promoter-" + s.Name, Path: s.Product.path, Args: args, Dir: s.Dir, Env: []string{
		"HOME=" + s.Dir, "XDG_CACHE_HOME=" + filepath.Join(s.Dir, "home"), "GIT_CONFIG_NOSYSTEM=1",
		"PROMOTER_TOKEN=" + w.Forge.Bot, "ARGOCD_TOKEN=" + s.Token, "KUBECONFIG=" + w.Kubeconfig, mark + "=" + w.Dir,
	}}
}

// Serve starts Promoter, to stay.
func (s *Story) Serve() {
	s.Helper()
	p, err := StartProcess(s.Dir, s.command("serve", "--repo", s.Repo.URL, "--listen", s.listen, "--poll", "3s", "--lookup", "5s"))
	s.Must(err)
	s.promoter = p
}

// Halt stops Promoter, if it runs.
func (s *Story) Halt() {
	if s.promoter != nil {
		s.promoter.Stop()
		s.promoter = nil
	}
}

// looks is how often Promoter has looked since it was started, whatever came of it.
func (s *Story) looks() (int, error) {
	req, err := http.NewRequestWithContext(s.Context(), http.MethodGet, "http://"+s.listen+"/metrics", nil)
	if err != nil {
		return 0, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return 0, err
	}
	looks := 0
	for line := range strings.Lines(string(text)) {
		if !strings.HasPrefix(line, "promoter_look_seconds_count{") {
			continue
		}
		_, number, _ := strings.Cut(line, "} ")
		n, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
		if err != nil {
			return 0, err
		}
		looks += int(n)
	}
	return looks, nil
}

// LooksAgain waits until Promoter has looked so many times more, and has
// something checked meanwhile: what it has not done by then it does not do for
// what it sees.
func (s *Story) LooksAgain(times int, check func()) {
	s.Helper()
	from := -1
	s.Until(patience, fmt.Sprintf("Promoter has looked %d times more", times), func() (bool, error) {
		now, err := s.looks()
		if err != nil {
			return false, err
		}
		if from < 0 {
			from = now + 1 // the look that is under way may have seen what was before
		}
		check()
		return now >= from+times, nil
	})
}

// Kill ends Promoter at once, wherever it is.
func (s *Story) Kill() {
	s.promoter.Kill()
	s.promoter = nil
}

// Run runs Promoter once, and returns what it said.
func (s *Story) Run(verb string, args ...string) (string, error) {
	c := s.command(append([]string{verb, "--remote", s.Repo.URL}, args...)...)
	cmd := exec.CommandContext(s.Context(), c.Path, c.Args...)
	cmd.Dir, cmd.Env = c.Dir, append([]string{"PATH=" + os.Getenv("PATH")}, c.Env...)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// Explain logs what Promoter says that everything waits for.
func (s *Story) Explain() {
	if s.Repo == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(s.Context()), time.Minute)
	defer cancel()
	c := s.command("explain", "--remote", s.Repo.URL)
	cmd := exec.CommandContext(ctx, c.Path, c.Args...)
	cmd.Dir, cmd.Env = c.Dir, append([]string{"PATH=" + os.Getenv("PATH")}, c.Env...)
	out, err := cmd.CombinedOutput()
	s.Logf("promoter explain (%v):\n%s", err, out)
	if s.promoter != nil {
		s.Logf("promoter serve:\n%s", tail(s.promoter.Log, 4000))
	}
}

// Until waits until something is so, and meanwhile says what is new on the Git
// host. It fails after so long, or when a server or Promoter has ended.
func (s *Story) Until(most time.Duration, what string, is func() (bool, error)) {
	s.Helper()
	var last error
	err := poll(s.Context(), most, 500*time.Millisecond, func() error {
		s.news()
		if err := s.World.Alive(); err != nil {
			last = err
			return nil
		}
		if s.promoter != nil {
			if err := s.promoter.Alive(); err != nil {
				last = err
				return nil
			}
		}
		ok, err := is()
		if err == nil && !ok {
			err = fmt.Errorf("it is not so that %s", what)
		}
		return err
	})
	if last != nil {
		s.Fatal(last)
	}
	if err != nil {
		s.Fatalf("%6.1fs %v", time.Since(s.Began).Seconds(), err)
	}
	s.Says("%s", what)
}

// news says what is new on the Git host.
func (s *Story) news() {
	pulls, err := s.Repo.Pulls(s.Context())
	if err != nil {
		return
	}
	once := func(key, format string, args ...any) {
		if !s.seen[key] {
			s.seen[key] = true
			s.Says(format, args...)
		}
	}
	for _, p := range pulls {
		once(fmt.Sprint("open ", p.Number), "#%d is open: %s", p.Number, p.Title)
		if p.Merged {
			once(fmt.Sprint("merged ", p.Number), "#%d is merged", p.Number)
			statuses, err := s.Repo.Statuses(s.Context(), p.MergeCommitSHA)
			if err != nil {
				continue
			}
			for _, st := range statuses {
				once(fmt.Sprint(p.Number, st.Context, st.Status, st.Description), "#%d has status %s %s: %s", p.Number, st.Context, st.Status, st.Description)
			}
		} else if p.State == "closed" {
			once(fmt.Sprint("closed ", p.Number), "#%d is closed", p.Number)
		}
	}
	issues, err := s.Repo.Issues(s.Context())
	if err != nil {
		return
	}
	for _, i := range issues {
		once(fmt.Sprint("issue ", i.Number, i.State), "issue %d is %s: %s", i.Number, i.State, i.Title)
	}
}
