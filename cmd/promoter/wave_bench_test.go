package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"promoter/gitops"
	"promoter/promoter"
	"promoter/test/world"
	"promoter/test/world/delivery"
	"promoter/test/world/forge"
)

// BenchmarkWave brings one release to a wave of 300 clusters, on a forge with
// GitHub's published limits and a clock that waits for nobody: as one pull
// request, and as one for each cluster. An iteration is a whole wave, from its
// first look to its last verdict.
func BenchmarkWave(b *testing.B) {
	for _, split := range []string{"none", "cluster"} {
		b.Run("split="+split, func(b *testing.B) {
			for b.Loop() {
				newFleet(b, 300, split).roll()
			}
		})
	}
}

// armada is a world of one application in many clusters.
type armada struct {
	*testing.B
	clock     *delivery.Clock
	server    *forge.Server
	repo      *forge.Repo
	delivered *world.Delivered
	workshop  *workshop
	clusters  int
}

func newFleet(b *testing.B, clusters int, split string) *armada {
	b.Helper()
	b.StopTimer()
	defer b.StartTimer()
	clock := delivery.NewClock(time.Now().Add(-48*time.Hour).Truncate(time.Minute), 0)
	w, err := world.Start(clock)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(w.Close)
	server, err := forge.Start(forge.Options{
		Now: clock.Now, ContentPerMinute: forge.PublishedContentPerMinute, ContentPerHour: forge.PublishedContentPerHour, PointsPerMinute: forge.PublishedPointsPerMinute,
	})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = server.Close() })
	server.AddToken(world.Token, "promoter", true)
	repo, err := server.Create("shop", "gitops")
	if err != nil {
		b.Fatal(err)
	}
	files := map[string][]byte{}
	var config strings.Builder
	fmt.Fprintf(&config, "version: 1\nenvironments:\n  - {name: \"{cluster}\", paths: [\"clusters/{cluster}/*.yaml\"], clusters: [\"{cluster}\"]}\nwaves:\n  - {name: production, environments: [\"c*\"], split: %s}\n", split)
	fmt.Fprintf(&config, "policies:\n  C3: {merge: automatic}\nupdates:\n  - {match: {artifacts: [redis]}, allow: minor}\npulls: {labels: [promoter], maxOpen: %d}\nsources:\n  allowPrivate: [127.0.0.1]\n  mirrors:\n    - {from: \"https://charts.example.com\", to: %q}\n", clusters, w.Charts)
	fmt.Fprintf(&config, "delivery:\n  argocd:\n    - {name: main, server: %q, tokenFrom: %s, plain: true}\n", w.ArgoCD, world.ArgoTokenName)
	files["promoter.yaml"] = []byte(config.String())
	for i := range clusters {
		name := fmt.Sprintf("c%03d", i)
		files["clusters/"+name+"/sessions.yaml"] = fmt.Appendf(nil, `apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {name: sessions-%[1]s, namespace: argocd}
spec:
  project: shop
  source:
    repoURL: https://charts.example.com
    chart: redis
    targetRevision: 18.2.0
  destination: {name: %[1]s, namespace: sessions}
  syncPolicy:
    automated: {prune: true, selfHeal: true}
`, name)
	}
	if _, err := repo.Commit("ana", repo.Base, "", "The fleet", files); err != nil {
		b.Fatal(err)
	}
	f := &armada{B: b, clock: clock, server: server, repo: repo, clusters: clusters}
	if f.delivered, err = w.Deliver(&world.Hosted{Repo: repo, Server: server}, world.Behaviour{}); err != nil {
		b.Fatal(err)
	}
	dir := b.TempDir()
	secrets := map[string]string{world.ArgoTokenName: world.ArgoToken}
	f.workshop, err = openWorkshopOn(context.Background(), machine{now: clock.Now, getenv: func(n string) string { return secrets[n] }}, &access{
		kind: "github", api: server.API(), owner: "shop", name: "gitops", remote: repo.CloneURL(""), token: world.Token, mirrors: filepath.Join(dir, "mirrors"),
	}, surveyFlags{root: dir, cache: filepath.Join(dir, "cache"), now: clock.Now}, io.Discard)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(f.workshop.close)
	return f
}

// look looks as serve does, and says when to look next.
func (f *armada) look() (acted int, d promoter.Decision, next time.Time) {
	f.Helper()
	f.delivered.Engine.Step()
	var limited *gitops.RateLimited
	all, d, err := f.workshop.settle(context.Background(), func(x done) {
		if x.err != nil && !errors.As(x.err, &limited) {
			f.Error(x.err)
		}
	})
	if err != nil && !errors.As(err, &limited) {
		f.Fatal(err)
	}
	next = f.clock.Now().Add(30 * time.Second) // serve's poll
	if limited != nil {
		next = limited.Until
	} else if d.Wake.After(f.clock.Now()) && d.Wake.Before(next) {
		next = d.Wake
	}
	return len(all), d, next
}

// roll looks until all of the wave has passed.
func (f *armada) roll() {
	f.Helper()
	began, looks := f.clock.Now(), 0
	for passed := 0; passed < f.clusters; looks++ {
		_, d, next := f.look()
		passed = 0
		for _, l := range d.Lines {
			if l.Status == promoter.Passed {
				passed++
			}
		}
		if f.clock.Now().Sub(began) > 20*time.Hour {
			f.Fatalf("only %d have passed", passed)
		}
		f.clock.Pass(next.Sub(f.clock.Now()))
	}
	took, n := f.clock.Now().Sub(began), f.server.Counts()
	pulls := float64(len(f.repo.Pulls()))
	f.ReportMetric(pulls, "pulls")
	f.ReportMetric(float64(n.Content)/pulls, "content/pull")
	f.ReportMetric(float64(n.Statuses)/pulls, "statuses/pull")
	f.ReportMetric(float64(n.Calls)/pulls, "calls/pull")
	f.ReportMetric(float64(n.Refused), "refused")
	f.ReportMetric(float64(n.BusiestMinute), "busiest-minute")
	f.ReportMetric(float64(n.BusiestHour), "busiest-hour")
	f.ReportMetric(took.Minutes(), "virtual-min")
	f.ReportMetric(float64(looks), "looks")
	f.clock.Pass(time.Minute)
	f.look() // whatever is left to be said
	f.server.Forget()
	acted, _, _ := f.look()
	n = f.server.Counts()
	if acted > 0 {
		f.Errorf("an idle look did something %d times", acted)
	}
	f.ReportMetric(float64(n.Calls), "idle-calls")
	f.ReportMetric(float64(n.Calls-n.Unchanged), "idle-changed")
}
