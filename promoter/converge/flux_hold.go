package converge

import (
	"fmt"
	"slices"
	"time"
)

// FluxWorkloads are the objects whose own health is needed, because nobody that
// has been asked waits for it: those of Kustomizations without health checks
// and of releases that do not wait, DaemonSets of those that do, for Helm does
// not wait for all of their pods, and what the commit changes, for Flux takes
// an object for healthy as long as it has no status.
func FluxWorkloads(ask FluxAsk, s FluxSnapshot) []Ref {
	return newFluxLook(ask, &s, nil, s.ReadAt, nil).workloads()
}

func (l *fluxLook) workloads() []Ref {
	var out []Ref
	seen := map[Ref]bool{}
	add := func(r Ref) {
		if !seen[r] && !r.flux() && !passive(r) {
			seen[r] = true
			out = append(out, r)
		}
	}
	for _, n := range l.kustomizations {
		if n.role != own || n.k.Checks || n.k.Remote {
			continue
		}
		for _, r := range n.k.Inventory {
			add(r)
		}
	}
	for _, n := range l.releases {
		for _, r := range n.r.Inventory {
			if n.role == own && !n.r.Remote && (!n.r.Waits || r.Kind == "DaemonSet") {
				add(r)
			}
		}
	}
	for _, r := range l.ask.Expect.Resources {
		if l.elsewhere() == nil {
			add(r)
		}
	}
	return out
}

// elsewhere is what applies to another cluster: its objects are not to be taken
// for those of the same names here.
func (l *fluxLook) elsewhere() *Ref {
	for _, n := range l.kustomizations {
		if n.role == own && n.k.Remote {
			return &n.k.Ref
		}
	}
	for _, n := range l.releases {
		if n.role == own && n.r.Remote {
			return &n.r.Ref
		}
	}
	return nil
}

// trusted reports whether Flux itself waits for the health of all that it applies.
func (l *fluxLook) trusted() bool {
	for _, n := range l.kustomizations {
		if n.role == own && !n.k.Checks {
			return false
		}
	}
	for _, n := range l.releases {
		daemons := slices.ContainsFunc(n.r.Inventory, func(r Ref) bool { return r.Kind == "DaemonSet" })
		if n.role == own && (!n.r.Waits || daemons) {
			return false
		}
	}
	return true
}

// passive kinds are as healthy as they will ever be when they exist.
func passive(r Ref) bool {
	switch r.Group {
	case "":
		return slices.Contains([]string{"ConfigMap", "Secret", "ServiceAccount", "Namespace", "LimitRange", "ResourceQuota", "Endpoints"}, r.Kind)
	case "rbac.authorization.k8s.io", "networking.k8s.io", "scheduling.k8s.io", "storage.k8s.io", "admissionregistration.k8s.io", "node.k8s.io":
		return true
	}
	return false
}

func (s *FluxSnapshot) stateOf(ref Ref) (FluxHealth, bool) {
	for _, h := range s.Health {
		if h.Ref == ref {
			return h, true
		}
	}
	return FluxHealth{}, false
}

func (l *fluxLook) stateOf(ref Ref) (FluxHealth, bool) { return l.s.stateOf(ref) }

// health asks the objects themselves where "ready" only means "applied".
func (l *fluxLook) health() *stop {
	unwaited := slices.ContainsFunc(l.releases, func(n releaseNode) bool { return n.role == own && !n.r.Waits && len(n.r.Inventory) == 0 })
	if unwaited && !l.ask.Policy.AppliedSuffices {
		return blind("a release is applied, and nothing says that it is healthy: it does not wait, and what it applied is not known")
	}
	if ref := l.elsewhere(); ref != nil && !l.trusted() && !l.ask.Policy.AppliedSuffices {
		return blind("%s applies to another cluster and does not wait, and whether what is there is healthy was not read", ref)
	}
	for _, ref := range l.workloads() {
		h, ok := l.stateOf(ref)
		if !ok {
			if l.ask.Policy.AppliedSuffices {
				continue
			}
			return blind("it is applied, and whether %s is healthy was not read", ref)
		}
		if h.State == "Current" {
			continue
		}
		reason := fmt.Sprintf("%s is %s: %s", ref, orNone(h.State), h.Message)
		switch h.State {
		case "InProgress", "NotFound", "Terminating":
			return l.overdue(l.ask.App, []Ref{ref}, reason)
		case "Failed":
			return l.unhealthy(ref, reason)
		}
		return blind("%s", reason)
	}
	return nil
}

// unhealthy is a failure once it has been held for the grace: two looks must
// have seen it, or the deadline for progress is what it is given.
func (l *fluxLook) unhealthy(ref Ref, reason string) *stop {
	grace, since := l.ask.Policy.DegradedGrace, l.s.ReadAt
	for i := len(l.before) - 1; i >= 0; i-- {
		b := &l.before[i]
		h, ok := b.stateOf(ref)
		if !ok || h.State != "Failed" || since.Sub(b.ReadAt) > 2*grace || b.ReadAt.Before(l.ask.MergedAt) {
			break
		}
		since = b.ReadAt
	}
	if since.Equal(l.s.ReadAt) {
		stop := l.overdue(l.ask.App, []Ref{ref}, reason)
		// One look cannot tell a lasting illness from one that comes and goes.
		stop.attributable = false
		return stop
	}
	if l.s.ReadAt.Before(since.Add(grace)) {
		p := pending(since.Add(grace), "%s", reason)
		p.since = since
		return p
	}
	return l.failure("for "+grace.String()+" now: "+reason, since, l.ask.App, []Ref{ref})
}

