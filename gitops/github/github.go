// Package github speaks with GitHub and GitHub Enterprise: pull requests,
// statuses, releases and commits that GitHub signs.
//
// It refuses to guess. A list is whole or an error; the commit of a merge is
// believed only of a pull that is merged, since before that it is a trial's;
// a limit is told as such and waited for by the caller, never slept through.
package github

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/google/go-github/v60/github"

	"promoter/gitops"
)

// Options are how a repository on GitHub is reached.
type Options struct {
	Owner, Repo string
	// BaseURL is that of the REST API, as in GITHUB_API_URL:
	// https://api.github.com without it, https://HOST/api/v3 on Enterprise.
	BaseURL string
	// Token returns the token to use: it is asked for each request, and keeps
	// what it knows itself. App is used without it; one of them must be there.
	Token func(context.Context) (string, error)
	// App are the credentials of a GitHub App.
	App *App
	// HTTP is the client whose transport is used; http.DefaultTransport
	// without it.
	HTTP *http.Client
	// Now is the clock; time.Now without it.
	Now func() time.Time
	// PageSize is how many pulls are asked for at once: 100 without it.
	PageSize int
}

// Forge is one repository on GitHub.
type Forge struct {
	owner, repo string
	client      *github.Client
	limits      *limits
	graphql     string // URL
	page, limit int    // pulls at once, and how far back
	now         func() time.Time
	token       func(context.Context) (string, error)
}

// Token returns the token in use, an App's installation token too: Git over
// https is told the same one.
func (f *Forge) Token(ctx context.Context) (string, error) { return f.token(ctx) }

var (
	_ gitops.Forge          = (*Forge)(nil)
	_ gitops.Labeler        = (*Forge)(nil)
	_ gitops.ReleaseLister  = (*Forge)(nil)
	_ gitops.SettingsReader = (*Forge)(nil)
	_ gitops.Committer      = (*Forge)(nil)
)

// New returns a repository. Of makes others that share its client: a limit
// that one of them meets holds for all.
func New(o Options) (*Forge, error) {
	if o.Owner == "" || o.Repo == "" {
		return nil, fmt.Errorf("reach repository %q: its owner and name are needed", o.Owner+"/"+o.Repo)
	}
	base, err := baseURL(o.BaseURL)
	if err != nil {
		return nil, err
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.PageSize < 1 || o.PageSize > 100 {
		o.PageSize = 100
	}
	transport, timeout := http.DefaultTransport, 30*time.Second
	if o.HTTP != nil {
		if o.HTTP.Transport != nil {
			transport = o.HTTP.Transport
		}
		if o.HTTP.Timeout > 0 {
			timeout = o.HTTP.Timeout
		}
	}
	token := o.Token
	if token == nil {
		if o.App == nil {
			return nil, errors.New("reach GitHub: a token or a GitHub App's credentials are needed")
		}
		app, err := newInstallation(*o.App, base, o.Owner, o.Repo, &http.Client{Transport: transport, Timeout: timeout}, o.Now)
		if err != nil {
			return nil, err
		}
		token = app.token
	}
	// From outside in: limits refuse before anything is asked, what is
	// remembered is asked for conditionally, and credentials go last, to the
	// forge's host alone.
	l := &limits{base: &memory{base: &authorized{base: transport, host: base.Host, token: token, now: o.Now}}, now: o.Now}
	client := github.NewClient(&http.Client{Transport: l, Timeout: timeout})
	client.BaseURL = base
	client.UserAgent = "promoter"
	return &Forge{owner: o.Owner, repo: o.Repo, client: client, limits: l, graphql: graphqlURL(base), page: o.PageSize, limit: 1000, now: o.Now, token: token}, nil
}

// Of returns another repository, reached by the same client.
func (f *Forge) Of(owner, repo string) *Forge {
	other := *f
	other.owner, other.repo = owner, repo
	return &other
}

func baseURL(text string) (*url.URL, error) {
	if text == "" {
		text = "https://api.github.com"
	}
	u, err := url.Parse(strings.TrimRight(text, "/") + "/")
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return nil, fmt.Errorf("read GitHub's address %q: want https://HOST/api/v3", text)
	}
	if u.Host == "github.com" {
		u.Host = "api.github.com"
	}
	return u, nil
}

