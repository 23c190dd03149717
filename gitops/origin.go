package gitops

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"promoter/promoter"
)

// originAge is how far back the commit is looked for that wrote something:
// what stands for longer has been proven by time.
const originAge = 72 * time.Hour

// Origins finds the commits by which places got what they read.
type Origins struct {
	Repo Repository
	Make Maker

	mu sync.Mutex
	// found are answers by question and head. A question's key holds what its
	// places read, so that an answer at one head holds at a later one as long
	// as nobody wrote something else and the same again.
	found map[string]promoter.Origin
}

// maxOrigin bounds the commits that are looked at.
const maxOrigin = 2000

// find walks the base branch back to the newest commit that changed one of the
// places.
func (o *Origins) find(ctx context.Context, q promoter.Question, head string, now time.Time) promoter.Origin {
	key := q.Key + " " + head
	o.mu.Lock()
	known, ok := o.found[key]
	o.mu.Unlock()
	if ok {
		return known
	}
	origin, err := o.walk(ctx, q.Places, head, now)
	if err != nil {
		return promoter.Origin{Unknown: err.Error()}
	}
	o.mu.Lock()
	if o.found == nil || len(o.found) > maxOrigin {
		o.found = map[string]promoter.Origin{}
	}
	o.found[key] = origin
	o.mu.Unlock()
	return origin
}

func (o *Origins) walk(ctx context.Context, places []promoter.Place, head string, now time.Time) (promoter.Origin, error) {
	at := head
	for range maxOrigin {
		line, err := o.Repo.FirstParents(ctx, at, 2)
		if err != nil {
			return promoter.Origin{}, err
		}
		if len(line) == 0 {
			return promoter.Origin{}, fmt.Errorf("read commit %s: %w", short(at), ErrNotFound)
		}
		if now.Sub(line[0].At) > originAge {
			return promoter.Origin{Old: true}, nil
		}
		if len(line) == 1 {
			return promoter.Origin{Commit: at, At: line[0].At}, nil
		}
		same, err := o.same(ctx, places, at, line[1].Hash)
		if err != nil {
			return promoter.Origin{}, err
		}
		if !same {
			return promoter.Origin{Commit: at, At: line[0].At}, nil
		}
		at = line[1].Hash
	}
	return promoter.Origin{}, fmt.Errorf("more than %d commits in the last days", maxOrigin)
}

// same reports whether every place reads the same in a commit's parent.
func (o *Origins) same(ctx context.Context, places []promoter.Place, commit, parent string) (bool, error) {
	files := map[string][]promoter.Place{}
	for _, p := range places {
		files[p.File] = append(files[p.File], p)
	}
	for file, ps := range files {
		now, err := o.Repo.Read(commit, file)
		if err != nil {
			return false, err
		}
		before, err := o.Repo.Read(parent, file)
		if errors.Is(err, ErrNotFound) {
			return false, nil
		}
		if err != nil {
			return false, err
		}
		if bytes.Equal(now, before) {
			continue
		}
		for _, p := range ps {
			if !o.reads(ctx, parent, p) {
				return false, nil
			}
		}
	}
	return true, nil
}

// reads reports whether a place reads in a commit what it reads now: an edit of
// it is refused where it does not.
func (o *Origins) reads(ctx context.Context, commit string, p promoter.Place) bool {
	_, err := remake(ctx, o.Repo, o.Make, commit, []promoter.Edit{{Place: p, To: p.Written + "1"}})
	return err == nil
}
