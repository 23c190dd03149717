package gitea

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"time"
)

// A merge is two things to this server: it pushes the commit, and then notes
// that the pull is merged. Whoever hangs up in between, dying for one, leaves a
// merge that was made and never noted, and it would look like a person's commit.
// What stands in Git is what counts. While such a pull is open the observer sees
// that for every forge, and closes it in the end; once it is closed only this
// server can say that it was one.

// unnoted remembers which merge is a pull's. It may be lost at any time.
type unnoted struct {
	mu    sync.Mutex
	found map[string]*commit   // by pull and head
	asked map[string]time.Time // when none was found
}

// commit is a commit as the server has it.
type commit struct {
	SHA     string    `json:"sha"`
	Created time.Time `json:"created"`
	Parents []struct {
		SHA string `json:"sha"`
	} `json:"parents"`
}

const (
	// searchedPages is how far back the base is searched.
	searchedPages = 4
	// askAgain is when a pull that has nothing of its own, and no merge, is asked
	// about again.
	askAgain = 5 * time.Minute
	// mostUnnoted is how many are remembered before all are forgotten.
	mostUnnoted = 1000
)

// note makes a closed pull merged where its merge is on the base and was not noted.
func (f *Forge) note(ctx context.Context, p *pull) error {
	if p.State != "closed" || p.Merged || p.MergeBase == "" || p.MergeBase != p.Head.SHA {
		return nil // what is open is looked into, or it has something that the base lacks
	}
	c, err := f.mergeOf(ctx, p)
	if err != nil || c == nil {
		return err
	}
	p.Merged, p.Merge, p.MergedAt = true, &c.SHA, &c.Created
	return nil
}

// mergeOf finds the merge of a pull's head among the newest commits of its base.
func (f *Forge) mergeOf(ctx context.Context, p *pull) (*commit, error) {
	key := fmt.Sprint(p.Number, " ", p.Head.SHA)
	u := &f.unnoted
	u.mu.Lock()
	c, at := u.found[key], u.asked[key]
	u.mu.Unlock()
	if c != nil || f.now().Sub(at) < askAgain {
		return c, nil
	}
	c, err := f.search(ctx, p)
	if err != nil {
		return nil, err
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.found == nil || len(u.found)+len(u.asked) >= mostUnnoted {
		u.found, u.asked = map[string]*commit{}, map[string]time.Time{}
	}
	if c != nil {
		u.found[key] = c
	} else {
		u.asked[key] = f.now()
	}
	return c, nil
}

func (f *Forge) search(ctx context.Context, p *pull) (*commit, error) {
	for page := 1; page <= searchedPages; page++ {
		var list []commit
		q := url.Values{"sha": {p.Base.Label}, "page": {strconv.Itoa(page)}, "limit": {strconv.Itoa(f.page)}, "stat": {"false"}, "files": {"false"}, "verification": {"false"}}
		if _, err := f.api.call(ctx, http.MethodGet, f.repo+"/commits?"+q.Encode(), nil, &list); err != nil {
			return nil, fmt.Errorf("look for the merge of #%d: %w", p.Number, err)
		}
		for i, c := range list {
			if len(c.Parents) == 2 && c.Parents[1].SHA == p.Head.SHA && !c.Created.Before(p.Created) {
				return &list[i], nil
			}
		}
		if len(list) == 0 {
			break
		}
	}
	return nil, nil
}
