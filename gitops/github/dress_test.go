package github_test

import (
	"slices"
	"testing"

	"promoter/test/world/forge"
)

// A pull that was opened by somebody who was stopped before the rest of it is
// finished once; what a person took off stays off.
func TestDress(t *testing.T) {
	t.Parallel()
	s, r := start(t, forge.Options{})
	f := reach(t, s, nil)
	n := branch(t, r, "promoter/a")
	number, err := r.Open("promoter-bot", n.Branch, "main", n.Title, n.Body)
	if err != nil {
		t.Fatal(err)
	}
	if did, err := f.Dress(t.Context(), number, n); !did || err != nil {
		t.Fatalf("got %v, %v", did, err)
	}
	p := r.Pulls()[0]
	if !slices.Equal(p.Reviewers, n.Reviewers[:1]) || !slices.Equal(p.Teams, []string{"platform"}) || !slices.Equal(p.Assignees, n.Assignees) || !slices.Equal(p.Labels, n.Labels) {
		t.Errorf("got %+v", p)
	}
	if did, err := f.Dress(t.Context(), number, n); did || err != nil {
		t.Errorf("again: got %v, %v", did, err)
	}
	if err := r.Unlabel(number, "ana", n.Labels...); err != nil {
		t.Fatal(err)
	}
	if did, err := f.Dress(t.Context(), number, n); did || err != nil || len(r.Pulls()[0].Labels) != 0 {
		t.Errorf("a person took the label off: got %v, %v, %q", did, err, r.Pulls()[0].Labels)
	}
	if err := r.Close(number, "ana"); err != nil {
		t.Fatal(err)
	}
	if did, err := f.Dress(t.Context(), number, n); did || err != nil {
		t.Errorf("closed: got %v, %v", did, err)
	}
}
