// Package gitea speaks with Gitea and Forgejo.
//
// Their API resembles GitHub's and differs where it matters: a draft is a
// title that begins with "WIP:", labels go by number, a head whose branch is
// gone has another name, and "cannot be merged" may mean "not yet known". It
// refuses to take the one for the other: a conflict is only called one when
// the forge has had the time to look.
package gitea

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"promoter/gitops"
)

// Options are how a repository is reached.
type Options struct {
	Owner, Repo string
	// URL is the server's: https://gitea.example.com.
	URL string
	// Token returns the token to use; it is asked for each request.
	Token func(context.Context) (string, error)
	// HTTP is the client that is used; one with a time limit of 30 seconds
	// without it.
	HTTP *http.Client
	// Now is the clock; time.Now without it.
	Now func() time.Time
	// PageSize is how many pulls are asked for at once: 50 without it, which
	// is the most that servers give unless they are told otherwise.
	PageSize int
}

// Forge is one repository on a server.
type Forge struct {
	api  *api
	repo string // path of the repository in the API
	page int
	now  func() time.Time

	opening sync.Map // by branch, a *sync.Mutex: the server does not keep two openings apart
	mu      sync.Mutex
	labels  map[string]int64
	unnoted unnoted
}

var (
	_ gitops.Forge          = (*Forge)(nil)
	_ gitops.Labeler        = (*Forge)(nil)
	_ gitops.ReleaseLister  = (*Forge)(nil)
	_ gitops.SettingsReader = (*Forge)(nil)
)