// content asks the cluster itself for what the commit changes.
func (l *fluxLook) content() *stop {
	for _, want := range l.ask.Expect.Items {
		i := slices.IndexFunc(l.s.Live, func(live Item) bool { return live.Ref == want.Ref && live.Pointer == want.Pointer })
		switch {
		case i < 0:
			return l.awaited(l.ask.Policy.ProgressDeadline, "it is ready, but %s of %s was not read from the cluster", want.Pointer, want.Ref)
		case l.s.Live[i].Value != want.Value:
			return l.awaited(l.ask.Policy.ProgressDeadline, "it is ready, but %s of %s is %q and not %q", want.Pointer, want.Ref, l.s.Live[i].Value, want.Value)
		}
	}
	return nil
}

// readyFrom is the earliest time from which its being ready counts.
func (l *fluxLook) readyFrom() time.Time {
	from := l.ask.MergedAt
	add := func(o *FluxObject) {
		for _, kind := range []string{"Ready", "Healthy", "Released"} {
			if c, ok := o.condition(kind); ok {
				from = latest(from, c.At)
			}
		}
	}
	for _, n := range l.kustomizations {
		if n.role == own {
			add(&n.k.FluxObject)
		}
	}
	for _, n := range l.releases {
		if n.role == own {
			add(&n.r.FluxObject)
		}
	}
	for i := range l.before {
		if b := &l.before[i]; b.ReadAt.After(from) && !l.good(i) {
			from = b.ReadAt
		}
	}
	return from
}

// good reports whether everything but the dwell held at a look.
func (l *fluxLook) good(i int) bool {
	then := newFluxLook(l.ask, &l.before[i], l.before[:i], l.before[i].ReadAt, l.steps)
	for _, step := range l.steps {
		if step.name != "F4 dwell" && step.judge(then) != nil {
			return false
		}
	}
	return true
}

// dwell asks whether health has been held. A check of Flux's is timed by its
// conditions; health that was read from the objects is not, and is held when
// looks of ours cover the dwell, or one look is four dwells after it.
func (l *fluxLook) dwell() *stop {
	d, at := l.ask.Policy.Dwell, l.s.ReadAt
	from := l.readyFrom()
	until := from.Add(d)
	if len(l.workloads()) > 0 {
		until = from.Add(4 * d)
	}
	if !at.Before(until) {
		return nil
	}
	began := at
	for i := len(l.before) - 1; i >= 0; i-- {
		b := &l.before[i]
		if began.Sub(b.ReadAt) > 2*d || !l.good(i) {
			break
		}
		began = b.ReadAt
	}
	if run := began.Add(d); !at.Before(run) {
		return nil
	} else if run.Before(until) {
		until = run
	}
	p := pending(until, "it is ready since %s and must be for %s", clock(from), d)
	p.since = from
	return p
}

// FluxRequest says which objects to ask for a reconcile, and when, by the
// server's clock: at once after the merge, and after 5, 10, 20 … 120 seconds
// when the request was lost. No object: nothing is to be asked.
func FluxRequest(ask FluxAsk, s FluxSnapshot) (objects []Ref, due time.Time) {
	ask.Policy = ask.Policy.withDefaults()
	l := newFluxLook(ask, &s, nil, s.ReadAt, nil)
	if l.question() != nil || l.cluster() != nil || l.linked() != nil || l.identity() != nil || l.suspended() != nil {
		return nil, time.Time{}
	}
	for _, n := range l.kustomizations {
		if !l.ours(n) || slices.Contains(objects, n.source.Ref) {
			continue
		}
		revision, origin := n.appliedAt()
		switch {
		case l.holds(n.source, n.source.Revision, n.source.Origin) == No:
			objects = append(objects, n.source.Ref)
		case l.holds(n.source, revision, origin) == No && n.k.Attempted != n.source.Revision:
			objects = append(objects, n.k.Ref)
		}
	}
	if len(objects) == 0 && l.applied() == nil {
		for _, n := range l.releases {
			if n.role == own && (l.charted() != nil || l.wanted() != nil) {
				objects = append(objects, n.r.Ref)
			}
		}
	}
	if len(objects) == 0 {
		return nil, time.Time{}
	}
	if ask.Asked == 0 || ask.Fence.IsZero() {
		return objects, s.ReadAt
	}
	return objects, ask.Fence.Add(min(5*time.Second<<min(ask.Asked-1, 5), 2*time.Minute))
}

// FluxBefore says what stands against a merge now, or will blind us after it:
// one line each.
func FluxBefore(ask FluxAsk, s FluxSnapshot) []string {
	l := newFluxLook(ask, &s, nil, s.ReadAt, nil)
	var out []string
	say := func(format string, args ...any) { out = append(out, oneLine(fmt.Sprintf(format, args...))) }
	if l.broken != nil {
		say("%s", l.broken.reason)
	}
	for _, o := range l.objects {
		switch {
		case o.Suspended:
			say("%s is suspended", o.Ref)
		case !o.is("Ready"):
			say("%s is not ready before the merge, so that a failure after it cannot be attributed: %s", o.Ref, o.says("Ready"))
		}
	}
	for _, n := range l.kustomizations {
		if n.role == own && !n.k.Checks {
			say("%s waits for nothing: set spec.wait or spec.healthChecks, so that ready means healthy", n.k.Ref)
		}
	}
	return out
}
