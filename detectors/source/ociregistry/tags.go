package ociregistry

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"promoter/detectors/source"
)

const (
	pageSize     = 1000     // Amazon's registry refuses more
	maxPageBytes = 16 << 20 // a page of the longest tags has 0.2 MB; some registries ignore n
	maxTags      = 500_000
)

// maxPages is how many pages a list may have. Some registries sort by age or
// name and cut pages as they like, so that all are needed.
func maxPages(host string) int {
	for _, h := range []string{"ghcr.io", "quay.io", "cgr.dev", "docker.pkg.dev"} {
		if host == h || strings.HasSuffix(host, "."+h) || strings.HasSuffix(host, "-"+h) {
			return 1000
		}
	}
	return 50
}

// tags lists all tags, or fails. The time is that of the oldest page.
func (r *Registry) tags(ctx context.Context, repo repository) ([]string, time.Time, error) {
	u := repo.url("/tags/list")
	query := fmt.Sprintf("n=%d", pageSize)
	asked := map[string]bool{}
	known := map[string]bool{}
	var tags []string
	var at time.Time
	for page := 1; ; page++ {
		asked[query] = true
		u.RawQuery = query
		b, err := r.fetch(ctx, repo, u, source.FetchOptions{Accept: "application/json", MaxBytes: maxPageBytes})
		var status *source.Status
		if errors.As(err, &status) && page == 1 && (status.Code == 405 || status.Code == 400) {
			// A registry that knows no paging lists everything at once.
			u.RawQuery = ""
			b, err = r.fetch(ctx, repo, u, source.FetchOptions{Accept: "application/json", MaxBytes: maxPageBytes})
		}
		if err != nil {
			return nil, at, err
		}
		if at.IsZero() || b.At.Before(at) {
			at = b.At
		}
		some, err := readTags(b)
		if err != nil {
			return nil, at, fmt.Errorf("read tags of %q from %q: %w", repo.name, repo.host, err)
		}
		fresh := 0
		for _, t := range some {
			if !known[t] {
				known[t] = true
				tags = append(tags, t)
				fresh++
			}
		}
		next, more := nextPage(b.Link)
		switch {
		case !more:
			return tags, at, nil
		case asked[next] || len(some) > 0 && fresh == 0:
			return nil, at, fmt.Errorf("%q repeats its pages of tags of %q", repo.host, repo.name)
		case page >= maxPages(repo.host) || len(tags) > maxTags:
			return nil, at, fmt.Errorf("%q has more than %d pages of tags of %q", repo.host, page, repo.name)
		}
		query = next
	}
}

func readTags(b *source.Body) ([]string, error) {
	data, err := b.ReadAll()
	if err != nil {
		return nil, err
	}
	var list struct {
		Name *string   `json:"name"`
		Tags *[]string `json:"tags"`
	}
	if err := json.Unmarshal(data, &list); err != nil {
		return nil, errors.New("not a list of tags")
	}
	if list.Name == nil && list.Tags == nil { // some login page's JSON
		return nil, errors.New("not a list of tags")
	}
	if list.Tags == nil {
		return nil, nil
	}
	return *list.Tags, nil
}

// nextPage is the query of the next page. Only the query is taken from the
// Link: the address stays our own, because a registry behind a proxy often
// gets its name, scheme or path prefix wrong, and because a page elsewhere is
// none of this registry's.
func nextPage(links []string) (query string, more bool) {
	for _, h := range links {
		for h != "" {
			open := strings.IndexByte(h, '<')
			end := strings.IndexByte(h, '>')
			if open < 0 || end < open {
				break
			}
			target, params := h[open+1:end], h[end+1:]
			if i := strings.IndexByte(params, '<'); i >= 0 {
				params, h = params[:i], params[i:]
			} else {
				h = ""
			}
			if !isNext(params) {
				continue
			}
			u, err := url.Parse(target)
			if err != nil {
				return "", true // equals no query asked so far but the empty one
			}
			return u.RawQuery, true
		}
	}
	return "", false
}

func isNext(params string) bool {
	for p := range strings.FieldsFuncSeq(params, func(r rune) bool { return r == ';' || r == ',' || r == ' ' }) {
		k, v, _ := strings.Cut(p, "=")
		if strings.EqualFold(k, "rel") && strings.EqualFold(strings.Trim(v, `"`), "next") {
			return true
		}
	}
	return false
}

// errorCode is the first code of a distribution error body.
func errorCode(body []byte) string {
	var e struct {
		Errors []struct {
			Code string `json:"code"`
		} `json:"errors"`
	}
	if json.Unmarshal(body, &e) != nil || len(e.Errors) == 0 {
		return ""
	}
	return e.Errors[0].Code
}
