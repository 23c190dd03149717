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
	a := Answerer{Forge: sealing{}, Now: time.Now, LastWords: &LastWords{}}
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

func (s *sealedBy) SetStatus(_ context.Context, _ string, st Status) error {
	s.statuses = append(s.statuses, st)
	return nil
}

// TestAPassThatAPersonUnmakesIsReadAgain: a process that lives on has remembered
// a pass, and hours later a person asks for the version back. Whether it writes
// the failure itself, or finds that another has, it knows of it from then on.
func TestAPassThatAPersonUnmakesIsReadAgain(t *testing.T) {
	t.Parallel()
	for _, others := range []bool{false, true} {
		passed := Status{Context: "promoter/verdict", State: "success", At: time.Unix(0, 0)}
		f := &sealedBy{statuses: []Status{passed}}
		last := &LastWords{}
		a := Answerer{Forge: f, Now: time.Now, LastWords: last}
		e := Executor{Forge: f, LastWords: last}
		if s := a.seals(t.Context(), "c", false); len(s.Seals) != 1 || s.Seals[0].Verdict != promoter.Pass {
			t.Fatalf("%+v", s)
		}
		if others {
			f.statuses = append(f.statuses, Status{Context: "promoter/verdict", State: "failure", At: time.Unix(1, 0)})
		}
		asked := promoter.WriteSeal{Asked: true, Seal: promoter.Seal{Commit: "c", Stage: promoter.StageVerdict, Verdict: promoter.Fail}}
		if s := a.seals(t.Context(), "c", true); len(s.Seals) != len(f.statuses) {
			t.Errorf("another did: %v: asked again, what is known is %+v", others, s.Seals)
		}
		if err := e.seal(t.Context(), asked); err != nil || len(f.statuses) != 2 {
			t.Errorf("another did: %v: %v, %d statuses", others, err, len(f.statuses))
		}
		if s := a.seals(t.Context(), "c", false); len(s.Seals) != 2 {
			t.Errorf("another did: %v: what is known is %+v", others, s.Seals)
		}
	}
}
