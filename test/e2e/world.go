package e2e

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
)

// World is everything that was started.
type World struct {
	Dir        string // holds data, logs and clones
	Kubeconfig string
	Kube       *Kube
	Argo       *Argo
	Forge      *Forge
	Charts     *Charts
	Traffic    *Traffic

	Site         string // URL: chart repositories below /charts/, metrics below /metrics/
	Registry     string // host:port
	Prometheus   string // URL
	Alertmanager string // URL

	Took []Taken // by each part, in the order of the start

	ports        ports
	certificates certificates
	api          string // host:port of the API server
	binaries     map[string]string
	tools        string // folder with what Argo CD calls: helm, kustomize
	logs         string
	targets      string // file with what Prometheus scrapes

	mu        sync.Mutex
	peak      int64 // of the memory of all
	processes map[string]*Process
	commands  map[string]Command
	order     []string
	closers   []func()
}

// Taken is how long a part took to start.
type Taken struct {
	Part string
	Time time.Duration
}

// Build builds what is not in the cache yet. It says what it does.
func Build(ctx context.Context) error {
	here, err := moduleDir(ctx)
	if err != nil {
		return err
	}
	for _, script := range []string{filepath.Join(here, "servers", "build.sh"), filepath.Join(here, "..", "realforge", "gitea.sh")} {
		cmd := exec.CommandContext(ctx, script, "build")
		cmd.Stdout, cmd.Stderr = os.Stderr, os.Stderr
		cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
		cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM) } // with its compilers
		if err := cmd.Run(); err != nil {
			return fmt.Errorf("run %s build: %w", script, err)
		}
	}
	return nil
}

func moduleDir(ctx context.Context) (string, error) {
	out, err := exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Dir}}").Output()
	if err != nil {
		return "", fmt.Errorf("find the module's folder: %w", err)
	}
	return strings.TrimSpace(string(out)), nil
}

// Start starts a world whose data and logs are in a folder. What it has started
// ends with Stop, or with this process.
func Start(ctx context.Context, dir string) (*World, error) {
	w := &World{Dir: dir, logs: filepath.Join(dir, "logs"), processes: map[string]*Process{}, commands: map[string]Command{}, Charts: &Charts{repos: map[string][]published{}}}
	w.Traffic = &Traffic{world: w, apps: map[string]map[appVersion]counts{}, dark: map[string]bool{}, fail: map[string]float64{}}
	if err := os.Setenv(mark, dir); err != nil {
		return nil, err
	}
	if err := errors.Join(os.MkdirAll(w.logs, 0o755), os.MkdirAll(filepath.Join(dir, "clones"), 0o755)); err != nil {
		return nil, err
	}
	if err := w.find(ctx); err != nil {
		return nil, err
	}
	if err := w.run(ctx); err != nil {
		w.Stop()
		return nil, fmt.Errorf("%w (logs are in %s)", err, w.logs)
	}
	return w, nil
}

// find finds every binary.
func (w *World) find(ctx context.Context) error {
	here, err := moduleDir(ctx)
	if err != nil {
		return err
	}
	w.binaries = map[string]string{}
	scripts := map[string]string{filepath.Join(here, "servers", "build.sh"): "", filepath.Join(here, "..", "realforge", "gitea.sh"): "gitea "}
	for script, prefix := range scripts {
		var said bytes.Buffer
		cmd := exec.CommandContext(ctx, script, "path")
		cmd.Stderr = &said
		out, err := cmd.Output()
		if err != nil {
			return fmt.Errorf("find the servers: %w: %s", err, said.String())
		}
		for line := range strings.Lines(string(out)) {
			if name, path, ok := strings.Cut(strings.TrimSpace(prefix+line), " "); ok {
				w.binaries[name] = path
			}
		}
	}
	w.tools = filepath.Join(w.Dir, "tools")
	if err := os.MkdirAll(w.tools, 0o755); err != nil {
		return err
	}
	for _, name := range []string{"helm", "kustomize"} {
		if err := os.Symlink(w.binary(name), filepath.Join(w.tools, name)); err != nil {
			return err
		}
	}
	return nil
}

func (w *World) binary(name string) string { return w.binaries[name] }

// run starts the parts. What does not need Kubernetes comes up beside it.
func (w *World) run(ctx context.Context) error {
	if err := w.startSite(); err != nil {
		return err
	}
	part := func(name string, f func(context.Context) error) func() error {
		return func() error {
			began := time.Now()
			if err := f(ctx); err != nil {
				return fmt.Errorf("start %s: %w", name, err)
			}
			w.mu.Lock()
			defer w.mu.Unlock()
			w.Took = append(w.Took, Taken{name, time.Since(began).Round(100 * time.Millisecond)})
			return nil
		}
	}
	if err := together(part("Kubernetes", w.startKubernetes), part("Gitea", w.startForge), part("the registry", w.startRegistry)); err != nil {
		return err
	}
	parts := []func() error{part("Argo CD", w.startArgo), part("Prometheus and Alertmanager", w.startMetrics)}
	if w.HasFlux() {
		parts = append(parts, part("Flux", w.startFlux))
	}
	if err := together(parts...); err != nil {
		return err
	}
	w.weigh()
	return nil
}

