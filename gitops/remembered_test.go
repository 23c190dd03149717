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
		if s := a.seals(t.Context(), commit); len(s.Seals) != 1 {
			t.Fatalf("the seals of %s: %+v", commit, s)
		}
		if len(l.done) > mostRemembered || len(a.final) > mostRemembered {
			t.Fatalf("%d merges and %d last words are remembered", len(l.done), len(a.final))
		}
	}
}
