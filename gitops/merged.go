package gitops

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	"promoter/promoter"
)

// mergedAge is how long after its merge a pull's edits are read: what stands
// for longer has been proven by time, or by people.
const mergedAge = 30 * 24 * time.Hour

// mostRemembered is how many commits are remembered before all are forgotten:
// several times what a forge lists, so that a process that stays for years does
// not grow.
const mostRemembered = 5000

// Ledger remembers what merge commits did, and which branches hold just what
// their edits make. Neither ever changes, so that it may be lost at any time.
type Ledger struct {
	mu   sync.Mutex
	done map[string][]promoter.Edit // by merge commit
	made map[span]bool              // those that do
}

// span is a branch of one commit: its parent, and it.
type span struct{ parent, head string }

func (l *Ledger) holds(s span) bool {
	if l == nil {
		return false
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.made[s]
}

func (l *Ledger) note(s span) {
	if l == nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.made == nil || len(l.made) >= mostRemembered {
		l.made = map[span]bool{}
	}
	l.made[s] = true
}

func (l *Ledger) get(commit string) ([]promoter.Edit, bool) {
	if l == nil {
		return nil, false
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	edits, ok := l.done[commit]
	return edits, ok
}

func (l *Ledger) put(commit string, edits []promoter.Edit) {
	if l == nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.done == nil || len(l.done) >= mostRemembered {
		l.done = map[string][]promoter.Edit{}
	}
	l.done[commit] = edits
}

// merged finds what a merged pull wrote: the edits that its commit names, if
// making them again on what was there gives what the merge made of the files.
// What a person added to the branch makes it another thing than ours: then
// nothing is known of it.
func (o *Observer) merged(ctx context.Context, pull *promoter.Pull) error {
	if pull.Merge == "" || o.Now != nil && !pull.MergedAt.IsZero() && o.Now().Sub(pull.MergedAt) > mergedAge {
		return nil
	}
	if edits, ok := o.Ledger.get(pull.Merge); ok {
		pull.Edits = edits
		return nil
	}
	edits, err := o.wrote(ctx, pull)
	if errors.Is(err, ErrNotFound) {
		pull.Obscure = true // a base that was rewritten, or older than the history that can be had
		return nil
	}
	if err != nil {
		return err
	}
	pull.Edits, pull.Obscure = edits, len(edits) == 0
	if !pull.Obscure { // what is not known may be what could not be read just now
		o.Ledger.put(pull.Merge, edits)
	}
	return nil
}

// claimed are the edits that a merge says it made: in its own message, in that
// of the branch that it joins, or in the branch's as it is still known here. A
// squash may have lost them.
func (o *Observer) claimed(ctx context.Context, merge Commit, head string) ([]promoter.Edit, error) {
	if edits := promoter.ParseTrailers(merge.Message).Edits; len(edits) > 0 {
		return edits, nil
	}
	if len(merge.Parents) > 1 {
		head = merge.Parents[1]
	}
	own, err := o.Repo.FirstParents(ctx, head, 1)
	if errors.Is(err, ErrNotFound) || len(own) == 0 {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return promoter.ParseTrailers(own[0].Message).Edits, nil
}

func (o *Observer) wrote(ctx context.Context, pull *promoter.Pull) ([]promoter.Edit, error) {
	if err := o.Repo.Reach(ctx, pull.Merge); err != nil {
		return nil, err
	}
	line, err := o.Repo.FirstParents(ctx, pull.Merge, 2)
	if err != nil {
		return nil, err
	}
	if len(line) < 2 {
		return nil, nil
	}
	head, before := line[0], line[1].Hash
	edits, err := o.claimed(ctx, head, pull.Head)
	if err != nil || len(edits) == 0 {
		return nil, err
	}
	changes, err := o.Repo.Changes(before, pull.Merge)
	if err != nil {
		return nil, err
	}
	if o.makes(ctx, before, edits, changes) {
		return edits, nil
	}
	return o.beside(ctx, before, edits, changes), nil
}

// beside finds what a merge wrote of its edits where others changed the same
// files at the same moment: the forge joined both, line by line. A file is what
// its edits make of it, or each line that the merge changed in it is one edit's;
// and what it did not change had been written already. Otherwise
// nothing is known of it.
func (o *Observer) beside(ctx context.Context, before string, edits []promoter.Edit, changes []Change) []promoter.Edit {
	left, done, changes := o.whole(ctx, before, edits, changes)
	left = slices.DeleteFunc(left, func(e promoter.Edit) bool { return o.stands(ctx, before, e) })
	for _, c := range changes {
		was, is := bytes.Split(c.Before, []byte("\n")), bytes.Split(c.After, []byte("\n"))
		if c.Before == nil || c.After == nil || len(was) != len(is) {
			return nil
		}
		for n := range was {
			if bytes.Equal(was[n], is[n]) {
				continue
			}
			i := slices.IndexFunc(left, func(e promoter.Edit) bool {
				return e.Place.File == c.Path && e.Place.Written != "" && string(is[n]) == strings.Replace(string(was[n]), e.Place.Written, e.To, 1)
			})
			if i < 0 {
				return nil
			}
			done = append(done, left[i])
			left = slices.Delete(slices.Clone(left), i, i+1)
		}
	}
	if len(left) > 0 {
		return nil
	}
	return done
}

// whole finds the files that are just what their edits make of them, with what
// goes with these (a lock file); the rest is left.
func (o *Observer) whole(ctx context.Context, before string, edits []promoter.Edit, changes []Change) (left, done []promoter.Edit, rest []Change) {
	after := map[string][]byte{}
	for _, c := range changes {
		after[c.Path] = c.After
	}
	for len(edits) > 0 {
		file := edits[0].Place.File
		var own, others []promoter.Edit
		for _, e := range edits {
			if e.Place.File == file {
				own = append(own, e)
			} else {
				others = append(others, e)
			}
		}
		edits = others
		made, err := remake(ctx, o.Repo, o.Make, before, own)
		for path, data := range made {
			if is, ok := after[path]; !ok || is == nil || !bytes.Equal(is, data) {
				err = ErrNotFound
			}
		}
		if err != nil {
			left = append(left, own...)
			continue
		}
		done = append(done, own...)
		for path := range made {
			delete(after, path)
		}
	}
	for _, c := range changes {
		if _, ok := after[c.Path]; ok {
			rest = append(rest, c)
		}
	}
	return left, done, rest
}

// stands reports whether a commit reads already what an edit would write.
func (o *Observer) stands(ctx context.Context, commit string, e promoter.Edit) bool {
	back := e
	back.Place.Written, back.To = e.To, e.Place.Written
	back.Place.End += len(e.To) - len(e.Place.Written)
	_, err := remake(ctx, o.Repo, o.Make, commit, []promoter.Edit{back})
	return err == nil
}
