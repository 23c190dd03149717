package github

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/google/go-github/v60/github"

	"promoter/gitops"
)

// Merge implements gitops.Forge.
func (f *Forge) Merge(ctx context.Context, number int, head string, how gitops.Merge) (string, error) {
	what := fmt.Sprintf("merge #%d", number)
	if head == "" {
		return "", fmt.Errorf("%s: without a head anything could be merged", what)
	}
	result, resp, err := f.client.PullRequests.Merge(ctx, f.owner, f.repo, number, how.Message, &github.PullRequestOptions{
		CommitTitle: how.Title, SHA: head, MergeMethod: how.Method,
	})
	if err == nil && result.GetMerged() && result.GetSHA() != "" {
		return result.GetSHA(), nil
	}
	if err != nil && !refused(resp) {
		return "", f.explain(what, err)
	}
	return f.afterRefusal(ctx, what, number, head, said(err))
}

// refused reports whether GitHub answered that it does not merge, as opposed
// to not answering, or not to us.
func refused(resp *github.Response) bool {
	if resp == nil {
		return false
	}
	switch resp.StatusCode {
	case http.StatusMethodNotAllowed, http.StatusConflict, http.StatusUnprocessableEntity:
		return true
	}
	return false
}

// afterRefusal looks at the pull to find out why. GitHub's words differ
// between its versions and for the same reason; the pull's state does not.
func (f *Forge) afterRefusal(ctx context.Context, what string, number int, head, message string) (string, error) {
	p, err := f.get(ctx, number)
	if err != nil {
		return "", err
	}
	for range 3 {
		if p.Mergeable != nil || p.GetState() != "open" || p.GetHead().GetSHA() != head {
			break
		}
		// Whether it can be merged is computed after it is asked for.
		if err := pause(ctx, settle); err != nil {
			return "", err
		}
		if p, err = f.get(ctx, number); err != nil {
			return "", err
		}
	}
	text := strings.ToLower(message)
	switch {
	case p.GetMerged():
		return p.GetMergeCommitSHA(), nil
	case p.GetState() != "open":
		return "", fmt.Errorf("%s: it is closed: %w", what, gitops.ErrStale)
	case p.GetHead().GetSHA() != head:
		return "", fmt.Errorf("%s: its head is %s: %w", what, p.GetHead().GetSHA(), gitops.ErrStale)
	case p.Mergeable != nil && !p.GetMergeable():
		return "", fmt.Errorf("%s: %w", what, gitops.ErrConflict)
	case strings.Contains(text, "was modified"), strings.Contains(text, "in progress"), p.Mergeable == nil:
		// Somebody else merges right now, or GitHub has not made up its mind.
		return "", fmt.Errorf("%s: %s: %w", what, message, gitops.ErrStale)
	}
	return "", fmt.Errorf("%s: %w: %s (mergeable state %q)", what, gitops.ErrDenied, message, p.GetMergeableState())
}

// settle is how long GitHub is given, thrice, to find out whether a pull can
// be merged.
const settle = 700 * time.Millisecond

// pause waits for a moment; never long enough to hold up a run.
func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}
