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
