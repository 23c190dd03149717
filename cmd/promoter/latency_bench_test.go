package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"promoter/gitops/loop"
	"promoter/gitops/webhook"
	"promoter/promoter"
	"promoter/test/world"
	"promoter/test/world/delivery"
	"promoter/test/world/forge"
)

// BenchmarkMergeAfter measures serve's loop by the wall's clock: how long after
// the last thing that a merge waited for became true the forge is asked to
// merge. A wave of dev waits for a person's approval, which a webhook tells of;
// the wave after it for the end of the dwell, which nobody tells of. The dwell
// is not in it. An iteration is one change through both.
func BenchmarkMergeAfter(b *testing.B) {
	var approved, dwelt []time.Duration
	for done := 0; done < b.N; {
		// The forge's limits let a dozen changes a minute through.
		b.StopTimer()
		r := newRace(b, min(10, b.N-done))
		b.StartTimer()
		for i := range r.changes {
			r.run(i)
		}
		b.StopTimer()
		r.stop()
		done += r.changes
		approved, dwelt = append(approved, r.approved...), append(dwelt, r.dwelt...)
	}
	quantiles(b, "approval", approved)
	quantiles(b, "dwell", dwelt)
}

// race is a world in which changes follow each other.
type race struct {
	*testing.B
	changes  int
	hosted   *world.Hosted
	world    *world.World
	stop     func()
	mu       sync.Mutex
	merged   map[string]time.Time // when the forge was asked to, by branch
	due      map[string]time.Time // when waiting alone lets a subject go on, as last said
	changed  chan struct{}
	approved []time.Duration
	dwelt    []time.Duration
}

// raceDwell is longer than a loop leaves between two looks at least.
const raceDwell = 3 * time.Second

func newRace(b *testing.B, changes int) *race {
	b.Helper()
	r := &race{B: b, changes: changes, merged: map[string]time.Time{}, due: map[string]time.Time{}, changed: make(chan struct{}, 1)}
	var err error
	if r.world, err = world.Start(nil); err != nil {
		b.Fatal(err)
	}
	dir := b.TempDir()
	sample := filepath.Join(dir, "sample")
	if err := r.write(sample); err != nil {
		b.Fatal(err)
	}
	if r.hosted, err = r.world.Host(sample, filepath.Join(dir, "gitops")); err != nil {
		b.Fatal(err)
	}
	if err := r.hosted.Allow("ana", "write"); err != nil {
		b.Fatal(err)
	}
	_, err = r.world.Deliver(r.hosted, world.Behaviour{Timing: delivery.Timing{Notice: 10 * time.Millisecond, Sync: 100 * time.Millisecond, Progress: 100 * time.Millisecond}})
	if err != nil {
		b.Fatal(err)
	}
	r.hosted.Server.SetFront(r.front)
	b.Setenv(world.ArgoTokenName, world.ArgoToken)
	r.serve(dir)
	return r
}

// write writes a repository of so many applications in two environments.
func (r *race) write(dir string) error {
	var config strings.Builder
	fmt.Fprintf(&config, "version: 1\nenvironments:\n  - {name: dev, paths: [\"**/dev.yaml\"], clusters: [dev]}\n  - {name: prod, paths: [\"**/prod.yaml\"], clusters: [prod]}\nwaves:\n  - {name: dev, environments: [dev]}\n  - {name: prod, environments: [prod]}\n")
	fmt.Fprintf(&config, "classes:\n  - {class: C2, match: {environments: [dev]}}\npolicies:\n  C2: {merge: approval, approvals: {count: 1}}\n  C3: {merge: automatic}\npulls: {maxOpen: 1000}\n")
	fmt.Fprintf(&config, "sources:\n  allowPrivate: [127.0.0.1]\n  mirrors:\n    - {from: \"https://charts.example.com\", to: %q}\ndelivery:\n  argocd:\n    - {name: main, server: %q, tokenFrom: %s, plain: true}\n  dwell: %s\n", r.world.Charts, r.world.ArgoCD, world.ArgoTokenName, raceDwell)
	files := map[string]string{"promoter.yaml": config.String()}
	for i := range r.changes {
		chart := subject(i)
		for _, v := range []string{"1.0.0", "1.1.0"} {
			r.world.Publish(world.Chart{Name: chart, Version: v, AppVersion: v, Created: time.Now().Add(-240 * time.Hour)})
		}
		for _, env := range []string{"dev", "prod"} {
			files["apps/"+chart+"/"+env+".yaml"] = fmt.Sprintf("apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {name: %[1]s-%[2]s, namespace: argocd}\nspec:\n  project: shop\n  source: {repoURL: https://charts.example.com, chart: %[1]s, targetRevision: 1.0.0}\n  destination: {name: %[2]s, namespace: %[1]s}\n  syncPolicy: {automated: {prune: true, selfHeal: true}}\n", chart, env)
		}
	}
	for name, text := range files {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			return err
		}
	}
	return nil
}

