package github_test

import (
	"fmt"
	"testing"

	"promoter/gitops"
	"promoter/test/world/forge"
)

// BenchmarkOpen opens 19 pulls with labels, assignee and reviewers on the
// fake. Their branches are there.
func BenchmarkOpen(b *testing.B) {
	const pulls = 19
	content, calls := 0, 0
	for range b.N {
		b.StopTimer()
		s, r := start(b, forge.Options{})
		f := reach(b, s, nil)
		var all []gitops.NewPull
		for i := range pulls {
			all = append(all, branch(b, r, fmt.Sprintf("promoter/%d", i)))
		}
		s.Forget()
		b.StartTimer()
		for _, n := range all {
			if _, err := f.Open(b.Context(), n); err != nil {
				b.Fatal(err)
			}
		}
		b.StopTimer()
		for _, c := range s.Calls() {
			calls++
			if c.Content {
				content++
			}
		}
		b.StartTimer()
	}
	b.ReportMetric(b.Elapsed().Seconds()*1000/float64(b.N*pulls), "ms/pull")
	b.ReportMetric(float64(content)/float64(b.N*pulls), "content-calls/pull")
	b.ReportMetric(float64(calls)/float64(b.N*pulls), "calls/pull")
}

// BenchmarkIdleLook looks at 19 pulls that nothing has happened to.
func BenchmarkIdleLook(b *testing.B) {
	s, r := start(b, forge.Options{})
	f := reach(b, s, nil)
	for i := range 19 {
		if _, err := f.Open(b.Context(), branch(b, r, fmt.Sprintf("promoter/%d", i))); err != nil {
			b.Fatal(err)
		}
	}
	if _, err := f.Pulls(b.Context(), "main", "promoter/"); err != nil {
		b.Fatal(err)
	}
	s.Forget()
	for b.Loop() {
		if list, err := f.Pulls(b.Context(), "main", "promoter/"); err != nil || len(list) != 19 {
			b.Fatal(len(list), err)
		}
	}
	unchanged := 0
	for _, c := range s.Calls() {
		if c.Status == 304 {
			unchanged++
		}
	}
	b.ReportMetric(float64(len(s.Calls()))/float64(b.N), "calls/look")
	b.ReportMetric(float64(unchanged)/float64(b.N), "304/look")
}