// weigh notes the most memory that was used at any time.
func (w *World) weigh() {
	ctx, stop := context.WithCancel(context.Background())
	w.onStop(stop)
	go func() {
		for tick := time.NewTicker(5 * time.Second); ; {
			all, _ := w.Memory()
			w.mu.Lock()
			w.peak = max(w.peak, all)
			w.mu.Unlock()
			select {
			case <-ctx.Done():
				tick.Stop()
				return
			case <-tick.C:
			}
		}
	}()
}

// Peak is the most memory that all processes together used, in bytes, by a look
// every five seconds.
func (w *World) Peak() int64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.peak
}

// Logs is the folder with what every server said.
func (w *World) Logs() string { return w.logs }

// HasFlux reports whether Flux was built.
func (w *World) HasFlux() bool { return w.binary(FluxSource) != "" }

func together(parts ...func() error) error {
	errs := make([]error, len(parts))
	var all sync.WaitGroup
	for i, f := range parts {
		all.Go(func() { errs[i] = f() })
	}
	all.Wait()
	return errors.Join(errs...)
}

// startSite serves what is ours: charts and metrics.
func (w *World) startSite() error {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	w.Site = "http://" + l.Addr().String()
	mux := http.NewServeMux()
	mux.Handle("GET /charts/{repository}/{file}", w.Charts)
	mux.Handle("GET /metrics/{namespace}", w.Traffic)
	server := &http.Server{Handler: mux}
	go func() { _ = server.Serve(l) }() // ends when it is closed
	w.onStop(func() { server.Close() })
	return nil
}

// folder makes a folder for a part's data.
func (w *World) folder(name string) (string, error) {
	dir := filepath.Join(w.Dir, "data", name)
	return dir, os.MkdirAll(dir, 0o755)
}

func (w *World) onStop(f func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.closers = append(w.closers, f)
}

// start starts a process of the world.
func (w *World) start(c Command) error {
	p, err := StartProcess(w.logs, c)
	if err != nil {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if !slices.Contains(w.order, c.Name) {
		w.order = append(w.order, c.Name)
	}
	w.processes[c.Name], w.commands[c.Name] = p, c
	return nil
}

// ready waits until a part answers. It gives up at once when a process ended.
func (w *World) ready(ctx context.Context, name string, ask func() error) error {
	var ended error
	err := poll(ctx, 2*time.Minute, 200*time.Millisecond, func() error {
		if ended = w.Alive(); ended != nil {
			return nil
		}
		return ask()
	})
	if err = errors.Join(ended, err); err != nil {
		return fmt.Errorf("wait for %s: %w", name, err)
	}
	return nil
}

// Alive fails when a process has ended that was not stopped.
func (w *World) Alive() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	var errs []error
	for _, p := range w.processes {
		errs = append(errs, p.Alive())
	}
	return errors.Join(errs...)
}

// Halt stops one process of the world.
func (w *World) Halt(name string) {
	w.mu.Lock()
	p := w.processes[name]
	delete(w.processes, name)
	w.mu.Unlock()
	if p != nil {
		p.Stop()
	}
}

// Resume starts a process again that was halted.
func (w *World) Resume(name string) error { return w.start(w.commands[name]) }

// Processes are those that run.
func (w *World) Processes() []*Process {
	w.mu.Lock()
	defer w.mu.Unlock()
	var out []*Process
	for _, name := range w.order {
		if p := w.processes[name]; p != nil {
			out = append(out, p)
		}
	}
	return out
}

// Hang makes a process of the world stand still: it takes connections and
// answers nobody.
func (w *World) Hang(name string) { w.signal(name, syscall.SIGSTOP) }

// Wake lets a process go on that hangs.
func (w *World) Wake(name string) { w.signal(name, syscall.SIGCONT) }

func (w *World) signal(name string, s syscall.Signal) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if p := w.processes[name]; p != nil {
		p.Signal(s)
	}
}

// Break puts a program that only fails in the place of one that Argo CD calls,
// helm or kustomize, until the function that it returns is called.
func (w *World) Break(tool string) (mend func() error, err error) {
	at := filepath.Join(w.tools, tool)
	broken := at + ".broken"
	if err := os.WriteFile(broken, []byte("#!/bin/sh\necho 'it is broken for a while' >&2\nexit 1\n"), 0o755); err != nil {
		return nil, err
	}
	if err := os.Rename(broken, at); err != nil {
		return nil, err
	}
	return func() error {
		if err := os.Symlink(w.binary(tool), broken); err != nil {
			return err
		}
		return os.Rename(broken, at)
	}, nil
}

// Stop stops everything, what was started last first. It returns the names of
// what would have stayed behind, and was ended too.
func (w *World) Stop() (left []string) {
	w.mu.Lock()
	closers := w.closers
	w.closers = nil
	w.mu.Unlock()
	for _, f := range slices.Backward(closers) {
		f()
	}
	for _, p := range slices.Backward(w.Processes()) {
		if p.Name == "etcd" || p.Name == "kube-apiserver" {
			p.Kill() // nobody reads what they would write
			continue
		}
		p.Signal(syscall.SIGTERM)
	}
	for _, p := range w.Processes() {
		p.Stop()
	}
	return w.sweep()
}