func subject(i int) string { return fmt.Sprintf("service%03d", i) }

// front notes when the forge is asked to merge.
func (r *race) front(w http.ResponseWriter, q *http.Request, next http.Handler) {
	if q.Method == http.MethodPut && strings.HasSuffix(q.URL.Path, "/merge") {
		at, number := time.Now(), 0
		_, rest, _ := strings.Cut(q.URL.Path, "/pulls/")
		if _, err := fmt.Sscan(strings.TrimSuffix(rest, "/merge"), &number); err == nil {
			for _, p := range r.hosted.Pulls() {
				if p.Number == number {
					r.note(func() { r.merged[p.Title] = at })
				}
			}
		}
	}
	next.ServeHTTP(w, q)
}

func (r *race) note(change func()) {
	r.mu.Lock()
	change()
	r.mu.Unlock()
	select {
	case r.changed <- struct{}{}:
	default:
	}
}

// until waits for something to be noted.
func (r *race) until(what string, is func() bool) {
	r.Helper()
	deadline := time.After(time.Minute)
	for {
		r.mu.Lock()
		ok := is()
		r.mu.Unlock()
		if ok {
			return
		}
		select {
		case <-r.changed:
		case <-deadline:
			r.Fatalf("not within a minute: %s", what)
		}
	}
}

// serve is what `promoter serve` does with one repository.
func (r *race) serve(dir string) {
	r.Helper()
	ctx, stop := context.WithCancel(context.Background())
	s := &server{log: slog.New(slog.DiscardHandler), stderr: io.Discard, metrics: newMetrics()}
	w, err := openWorkshopOn(ctx, thisMachine(), &access{
		kind: "github", api: r.hosted.API(), owner: "shop", name: "gitops", remote: r.hosted.CloneURL(""), token: world.Token, mirrors: filepath.Join(dir, "mirrors"),
	}, surveyFlags{root: dir, cache: filepath.Join(dir, "cache")}, io.Discard)
	if err != nil {
		r.Fatal(err)
	}
	w.follow.fresh = 15 * time.Minute
	l := loop.New(loop.Options{Look: func(ctx context.Context) (loop.Report, error) {
		_, d, err := w.settle(ctx, func(x done) {
			s.metrics.acted("shop/gitops", x)
			if x.err != nil {
				r.Error(x.err)
			}
		})
		r.note(func() {
			for _, line := range d.Lines {
				if line.Environment == "dev" && line.Status == promoter.Verifying {
					r.due[line.Subject] = line.Until
				}
			}
		})
		return loop.Report{Wake: d.Wake}, err
	}})
	w.hint = l.Hint
	h, err := webhook.New(webhook.Options{Secrets: [][]byte{[]byte(webhookSecret)}, Hint: func(webhook.Hint) { l.Hint() }})
	if err != nil {
		r.Fatal(err)
	}
	hooks := httptest.NewServer(h)
	r.hosted.AddHook(forge.Hook{URL: hooks.URL, Secret: webhookSecret})
	ended := make(chan error, 1)
	go func() { ended <- l.Run(ctx) }()
	r.stop = func() {
		stop()
		if err := <-ended; err != nil {
			r.Error(err)
		}
		w.close()
		hooks.Close()
		r.world.Close()
	}
}

// run brings one change through both waves.
func (r *race) run(i int) {
	r.Helper()
	number, title := 0, fmt.Sprintf("dev: %s 1.0.0 -> 1.1.0", subject(i))
	eventually(r, title+" is open", time.Minute, func() bool {
		for _, p := range r.hosted.Pulls() {
			if p.Title == title {
				number = p.Number
			}
		}
		return number > 0
	})
	asked := time.Now()
	if err := r.hosted.Review(number, "ana", "APPROVED"); err != nil {
		r.Fatal(err)
	}
	r.until("a merge of "+title, func() bool { return !r.merged[title].IsZero() })
	next := fmt.Sprintf("prod: %s 1.0.0 -> 1.1.0", subject(i))
	r.until("a merge of "+next, func() bool { return !r.merged[next].IsZero() })
	r.mu.Lock()
	defer r.mu.Unlock()
	r.approved = append(r.approved, r.merged[title].Sub(asked))
	if due := r.due[subject(i)]; !due.IsZero() {
		r.dwelt = append(r.dwelt, r.merged[next].Sub(due))
	}
}

func quantiles(b *testing.B, what string, all []time.Duration) {
	if len(all) == 0 {
		return
	}
	slices.Sort(all)
	b.ReportMetric(float64(all[len(all)/2].Milliseconds()), what+"-p50-ms")
	b.ReportMetric(float64(all[len(all)*99/100].Milliseconds()), what+"-p99-ms")
	b.ReportMetric(float64(len(all)), what+"-samples")
}
