package delivery

import (
	"fmt"
	"slices"
	"time"

	"promoter/test/world/argocd"
)

// What happens to an Application is written as Argo CD 3.1 writes it: the
// health of single resources is in the tree and not in the object.

// vector writes revisions where they belong.
func vector(multi bool, revisions []string) (one string, several []string) {
	if multi {
		return "", slices.Clone(revisions)
	}
	return revisions[0], nil
}

func multi(a *app) bool { return len(a.manifest.app.Spec.Sources) > 0 }

// compared writes a comparison.
func compared(app *argocd.Application, a *app, at time.Time) {
	st := &app.Status
	delete(app.Metadata.Annotations, argocd.RefreshAnnotation)
	st.Sync = argocd.SyncStatus{Status: "Synced", ComparedTo: comparedTo(a.manifest.app.Spec)}
	st.Sync.Revision, st.Sync.Revisions = vector(multi(a), a.target.revisions)
	if !a.target.same(a.live) {
		st.Sync.Status = "OutOfSync"
	}
	st.ReconciledAt = argocd.At(at)
	st.Resources = resources(a)
	st.Conditions = nil
	if a.attempted == attempt(a.target) {
		st.Conditions = []argocd.Condition{{
			Type: "SyncError", Message: fmt.Sprintf("Failed last sync attempt to %v: %s", a.target.revisions, a.why), LastTransitionTime: argocd.At(a.failedAt),
		}}
	}
	felt(app, a)
}

// incomparable writes a comparison that could not be made. The revision is
// then what the spec names, resolved by nobody.
func incomparable(app *argocd.Application, a *app, why error, at time.Time) {
	st := &app.Status
	delete(app.Metadata.Annotations, argocd.RefreshAnnotation)
	named := []string{""}
	for i, s := range sourcesOf(a.manifest.app.Spec) {
		named = append(named[:i], s.TargetRevision)
	}
	st.Sync = argocd.SyncStatus{Status: "Unknown", ComparedTo: comparedTo(a.manifest.app.Spec)}
	st.Sync.Revision, st.Sync.Revisions = vector(multi(a), named)
	st.ReconciledAt = argocd.At(at)
	st.Conditions = []argocd.Condition{{Type: "ComparisonError", Message: "Failed to load target state: failed to generate manifest: " + why.Error(), LastTransitionTime: argocd.At(at)}}
}

func comparedTo(s argocd.Spec) argocd.ComparedTo {
	return argocd.ComparedTo{Source: s.Source, Sources: s.Sources, Destination: s.Destination, IgnoreDifferences: s.IgnoreDifferences}
}

// started writes an operation that begins.
func started(app *argocd.Application, a *app) {
	one, several := vector(multi(a), a.op.content.revisions)
	op := argocd.Operation{Sync: &argocd.Sync{Revision: one, Revisions: several}}
	app.Operation = &op
	app.Status.OperationState = &argocd.OperationState{Operation: op, Phase: "Running", Message: "one or more tasks are running", StartedAt: argocd.Time{Time: a.op.began}}
}

// over writes an operation's end.
func over(app *argocd.Application, a *app, op *operation, at time.Time) *argocd.OperationState {
	one, several := vector(multi(a), op.content.revisions)
	app.Operation = nil
	app.Status.OperationState = &argocd.OperationState{
		Operation: argocd.Operation{Sync: &argocd.Sync{Revision: one, Revisions: several}},
		StartedAt: argocd.Time{Time: op.began}, FinishedAt: argocd.At(at),
		SyncResult: &argocd.SyncResult{Revision: one, Revisions: several},
	}
	return app.Status.OperationState
}

func succeeded(app *argocd.Application, a *app, op *operation, at time.Time) {
	st := over(app, a, op, at)
	st.Phase, st.Message = "Succeeded", "successfully synced (all tasks run)"
	spec := a.manifest.app.Spec
	app.Status.History = append(app.Status.History, argocd.Deployment{
		ID: len(app.Status.History), Revision: st.SyncResult.Revision, Revisions: st.SyncResult.Revisions, Source: spec.Source, Sources: spec.Sources,
		DeployStartedAt: argocd.At(op.began), DeployedAt: argocd.At(at),
	})
	for _, o := range op.content.objects {
		st.SyncResult.Resources = append(st.SyncResult.Resources, resultOf(o, "Synced", o.kind+"/"+o.name+" configured"))
	}
}

