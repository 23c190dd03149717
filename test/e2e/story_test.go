package e2e

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
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
	cmd := exec.CommandContext(ctx, "nice", "-n", "19", "go", "build", "-o", p.path, "./cmd/promoter")
	cmd.Dir = filepath.Join(here, "..", "..")
	if said, err := cmd.CombinedOutput(); err != nil {
		return p, fmt.Errorf("build the product: %w: %s", err, said)
	}
	return p, nil
}

// Story is one test's part of the world: a repository and namespaces of its own.
type Story struct {
	*testing.T
	World   *World
	Product Product
	Name    string // also what its namespaces, applications and charts begin with
	Repo    *Repository
	Dir     string // of the product's caches and logs
	Began   time.Time

	promoter *Process
	seen     map[string]bool
}

// Tell begins a story.
func Tell(t *testing.T, w *World, p Product, name string) *Story {
	t.Helper()
	s := &Story{T: t, World: w, Product: p, Name: name, Dir: filepath.Join(w.Dir, "stories", name), Began: time.Now(), seen: map[string]bool{}}
	s.Must(os.MkdirAll(s.Dir, 0o755))
	t.Cleanup(func() {
		s.Halt()
		if t.Failed() {
			s.Explain()
			t.Logf("logs are in %s and %s", s.Dir, w.logs)
		}
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
		"PROMOTER_TOKEN=" + w.Forge.Bot, "ARGOCD_TOKEN=" + w.Argo.Token, "KUBECONFIG=" + w.Kubeconfig,
	}}
}

// Serve starts Promoter, to stay.
func (s *Story) Serve() {
	s.Helper()
	p, err := StartProcess(s.Dir, s.command("serve", "--repo", s.Repo.URL, "--listen", "", "--poll", "3s", "--lookup", "5s"))
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

// Kill ends Promoter at once, wherever it is.
func (s *Story) Kill() {
	s.promoter.Kill()
	s.promoter = nil
}

// Run runs Promoter once, and returns what it said.
func (s *Story) Run(verb string, args ...string) (string, error) {
	c := s.command(append([]string{verb, "--remote", s.Repo.URL}, args...)...)
	cmd := exec.CommandContext(s.Context(), "nice", append([]string{"-n", "19", c.Path}, c.Args...)...)
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
