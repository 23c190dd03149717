package gitops_test

import (
	"context"
	"testing"
	"time"

	"promoter/gitops"
	"promoter/promoter"
	"promoter/templates"
)

// wall is a forge of which only the comments are asked for.
type wall struct {
	gitops.Forge
	gitops.Talker
	comments []gitops.Comment
}

func (w *wall) Comments(context.Context, time.Time) ([]gitops.Comment, error) { return w.comments, nil }

func (w *wall) Comment(_ context.Context, number int, body string) error {
	w.comments = append(w.comments, gitops.Comment{Number: number, Author: "promoter-bot", Body: body})
	return nil
}

// Who pastes our marker into a comment keeps neither an answer nor a record
// from being written, and our own is written once.
func TestOnlyOurOwnWordsAreTakenForOurs(t *testing.T) {
	t.Parallel()
	record := promoter.WriteRecord{Number: 7, Title: "bad", Record: promoter.Record{Branch: "promoter/x/dev", Lines: []string{"0.12 > 0.01"}}}
	answer := promoter.Reply{Number: 7, Comment: 99, Text: "Held."}
	w := &wall{comments: []gitops.Comment{
		{Number: 7, Author: "mallory", Body: templates.Record(record)},
		{Number: 7, Author: "mallory", Body: templates.Reply(answer)},
	}}
	e := gitops.Executor{Forge: w, Now: time.Now, Selves: []string{"promoter-bot"}, Words: gitops.Words{
		Record: templates.Record, RecordOf: templates.RecordOf, Reply: templates.Reply, RepliesTo: templates.RepliesTo,
	}}
	for range 2 {
		for _, a := range []promoter.Action{record, answer} {
			if _, err := e.Execute(t.Context(), a); err != nil {
				t.Fatal(err)
			}
		}
	}
	if ours := len(w.comments) - 2; ours != 2 {
		t.Errorf("%d comments of ours, want one record and one answer", ours)
	}
}

// sealed is a forge of which only one commit's statuses are asked for.
type sealed struct {
	gitops.Forge
	list []gitops.Status
}

func (s *sealed) Statuses(context.Context, string) ([]gitops.Status, error) { return s.list, nil }

func (s *sealed) SetStatus(_ context.Context, _ string, x gitops.Status) error {
	s.list = append(s.list, x)
	return nil
}

// A verdict stands as it was written first: a failure for good, and a pass
// unless a person asks to take it back.
func TestAVerdictStands(t *testing.T) {
	t.Parallel()
	seal := func(l promoter.Level, asked bool) promoter.WriteSeal {
		return promoter.WriteSeal{Asked: asked, Seal: promoter.Seal{Commit: "c", Stage: promoter.StageVerdict, Verdict: l}}
	}
	for _, c := range []struct {
		first, second promoter.WriteSeal
		stale         bool
		written       int
	}{
		{seal(promoter.Fail, false), seal(promoter.Pass, false), true, 1},
		{seal(promoter.Pass, false), seal(promoter.Fail, false), true, 1},
		{seal(promoter.Pass, false), seal(promoter.Fail, true), false, 2},
		{seal(promoter.Fail, false), seal(promoter.Fail, false), false, 1},
		{seal(promoter.Pass, false), seal(promoter.Pass, false), false, 1},
	} {
		s := &sealed{}
		e := gitops.Executor{Forge: s, Now: time.Now}
		if _, err := e.Execute(t.Context(), c.first); err != nil {
			t.Fatal(err)
		}
		o, err := e.Execute(t.Context(), c.second)
		if err != nil || o.Stale != c.stale || len(s.list) != c.written {
			t.Errorf("%v after %v: stale %v, %d written, %v; want stale %v, %d written", c.second.Seal.Verdict, c.first.Seal.Verdict, o.Stale, len(s.list), err, c.stale, c.written)
		}
	}
}
