package gitops

import (
	"context"
	"slices"
)

// Trunk is the history of the deployed branch, as the repository has it.
type Trunk struct {
	Repo interface {
		Repository
		IsAncestor(ctx context.Context, a, b string) (bool, error)
		Hashes(commit string, paths ...string) ([]string, error)
	}
	At   string // the branch's commit that is looked at
	Name string // the branch
	URL  string // the repository's address, as engines know it
}

var _ History = (*Trunk)(nil)

// Head is the branch's commit.
func (t *Trunk) Head() string { return t.At }

// Remote is the repository's address.
func (t *Trunk) Remote() string { return t.URL }

// Branch is the deployed branch.
func (t *Trunk) Branch() string { return t.Name }

// Holds reports whether a commit is another one, or an ancestor of it.
func (t *Trunk) Holds(ctx context.Context, commit, in string) (bool, error) {
	if commit == in {
		return true, nil
	}
	if err := t.Repo.Reach(ctx, commit); err != nil {
		return false, err
	}
	return t.Repo.IsAncestor(ctx, commit, in)
}

// Same reports whether everything under the paths is the same in two commits.
func (t *Trunk) Same(_ context.Context, a, b string, paths ...string) (bool, error) {
	if a == b {
		return true, nil
	}
	before, err := t.Repo.Hashes(a, paths...)
	if err != nil {
		return false, err
	}
	after, err := t.Repo.Hashes(b, paths...)
	return err == nil && slices.Equal(before, after), err
}

// Changed lists the paths that a commit changes against its first parent.
func (t *Trunk) Changed(ctx context.Context, commit string) ([]string, error) {
	if err := t.Repo.Reach(ctx, commit); err != nil {
		return nil, err
	}
	line, err := t.Repo.FirstParents(ctx, commit, 2)
	if err != nil || len(line) < 2 {
		return nil, err
	}
	changes, err := t.Repo.Changes(line[1].Hash, commit)
	if err != nil {
		return nil, err
	}
	out := make([]string, len(changes))
	for i, c := range changes {
		out[i] = c.Path
	}
	return out, nil
}
