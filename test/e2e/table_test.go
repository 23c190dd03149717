package e2e

import (
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
	fmt.Fprintln(w, "STORY\tRESULT\tTOOK\tMERGE TO VERDICT\tVERDICT TO NEXT MERGE\tPULLS\tMERGES")
	for _, r := range t.list {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%d\t%d\n", r.story, r.result, r.took.Round(time.Second), spread(r.verdicts), spread(r.nexts), r.pulls, r.merges)
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

// record adds the story to the table, with what the Git host knows of it: when
// each pull request was merged, and when a verdict on it was first written.
func (s *Story) record(result string) {
	s.Helper()
	pulls, err := s.Repo.Pulls(s.Context())
	s.Must(err)
	r := row{story: s.Name, result: result, took: time.Since(s.Began), pulls: len(pulls)}
	var merged, verdicts []time.Time
	for _, p := range pulls {
		if !p.Merged || p.MergedAt == nil {
			continue
		}
		r.merges++
		merged = append(merged, *p.MergedAt)
		statuses, err := s.Repo.Statuses(s.Context(), p.MergeCommitSHA)
		s.Must(err)
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
	table.add(r)
}

// final reports whether a status is a verdict that stands.
func final(s Status) bool {
	return s.Context == "promoter/verdict" && (s.Status == "success" || s.Status == "failure" || s.Status == "error")
}