func failed(app *argocd.Application, a *app, op *operation, rule Rule, at time.Time) {
	st := over(app, a, op, at)
	st.Phase, st.Message = "Failed", a.why
	bad := rule.resource(op.content)
	if op.ended || bad == nil {
		return
	}
	for _, o := range op.content.objects {
		if o.id() == bad.id() {
			st.SyncResult.Resources = append(st.SyncResult.Resources, resultOf(o, "SyncFailed", rule.Message))
			continue
		}
		st.SyncResult.Resources = append(st.SyncResult.Resources, resultOf(o, "Synced", o.kind+"/"+o.name+" unchanged"))
	}
}

func resultOf(o rendered, status, message string) argocd.ResourceResult {
	return argocd.ResourceResult{Group: o.group, Version: o.version, Kind: o.kind, Namespace: o.namespace, Name: o.name, Status: status, Message: message, HookPhase: "Running"}
}

// felt writes health and the images of the pods that run.
func felt(app *argocd.Application, a *app) {
	app.Status.Health = argocd.Health{Status: a.health, LastTransitionTime: argocd.At(a.since)}
	var images []string
	for _, c := range []*content{a.live, a.previous} {
		if c != nil {
			images = append(images, c.images...)
		}
	}
	slices.Sort(images)
	app.Status.Summary.Images = slices.Compact(images)
}

// resources are what Git wants and what runs, each with how it compares.
func resources(a *app) []argocd.Resource {
	live := map[string]rendered{}
	if a.live != nil {
		for _, o := range a.live.objects {
			live[o.id()] = o
		}
	}
	var out []argocd.Resource
	add := func(o rendered, status string, prune bool) {
		out = append(out, argocd.Resource{Group: o.group, Version: o.version, Kind: o.kind, Namespace: o.namespace, Name: o.name, Status: status, RequiresPruning: prune})
	}
	for _, o := range a.target.objects {
		status := "OutOfSync"
		if was, ok := live[o.id()]; ok && was.text == o.text {
			status = "Synced"
		}
		delete(live, o.id())
		add(o, status, false)
	}
	for _, id := range sortedKeys(live) {
		add(live[id], "OutOfSync", true)
	}
	return out
}

// extra writes the tree and the live states.
func (e *Engine) extra(a *app) {
	e.server.SetExtra(a.key, func(x *argocd.Extra) {
		x.Nodes, x.Managed = nil, nil
		x.Manifests = e.manifests(a.key)
		if a.live == nil {
			return
		}
		bad := a.ill.resource(a.live)
		for _, o := range a.live.objects {
			x.Nodes = append(x.Nodes, nodes(a, o, bad)...)
			x.Managed = append(x.Managed, argocd.Managed{Group: o.group, Kind: o.kind, Namespace: o.namespace, Name: o.name, TargetState: o.text, LiveState: o.text})
		}
	})
}

// nodes are an object's, and those of its pods.
func nodes(a *app, o rendered, bad *rendered) []argocd.Node {
	uid := a.key.Name + "/" + o.id()
	n := argocd.Node{Group: o.group, Version: o.version, Kind: o.kind, Namespace: o.namespace, Name: o.name, UID: uid}
	if !o.runs() {
		if a.health == "Degraded" && bad != nil && bad.id() == o.id() {
			n.Health = &argocd.Health{Status: "Degraded", Message: a.ill.Message}
		}
		return []argocd.Node{n}
	}
	h := &argocd.Health{Status: "Healthy"}
	switch {
	case a.health == "Progressing":
		h = &argocd.Health{Status: "Progressing", Message: "Waiting for rollout to finish: 0 of 1 updated replicas are available..."}
	case a.health == "Degraded" && bad != nil && bad.id() == o.id():
		h = &argocd.Health{Status: "Degraded", Message: a.ill.Message}
	}
	n.Health = h
	pod := argocd.Node{Version: "v1", Kind: "Pod", Namespace: o.namespace, Name: o.name + "-0", UID: uid + "/0", ParentRefs: []argocd.Node{n}, Health: h}
	pod.ParentRefs[0].Health = nil
	return []argocd.Node{n, pod}
}

// manifests renders at a revision for whoever asks.
func (e *Engine) manifests(key argocd.Key) func(string) []string {
	return func(revision string) []string {
		e.mu.Lock()
		defer e.mu.Unlock()
		a := e.apps[key]
		if a == nil {
			return nil
		}
		commit, err := e.origin.resolve(revision, e.head)
		if err != nil {
			return nil
		}
		revisions, err := finder{e.origin, commit, e.config.Ours}.resolve(a.manifest.app.Spec)
		if err != nil {
			return nil
		}
		c, err := render(a.manifest, e.origin, revisions)
		if err != nil {
			return nil
		}
		var out []string
		for _, o := range c.objects {
			out = append(out, o.text)
		}
		return out
	}
}
