package gitops

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"promoter/promoter"
)

// Observer reads pulls and branches.
type Observer struct {
	Forge Forge
	Repo  Repository
	Base  string // base branch
	Make  Maker
	// SheetOf and SaidOf read the digests of the sheet and of the notice from
	// a pull's body, or "".
	SheetOf func(body string) string
	SaidOf  func(body string) string
	// Delivers is set when merged pulls matter: then it is found what they
	// wrote. Ledger, if not nil, spares finding it twice.
	Delivers bool
	Ledger   *Ledger
	Now      func() time.Time
}

// Branches returns the base branch's commit and those of our branches.
func (o *Observer) Branches(ctx context.Context) (base string, ours map[string]string, err error) {
	heads, err := o.Repo.Heads(ctx, o.Base, promoter.BranchPrefix)
	if err != nil {
		return "", nil, fmt.Errorf("read branches: %w", err)
	}
	base, ok := heads[o.Base]
	if !ok {
		return "", nil, fmt.Errorf("read branches: the remote has no branch %q: name the deployed one in promoter.yaml (pulls.base)", o.Base)
	}
	ours = map[string]string{}
	for name, hash := range heads {
		if strings.HasPrefix(name, promoter.BranchPrefix) {
			ours[name] = hash
		}
	}
	return base, ours, nil
}

// Pulls returns our pulls and the branches that have none. When the forge's
// answer is not whole it returns why, and no pulls.
func (o *Observer) Pulls(ctx context.Context, base string, branches map[string]string) ([]promoter.Pull, string) {
	listed, err := o.Forge.Pulls(ctx, o.Base, promoter.BranchPrefix)
	if err != nil {
		return nil, err.Error()
	}
	var out []promoter.Pull
	open := map[string]bool{}
	for _, p := range listed {
		pull := promoter.Pull{
			Number: p.Number, URL: p.URL, Branch: p.Branch, Head: p.Head, State: promoter.PullState(p.State), Draft: p.Draft,
			Merge: p.Merge, MergedAt: p.MergedAt, ClosedBy: p.ClosedBy, UpdatedAt: p.UpdatedAt, Labels: p.Labels,
			Author: p.Author,
		}
		if o.SaidOf != nil {
			pull.Said = o.SaidOf(p.Body)
		}
		if o.SheetOf != nil {
			pull.Sheet = o.SheetOf(p.Body)
		}
		if pull.State == promoter.PullOpen {
			open[p.Branch] = true
			if head := branches[p.Branch]; head != p.Head {
				return nil, fmt.Sprintf("#%d is at %s and its branch at %s: one of the two answers is old", p.Number, short(p.Head), short(head))
			}
			if err := o.inspect(ctx, base, &pull); err != nil {
				return nil, fmt.Sprintf("read #%d: %v", p.Number, err)
			}
			if pull.Empty && o.Delivers && !finished(listed, p.Branch, p.Head) {
				if err := o.unnoted(ctx, base, &pull); err != nil {
					return nil, fmt.Sprintf("read how #%d was merged: %v", p.Number, err)
				}
			}
		}
		if pull.State == promoter.PullMerged && o.Delivers {
			if err := o.merged(ctx, &pull); err != nil {
				return nil, fmt.Sprintf("read what #%d merged: %v", p.Number, err)
			}
		}
		out = append(out, pull)
	}
	if why, err := o.overtaken(ctx, base, out); err != nil {
		return nil, err.Error()
	} else if why != "" {
		return nil, why
	}
	for name, head := range branches {
		if open[name] || finished(listed, name, head) {
			continue
		}
		pull := promoter.Pull{Branch: name, Head: head, State: promoter.PullBranch}
		if err := o.inspect(ctx, base, &pull); err != nil {
			return nil, fmt.Sprintf("read branch %s: %v", name, err)
		}
		out = append(out, pull)
	}
	return out, ""
}

// justMerged is how long a merge may be newer than what was read of the base
// branch before it.
const justMerged = time.Hour

