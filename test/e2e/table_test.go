package e2e

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"text/tabwriter"
	"time"
)

// table is what the stories showed, printed at the end.
var table rows

type rows struct {
	mu   sync.Mutex
	list []row
}

type row struct {
	number          int
	story, result   string
	took            time.Duration
	verdicts, nexts []time.Duration // from merge to verdict, from verdict to the next merge
	pulls, merges   int
}

func (t *rows) add(r row) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.list = append(t.list, r)
}

func (t *rows) print(out io.Writer) {
	t.mu.Lock()
	defer t.mu.Unlock()
	w := tabwriter.NewWriter(out, 0, 8, 2, ' ', 0)
	slices.SortStableFunc(t.list, func(a, b row) int { return a.number - b.number })
	fmt.Fprintln(w, "STORY\t\tRESULT\tTOOK\tMERGE TO VERDICT\tVERDICT TO NEXT MERGE\tPULLS\tMERGES")
	for _, r := range t.list {
		fmt.Fprintf(w, "%d\t%s\t%s\t%s\t%s\t%s\t%d\t%d\n", r.number, r.story, r.result, r.took.Round(time.Second), spread(r.verdicts), spread(r.nexts), r.pulls, r.merges)
	}
	w.Flush()
}

// spread prints durations.
func spread(all []time.Duration) string {
	if len(all) == 0 {
		return "-"
	}
	var out []string
	for _, d := range slices.Sorted(slices.Values(all)) {
		out = append(out, d.Round(time.Second).String())
	}
	return strings.Join(out, " ")
}

// record adds the story to the table, unless it has failed: then its end does.
func (s *Story) record(result string) {
	s.Helper()
	if !s.Failed() {
		s.row(result)
	}
}

// row adds the story to the table, with what the Git host knows of it: when each
// pull request was merged, and when a verdict on it was first written.
func (s *Story) row(result string) {
	r := row{number: s.Number, story: s.Name, result: result, took: time.Since(s.Began)}
	defer func() { table.add(r) }()
	if s.Repo == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(s.Context()), time.Minute)
	defer cancel()
	pulls, err := s.Repo.Pulls(ctx)
	if err != nil {
		r.result += ": " + err.Error()
		return
	}
	r.pulls = len(pulls)
	var merged, verdicts []time.Time
	for _, p := range pulls {
		if !p.Merged || p.MergedAt == nil {
			continue
		}
		r.merges++
		merged = append(merged, *p.MergedAt)
		statuses, err := s.Repo.Statuses(ctx, p.MergeCommitSHA)
		if err != nil {
			r.result += ": " + err.Error()
			return
		}
		for _, st := range statuses {
			if final(st) {
				r.verdicts = append(r.verdicts, st.CreatedAt.Sub(*p.MergedAt))
				verdicts = append(verdicts, st.CreatedAt)
				break
			}
		}
	}
	for _, v := range verdicts {
		var next time.Time
		for _, m := range merged {
			if !m.Before(v) && (next.IsZero() || m.Before(next)) {
				next = m
			}
		}
		if !next.IsZero() {
			r.nexts = append(r.nexts, next.Sub(v))
		}
	}
}

// final reports whether a status is a verdict that stands.
func final(s Status) bool {
	return s.Context == "promoter/verdict" && (s.Status == "success" || s.Status == "failure" || s.Status == "error")
}
