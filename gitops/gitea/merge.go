package gitea

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"promoter/gitops"
)

// Merge implements gitops.Forge.
func (f *Forge) Merge(ctx context.Context, number int, head string, how gitops.Merge) (string, error) {
	what := fmt.Sprintf("merge #%d", number)
	if head == "" {
		return "", fmt.Errorf("%s: without a head anything could be merged", what)
	}
	in := map[string]any{"Do": how.Method, "MergeTitleField": how.Title, "MergeMessageField": how.Message, "head_commit_id": head}
	_, mergeErr := f.api.call(ctx, http.MethodPost, fmt.Sprintf("%s/pulls/%d/merge", f.repo, number), in, nil)
	switch s := status(mergeErr); {
	case mergeErr == nil:
		return f.landed(ctx, what, number)
	case s == http.StatusInternalServerError:
		// So it answers when somebody else merges at the same moment.
		if commit, err := f.landed(ctx, what, number); err == nil {
			return commit, nil
		}
	case s == http.StatusMethodNotAllowed, s == http.StatusConflict, errors.Is(mergeErr, gitops.ErrNotFound):
		return f.afterRefusal(ctx, what, number, head, mergeErr)
	}
	return "", fmt.Errorf("%s: %w", what, mergeErr)
}

// settle is how long the server is given, a few times, to make up its mind.
const settle = 500 * time.Millisecond

// landed returns the commit of a merge that was made. The server notes it a
// moment after its answer.
func (f *Forge) landed(ctx context.Context, what string, number int) (string, error) {
	for range 8 {
		p, _, err := f.get(ctx, number)
		if err != nil {
			return "", err
		}
		if p.Merged && p.Merge != nil && *p.Merge != "" {
			return *p.Merge, nil
		}
		if err := pause(ctx, settle); err != nil {
			return "", err
		}
	}
	return "", fmt.Errorf("%s: the server does not say as which commit it is merged: %w", what, gitops.ErrStale)
}

// afterRefusal looks at the pull to find out why it was not merged.
func (f *Forge) afterRefusal(ctx context.Context, what string, number int, head string, cause error) (string, error) {
	var p pull
	var header http.Header
	for attempt := range 6 {
		var err error
		if p, header, err = f.get(ctx, number); err != nil {
			return "", err
		}
		if p.Mergeable || p.Draft || p.Merged || p.State != "open" || p.Head.SHA != head || attempt == 5 {
			break
		}
		// "Not mergeable" is also what it says while it finds out.
		if err := pause(ctx, settle); err != nil {
			return "", err
		}
	}
	var no *refusal
	message := ""
	if errors.As(cause, &no) {
		message = no.message
	}
	switch {
	case p.Merged:
		return f.landed(ctx, what, number)
	case p.State != "open":
		return "", fmt.Errorf("%s: it is closed: %w", what, gitops.ErrStale)
	case p.Head.SHA != head:
		return "", fmt.Errorf("%s: its head is %s: %w", what, p.Head.SHA, gitops.ErrStale)
	case p.Draft:
		return "", fmt.Errorf("%s: it is a draft: %w", what, gitops.ErrDenied)
	case !p.Mergeable && f.quiet(ctx, p, header, unsure) && (!f.onTop(ctx, p) || f.quiet(ctx, p, header, stalled)):
		return "", fmt.Errorf("%s: %w", what, gitops.ErrConflict)
	case !p.Mergeable:
		return "", fmt.Errorf("%s: the server may still be finding out whether it can: %w", what, gitops.ErrStale)
	case strings.Contains(message, "try again"), strings.Contains(message, "out of date"), no == nil, no.status == http.StatusConflict && message == "":
		// It has made up its mind since, or somebody else merged.
		return "", fmt.Errorf("%s: %w", what, gitops.ErrStale)
	case strings.HasPrefix(message, "PushRejected") && !f.quiet(ctx, p, header, unsure):
		// The server pushes what it merges: a commit of somebody else that comes
		// in between is answered as a hook's refusal is.
		return "", fmt.Errorf("%s: the base may have moved meanwhile: %w", what, gitops.ErrStale)
	}
	return "", fmt.Errorf("%s: %w: %s", what, gitops.ErrDenied, message)
}

// unsure is how long a server may take to find out whether a pull can be
// merged, after the pull or its base has changed. One whose head has all of the
// base conflicts with nothing: for such a pull the server has stalled longer.
const (
	unsure  = 15 * time.Second
	stalled = 10 * time.Minute
)

// quiet reports whether neither the pull nor its base has changed for so long,
// by the server's clock.
func (f *Forge) quiet(ctx context.Context, p pull, header http.Header, long time.Duration) bool {
	now, err := http.ParseTime(header.Get("Date"))
	if err != nil {
		now = f.now()
	}
	var b struct {
		Commit struct {
			At time.Time `json:"timestamp"`
		} `json:"commit"`
	}
	if _, err := f.api.call(ctx, http.MethodGet, f.repo+"/branches/"+escaped(p.Base.Label), nil, &b); err != nil {
		return false
	}
	return now.Sub(p.Updated) > long && now.Sub(b.Commit.At) > long
}

// onTop reports whether a pull's head has every commit of its base.
func (f *Forge) onTop(ctx context.Context, p pull) bool {
	var lacks struct {
		Commits *int `json:"total_commits"`
	}
	_, err := f.api.call(ctx, http.MethodGet, f.repo+"/compare/"+p.Head.SHA+"..."+escaped(p.Base.Label)+"?files=false&verification=false", nil, &lacks)
	return err == nil && lacks.Commits != nil && *lacks.Commits == 0
}
