package github

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"promoter/gitops"
)

var _ gitops.Queuer = (*Forge)(nil)

// Enqueue implements gitops.Queuer. A pull that is merged already needs no
// place in the queue, which is no error.
func (f *Forge) Enqueue(ctx context.Context, number int, head string) error {
	what := fmt.Sprintf("put #%d into the merge queue", number)
	if head == "" {
		return fmt.Errorf("%s: without a head anything could be merged", what)
	}
	p, err := f.get(ctx, number)
	switch {
	case err != nil:
		return err
	case p.GetMerged():
		return nil
	case p.GetState() != "open":
		return fmt.Errorf("%s: it is closed: %w", what, gitops.ErrStale)
	case p.GetHead().GetSHA() != head:
		return fmt.Errorf("%s: its head is %s: %w", what, p.GetHead().GetSHA(), gitops.ErrStale)
	}
	refusal := f.mutate(ctx, "enqueuePullRequest", map[string]any{"pullRequestId": p.GetNodeID(), "expectedHeadOid": head})
	if refusal == nil {
		return nil
	}
	// GitHub's words for why not are written down nowhere; the pull's state is.
	now, err := f.standing(ctx, p.GetNodeID())
	switch {
	case err != nil:
		return fmt.Errorf("%s: %w", what, refusal)
	case now.Queued, now.State == "MERGED":
		return nil
	case now.State == "CLOSED":
		return fmt.Errorf("%s: it is closed: %w", what, gitops.ErrStale)
	case now.Head != head:
		return fmt.Errorf("%s: its head is %s: %w", what, now.Head, gitops.ErrStale)
	case now.Mergeable == "CONFLICTING":
		return fmt.Errorf("%s: %w", what, gitops.ErrConflict)
	case errors.Is(refusal, errUnprocessable):
		return fmt.Errorf("%s: %w: %w", what, gitops.ErrDenied, refusal)
	}
	return fmt.Errorf("%s: %w", what, refusal)
}

// standing is what GraphQL alone says of a pull.
type standing struct {
	Queued    bool   `json:"isInMergeQueue"`
	Head      string `json:"headRefOid"`
	State     string // OPEN, CLOSED, MERGED
	Mergeable string // MERGEABLE, CONFLICTING, UNKNOWN
}

func (f *Forge) standing(ctx context.Context, id string) (standing, error) {
	req, err := f.client.NewRequest(http.MethodPost, f.graphql, map[string]any{
		"query":     "query($id:ID!){node(id:$id){...on PullRequest{isInMergeQueue headRefOid state mergeable}}}",
		"variables": map[string]any{"id": id},
	})
	if err != nil {
		return standing{}, err
	}
	var answer struct {
		Data   struct{ Node *standing }
		Errors []struct{ Message string }
	}
	if _, err := f.client.Do(ctx, req, &answer); err != nil {
		return standing{}, f.explain("read a pull's standing", err)
	}
	if len(answer.Errors) > 0 || answer.Data.Node == nil {
		return standing{}, fmt.Errorf("read a pull's standing: it is not said: %v", answer.Errors)
	}
	return *answer.Data.Node, nil
}
