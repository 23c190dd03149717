package gitops

import (
	"sync"
	"time"

	"promoter/promoter"
)

// LastWords are the seals of commits that hold a verdict: they are read once. A
// person's word may unmake a pass at any time: then it is written by somebody
// who forgets it here, or finds it written when he is about to. It may be lost.
type LastWords struct {
	mu sync.Mutex
	of map[string]promoter.Sealing
}

// settled is how long after a good word another run that looked at the same
// moment may still say a bad one.
const settled = 5 * time.Minute

func (l *LastWords) get(commit string) (promoter.Sealing, bool) {
	if l == nil {
		return promoter.Sealing{}, false
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	s, ok := l.of[commit]
	return s, ok
}

func (l *LastWords) put(commit string, s promoter.Sealing) {
	if l == nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.of == nil || len(l.of) >= mostRemembered {
		l.of = map[string]promoter.Sealing{}
	}
	l.of[commit] = s
}

// forget lets a commit's seals be read again: they are written to.
func (l *LastWords) forget(commit string) {
	if l == nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.of, commit)
}
