package delivery

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"promoter/test/world/argocd"
)

// Outcome is what becomes of a version where it is delivered.
type Outcome string

// The outcomes.
const (
	Healthy    Outcome = "healthy"
	Degraded   Outcome = "degraded"
	NeverReady Outcome = "never ready" // Progressing, for ever
	SyncFails  Outcome = "sync fails"
)

// Rule says what becomes of a version. What it leaves empty matches
// everything; the first rule that matches is the one that counts.
type Rule struct {
	Artifact    string // a chart, or an image: whole, or the last parts of its name
	Version     string // version, tag or digest
	Environment string
	Outcome     Outcome
	// Resource is which resource fails, as Kind/name; empty: the first that
	// has pods.
	Resource string
	Message  string        // of that resource, or of the sync
	After    time.Duration // Healthy so long before it becomes Degraded
}

func (r Rule) covers(artifact, version, environment string) bool {
	return (r.Artifact == "" || Named(artifact, r.Artifact)) && (r.Version == "" || r.Version == version) && (r.Environment == "" || r.Environment == environment)
}

// Named reports whether an artifact is meant by a name: its whole name, or
// the last parts of it.
func Named(artifact, name string) bool {
	return artifact == name || strings.HasSuffix(artifact, "/"+name)
}

// severity orders outcomes: an application is as ill as its worst artifact.
var severity = map[Outcome]int{Healthy: 0, NeverReady: 1, Degraded: 2, SyncFails: 3}

// verdict is the worst that the rules say of a content in a place.
func verdict(rules []Rule, c *content, environment string) Rule {
	worst := Rule{Outcome: Healthy}
	for _, artifact := range sortedKeys(c.artifacts) {
		for _, r := range rules {
			if !r.covers(artifact, c.artifacts[artifact], environment) {
				continue
			}
			if severity[r.Outcome] > severity[worst.Outcome] {
				worst = r
			}
			break
		}
	}
	return worst
}

// resource is the object that a rule means, or nil. Without a name it is the
// one that runs the artifact, or else the first with pods.
func (r Rule) resource(c *content) *rendered {
	var first *rendered
	for i := range c.objects {
		o := &c.objects[i]
		switch {
		case r.Resource == o.kind+"/"+o.name:
			return o
		case r.Resource != "" || !o.runs():
			continue
		case first == nil:
			first = o
		}
		if slices.ContainsFunc(o.images, func(image string) bool { repo, _ := splitImage(image); return Named(repo, r.Artifact) }) {
			return o
		}
	}
	return first
}

// Run is one version of one artifact that one Application ran, or runs.
type Run struct {
	App, Namespace, Project string // Namespace is the destination's
	Place
	Artifact, Version string
	From, To          time.Time // To is zero while it runs
}

// Runs returns what ran since History before the start, oldest first for each
// Application.
func (e *Engine) Runs() []Run {
	e.mu.Lock()
	defer e.mu.Unlock()
	out := append([]Run(nil), e.runs...)
	for _, a := range e.sorted() {
		out = append(out, a.running...)
	}
	return out
}

// Deployment is one successful operation, as an Application's history has it.
type Deployment struct {
	ID                    int
	Revisions             []string
	StartedAt, DeployedAt time.Time
}

// History returns the successful operations of an Application, oldest first.
func (e *Engine) History(key argocd.Key) []Deployment {
	e.mu.Lock()
	defer e.mu.Unlock()
	if a := e.apps[key]; a != nil {
		return append([]Deployment(nil), a.history...)
	}
	return nil
}

func compareKeys(a, b argocd.Key) int {
	return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name))
}

// ran closes the runs that content no longer has, and opens those that are new.
func (e *Engine) ran(a *app, c *content, at time.Time) {
	still := map[string]bool{}
	var keep []Run
	for _, r := range a.running {
		if c != nil && c.artifacts[r.Artifact] == r.Version {
			still[r.Artifact] = true
			keep = append(keep, r)
			continue
		}
		r.To = at
		e.runs = append(e.runs, r)
	}
	a.running = keep
	if c == nil {
		return
	}
	spec := a.manifest.app.Spec
	for _, artifact := range sortedKeys(c.artifacts) {
		if !still[artifact] {
			a.running = append(a.running, Run{
				App: a.key.Name, Namespace: spec.Destination.Namespace, Project: spec.Project, Place: a.place,
				Artifact: artifact, Version: c.artifacts[artifact], From: at,
			})
		}
	}
}
