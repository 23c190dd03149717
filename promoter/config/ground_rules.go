package config

import (
	"fmt"
	"maps"
	"slices"

	"promoter/promoter"
)

// pinRules complains of rules about pins that fit none, or none that is left.
func (u *user) pinRules() {
	rules := u.c.rules()
	// how many pins a rule fits, and for how many it is the first
	fits := func(of []matcher) (all, first []int) {
		all, first = make([]int, len(of)), make([]int, len(of))
		for _, p := range u.g.Pins {
			taken := false
			for i, m := range of {
				if m.fits(p) {
					all[i]++
					if !taken {
						first[i]++
					}
					taken = true
				}
			}
		}
		return all, first
	}
	classes, classesFirst := fits(rules.classes)
	for i, r := range u.c.Classes {
		u.idleRule("classes", i, r.Line, classes[i], classesFirst[i])
		u.idleArtifacts("classes", i, r.Line, r.Match.Artifacts)
	}
	updates, updatesFirst := fits(rules.updates)
	for i, r := range u.c.Updates {
		u.idleRule("updates", i, r.Line, updates[i], updatesFirst[i])
		u.idleArtifacts("updates", i, r.Line, r.Match.Artifacts)
	}
	members := map[string]int{}
	for _, p := range u.g.Pins {
		class, group, rank := u.c.Classify(p)
		u.Classes[class]++
		if group != "" {
			members[group] |= 1 << min(rank, 62)
		}
	}
	for _, g := range u.c.Groups {
		for i, text := range g.Artifacts {
			if members[g.Name]&(1<<min(i, 62)) == 0 {
				u.mistake(g.Line, "group %q: no pin is of %q: correct it or take it out", g.Name, text)
			}
		}
	}
}

func (u *user) idleRule(section string, i, line, all, first int) {
	switch {
	case all == 0:
		u.mistake(line, "%s[%d]: no pin of the repository matches: correct it or take it out", section, i)
	case first == 0:
		u.mistake(line, "%s[%d]: every pin that it matches is taken by a rule that stands before it: move it up or take it out", section, i)
	}
}

// idleArtifacts warns of names in a rule that is otherwise of use.
func (u *user) idleArtifacts(section string, i, line int, texts []string) {
	patterns := compileAll(texts, CompileName)
	var idle []string
	for n, p := range patterns {
		if !slices.ContainsFunc(u.g.Pins, func(pin promoter.Pin) bool {
			return fitsAny([]Pattern{p}, pin.Artifact.Name, pin.Artifact.Ref())
		}) {
			idle = append(idle, texts[n])
		}
	}
	if len(idle) > 0 && len(idle) < len(texts) {
		u.warn(line, "%s[%d].match.artifacts: no pin is of %s", section, i, quoted(idle))
	}
}

// times complains of windows and freezes for nobody.
func (u *user) times() {
	var envs, tenants []string
	for name, e := range u.envs {
		envs = append(envs, name)
		tenants = append(tenants, e.Tenants...)
	}
	slices.Sort(envs)
	slices.Sort(tenants)
	tenants = slices.Compact(tenants)
	of := func(line int, what string, names []string, have []string, kind string) {
		for i, p := range compileAll(names, CompileName) {
			if !slices.ContainsFunc(have, func(n string) bool { _, ok := p.Match(n); return ok }) {
				u.mistake(line, "%s: no %s is called %q: there are %s", what, kind, names[i], orNone(have))
			}
		}
	}
	for _, w := range u.c.Windows {
		of(w.Line, "windows", w.Environments, envs, "environment")
		of(w.Line, "windows", w.Tenants, tenants, "tenant")
	}
	for _, f := range u.c.Freezes {
		of(f.Line, "freeze \""+f.Name+"\"", f.Environments, envs, "environment")
		of(f.Line, "freeze \""+f.Name+"\"", f.Tenants, tenants, "tenant")
	}
	for _, g := range u.c.Gates {
		of(g.Line, fmt.Sprintf("gate %q", g.Name), g.Environments, envs, "environment")
		of(g.Line, fmt.Sprintf("gate %q", g.Name), g.Tenants, tenants, "tenant")
	}
	for _, a := range u.c.Delivery.ArgoCD {
		of(a.Line, fmt.Sprintf("delivery.argocd %q", a.Name), a.Environments, envs, "environment")
	}
	for _, f := range u.c.Delivery.Flux {
		of(f.Line, fmt.Sprintf("delivery.flux %q", f.Cluster), f.Environments, envs, "environment")
	}
	for _, r := range u.c.Classes {
		of(r.Line, "classes: match", r.Match.Environments, envs, "environment")
		of(r.Line, "classes: match", r.Match.Tenants, tenants, "tenant")
	}
	for _, r := range u.c.Updates {
		of(r.Line, "updates: match", r.Match.Environments, envs, "environment")
		of(r.Line, "updates: match", r.Match.Tenants, tenants, "tenant")
	}
}

