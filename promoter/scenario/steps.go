package scenario

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"promoter/promoter"
)

// crashStep reads "after 2".
func crashStep(ws *words) (func(*teller) error, error) {
	if !ws.eat("after") {
		return nil, errors.New("write crash after 2: the number of actions before it")
	}
	word, err := ws.next("a number of actions")
	if err != nil {
		return nil, err
	}
	n, err := strconv.Atoi(word)
	if err != nil || n < 0 {
		return nil, fmt.Errorf("%q is no number of actions", word)
	}
	return func(t *teller) error {
		_, _, err := t.look(n)
		return err
	}, nil
}

// releaseStep reads "redis 18.2.0".
func releaseStep(verb string, ws *words, w *world) (func(*teller) error, error) {
	a, err := w.named(ws)
	if err != nil {
		return nil, err
	}
	version, err := ws.next("a version")
	return func(t *teller) error {
		w := t.world
		if verb == "release" {
			return w.release(a, version, w.now)
		}
		n := len(w.offered[a])
		w.offered[a] = slices.DeleteFunc(w.offered[a], func(r promoter.Release) bool { return r.Version == version })
		if len(w.offered[a]) == n {
			return fmt.Errorf("%s %s is not out", a.Name, version)
		}
		return nil
	}, err
}

// upstreamStep reads "redis unknown "429"" and "redis answers".
func upstreamStep(ws *words, w *world) (func(*teller) error, error) {
	a, err := w.named(ws)
	if err != nil {
		return nil, err
	}
	word, err := oneOf(ws, "unknown", "answers")
	why := ""
	if word == "unknown" {
		why = ws.reason("its list cannot be had")
	}
	return func(t *teller) error { t.world.unlisted[a] = why; return nil }, err
}

// fileStep reads "dev/redis.yaml unreadable".
func fileStep(ws *words) (func(*teller) error, error) {
	file, err := ws.next("a file")
	if err != nil {
		return nil, err
	}
	word, err := oneOf(ws, "unreadable", "readable")
	return func(t *teller) error {
		if _, ok := t.world.files[file]; !ok {
			return fmt.Errorf("there is no file %q: write one of %s", file, strings.Join(slices.Sorted(maps.Keys(t.world.files)), ", "))
		}
		t.world.unread[file] = word == "unreadable"
		return nil
	}, err
}

// freezeStep reads ""christmas" for 2h".
func freezeStep(ws *words) (func(*teller) error, error) {
	name, err := ws.quote("what the freeze is called")
	if err != nil {
		return nil, err
	}
	if !ws.eat("for") {
		return nil, errors.New("write freeze \"NAME\" for 2h")
	}
	d, err := ws.span()
	return func(t *teller) error {
		w := t.world
		w.policy.Freezes = append(w.policy.Freezes, promoter.Freeze{Name: name, From: w.now, To: w.now.Add(d)})
		return nil
	}, err
}

// clockStep reads "skews 70s".
func clockStep(ws *words) (func(*teller) error, error) {
	if !ws.eat("skews") {
		return nil, errors.New("write clock skews 70s")
	}
	d, err := ws.span()
	return func(t *teller) error { t.world.skew = d; return nil }, err
}

var refusals = []string{"merges", "pushes", "pulls", "statuses", "comments", "labels", "issues"}

// forgeStep reads what becomes of the forge.
func forgeStep(ws *words) (func(*teller) error, error) {
	switch {
	case ws.eat("is", "silent"):
		return func(t *teller) error { t.world.silent = true; return nil }, nil
	case ws.eat("answers"):
		return func(t *teller) error {
			clear(t.world.fails)
			clear(t.world.denied)
			t.world.silent = false
			return nil
		}, nil
	case ws.eat("merges", "its", "queue"):
		return (*teller).mergeQueue, nil
	case ws.eat("denies"):
		word, err := oneOf(ws, refusals...)
		why := ws.reason("403")
		return func(t *teller) error { t.world.denied[word] = why; return nil }, err
	}
	what := "pulls"
	if word := ws.peek(); word == "talk" || word == "seals" {
		what = word
		ws.eat(word)
	}
	if !ws.eat("fails") {
		return nil, fmt.Errorf("%q is not understood: write forge fails, forge talk fails, forge seals fails, forge denies merges, forge is silent, forge merges its queue or forge answers", ws.peek())
	}
	why := ws.reason("502")
	return func(t *teller) error { t.world.fails[what] = why; return nil }, nil
}

func (t *teller) mergeQueue() error {
	for _, p := range t.world.pulls {
		if p.queued && p.State == promoter.PullOpen {
			if err := t.world.merge(p); err != nil {
				return err
			}
		}
	}
	return nil
}
