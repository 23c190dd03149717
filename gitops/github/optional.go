package github

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"unicode/utf8"

	"github.com/google/go-github/v60/github"

	"promoter/gitops"
)

// errUnprocessable is how GraphQL refuses what it could do.
var errUnprocessable = errors.New("it is refused")

// mutate runs a GraphQL mutation: REST knows no drafts after the opening, and
// no update of a ref that expects where it was.
func (f *Forge) mutate(ctx context.Context, name string, input map[string]any) error {
	kind := string(name[0]-'a'+'A') + name[1:] + "Input"
	req, err := f.client.NewRequest(http.MethodPost, f.graphql, map[string]any{
		"query":     "mutation($input:" + kind + "!){" + name + "(input:$input){clientMutationId}}",
		"variables": map[string]any{"input": input},
	})
	if err != nil {
		return err
	}
	var answer struct {
		Errors []struct{ Type, Message string }
	}
	if name != "updateRefs" { // which the path alone does not tell
		if err := f.limits.spend(); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	if _, err := f.client.Do(ctx, req, &answer); err != nil {
		return f.explain(name, err)
	}
	if len(answer.Errors) == 0 {
		return nil
	}
	e := answer.Errors[0]
	switch e.Type {
	case "NOT_FOUND":
		return fmt.Errorf("%s: %w: %s", name, gitops.ErrNotFound, e.Message)
	case "FORBIDDEN":
		return fmt.Errorf("%s: %w: %s", name, gitops.ErrDenied, e.Message)
	case "UNPROCESSABLE":
		return fmt.Errorf("%s: %w: %s", name, errUnprocessable, e.Message)
	case "RATE_LIMITED":
		return fmt.Errorf("%s: %w", name, &gitops.RateLimited{Until: f.now().Add(unknownWait), Why: "primary limit of GraphQL"})
	}
	return fmt.Errorf("%s: %s", name, e.Message)
}

// Releases implements gitops.ReleaseLister.
func (f *Forge) Releases(ctx context.Context, owner, repo string) ([]gitops.Release, error) {
	of := f.Of(owner, repo)
	var all []gitops.Release
	for o := (&github.ListOptions{PerPage: 100}); o.Page <= 3; {
		list, resp, err := f.client.Repositories.ListReleases(ctx, owner, repo, o)
		if err != nil {
			return nil, of.explain("list releases", err)
		}
		for _, r := range list {
			if !r.GetDraft() {
				all = append(all, gitops.Release{
					Tag: r.GetTagName(), Name: r.GetName(), Notes: r.GetBody(), URL: r.GetHTMLURL(), At: r.GetPublishedAt().Time, Prerelease: r.GetPrerelease(),
				})
			}
		}
		if resp.NextPage == 0 {
			break
		}
		o.Page = resp.NextPage
	}
	return all, nil
}

// Settings implements gitops.SettingsReader.
func (f *Forge) Settings(ctx context.Context, base string) (gitops.Settings, error) {
	r, _, err := f.client.Repositories.Get(ctx, f.owner, f.repo)
	if err != nil {
		return gitops.Settings{}, f.explain("read settings", err)
	}
	s := gitops.Settings{DefaultBranch: r.GetDefaultBranch(), DeletesMerged: r.GetDeleteBranchOnMerge()}
	for _, m := range []struct {
		name    string
		allowed *bool
	}{{"merge", r.AllowMergeCommit}, {"squash", r.AllowSquashMerge}, {"rebase", r.AllowRebaseMerge}} {
		if m.allowed != nil && *m.allowed {
			s.MergeMethods = append(s.MergeMethods, m.name)
		}
	}
	if base == "" {
		base = s.DefaultBranch
	}
	// go-github refuses kinds of rules that are younger than itself.
	req, err := f.client.NewRequest(http.MethodGet, fmt.Sprintf("repos/%s/%s/rules/branches/%s?per_page=100", f.owner, f.repo, url.PathEscape(base)), nil)
	if err != nil {
		return gitops.Settings{}, err
	}
	var rules []struct {
		Type       string
		Parameters json.RawMessage
	}
	if _, err := f.client.Do(ctx, req, &rules); err != nil {
		err = f.explain("read the rules of "+base, err)
		if errors.Is(err, gitops.ErrNotFound) {
			return s, nil // an Enterprise server without rulesets
		}
		return gitops.Settings{}, err
	}
	for _, rule := range rules {
		switch rule.Type {
		case "required_signatures":
			s.SignedCommits = true
		case "merge_queue":
			s.MergeQueue = true
		case "required_linear_history":
			s.MergeMethods = slices.DeleteFunc(s.MergeMethods, func(m string) bool { return m == "merge" })
		case "pull_request":
			var p struct {
				Allowed []string `json:"allowed_merge_methods"`
			}
			if json.Unmarshal(rule.Parameters, &p) == nil && p.Allowed != nil {
				s.MergeMethods = slices.DeleteFunc(s.MergeMethods, func(m string) bool { return !slices.Contains(p.Allowed, m) })
			}
		}
	}
	return s, nil
}

// CommitFiles implements gitops.Committer. Author and committer are left out:
// then GitHub signs the commit, in the name of whose token it is.
func (f *Forge) CommitFiles(ctx context.Context, c gitops.FilesCommit) (string, error) {
	what := "commit to " + c.Branch
	base, _, err := f.client.Git.GetCommit(ctx, f.owner, f.repo, c.Base)
	if err != nil {
		return "", f.explain(what, err)
	}
	var entries []*github.TreeEntry
	for _, file := range c.Files {
		e := &github.TreeEntry{Path: &file.Path, Mode: &file.Mode, Type: github.String("blob")}
		if utf8.Valid(file.Data) {
			e.Content = github.String(string(file.Data))
		} else {
			blob, _, err := f.client.Git.CreateBlob(ctx, f.owner, f.repo, &github.Blob{
				Content: github.String(base64.StdEncoding.EncodeToString(file.Data)), Encoding: github.String("base64"),
			})
			if err != nil {
				return "", f.explain(what, err)
			}
			e.SHA = blob.SHA
		}
		entries = append(entries, e)
	}
	tree, _, err := f.client.Git.CreateTree(ctx, f.owner, f.repo, base.GetTree().GetSHA(), entries)
	if err != nil {
		return "", f.explain(what, err)
	}
	commit, _, err := f.client.Git.CreateCommit(ctx, f.owner, f.repo, &github.Commit{
		Message: &c.Message, Tree: tree, Parents: []*github.Commit{{SHA: &c.Base}},
	}, nil)
	if err != nil {
		return "", f.explain(what, err)
	}
	if err := f.setBranch(ctx, c.Branch, commit.GetSHA(), c.Expect); err != nil {
		return "", fmt.Errorf("%s: %w", what, err)
	}
	return commit.GetSHA(), nil
}

// setBranch moves a branch, if it is where it is thought to be.
func (f *Forge) setBranch(ctx context.Context, branch, commit, expect string) error {
	var err error
	if expect == "" {
		_, _, err = f.client.Git.CreateRef(ctx, f.owner, f.repo, &github.Reference{
			Ref: github.String("refs/heads/" + branch), Object: &github.GitObject{SHA: &commit},
		})
		err = f.explain("create branch "+branch, err)
	} else {
		var r *github.Repository
		if r, _, err = f.client.Repositories.Get(ctx, f.owner, f.repo); err != nil {
			return f.explain("read settings", err)
		}
		err = f.mutate(ctx, "updateRefs", map[string]any{
			"repositoryId": r.GetNodeID(),
			"refUpdates":   []map[string]any{{"name": "refs/heads/" + branch, "beforeOid": expect, "afterOid": commit, "force": true}},
		})
	}
	if err == nil {
		return nil
	}
	// GitHub's words for a ref that has moved are many: look where it is.
	ref, resp, lookErr := f.client.Git.GetRef(ctx, f.owner, f.repo, "heads/"+branch)
	switch {
	case lookErr == nil && ref.GetObject().GetSHA() != expect, resp != nil && resp.StatusCode == http.StatusNotFound && expect != "":
		return fmt.Errorf("%w: %w", gitops.ErrStale, err)
	}
	return err
}