// overtaken says which pull was merged after the base branch was read: what it
// wrote is not in the files that were read. A merge that is not on the branch
// now either (its history was rewritten) is no such thing.
func (o *Observer) overtaken(ctx context.Context, base string, pulls []promoter.Pull) (string, error) {
	var last *promoter.Pull
	for i := range pulls {
		if p := &pulls[i]; p.State == promoter.PullMerged && p.Merge != "" && (last == nil || p.MergedAt.After(last.MergedAt)) {
			last = p
		}
	}
	if !o.Delivers || o.Now == nil || last == nil || o.Now().Sub(last.MergedAt) > justMerged {
		return "", nil
	}
	if err := o.Repo.Reach(ctx, last.Merge); err != nil && !errors.Is(err, ErrNotFound) {
		return "", fmt.Errorf("read what #%d merged: %w", last.Number, err)
	} else if err == nil {
		if common, err := o.Repo.Base(ctx, last.Merge, base); err == nil && common == last.Merge {
			return "", nil
		}
	}
	heads, err := o.Repo.Heads(ctx, o.Base)
	if err != nil {
		return "", fmt.Errorf("read branch %s again: %w", o.Base, err)
	}
	if heads[o.Base] == base {
		return "", nil
	}
	return fmt.Sprintf("#%d was merged after branch %s was read", last.Number, o.Base), nil
}

// finished reports whether a branch is what a merged or closed pull left
// behind: it is no work of ours any more.
func finished(listed []Pull, branch, head string) bool {
	for _, p := range listed {
		if p.Branch == branch && p.State != string(promoter.PullOpen) && p.Head == head {
			return true
		}
	}
	return false
}

// inspect finds what a branch changes, and whether all of it is ours.
func (o *Observer) inspect(ctx context.Context, base string, pull *promoter.Pull) error {
	parent, err := o.Repo.Base(ctx, pull.Head, base)
	if err != nil {
		return err
	}
	pull.Parent = parent
	commits, err := o.Repo.Commits(pull.Head, parent, 2)
	if err != nil {
		return err
	}
	changes, err := o.Repo.Changes(parent, pull.Head)
	if err != nil {
		return err
	}
	if len(commits) == 0 {
		pull.Empty = true
	}
	if len(commits) != 1 {
		pull.Foreign = true
		return nil
	}
	pull.HeadAt = commits[0].At
	t := promoter.ParseTrailers(commits[0].Message)
	own := span{parent, pull.Head}
	pull.Foreign = !o.Ledger.holds(own) && !o.makes(ctx, parent, t.Edits, changes)
	if !pull.Foreign {
		o.Ledger.note(own)
		if pull.Moved, err = o.moved(parent, base, changes); err != nil {
			return err
		}
		pull.Edits = t.Edits
		id, _ := promoter.ChangeOf(pull.Branch)
		pull.Ours = t.Change == id
	}
	return nil
}

// lately is how many of the base branch's newest commits may be the merge of a
// pull that its forge says is open.
const lately = 100

// unnoted finds the merge of a pull that is on the base branch and that the
// forge has not noted: it lags, or was cut off while it merged. What counts is
// what Git says.
func (o *Observer) unnoted(ctx context.Context, base string, pull *promoter.Pull) error {
	line, err := o.Repo.FirstParents(ctx, base, lately)
	if err != nil {
		return err
	}
	for _, c := range line {
		if c.Hash == pull.Head || len(c.Parents) > 1 && c.Parents[1] == pull.Head {
			pull.State, pull.Merge, pull.MergedAt, pull.Foreign = promoter.PullMerged, c.Hash, c.At, false
			return nil
		}
	}
	return nil
}

// moved reports whether one of the changed files is another on the base branch
// than it was where the branch began.
func (o *Observer) moved(parent, base string, changes []Change) (bool, error) {
	if parent == base {
		return false, nil
	}
	read := reading(o.Repo, base)
	for _, c := range changes {
		now, ok, err := read(c.Path)
		if err != nil {
			return false, err
		}
		if !ok || !bytes.Equal(now, c.Before) {
			return true, nil
		}
	}
	return false, nil
}

// makes reports whether making the edits that a commit claims again gives the
// commit's files, byte for byte, and no others. The claim is only an index:
// what counts is what comes of it.
func (o *Observer) makes(ctx context.Context, parent string, edits []promoter.Edit, changes []Change) bool {
	made, err := remake(ctx, o.Repo, o.Make, parent, edits)
	if err != nil || len(made) != len(changes) {
		return false
	}
	for _, c := range changes {
		if after, ok := made[c.Path]; !ok || c.After == nil || !bytes.Equal(after, c.After) {
			return false
		}
	}
	return true
}

// reading reads files of one commit.
func reading(r Repository, commit string) func(path string) ([]byte, bool, error) {
	return func(path string) ([]byte, bool, error) {
		data, err := r.Read(commit, path)
		if errors.Is(err, ErrNotFound) {
			return nil, false, nil
		}
		return data, err == nil, err
	}
}

func short(commit string) string {
	if len(commit) > 10 {
		return commit[:10]
	}
	if commit == "" {
		return "nothing"
	}
	return commit
}

// stale reports whether an error only says that the world has moved.
func stale(err error) bool { return errors.Is(err, ErrStale) }
