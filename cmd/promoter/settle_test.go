package main

import (
	"testing"

	"promoter/promoter"
)

// TestAnActionIsLeftToTheNextRun: what was done, or failed, is not done again in
// one run, and a guard that fails is tried a few times more.
func TestAnActionIsLeftToTheNextRun(t *testing.T) {
	t.Parallel()
	done, stale := promoter.Close{Number: 1}, promoter.Close{Number: 2}
	tried := attempts{}
	tried.note(done, false)
	if !tried.over(done) {
		t.Error("what was done is done again")
	}
	for range mostStale - 1 {
		if tried.note(stale, true); tried.over(stale) {
			t.Error("it is given up at once")
		}
	}
	if tried.note(stale, true); !tried.over(stale) {
		t.Errorf("after %d vain looks it is tried again", mostStale)
	}
}
