package flux

import (
	"slices"
	"sync"
	"time"

	"promoter/promoter/converge"
)

const (
	remembers = 6 * time.Hour    // what nobody asks about any more
	baseAge   = 75 * time.Minute // of a state from before a merge
	mostLooks = 8                // of one application for one commit
	mostFacts = 50_000           // of the history
)

// ledger is what an engine remembers. All of it may be lost.
type ledger struct {
	mu       sync.Mutex
	memories map[memoryKey]*memory
	asked    map[waveKey]*wave
	bases    map[appKey]converge.FluxSnapshot // as it was before a merge
	facts    map[fact]converge.Answer         // that a repository's history cannot change
	swept    time.Time
}

type appKey struct {
	cluster string
	app     converge.Ref
}

type memoryKey struct {
	appKey
	commit string
}

// memory is what was seen of one application for one commit.
type memory struct {
	seen   []converge.FluxSnapshot // parts
	base   converge.FluxSnapshot
	unread map[string]time.Time // commits that the repository did not have, since when
	used   time.Time
}

type waveKey struct{ cluster, commit string }

// wave is what was asked of a cluster for one commit. Applications share it:
// they have sources in common.
type wave struct {
	asking sync.Mutex // held while requests are made
	first  time.Time
	last   time.Time
	token  string // of the last request to a source
	asks   map[converge.Ref]request
	used   time.Time
}

type request struct {
	fence time.Time
	times int
}

// due is when a lost request is to be made again.
func (r request) due() time.Time {
	if r.times == 0 {
		return time.Time{}
	}
	return r.fence.Add(min(5*time.Second<<min(r.times-1, 5), 2*time.Minute))
}

type fact struct{ what, a, b, paths string }

func newLedger() ledger {
	return ledger{memories: map[memoryKey]*memory{}, asked: map[waveKey]*wave{}, bases: map[appKey]converge.FluxSnapshot{}, facts: map[fact]converge.Answer{}}
}

func (l *ledger) memory(key memoryKey, now time.Time) *memory {
	l.mu.Lock()
	defer l.mu.Unlock()
	e := l.memories[key]
	if e == nil {
		e = &memory{unread: map[string]time.Time{}}
		l.memories[key] = e
	}
	e.used = now
	return e
}

func (l *ledger) wave(key waveKey, now time.Time) *wave {
	l.mu.Lock()
	defer l.mu.Unlock()
	v := l.asked[key]
	if v == nil {
		v = &wave{asks: map[converge.Ref]request{}}
		l.asked[key] = v
	}
	v.used = now
	return v
}

// looks are the earlier ones, and this one.
func (l *ledger) looks(e *memory, s converge.FluxSnapshot) []converge.FluxSnapshot {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append(slices.Clone(e.seen), s)
}

func (l *ledger) saw(e *memory, part converge.FluxSnapshot) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if n := len(e.seen); n > 0 && e.seen[n-1].ReadAt.Equal(part.ReadAt) {
		e.seen = e.seen[:n-1] // the same answer, to two questions
	}
	if e.seen = append(e.seen, part); len(e.seen) > mostLooks {
		e.seen = slices.Delete(e.seen, 0, len(e.seen)-mostLooks)
	}
}

// lacked notes that the repository did not have a commit, and returns since
// when.
func (l *ledger) lacked(e *memory, commit string, now time.Time) time.Time {
	l.mu.Lock()
	defer l.mu.Unlock()
	if e.unread[commit].IsZero() {
		e.unread[commit] = now
	}
	return e.unread[commit]
}

// base is the state from before a merge, if it was seen not long before. It is
// kept with the commit: other merges' come after it.
func (l *ledger) base(e *memory, app appKey, merged time.Time) converge.FluxSnapshot {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !e.base.ReadAt.IsZero() {
		return e.base
	}
	if b := l.bases[app]; b.ReadAt.Before(merged) && merged.Sub(b.ReadAt) < baseAge {
		e.base = b
	}
	return e.base
}

func (l *ledger) setBase(app appKey, part converge.FluxSnapshot) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.bases[app] = part
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

// forget drops what nobody has asked about for long.
func (l *ledger) forget(now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if now.Sub(l.swept) < time.Minute {
		return
	}
	l.swept = now
	for key, e := range l.memories {
		if now.Sub(e.used) > remembers {
			delete(l.memories, key)
		}
	}
	for key, v := range l.asked {
		if now.Sub(v.used) > remembers {
			delete(l.asked, key)
		}
	}
	for key, s := range l.bases {
		if now.Sub(s.ReadAt) > remembers {
			delete(l.bases, key)
		}
	}
}
