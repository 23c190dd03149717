package scenario

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"promoter/promoter"
)

const suppositions = "gate, wave, reverts, scope, newer, patience, operations may be ended, a merge queue or no engine"

// supposition reads what stands behind "suppose".
func supposition(ws *words) (func(*world) error, error) {
	set := func(f func(*promoter.Policy)) (func(*world) error, error) {
		return func(w *world) error { f(&w.policy); return nil }, nil
	}
	switch {
	case ws.eat("operations", "may", "be", "ended"):
		return set(func(p *promoter.Policy) { p.Ends = true })
	case ws.eat("a", "merge", "queue"):
		return func(w *world) error { w.queue = true; return nil }, nil
	case ws.eat("no", "engine"):
		return set(func(p *promoter.Policy) { p.Delivers = false })
	case ws.eat("gate"):
		return supposeGate(ws)
	case ws.eat("wave"):
		return supposeWave(ws)
	case ws.eat("patience"):
		d, err := ws.span()
		if err != nil {
			return nil, err
		}
		return set(func(p *promoter.Policy) { p.Patience = d })
	case ws.eat("reverts"):
		word, err := oneOf(ws, "automatic", "approval", "manual", "never")
		if err != nil {
			return nil, err
		}
		return set(func(p *promoter.Policy) { p.Reverts = promoter.MergeMode(word) })
	case ws.eat("scope"):
		word, err := oneOf(ws, "wave", "failed", "change")
		if err != nil {
			return nil, err
		}
		return set(func(p *promoter.Policy) {
			p.RevertScope = map[string]promoter.RevertScope{"wave": promoter.RevertWave, "failed": promoter.RevertFailed, "change": promoter.RevertChange}[word]
		})
	case ws.eat("newer"):
		word, err := oneOf(ws, "finish", "hold", "latest")
		if err != nil {
			return nil, err
		}
		return set(func(p *promoter.Policy) {
			p.Newer = map[string]promoter.Newer{"finish": promoter.NewerFinishes, "hold": promoter.NewerHolds, "latest": promoter.NewerTakes}[word]
		})
	}
	return nil, fmt.Errorf("nothing is known of supposing %q: write %s", ws.peek(), suppositions)
}

// oneOf takes one of some words.
func oneOf(ws *words, of ...string) (string, error) {
	for _, word := range of {
		if ws.eat(word) {
			return word, nil
		}
	}
	return "", fmt.Errorf("%q does not stand here: write %s or %s", ws.peek(), strings.Join(of[:len(of)-1], ", "), of[len(of)-1])
}

// supposeWave reads "production quorum 60" and "production failures 10%".
func supposeWave(ws *words) (func(*world) error, error) {
	name, err := ws.next("a wave")
	if err != nil {
		return nil, err
	}
	what, err := oneOf(ws, "quorum", "failures")
	if err != nil {
		return nil, err
	}
	text, err := ws.next("a number")
	if err != nil {
		return nil, err
	}
	n, err := strconv.Atoi(strings.TrimSuffix(text, "%"))
	if err != nil || n < 0 {
		return nil, fmt.Errorf("%q is no number: write 2 or 10%%", text)
	}
	return func(w *world) error {
		i := slices.IndexFunc(w.policy.Waves, func(x promoter.Wave) bool { return x.Name == name })
		if i < 0 {
			var known []string
			for _, x := range w.policy.Waves {
				known = append(known, x.Name)
			}
			return fmt.Errorf("there is no wave %q: write one of %s", name, strings.Join(known, ", "))
		}
		switch wave := &w.policy.Waves[i]; {
		case what == "quorum":
			wave.Quorum = n
		case strings.HasSuffix(text, "%"):
			wave.MaxFailuresPercent = n
		default:
			wave.MaxFailures = n
		}
		return nil
	}, nil
}

// supposeGate reads "errors per environment tenant in prod-* class C1 takes 10m".
func supposeGate(ws *words) (func(*world) error, error) {
	name, err := ws.next("the gate's name")
	if err != nil {
		return nil, err
	}
	g := promoter.Gate{Name: name, Text: name}
	takes := span(0)
	for !ws.empty() && err == nil {
		switch {
		case ws.eat("per"):
			g.Per, err = ws.names("environment, tenant, cluster or app")
			for _, part := range g.Per {
				if !slices.Contains([]string{"environment", "tenant", "cluster", "app"}, part) {
					err = fmt.Errorf("a gate is not per %q: write environment, tenant, cluster or app", part)
				}
			}
		case ws.eat("in"):
			g.Environments, err = ws.names("an environment")
		case ws.eat("class"):
			var names []string
			names, err = ws.names("a class")
			for _, n := range names {
				g.Classes = append(g.Classes, promoter.Class(n))
			}
		case ws.eat("takes"):
			takes, err = ws.span()
		default:
			err = fmt.Errorf("%q says nothing of a gate: write per, in, class or takes", ws.peek())
		}
	}
	if len(g.Per) == 0 {
		g.Per = []string{"environment", "app"}
	}
	return func(w *world) error {
		w.policy.Gates = append(w.policy.Gates, g)
		w.takes[name] = takes
		return nil
	}, err
}
