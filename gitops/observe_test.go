package gitops

import (
	"context"
	"testing"
	"time"

	"promoter/promoter"
)

// line is a base branch of commits "1", "2", …, each on the one before.
type line struct {
	Repository
	at string // its head now
}

func (l *line) Heads(context.Context, ...string) (map[string]string, error) {
	return map[string]string{"main": l.at}, nil
}

func (l *line) Reach(_ context.Context, commit string) error {
	if commit > l.at {
		return ErrNotFound
	}
	return nil
}

func (l *line) Base(_ context.Context, a, b string) (string, error) { return min(a, b), nil }

func (l *line) FirstParents(context.Context, string, int) ([]Commit, error) { return nil, nil }

type listed struct {
	Forge
	pulls []Pull
}

func (l *listed) Pulls(context.Context, string, string) ([]Pull, error) { return l.pulls, nil }

// The branches are read before the pulls: what is merged in between is a merge
// of which the files that were read know nothing.
func TestAMergeBetweenBranchesAndPullsIsNoticed(t *testing.T) {
	now := time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	merged := func(number int, as string, ago time.Duration) Pull {
		return Pull{Number: number, Branch: "promoter/x/dev", State: "merged", Merge: as, MergedAt: now.Add(-ago)}
	}
	for _, c := range []struct {
		name     string
		read, at string // the base branch's commit as it was read, and as it is
		pulls    []Pull
		want     string
	}{
		{"all of it was read", "3", "3", []Pull{merged(1, "2", time.Minute), merged(2, "3", 0)}, ""},
		{"merged since", "2", "3", []Pull{merged(1, "2", time.Minute), merged(2, "3", 0)}, "#2 was merged after branch main was read"},
		{"the branch moved on for another reason", "3", "4", []Pull{merged(2, "3", 0)}, ""},
		{"the branch was set back", "2", "2", []Pull{merged(2, "3", time.Minute)}, ""},
		{"that was long ago", "2", "3", []Pull{merged(2, "3", 2*time.Hour)}, ""},
	} {
		o := &Observer{Forge: &listed{pulls: c.pulls}, Repo: &line{at: c.at}, Base: "main", Delivers: true, Now: func() time.Time { return now }}
		pulls, why := o.Pulls(t.Context(), c.read, nil)
		if why != c.want {
			t.Errorf("%s: said %q, want %q", c.name, why, c.want)
		}
		if (why != "") != (pulls == nil) {
			t.Errorf("%s: %d pulls are believed, and %q is said", c.name, len(pulls), why)
		}
	}
}

func (l *line) Commits(string, string, int) ([]Commit, error) { return nil, nil }

func (l *line) Changes(string, string) ([]Change, error) { return nil, nil }

// A forge that is cut off while it merges has pushed the merge and not noted
// it: the pull is open, and there is nothing left in it.
func TestAPullWhoseCommitsAreOnTheBaseIsEmpty(t *testing.T) {
	o := &Observer{
		Forge: &listed{pulls: []Pull{{Number: 1, Branch: "promoter/x/dev", Head: "2", State: "open"}}}, Repo: &line{at: "3"}, Base: "main",
		Now: func() time.Time { return time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC) },
	}
	pulls, why := o.Pulls(t.Context(), "3", map[string]string{"promoter/x/dev": "2"})
	if why != "" || len(pulls) != 1 || !pulls[0].Empty || pulls[0].Ours || len(pulls[0].Edits) > 0 {
		t.Errorf("got %+v, %q", pulls, why)
	}
}

// joined is a base branch whose newest commit merges the head "2".
type joined struct{ *line }

func (j *joined) FirstParents(context.Context, string, int) ([]Commit, error) {
	return []Commit{{Hash: "3", Parents: []string{"1", "2"}, At: time.Unix(7, 0)}, {Hash: "1"}}, nil
}

func (j *joined) Base(_ context.Context, a, b string) (string, error) { return min(a, b), nil }

func TestAMergeThatTheForgeHasNotNotedIsOne(t *testing.T) {
	o := &Observer{
		Forge: &listed{pulls: []Pull{{Number: 1, Branch: "promoter/x/dev", Head: "2", State: "open"}}}, Repo: &joined{&line{at: "3"}}, Base: "main", Delivers: true,
		Now: func() time.Time { return time.Unix(9, 0) },
	}
	pulls, why := o.Pulls(t.Context(), "3", map[string]string{"promoter/x/dev": "2"})
	if why != "" || len(pulls) != 1 || pulls[0].State != promoter.PullMerged || pulls[0].Merge != "3" || !pulls[0].MergedAt.Equal(time.Unix(7, 0)) || !pulls[0].Empty {
		t.Errorf("got %+v, %q", pulls, why)
	}
	noted := &listed{pulls: append([]Pull{{Number: 2, Branch: "promoter/x/dev", Head: "2", State: "merged", Merge: "3", MergedAt: time.Unix(7, 0)}}, o.Forge.(*listed).pulls...)}
	o.Forge = noted
	if pulls, why = o.Pulls(t.Context(), "3", map[string]string{"promoter/x/dev": "2"}); why != "" || len(pulls) != 2 || pulls[1].State != promoter.PullOpen {
		t.Errorf("one that is noted counts twice: %+v, %q", pulls, why)
	}
}
