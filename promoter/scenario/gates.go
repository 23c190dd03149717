package scenario

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"promoter/promoter"
)

// usualLook is how long a configured gate looks that says nothing of it.
const usualLook = 10 * time.Minute

// configuredGates notes how long the gates of the configuration look.
func (w *world) configuredGates() {
	for _, g := range w.cfg.Gates {
		w.takes[g.Name] = cmp.Or(time.Duration(g.MinDuration), usualLook)
	}
}

// worldGate reads "errors per environment, tenant in prod-* class C1 takes
// 10m": a gate besides those of the configuration, or how long one of them
// takes.
func worldGate(ws *words) (func(*world) error, error) {
	name, err := ws.next("the gate's name")
	if err != nil {
		return nil, err
	}
	g := promoter.Gate{Name: name, Text: name, Per: []string{"environment", "app"}}
	takes, more := span(0), false
	for !ws.empty() && err == nil {
		switch {
		case ws.eat("per"):
			g.Per, err = ws.names("environment, tenant, cluster or app")
			if i := slices.IndexFunc(g.Per, func(p string) bool {
				return !slices.Contains([]string{"environment", "tenant", "cluster", "app"}, p)
			}); i >= 0 && err == nil {
				err = fmt.Errorf("a gate is not per %q: write environment, tenant, cluster or app", g.Per[i])
			}
			more = true
		case ws.eat("in"):
			g.Environments, err = ws.names("an environment")
			more = true
		case ws.eat("class"):
			var names []string
			names, err = ws.names("a class")
			for _, n := range names {
				g.Classes = append(g.Classes, promoter.Class(n))
			}
			more = true
		case ws.eat("takes"):
			takes, err = ws.span()
		default:
			err = fmt.Errorf("%q says nothing of a gate: write per, in, class or takes", ws.list[0].text)
		}
	}
	return func(w *world) error {
		known := slices.ContainsFunc(w.policy.Gates, func(o promoter.Gate) bool { return o.Name == name })
		if known && more {
			return fmt.Errorf("the gate %s is configured: write only how long it takes, or another name", name)
		}
		if !known {
			w.policy.Gates = append(w.policy.Gates, g)
		}
		w.takes[name] = takes
		return nil
	}, err
}

// oneOf takes one of some words.
func oneOf(ws *words, of ...string) (string, error) {
	for _, word := range of {
		if ws.eat(word) {
			return word, nil
		}
	}
	got := "the end of the line"
	if !ws.empty() {
		got = fmt.Sprintf("%q", ws.list[0].text)
	}
	return "", fmt.Errorf("%s stands where a word is missing: write %s", got, joined(of))
}

func joined(of []string) string {
	if len(of) == 1 {
		return of[0]
	}
	out := of[0]
	for _, word := range of[1 : len(of)-1] {
		out += ", " + word
	}
	return out + " or " + of[len(of)-1]
}
