package gitops

import (
	"sync"
	"time"

	"promoter/promoter"
)

// LastWords are the seals of commits that hold a verdict: they are read once. A
// failure is final. A pass may be unmade by a person's word at any time: where
// somebody has said one, it is read again. All of it may be lost.
type LastWords struct {
	mu sync.Mutex
	of map[string]lastWord
}

type lastWord struct {
	seals  promoter.Sealing
	failed bool
}

// settled is how long after a good word another run that looked at the same
// moment may still say a bad one.
const settled = 5 * time.Minute

func (l *LastWords) get(commit string) (s promoter.Sealing, failed, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	w, ok := l.of[commit]
	return w.seals, w.failed, ok
}

func (l *LastWords) put(commit string, s promoter.Sealing, failed bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.of == nil || len(l.of) >= mostRemembered {
		l.of = map[string]lastWord{}
	}
	l.of[commit] = lastWord{s, failed}
}
