package github

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"promoter/gitops"
)

var _ gitops.FileReader = (*Forge)(nil)

// maxContents bounds a file that is read through the API.
const maxContents = 4 << 20

// rawContents is the media type in which the API gives a file as it is.
const rawContents = "application/vnd.github.raw+json"

// ReadFile implements gitops.FileReader.
func (f *Forge) ReadFile(ctx context.Context, owner, repo, path, ref string) ([]byte, error) {
	what := "read " + path
	if ref != "" {
		what += " at " + ref
	}
	of := f.Of(owner, repo)
	parts := append([]string{owner, repo}, strings.Split(path, "/")...)
	for i, p := range parts {
		if p == "" || p == "." || p == ".." {
			return nil, fmt.Errorf("%s in %s/%s: not a file's path", what, owner, repo)
		}
		parts[i] = url.PathEscape(p)
	}
	at := "repos/" + parts[0] + "/" + parts[1] + "/contents/" + strings.Join(parts[2:], "/")
	if ref != "" {
		at += "?ref=" + url.QueryEscape(ref)
	}
	req, err := f.client.NewRequest(http.MethodGet, at, nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept", rawContents)
	var got atMost
	resp, err := f.client.Do(ctx, req, &got)
	switch {
	case errors.Is(err, errTooLong):
		return nil, fmt.Errorf("%s in %s/%s: %w", what, owner, repo, errTooLong)
	case err != nil:
		return nil, of.explain(what, err)
	case !strings.Contains(resp.Header.Get("Content-Type"), "raw"):
		// A directory's list, and whatever else knows no raw form.
		return nil, fmt.Errorf("%s in %s/%s: it is not a file", what, owner, repo)
	}
	return got.data, nil
}

var errTooLong = fmt.Errorf("it is longer than %d MB", maxContents>>20)

// atMost holds a file within the bounds.
type atMost struct{ data []byte }

// Write fails once there is too much.
func (b *atMost) Write(p []byte) (int, error) {
	if len(b.data)+len(p) > maxContents {
		return 0, errTooLong
	}
	b.data = append(b.data, p...)
	return len(p), nil
}
