package argocd

import (
	"slices"
	"sync"
	"time"

	"promoter/promoter/converge"
)

const (
	remembers  = 6 * time.Hour    // what nobody asks about any more
	minded     = time.Hour        // what was asked about, for as long as it is watched
	detailsAge = 2 * time.Minute  // of what belongs to an object that has not changed
	baseAge    = 75 * time.Minute // of a state from before a merge
	mostLooks  = 8                // of one application for one commit
	mostFacts  = 50_000           // of the history
)

// ledger is what an engine remembers. All of it may be lost.
type ledger struct {
	mu      sync.Mutex
	entries map[entryKey]*entry
	bases   map[converge.ArgoApp]converge.ArgoSnapshot // as it was before a merge
	details map[converge.ArgoApp]converge.ArgoSnapshot // the last look
	stuck   map[stuckKey][]converge.ArgoSnapshot
	facts   map[fact]converge.Answer       // that a repository's history cannot change
	asked   map[converge.ArgoApp]time.Time // when somebody last wanted to know of it
	swept   time.Time
}

type entryKey struct {
	app    converge.ArgoApp
	commit string // empty: before a merge
}

// entry is what was done and seen for one application and one commit.
type entry struct {
	asking sync.Mutex // held while a refresh is asked for

	fence, first time.Time
	asked        int
	seen         []converge.ArgoSnapshot
	base         converge.ArgoSnapshot // from before the merge
	unread       map[string]time.Time  // revisions that the repository did not have, since when
	used         time.Time
}

type stuckKey struct{ app, environment, cluster, commit string }

func placeOf(app, environment, cluster, commit string) stuckKey {
	return stuckKey{app, environment, cluster, commit}
}

type fact struct{ what, a, b, paths string }

func newLedger() ledger {
	return ledger{
		entries: map[entryKey]*entry{}, bases: map[converge.ArgoApp]converge.ArgoSnapshot{},
		details: map[converge.ArgoApp]converge.ArgoSnapshot{}, stuck: map[stuckKey][]converge.ArgoSnapshot{}, facts: map[fact]converge.Answer{},
		asked: map[converge.ArgoApp]time.Time{},
	}
}

func (l *ledger) entry(app converge.ArgoApp, commit string, now time.Time) *entry {
	l.mu.Lock()
	defer l.mu.Unlock()
	key := entryKey{app, commit}
	e := l.entries[key]
	if e == nil {
		e = &entry{unread: map[string]time.Time{}}
		l.entries[key] = e
	}
	e.used = now
	return e
}

// requests are what was asked for.
func (l *ledger) requests(e *entry) (fence, first time.Time, asked int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return e.fence, e.first, e.asked
}

func (l *ledger) requested(e *entry, fence time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if e.asked++; e.first.IsZero() {
		e.first = fence
	}
	e.fence = fence
}

// looks are the earlier ones, and this one.
func (l *ledger) looks(e *entry, s converge.ArgoSnapshot) []converge.ArgoSnapshot {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append(slices.Clone(e.seen), s)
}

func (l *ledger) saw(e *entry, s converge.ArgoSnapshot) {
	l.mu.Lock()
	defer l.mu.Unlock()
	s.Tree, s.Live = nil, nil
	if n := len(e.seen); n > 0 && e.seen[n-1].Version == s.Version && e.seen[n-1].ReadAt.Equal(s.ReadAt) {
		e.seen = e.seen[:n-1] // the same answer, to two questions
	}
	if e.seen = append(e.seen, s); len(e.seen) > mostLooks {
		e.seen = slices.Delete(e.seen, 0, len(e.seen)-mostLooks)
	}
}

// lacked notes that the repository did not have a revision, and returns since
// when.
func (l *ledger) lacked(e *entry, revision string, now time.Time) time.Time {
	l.mu.Lock()
	defer l.mu.Unlock()
	if e.unread[revision].IsZero() {
		e.unread[revision] = now
	}
	return e.unread[revision]
}

// detailed adds to a list's snapshot what was read about the same version of
// the object before.
func (l *ledger) detailed(s converge.ArgoSnapshot) (_ converge.ArgoSnapshot, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	d, ok := l.details[s.App]
	if !ok || d.UID != s.UID || d.Version != s.Version || s.ReadAt.Sub(d.ReadAt) > detailsAge {
		return s, false
	}
	s.CanSync, s.Tree, s.Children, s.ChildrenKnown = d.CanSync, d.Tree, d.Children, d.ChildrenKnown
	return s, true
}

func (l *ledger) detail(s converge.ArgoSnapshot) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.details[s.App] = s
}

// base is the state from before a merge, if it was seen not long before. It is
// kept with the commit: other merges' come after it.
func (l *ledger) base(app converge.ArgoApp, commit string, merged time.Time) converge.ArgoSnapshot {
	l.mu.Lock()
	defer l.mu.Unlock()
	e := l.entries[entryKey{app, commit}]
	if e != nil && e.base.UID != "" {
		return e.base
	}
	b := l.bases[app]
	if !b.ReadAt.Before(merged) || merged.Sub(b.ReadAt) >= baseAge {
		return converge.ArgoSnapshot{}
	}
	if e == nil {
		e = &entry{unread: map[string]time.Time{}}
		l.entries[entryKey{app, commit}] = e
	}
	e.base = b
	return b
}

func (l *ledger) setBase(s converge.ArgoSnapshot) {
	l.mu.Lock()
	defer l.mu.Unlock()
	s.Tree, s.Live = nil, nil
	l.bases[s.App] = s
}

func (l *ledger) stick(at stuckKey, s converge.ArgoSnapshot, stuck bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	same := func(o converge.ArgoSnapshot) bool { return o.App == s.App }
	rest := slices.DeleteFunc(slices.Clone(l.stuck[at]), same)
	if stuck {
		rest = append(rest, s)
	}
	if len(rest) == 0 {
		delete(l.stuck, at)
		return
	}
	l.stuck[at] = rest
}

func (l *ledger) stuckAt(at stuckKey) []converge.ArgoSnapshot {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.stuck[at])
}

func (l *ledger) fact(f fact) (converge.Answer, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	a, ok := l.facts[f]
	return a, ok
}

func (l *ledger) learn(f fact, a converge.Answer) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.facts) >= mostFacts {
		clear(l.facts) // they are learnt again
	}
	l.facts[f] = a
}

// mind notes that an application is asked about, so that what happens to it is
// worth a look.
func (l *ledger) mind(app converge.ArgoApp, now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.asked[app] = now
}

// minds reports whether an application was asked about within the last hour.
func (l *ledger) minds(app converge.ArgoApp) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	_, ok := l.asked[app]
	return ok
}

// forget drops what nobody has asked about for long.
func (l *ledger) forget(now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if now.Sub(l.swept) < time.Minute {
		return
	}
	l.swept = now
	for key, e := range l.entries {
		if now.Sub(e.used) > remembers {
			delete(l.entries, key)
		}
	}
	for key, asked := range l.asked {
		if now.Sub(asked) > minded {
			delete(l.asked, key)
		}
	}
	for key, list := range l.stuck {
		if now.Sub(list[0].ReadAt) > remembers {
			delete(l.stuck, key)
		}
	}
	for key, s := range l.bases {
		if now.Sub(s.ReadAt) > remembers {
			delete(l.bases, key)
		}
	}
	for key, s := range l.details {
		if now.Sub(s.ReadAt) > detailsAge {
			delete(l.details, key)
		}
	}
}
