package gitea_test

import (
	"fmt"
	"net/http"
	"sync/atomic"
	"testing"

	"golang.org/x/sync/errgroup"

	"promoter/gitops"
	"promoter/gitops/forgetest"
	"promoter/gitops/gitea"
)

// counting counts the requests that pass.
type counting struct{ n, writes atomic.Int64 }

func (c *counting) RoundTrip(req *http.Request) (*http.Response, error) {
	c.n.Add(1)
	if req.Method != http.MethodGet {
		c.writes.Add(1)
	}
	return http.DefaultTransport.RoundTrip(req)
}

// BenchmarkOpen opens 19 pulls with a label, an assignee and a reviewer on a
// real Gitea. Their branches are there.
func BenchmarkOpen(b *testing.B) {
	for _, atOnce := range []int{1, 4} {
		b.Run(fmt.Sprint(atOnce, "-at-once"), func(b *testing.B) { open(b, atOnce) })
	}
}

func open(b *testing.B, atOnce int) {
	const pulls = 19
	g := server(b)
	for _, login := range []string{"ben", "cleo"} {
		if err := g.AddUser(b.Context(), login); err != nil {
			b.Fatal(err)
		}
	}
	count := &counting{}
	b.ResetTimer()
	for i := range b.N {
		b.StopTimer()
		name := fmt.Sprintf("bench-%d-%d", b.N, i)
		if err := g.AddRepo(b.Context(), name, "ben", "cleo"); err != nil {
			b.Fatal(err)
		}
		w := world{&forgetest.Git{URL: g.CloneURL(name)}, g, name}
		f := reach(b, g, name, func(o *gitea.Options) { o.HTTP = &http.Client{Transport: count} })
		var all []gitops.NewPull
		for i := range pulls {
			branch := fmt.Sprintf("promoter/%d", i)
			all = append(all, gitops.NewPull{
				Text: gitops.Text{Title: "Update " + branch, Body: "Why.\n"}, Branch: branch, Base: "main",
				Head:   w.Commit(b, branch, "main", map[string]string{fmt.Sprintf("pins/%d.yaml", i): "version: 2\n"}),
				Labels: []string{"promoter"}, Reviewers: []string{"ben"}, Assignees: []string{"cleo"},
			})
		}
		b.StartTimer()
		var group errgroup.Group
		group.SetLimit(atOnce)
		for _, n := range all {
			group.Go(func() error {
				_, err := f.Open(b.Context(), n)
				return err
			})
		}
		if err := group.Wait(); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(b.Elapsed().Seconds()*1000/float64(b.N*pulls), "ms/pull")
	b.ReportMetric(float64(count.n.Load())/float64(b.N*pulls), "calls/pull")
	b.ReportMetric(float64(count.writes.Load())/float64(b.N*pulls), "writes/pull")
}

// BenchmarkIdleLook looks at 19 pulls that nothing has happened to.
func BenchmarkIdleLook(b *testing.B) {
	g := server(b)
	if err := g.AddRepo(b.Context(), "idle"); err != nil {
		b.Fatal(err)
	}
	w := world{&forgetest.Git{URL: g.CloneURL("idle")}, g, "idle"}
	count := &counting{}
	f := reach(b, g, "idle", func(o *gitea.Options) { o.HTTP = &http.Client{Transport: count} })
	for i := range 19 {
		branch := fmt.Sprintf("promoter/%d", i)
		head := w.Commit(b, branch, "main", map[string]string{branch: "version: 2\n"})
		if _, err := f.Open(b.Context(), gitops.NewPull{Text: gitops.Text{Title: branch}, Branch: branch, Head: head, Base: "main"}); err != nil {
			b.Fatal(err)
		}
	}
	before := count.n.Load()
	for b.Loop() {
		if list, err := f.Pulls(b.Context(), "main", "promoter/"); err != nil || len(list) != 19 {
			b.Fatal(len(list), err)
		}
	}
	b.ReportMetric(float64(count.n.Load()-before)/float64(b.N), "calls/look")
}