// New returns a repository.
func New(o Options) (*Forge, error) {
	base, err := url.Parse(strings.TrimRight(o.URL, "/"))
	if err != nil || base.Host == "" || base.Scheme != "https" && base.Scheme != "http" {
		return nil, fmt.Errorf("read the server's address %q: want https://HOST", o.URL)
	}
	if o.Owner == "" || o.Repo == "" {
		return nil, fmt.Errorf("reach repository %q: its owner and name are needed", o.Owner+"/"+o.Repo)
	}
	if o.Token == nil {
		return nil, fmt.Errorf("reach %s: a token is needed", base.Host)
	}
	if o.HTTP == nil {
		o.HTTP = &http.Client{Timeout: 30 * time.Second}
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.PageSize < 1 || o.PageSize > 50 {
		o.PageSize = 50
	}
	return &Forge{
		api:  &api{base: base.JoinPath("api", "v1"), token: o.Token, http: o.HTTP, now: o.Now},
		repo: "repos/" + url.PathEscape(o.Owner) + "/" + url.PathEscape(o.Repo), page: o.PageSize, now: o.Now,
	}, nil
}

// pull is a pull request as the server has it.
type pull struct {
	Number    int        `json:"number"`
	URL       string     `json:"html_url"`
	Title     string     `json:"title"`
	Body      string     `json:"body"`
	State     string     `json:"state"`
	Draft     bool       `json:"draft"`
	Merged    bool       `json:"merged"`
	Mergeable bool       `json:"mergeable"`
	Merge     *string    `json:"merge_commit_sha"`
	MergedAt  *time.Time `json:"merged_at"`
	MergeBase string     `json:"merge_base"`
	Created   time.Time  `json:"created_at"`
	Updated   time.Time  `json:"updated_at"`
	User      user       `json:"user"`
	Labels    []label    `json:"labels"`
	Head      end        `json:"head"`
	Base      end        `json:"base"`
}

type user struct {
	Login string `json:"login"`
}

type label struct {
	ID   int64  `json:"id"`
	Name string `json:"name"`
}

// end is a pull's head or base. Label is the branch's name, also when the
// branch is gone, when Ref is refs/pull/N/head.
type end struct {
	Label string `json:"label"`
	Ref   string `json:"ref"`
	SHA   string `json:"sha"`
	Repo  int64  `json:"repo_id"`
}

// wip are the beginnings of a title that make a draft. Servers may be told of
// others; these are the ones they come with.
var wip = []string{"WIP:", "[WIP]"}

func unwip(title string) string {
	for _, w := range wip {
		if len(title) >= len(w) && strings.EqualFold(title[:len(w)], w) {
			return strings.TrimSpace(title[len(w):])
		}
	}
	return title
}

func titled(t gitops.Text) string {
	if t.Draft {
		return "WIP: " + t.Title
	}
	return t.Title
}

func (p *pull) ours() gitops.Pull {
	out := gitops.Pull{
		Number: p.Number, URL: p.URL, Branch: p.Head.Label, Head: p.Head.SHA, Base: p.Base.Label, State: p.State, Draft: p.Draft,
		Title: p.Title, Body: p.Body, Author: p.User.Login, UpdatedAt: p.Updated, CreatedAt: p.Created,
	}
	if p.Draft {
		out.Title = unwip(p.Title)
	}
	for _, l := range p.Labels {
		out.Labels = append(out.Labels, l.Name)
	}
	if p.Merged {
		out.State = "merged"
		if p.Merge != nil {
			out.Merge = *p.Merge
		}
		if p.MergedAt != nil {
			out.MergedAt = *p.MergedAt
		}
	}
	return out
}

// limit is how far back pulls are read.
const limit = 1000

// Pulls implements gitops.Forge.
func (f *Forge) Pulls(ctx context.Context, base, prefix string) ([]gitops.Pull, error) {
	list, whole, err := f.list(ctx, "all", base, limit)
	if err != nil {
		return nil, err
	}
	if !whole {
		open, _, err := f.list(ctx, "open", base, 1<<30)
		if err != nil {
			return nil, err
		}
		list = append(list, open...)
	}
	var pulls []gitops.Pull
	seen := map[int]bool{}
	for _, p := range list {
		own := p.Head.Repo == p.Base.Repo && p.Base.Label == base
		if own && strings.HasPrefix(p.Head.Label, prefix) && !seen[p.Number] {
			seen[p.Number] = true
			if err := f.note(ctx, &p); err != nil {
				return nil, err
			}
			pulls = append(pulls, p.ours())
		}
	}
	// Issues are created in the order of their numbers, but the server sorts
	// by seconds.
	slices.SortStableFunc(pulls, func(a, b gitops.Pull) int { return b.Number - a.Number })
	return pulls, nil
}

// list reads pulls page by page, the newest first.
func (f *Forge) list(ctx context.Context, state, base string, most int) (all []pull, whole bool, err error) {
	for page := 1; ; page++ {
		var got []pull
		q := url.Values{"state": {state}, "base_branch": {base}, "page": {strconv.Itoa(page)}, "limit": {strconv.Itoa(f.page)}}
		header, err := f.api.call(ctx, http.MethodGet, f.repo+"/pulls?"+q.Encode(), nil, &got)
		if err != nil {
			return nil, false, fmt.Errorf("list pull requests: %w", err)
		}
		all = append(all, got...)
		// The server may give fewer than it was asked for, and says how many
		// there are.
		total, err := strconv.Atoi(header.Get("X-Total-Count"))
		if err != nil {
			return nil, false, fmt.Errorf("list pull requests: the answer does not say how many there are: %q", header.Get("X-Total-Count"))
		}
		switch {
		case len(all) >= total:
			return all, true, nil
		case len(got) == 0:
			return nil, false, fmt.Errorf("list pull requests: got %d of %d", len(all), total)
		case len(all) >= most:
			return all, false, nil
		}
	}
}

func (f *Forge) get(ctx context.Context, number int) (pull, http.Header, error) {
	var p pull
	header, err := f.api.call(ctx, http.MethodGet, fmt.Sprintf("%s/pulls/%d", f.repo, number), nil, &p)
	if err != nil {
		return p, nil, fmt.Errorf("read #%d: %w", number, err)
	}
	return p, header, nil
}

// Releases implements gitops.ReleaseLister.
func (f *Forge) Releases(ctx context.Context, owner, repo string) ([]gitops.Release, error) {
	var all []gitops.Release
	for page := 1; page <= 6; page++ {
		var got []struct {
			Tag        string    `json:"tag_name"`
			Name       string    `json:"name"`
			Body       string    `json:"body"`
			URL        string    `json:"html_url"`
			Draft      bool      `json:"draft"`
			Prerelease bool      `json:"prerelease"`
			Published  time.Time `json:"published_at"`
		}
		path := fmt.Sprintf("repos/%s/%s/releases?limit=50&page=%d", url.PathEscape(owner), url.PathEscape(repo), page)
		if _, err := f.api.call(ctx, http.MethodGet, path, nil, &got); err != nil {
			return nil, fmt.Errorf("list releases of %s/%s: %w", owner, repo, err)
		}
		for _, r := range got {
			if !r.Draft {
				all = append(all, gitops.Release{Tag: r.Tag, Name: r.Name, Notes: r.Body, URL: r.URL, At: r.Published, Prerelease: r.Prerelease})
			}
		}
		if len(got) < 50 {
			break
		}
	}
	return all, nil
}

// Settings implements gitops.SettingsReader.
func (f *Forge) Settings(ctx context.Context, _ string) (gitops.Settings, error) {
	var r struct {
		Base    string `json:"default_branch"`
		Merge   bool   `json:"allow_merge_commits"`
		Squash  bool   `json:"allow_squash_merge"`
		Rebase  bool   `json:"allow_rebase"`
		Deletes bool   `json:"default_delete_branch_after_merge"`
	}
	if _, err := f.api.call(ctx, http.MethodGet, f.repo, nil, &r); err != nil {
		return gitops.Settings{}, fmt.Errorf("read settings: %w", err)
	}
	s := gitops.Settings{DefaultBranch: r.Base, DeletesMerged: r.Deletes, MergeMethods: []string{}}
	for _, m := range []struct {
		name    string
		allowed bool
	}{{"merge", r.Merge}, {"squash", r.Squash}, {"rebase", r.Rebase}} {
		if m.allowed {
			s.MergeMethods = append(s.MergeMethods, m.name)
		}
	}
	return s, nil
}

// Statuses implements gitops.Forge. The server lists all that ever were.
func (f *Forge) Statuses(ctx context.Context, commit string) ([]gitops.Status, error) {
	type row struct {
		id     int64
		status gitops.Status
	}
	var rows []row
	for page := 1; page <= 100; page++ {
		var got []struct {
			ID          int64     `json:"id"`
			Context     string    `json:"context"`
			Status      string    `json:"status"`
			Description string    `json:"description"`
			URL         string    `json:"target_url"`
			Updated     time.Time `json:"updated_at"`
		}
		header, err := f.api.call(ctx, http.MethodGet, fmt.Sprintf("%s/statuses/%s?page=%d&limit=50", f.repo, url.PathEscape(commit), page), nil, &got)
		if err != nil {
			return nil, fmt.Errorf("read statuses of %s: %w", commit, err)
		}
		for _, s := range got {
			status := gitops.Status{Context: s.Context, State: s.Status, Description: s.Description, URL: s.URL, At: s.Updated}
			if !slices.Contains([]string{"success", "failure", "error"}, s.Status) {
				status.State = "pending" // "warning" and what may come: no verdict
			}
			rows = append(rows, row{s.ID, status})
		}
		total, err := strconv.Atoi(header.Get("X-Total-Count"))
		switch {
		case err != nil:
			return nil, fmt.Errorf("read statuses of %s: the answer does not say how many there are", commit)
		case len(rows) >= total:
			slices.SortFunc(rows, func(a, b row) int { return cmp.Compare(a.id, b.id) })
			all := make([]gitops.Status, len(rows))
			for i, r := range rows {
				all[i] = r.status
			}
			return all, nil
		case len(got) == 0:
			return nil, fmt.Errorf("read statuses of %s: got %d of %d", commit, len(rows), total)
		}
	}
	return nil, fmt.Errorf("read statuses of %s: there are too many", commit)
}
