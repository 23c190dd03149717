package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"promoter/test/world/argocd"
)

// watch measures an engine that watches Argo CD while questions are open. The
// server is in this process, the engine in one of its own.
func watch(ctx context.Context, args []string, out io.Writer) error {
	f := flag.NewFlagSet("watch", flag.ContinueOnError)
	sizes := f.String("apps", "100,1000,10000", "how many Applications there are")
	apps := f.Int("asked", 24, "how many of them a look is about")
	kube := f.Bool("kube", false, "read resources through a kubeconfig instead of the API")
	looks := f.Int("looks", 5, "looks of each sort; the row is their mean")
	share := f.Float64("changed", 0.1, "part of the Applications that change from one look to the next")
	if err := f.Parse(args); err != nil {
		return err
	}
	heading(out, "Applications, look")
	for field := range strings.SplitSeq(*sizes, ",") {
		n, err := strconv.Atoi(field)
		if err != nil || n < *apps {
			return fmt.Errorf("-apps %q: write numbers that are no smaller than -asked", field)
		}
		if err := watchOne(ctx, out, n, *apps, *looks, *share, *kube); err != nil {
			return fmt.Errorf("%d applications: %w", n, err)
		}
	}
	return nil
}

// tower is a served Argo CD, with a clock that moves between looks.
type tower struct {
	server *argocd.Server
	meter  meter
	mu     sync.Mutex
	now    time.Time
}

func (t *tower) read() time.Time { t.mu.Lock(); defer t.mu.Unlock(); return t.now }

func (t *tower) pass(d time.Duration) { t.mu.Lock(); defer t.mu.Unlock(); t.now = t.now.Add(d) }

func newTower(apps int) *tower {
	t := &tower{server: argocd.New(), now: mergedAt.Add(10 * time.Minute)}
	t.server.Now = t.read
	t.server.Hooks.Refresh = func(k argocd.Key, _ string) { t.reconcile(k) }
	for i := range apps {
		t.server.Set(application(i, commitOf(0), mergedAt))
	}
	return t
}

// reconcile is what Argo CD does to every Application every few minutes.
func (t *tower) reconcile(k argocd.Key) {
	t.server.Update(k, func(a *argocd.Application) {
		delete(a.Metadata.Annotations, argocd.RefreshAnnotation)
		a.Status.ReconciledAt = argocd.At(t.read().Add(time.Second))
	})
}

func watchOne(ctx context.Context, out io.Writer, n, apps, looks int, share float64, kube bool) error {
	t := newTower(n)
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { t.meter.serve(w, r, t.server) }))
	defer web.Close()
	defer t.server.CutStreams()
	flags := []string{"engine", "-server", web.URL}
	if kube {
		dir, err := os.MkdirTemp("", "big-watch-")
		if err != nil {
			return err
		}
		defer os.RemoveAll(dir)
		file := filepath.Join(dir, "config")
		if err := os.WriteFile(file, kubeconfig(web.URL), 0o600); err != nil {
			return err
		}
		flags = []string{"engine", "-kubeconfig", file}
	}
	e, err := start(ctx, flags...)
	if err != nil {
		return err
	}
	defer e.stop()
	first, _, err := e.look(t, 0, apps)
	if err != nil {
		return err
	}
	first.row(out, "%d, the first", n)
	for _, sort := range []struct {
		name   string
		change int
	}{{"again", 0}, {fmt.Sprintf("%.0f %% changed", 100*share), int(share * float64(n))}} {
		var sum cost
		for i := range looks {
			t.pass(30 * time.Second)
			for j := range sort.change {
				t.reconcile(argocd.Key{Namespace: "argocd", Name: appName((i*sort.change + j) % n)})
			}
			c, said, err := e.look(t, 0, apps)
			if err != nil {
				return err
			}
			if said.Outcomes["converged"] != apps {
				return fmt.Errorf("not all have converged: %v, %s", said.Outcomes, said.Reason)
			}
			sum.Wall, sum.CPU, sum.Peak = sum.Wall+c.Wall, sum.CPU+c.CPU, c.Peak
			sum.Requests, sum.Bytes = sum.Requests+c.Requests, sum.Bytes+c.Bytes
		}
		k := float64(looks)
		sum.Wall, sum.CPU, sum.Requests, sum.Bytes = sum.Wall/k, sum.CPU/k, sum.Requests/int64(looks), sum.Bytes/int64(looks)
		sum.row(out, "%d, %s", n, sort.name)
	}
	return nil
}

// watcher is the engine's process.
type watcher struct {
	cmd   *exec.Cmd
	in    io.WriteCloser
	lines *bufio.Scanner
	cpu   float64  // when the last look had ended
	mark  [2]int64 // likewise
}

func start(ctx context.Context, args ...string) (*watcher, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	w := &watcher{cmd: exec.CommandContext(ctx, self, args...)}
	w.cmd.Env = append(os.Environ(), asProgram+"=1")
	w.cmd.Stderr = os.Stderr
	if w.in, err = w.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	pipe, err := w.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	w.lines = bufio.NewScanner(pipe)
	return w, w.cmd.Start()
}

func (w *watcher) stop() {
	_ = w.in.Close()
	_ = w.cmd.Wait() // how it ends is of no matter: it has told what it had to
}

// look has the engine look once. The cost is of all since the look before, so
// that what came over the watch in between is in it.
func (w *watcher) look(t *tower, first, apps int) (cost, told, error) {
	var said told
	if err := json.NewEncoder(w.in).Encode(asked{t.read(), first, apps}); err != nil {
		return cost{}, said, err
	}
	if !w.lines.Scan() {
		return cost{}, said, errors.Join(errors.New("the engine's process has ended"), w.lines.Err())
	}
	if err := json.Unmarshal(w.lines.Bytes(), &said); err != nil {
		return cost{}, said, err
	}
	c := cost{Wall: said.Wall, CPU: said.CPU - w.cpu, Peak: said.Peak}
	t.meter.since(w.mark, &c)
	w.cpu, w.mark = said.CPU, t.meter.mark()
	return c, said, nil
}

func kubeconfig(server string) []byte {
	return fmt.Appendf(nil, `apiVersion: v1
kind: Config
current-context: here
contexts: [{name: here, context: {cluster: here, user: me}}]
clusters: [{name: here, cluster: {server: %q}}]
users: [{name: me, user: {}}]
`, server)
}
