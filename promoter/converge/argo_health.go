package converge

import (
	"slices"
	"strings"
	"time"

	"promoter/promoter"
)

// fine reports whether a health is where the application should be.
func (l *argoLook) fine(health string) bool {
	return health == "Healthy" || health == "Suspended" && l.ask.Policy.SuspendedIsHealthy
}

// health asks for the state now; dwell asks whether it has lasted.
func (l *argoLook) health() *stop {
	s := l.s
	switch {
	case l.fine(s.Health):
		if len(s.Resources) == 0 && (l.ask.Expect.Changed || l.ask.Base.UID == "" || len(l.ask.Base.Resources) > 0) {
			return blind("it has no resources: nothing can be ill")
		}
		return nil
	case s.Health == "Suspended":
		return blocked("it is paused: a person or its rollout resumes it")
	case s.Health != "Progressing" && s.Health != "Missing" && s.Health != "Degraded":
		return blind("health is %q", s.Health)
	}
	since, certain := l.heldSince()
	patience := l.ask.Policy.ProgressDeadline
	if s.Health == "Degraded" && certain {
		patience = l.ask.Policy.DegradedGrace
	}
	until := since.Add(patience)
	bad := l.ailing()
	if s.ReadAt.Before(until) {
		p := pending(until, "it is %s%s", s.Health, named(bad))
		p.since = since
		return p
	}
	stop := l.failure("it has been "+s.Health+" for "+patience.String()+named(bad), since, refs(bad))
	// One look at an untimed health cannot tell a lasting illness from one that
	// comes and goes.
	stop.attributable = stop.attributable && certain
	return stop
}

// heldSince is when the health became what it is, as far as that can be told,
// but not before the last sync and the merge.
func (l *argoLook) heldSince() (since time.Time, certain bool) {
	floor := l.ask.MergedAt
	if op := l.s.Operation; op != nil && op.over() {
		floor = latest(floor, op.FinishedAt)
	}
	if l.s.HealthTimed && !l.s.HealthSince.IsZero() {
		return latest(floor, l.s.HealthSince), true
	}
	since = l.s.ReadAt
	for _, b := range slices.Backward(l.before) {
		if b.UID != l.s.UID || b.Health != l.s.Health || !b.ReadAt.After(floor) || since.Sub(b.ReadAt) > 2*l.ask.Policy.DegradedGrace {
			break
		}
		since = b.ReadAt
	}
	if since.Before(l.s.ReadAt) {
		return since, true
	}
	return floor, false
}

// ailing are the resources that fit the bad health of the whole.
func (l *argoLook) ailing() []ArgoResource {
	var out []ArgoResource
	for _, r := range slices.Concat(l.s.Resources, l.s.Tree) {
		bad := r.Health == l.s.Health || r.Health == "Degraded" || r.Health == "Missing"
		if bad && r.Health != "" && !r.Hook {
			out = append(out, r)
		}
	}
	return out
}

// failedResults are the resources that the operation could not apply, and the
// hooks that failed.
func (l *argoLook) failedResults() []Ref {
	var out []Ref
	if l.s.Operation != nil {
		for _, r := range l.s.Operation.Resources {
			if r.Failed {
				out = append(out, r.Ref)
			}
		}
	}
	return out
}

// failure is attributed to the change when the application was healthy before
// it, the commit is what was applied, and what fails is what the commit touches.
func (l *argoLook) failure(reason string, since time.Time, failing []Ref) *stop {
	s := &stop{outcome: promoter.Failed, reason: reason, since: since}
	var touched []string
	for _, r := range failing {
		if slices.Contains(l.ask.Expect.Resources, r) {
			touched = append(touched, r.String())
		}
	}
	base := l.ask.Base
	switch {
	case base.UID == "" && !l.ask.HealthyBefore:
		s.evidence = []string{"not attributed: its state before the merge is not known"}
	case base.UID != "" && base.Health != "Healthy":
		s.evidence = []string{"not attributed: it was " + base.Health + " before the merge"}
	case !l.ask.Expect.Changed:
		s.evidence = []string{"not attributed: the commit does not change it"}
	case len(touched) == 0:
		s.evidence = []string{"not attributed: nothing that fails is known to be what the commit changes"}
	default:
		slices.Sort(touched)
		s.attributable = true
		s.evidence = []string{"healthy before the merge; the commit changes " + strings.Join(slices.Compact(touched), ", ")}
	}
	return s
}

// healthyFrom is the earliest time from which the health counts.
func (l *argoLook) healthyFrom() time.Time {
	from := latest(l.ask.MergedAt, l.s.HealthSince)
	if l.s.Operation != nil {
		from = latest(from, l.s.Operation.FinishedAt)
	}
	for i, b := range l.before {
		if b.ReadAt.After(from) && !l.good(i) {
			from = b.ReadAt
		}
	}
	return from
}

// dwell asks whether the health has been held. There are three proofs: the
// server times every change of health; or looks of ours cover the dwell; or,
// for one look at a server that does not time it, a comparison a dwell after
// the sync and this look four dwells after it.
func (l *argoLook) dwell() *stop {
	d := l.ask.Policy.Dwell
	from := l.healthyFrom()
	at := l.s.ReadAt
	op := l.s.Operation
	began := !l.ask.Expect.Changed || op != nil && op.Phase == "Succeeded" && l.opHolds() == Yes || l.deployed()
	until := from.Add(4 * d)
	if l.s.HealthTimed && !l.s.HealthSince.IsZero() && began {
		until = from.Add(d)
		if !at.Before(until) {
			return nil
		}
	}
	if run := latest(l.runBegan(), from); !at.Before(run.Add(d)) {
		return nil
	} else if run.Add(d).Before(until) {
		until = run.Add(d)
	}
	if !at.Before(from.Add(4*d)) && !l.s.ReconciledAt.Before(from.Add(d)) {
		return nil
	}
	p := pending(until, "it is %s since %s and must be for %s", l.s.Health, clock(from), d)
	p.since = from
	return p
}

// runBegan is the first of the unbroken looks before this one at which
// everything held. A gap of two dwells breaks it.
func (l *argoLook) runBegan() time.Time {
	began := l.s.ReadAt
	for i := len(l.before) - 1; i >= 0; i-- {
		b := l.before[i]
		if b.UID != l.s.UID || began.Sub(b.ReadAt) > 2*l.ask.Policy.Dwell || !l.good(i) {
			break
		}
		began = b.ReadAt
	}
	return began
}

func refs(resources []ArgoResource) []Ref {
	var out []Ref
	for _, r := range resources {
		if r.Root != (Ref{}) {
			out = append(out, r.Root)
		}
		out = append(out, r.Ref)
	}
	return out
}

// named says which resources, two at most.
func named(resources []ArgoResource) string {
	if len(resources) == 0 {
		return ""
	}
	text := ": " + resources[0].Ref.String()
	if m := resources[0].Message; m != "" {
		text += " (" + m + ")"
	}
	if len(resources) > 1 {
		text += ", " + resources[1].Ref.String()
	}
	if len(resources) > 2 {
		text += ", …"
	}
	return text
}
