package gitops

import (
	"context"
	"fmt"
	"testing"
	"time"

	"promoter/promoter"
)

// sealing is a forge on which every commit has its last word.
type sealing struct{ Forge }

func (sealing) Statuses(context.Context, string) ([]Status, error) {
	return []Status{{Context: "promoter/verdict", State: "success", At: time.Unix(0, 0)}}, nil
}

// TestWhatIsRememberedIsBounded: a process that stays for years remembers no
// more than one that has just seen as much as a forge lists.
func TestWhatIsRememberedIsBounded(t *testing.T) {
	t.Parallel()
	var l Ledger
	a := Answerer{Forge: sealing{}, Now: time.Now}
	for i := range 3 * mostRemembered {
		commit := fmt.Sprint(i)
		l.put(commit, []promoter.Edit{{To: commit}})
		if edits, ok := l.get(commit); !ok || edits[0].To != commit {
			t.Fatalf("commit %s is not remembered", commit)
		}
		if s := a.seals(t.Context(), commit, false); len(s.Seals) != 1 {
			t.Fatalf("the seals of %s: %+v", commit, s)
		}
		if len(l.done) > mostRemembered || len(a.LastWords.of) > mostRemembered {
			t.Fatalf("%d merges and %d last words are remembered", len(l.done), len(a.LastWords.of))
		}
	}
}

// sealedBy is a forge on which one commit is sealed.
type sealedBy struct {
	Forge
	statuses []Status
}

func (s *sealedBy) Statuses(context.Context, string) ([]Status, error) { return s.statuses, nil }

// TestAPassThatAPersonUnmakesIsReadAgain: a process that lives on has remembered
// a pass, and hours later a person asks for the version back. Whoever seals that
// as failed, it knows of it from then on.
func TestAPassThatAPersonUnmakesIsReadAgain(t *testing.T) {
	t.Parallel()
	f := &sealedBy{statuses: []Status{{Context: "promoter/verdict", State: "success", At: time.Unix(0, 0)}}}
	a := Answerer{Forge: f, Now: time.Now}
	known := func(fresh bool) int { return len(a.seals(t.Context(), "c", fresh).Seals) }
	if known(false) != 1 {
		t.Fatal("it is not known that it has passed")
	}
	f.statuses = append(f.statuses, Status{Context: "promoter/verdict", State: "failure", At: time.Unix(1, 0)})
	if known(false) != 1 {
		t.Error("a pass is read again although nobody has said a word against it")
	}
	if known(true) != 2 || known(false) != 2 {
		t.Error("a pass is not read again although somebody has")
	}
	f.statuses = nil
	if known(true) != 2 {
		t.Error("a failure is read again")
	}
}