// delivery complains of gates that nobody can judge, and warns of what comes
// to nothing.
func (u *user) delivery() {
	used := map[string]bool{}
	for _, g := range u.c.Gates {
		used[g.Meter] = true
		if g.Template != "" && u.g.Read == nil && !slices.Contains(u.g.Paths, g.Template) {
			u.mistake(g.Line, "gate %q: template %q is no file of the repository: correct it", g.Name, g.Template)
		}
	}
	for _, x := range u.c.Silences {
		used[x.Meter] = true
	}
	for i := range u.c.Gates {
		u.scopes(i)
	}
	if u.g.Read != nil {
		_, errs := u.c.readTemplates(u.g.Read)
		u.Mistakes = append(u.Mistakes, errs...)
	}
	for _, m := range u.c.Meters {
		if !used[m.Name] {
			u.warn(m.Line, "meter %q: no gate asks it, and no silence is kept there", m.Name)
		}
	}
	if u.c.Delivery.Delivers() {
		return
	}
	for _, class := range classNames {
		if p := u.c.Policies[class]; p.Merge == string(promoter.MergeAutomatic) {
			u.warn(p.Line, "policies.%s.merge: automatic: without an engine that says how far a merge has come nothing is merged by itself: write delivery.argocd or delivery.flux, or merge: manual", class)
		}
	}
}

// scopes warns of places that have no value for what a gate's queries name:
// there it can never see.
func (u *user) scopes(i int) {
	g := u.c.Gates[i]
	for _, j := range u.c.judged(i) {
		per := j.Gate.Placeholders()
		for _, name := range slices.SortedFunc(maps.Keys(u.places), promoter.CompareEnvironments) {
			if !fitsAny(compileAll(g.Environments, CompileName), name) {
				continue
			}
			for _, l := range u.places[name] {
				for part, value := range map[string]string{"tenant": l.Tenant, "cluster": l.Cluster} {
					if slices.Contains(per, part) && value == "" {
						u.warn(g.Line, "gate %q: its query names {{%s}}, and environment %q has none, so nothing there would pass: write %s at the environment, or the gate's environments", j.Gate.Name, part, name, part)
					}
				}
			}
		}
	}
}

// reach counts the pins that belong to no environment by what an edit of them
// reaches.
func (u *user) reach() {
	inWave := func(l Located) bool { return l.Name != "" && (len(u.c.Waves) == 0 || u.count(l) > 0) }
	told := map[string]bool{}
	for _, p := range u.g.Pins {
		var reached []Located
		if u.g.Reach != nil {
			reached = u.g.Reach(p)
		}
		placed := p.Environment != ""
		for _, l := range reached {
			if l.Name != "" && !inWave(l) && u.envs[l.Name] == nil && !told[l.Name] {
				told[l.Name] = true
				u.mistake(u.c.Waves[0].Line, "environment %q is in no wave (an edit at %s reaches it): add it to the environments of one", l.Name, p.Place)
			}
		}
		known := placed || len(reached) > 0
		for _, l := range reached {
			known = known && l.Name != ""
		}
		switch {
		case !known && len(u.c.Waves) > 0:
			u.Unplaced = append(u.Unplaced, p)
		case !placed && known:
			u.Reached++
		}
	}
}
