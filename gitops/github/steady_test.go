package github

import (
	"errors"
	"slices"
	"testing"
)

// TestSteady reads a list of three pages of which something leaves while it is
// read: what moves up past us is found the next time.
func TestSteady(t *testing.T) {
	t.Parallel()
	same := func(a, b int) bool { return a == b }
	for _, tt := range []struct {
		name  string
		reads [][]int
		want  []int
		calls int
	}{
		{"one page", [][]int{{1, 2}}, []int{1, 2}, 1},
		{"no page", [][]int{nil}, nil, 1},
		{"steady", [][]int{{1, 2, 3}, {1, 2, 3}}, []int{1, 2, 3}, 2},
		{"one was passed over", [][]int{{1, 2, 4, 5}, {2, 3, 4, 5}, {2, 3, 4, 5}}, []int{2, 3, 4, 5}, 3},
		{"it gets short", [][]int{{1, 2, 4}, {2, 3}}, []int{2, 3}, 2},
		{"it never holds still", [][]int{{1, 2, 3}, {2, 3, 4}, {3, 4, 5}, {4, 5, 6}}, nil, 4},
	} {
		calls := 0
		got, err := steady(2, func() ([]int, error) { calls++; return tt.reads[calls-1], nil }, same)
		if !slices.Equal(got, tt.want) || calls != tt.calls || (err != nil) != (calls == 4) {
			t.Errorf("%s: got %v, %v after %d reads, want %v after %d", tt.name, got, err, calls, tt.want, tt.calls)
		}
	}
	oops := errors.New("oops")
	if _, err := steady(2, func() ([]int, error) { return []int{1, 2, 3}, oops }, same); !errors.Is(err, oops) {
		t.Errorf("got %v", err)
	}
}