// graphqlURL is /graphql on github.com and /api/graphql beside /api/v3.
func graphqlURL(base *url.URL) string {
	u := *base
	if rest, ok := strings.CutSuffix(u.Path, "/v3/"); ok {
		u.Path = rest + "/graphql"
	} else {
		u.Path += "graphql"
	}
	return u.String()
}

// Pulls implements gitops.Forge.
func (f *Forge) Pulls(ctx context.Context, base, prefix string) ([]gitops.Pull, error) {
	list, whole, err := f.list(ctx, &github.PullRequestListOptions{State: "all", Base: base}, f.limit)
	if err != nil {
		return nil, err
	}
	if !whole {
		// There are more than we read: those that are open must all be among
		// them, however old.
		open, err := f.open(ctx, base)
		if err != nil {
			return nil, err
		}
		list = append(list, open...)
	}
	var pulls []gitops.Pull
	seen := map[int]bool{}
	for _, p := range list {
		// A pull from a fork may have any branch name: it is not ours.
		own := p.GetHead().GetRepo() != nil && p.GetHead().GetRepo().GetID() == p.GetBase().GetRepo().GetID()
		if own && strings.HasPrefix(p.GetHead().GetRef(), prefix) && !seen[p.GetNumber()] {
			seen[p.GetNumber()] = true
			pulls = append(pulls, pull(p))
		}
	}
	return pulls, nil
}

// list reads pulls page by page, the newest first: while we read, new ones
// can only come before what we have seen, so that none is passed over.
func (f *Forge) list(ctx context.Context, o *github.PullRequestListOptions, most int) (all []*github.PullRequest, whole bool, err error) {
	o.Sort, o.Direction, o.ListOptions = "created", "desc", github.ListOptions{PerPage: f.page}
	for {
		page, resp, err := f.client.PullRequests.List(ctx, f.owner, f.repo, o)
		if err != nil {
			return nil, false, f.explain("list pull requests", err)
		}
		all = append(all, page...)
		if resp.NextPage == 0 {
			return all, true, nil
		}
		if len(all) >= most {
			return all, false, nil
		}
		o.Page = resp.NextPage
	}
}

// open reads all open pulls.
func (f *Forge) open(ctx context.Context, base string) ([]*github.PullRequest, error) {
	list, err := steady(f.page, func() ([]*github.PullRequest, error) {
		all, _, err := f.list(ctx, &github.PullRequestListOptions{State: "open", Base: base}, 1<<30)
		return all, err
	}, func(a, b *github.PullRequest) bool { return a.GetNumber() == b.GetNumber() })
	if err != nil {
		return nil, fmt.Errorf("list open pull requests of %s/%s: %w", f.owner, f.repo, err)
	}
	return list, nil
}

// pull turns GitHub's pull into ours.
func pull(p *github.PullRequest) gitops.Pull {
	out := gitops.Pull{
		Number: p.GetNumber(), URL: p.GetHTMLURL(), Branch: p.GetHead().GetRef(), Head: p.GetHead().GetSHA(), Base: p.GetBase().GetRef(), State: p.GetState(),
		Draft: p.GetDraft(), Title: p.GetTitle(), Body: p.GetBody(), Author: p.GetUser().GetLogin(), UpdatedAt: p.GetUpdatedAt().Time, CreatedAt: p.GetCreatedAt().Time,
	}
	for _, l := range p.Labels {
		out.Labels = append(out.Labels, l.GetName())
	}
	if p.MergedAt != nil || p.GetMerged() {
		// Before the merge, merge_commit_sha is the commit of GitHub's trial.
		out.State, out.Merge, out.MergedAt = "merged", p.GetMergeCommitSHA(), p.GetMergedAt().Time
	}
	return out
}

// get reads one pull.
func (f *Forge) get(ctx context.Context, number int) (*github.PullRequest, error) {
	p, _, err := f.client.PullRequests.Get(ctx, f.owner, f.repo, number)
	if err != nil {
		return nil, f.explain(fmt.Sprintf("read #%d", number), err)
	}
	return p, nil
}
