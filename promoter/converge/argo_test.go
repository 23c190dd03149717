package converge

import (
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"promoter/promoter"
)

const (
	commitX = "1111111111111111111111111111111111111111"
	commitY = "2222222222222222222222222222222222222222" // after X, reads the same
	commitZ = "3333333333333333333333333333333333333333" // after X, changes the app
	commitO = "0000000000000000000000000000000000000000" // before X
	repoURL = "https://git.example.com/acme/gitops.git"
)

var (
	merged   = time.Date(2025, 3, 4, 12, 0, 0, 0, time.UTC)
	workload = Ref{Group: "apps", Kind: "Deployment", Namespace: "shop", Name: "cart"}
	cart     = ArgoApp{Instance: "main", Namespace: "argocd", Name: "cart"}
)

func after(seconds int) time.Time { return merged.Add(time.Duration(seconds) * time.Second) }

// settled is an application that has converged, two minutes after the merge.
func settled() (Ask, ArgoSnapshot) {
	source := ArgoSource{Repo: "git@git.example.com:acme/gitops", Path: "apps/cart", Revision: "main"}
	s := ArgoSnapshot{
		App: cart, UID: "u1", Version: "700", Sources: []ArgoSource{source}, Destination: "d", AutoSync: true,
		SyncStatus: "Synced", Revisions: []string{commitX}, Compared: []ArgoSource{source}, ComparedDst: "d",
		Operation: &ArgoOperation{
			Phase: "Succeeded", StartedAt: after(10), FinishedAt: after(15), Asked: []string{commitX}, Result: []string{commitX},
		},
		ReconciledAt: after(40), Health: "Healthy", HealthSince: after(30), HealthTimed: true,
		Resources: []ArgoResource{{Ref: workload, Status: "Synced"}},
		Images:    []string{"registry.example.com/cart:2.0.0"},
		CanSync:   Yes, ReadAt: after(120),
		Live: []Item{{Ref: workload, Pointer: "/spec/replicas", Value: "3"}},
	}
	base := s
	base.Version, base.Revisions, base.ReconciledAt, base.ReadAt = "600", []string{commitO}, after(-60), after(-5)
	base.HealthSince, base.Images = after(-9000), []string{"registry.example.com/cart:1.0.0"}
	base.Operation = &ArgoOperation{Phase: "Succeeded", StartedAt: after(-9100), FinishedAt: after(-9050), Asked: []string{commitO}, Result: []string{commitO}}
	return Ask{
		App: cart, Commit: commitX, Repo: repoURL, Branch: "main", Paths: []string{"apps/cart"},
		MergedAt: merged, OnBranch: Yes, Fence: after(2), Asked: 1, Base: base,
		History: map[string]Ancestry{
			commitX: {Holds: Yes, Same: Yes}, commitY: {Holds: Yes, Same: Yes}, commitZ: {Holds: Yes, Same: No}, commitO: {Holds: No, Same: No},
		},
		Expect: Expect{
			Changed:   true,
			Images:    []Image{{New: "registry.example.com/cart:2.0.0", Old: "registry.example.com/cart:1.0.0"}},
			Items:     []Item{{Ref: workload, Pointer: "/spec/replicas", Value: "3"}},
			Resources: []Ref{workload},
		},
	}, s
}

// a shift is one thing that is not as it is in settled.
type shift struct {
	name   string
	change func(*Ask, *ArgoSnapshot)
	want   promoter.Outcome
	reason string // a part of it
}

func snap(change func(*ArgoSnapshot)) func(*Ask, *ArgoSnapshot) {
	return func(_ *Ask, s *ArgoSnapshot) {
		if s.Operation != nil {
			op := *s.Operation
			s.Operation = &op
		}
		change(s)
	}
}

// shifts has, under the name of the step that catches each, what is not
// convergence.
func shifts() map[string][]shift {
	chart := ArgoSource{Repo: "https://charts.example.com", Chart: "redis", Revision: "1.2.3"}
	toChart := func(a *Ask, s *ArgoSnapshot) {
		s.Sources, s.Compared, s.Revisions = []ArgoSource{chart}, []ArgoSource{chart}, []string{"1.2.3"}
		s.Operation = &ArgoOperation{Phase: "Succeeded", StartedAt: after(10), FinishedAt: after(15), Asked: []string{"1.2.3"}, Result: []string{"1.2.3"}}
		a.Expect.Versions = []Version{{Repo: "https://charts.example.com/", Chart: "redis", From: "1.2.2", To: "1.2.3"}}
	}
	return map[string][]shift{
		"ask": {
			{"rewritten", func(a *Ask, _ *ArgoSnapshot) { a.OnBranch = No }, promoter.Rewritten, "no longer in the history of main"},
			{"history not read", func(a *Ask, _ *ArgoSnapshot) { a.OnBranch = Unknown }, promoter.Blind, "is not known"},
			{"a branch is no commit", func(a *Ask, s *ArgoSnapshot) {
				a.Commit = "main"
				a.History[commitX] = Ancestry{Yes, Yes}
			}, promoter.Blind, "no commit"},
		},
		"reading": {
			{"answer from the future", snap(func(s *ArgoSnapshot) { s.ReadAt = after(4000) }), promoter.Blind, "clock"},
		},
		"P0 identity": {
			{"made anew", snap(func(s *ArgoSnapshot) { s.UID = "u2" }), promoter.Blind, "another object"},
			{"no uid", snap(func(s *ArgoSnapshot) { s.UID = "" }), promoter.Blind, "no uid"},
			{"deleting", snap(func(s *ArgoSnapshot) { s.Deleting = true }), promoter.Blocked, "deleted"},
			{"skipped", snap(func(s *ArgoSnapshot) { s.Skipped = true }), promoter.Blocked, "skip-reconcile"},
			{"another application", snap(func(s *ArgoSnapshot) { s.App.Name = "card" }), promoter.Blind, "about main/argocd/card"},
		},
		"P9 comparison": {
			{"sync unknown", func(a *Ask, s *ArgoSnapshot) {
				s.SyncStatus, a.Policy.DriftTolerant = "Unknown", true
			}, promoter.Blind, "sync status is Unknown"},
		},
		"P1 spec": {
			{"older spec", snap(func(s *ArgoSnapshot) {
				s.Compared = []ArgoSource{{Repo: repoURL, Path: "apps/old", Revision: "main"}}
			}), promoter.Pending, "older spec"},
			{"older destination", snap(func(s *ArgoSnapshot) { s.ComparedDst = "e" }), promoter.Pending, "older spec"},
		},
		"P1 versions": {
			{"parent has not written it", func(a *Ask, s *ArgoSnapshot) {
				a.Expect.Versions = []Version{{Repo: "https://charts.example.com", Chart: "redis", From: "1.2.2", To: "1.2.3"}}
			}, promoter.Pending, "no source redis yet"},
			{"spec asks for the old one, which is there", func(a *Ask, s *ArgoSnapshot) {
				toChart(a, s)
				a.Expect.Versions[0].Digest = "sha256:aa"
				s.Revisions[0], s.Operation.Result[0], s.Operation.Asked[0] = "sha256:aa", "sha256:aa", "sha256:aa"
				old := chart
				old.Revision = "1.2.2"
				s.Sources, s.Compared = []ArgoSource{old}, []ArgoSource{old}
			}, promoter.Pending, "asks for redis 1.2.2"},
		},
		"P2 fence": {
			{"refresh asked for", snap(func(s *ArgoSnapshot) { s.Refresh = "normal" }), promoter.Pending, "not served"},
			{"compared before the request", func(a *Ask, _ *ArgoSnapshot) { a.Fence = after(40) }, promoter.Pending, "before"},
		},
		"P3 revision": {
			{"older commit", func(a *Ask, s *ArgoSnapshot) {
				s.Revisions = []string{commitO}
				a.History[commitO] = Ancestry{Holds: No, Same: Yes}
			}, promoter.Pending, "does not hold"},
			{"ancestry unknown", func(a *Ask, s *ArgoSnapshot) {
				s.Revisions = []string{commitY}
				a.History[commitY] = Ancestry{Same: Yes}
			}, promoter.Blind, "is not known"},
			{"no application of ours", func(a *Ask, s *ArgoSnapshot) { a.Repo = "https://git.example.com/acme/other" }, promoter.Blind, "none of its sources"},
		},
		"P3 content": {
			{"superseded", snap(func(s *ArgoSnapshot) { s.Revisions = []string{commitZ} }), promoter.Superseded, "changes what it reads"},
			{"likeness unknown", func(a *Ask, s *ArgoSnapshot) {
				s.Revisions = []string{commitY}
				a.History[commitY] = Ancestry{Holds: Yes}
			}, promoter.Blind, "reads the same"},
		},
		"P5 running": {
			{"requested", snap(func(s *ArgoSnapshot) { s.Requested = true }), promoter.Pending, "requested"},
		},
		"P5 failed": {
			{"result of another operation", snap(func(s *ArgoSnapshot) { s.Operation.Asked = []string{commitY} }), promoter.Blind, "asked for"},
			{"ended before it began", snap(func(s *ArgoSnapshot) { s.Operation.StartedAt = after(16) }), promoter.Blind, "before it began"},
		},
		"P4 sync": {
			{"out of sync", snap(func(s *ArgoSnapshot) { s.SyncStatus = "OutOfSync" }), promoter.Pending, "out of sync"},
		},
		"P5 applied": {
			{"nothing was applied", func(a *Ask, s *ArgoSnapshot) {
				s.Operation = nil
				a.Expect.Items, a.Expect.Images = nil, nil
				s.ReconciledAt, s.ReadAt = after(200), after(290)
			}, promoter.Pending, "nothing was applied"},
			{"dry run", func(a *Ask, s *ArgoSnapshot) {
				snap(func(s *ArgoSnapshot) { s.Operation.DryRun = true })(a, s)
				a.Expect.Items, a.Expect.Images = nil, nil
			}, promoter.Blocked, "dry run"},
			{"partial", func(a *Ask, s *ArgoSnapshot) {
				snap(func(s *ArgoSnapshot) { s.Operation.Partial = true })(a, s)
				a.Expect.Items, a.Expect.Images = nil, nil
			}, promoter.Blocked, "some resources only"},
			{"hooks only", func(a *Ask, s *ArgoSnapshot) {
				snap(func(s *ArgoSnapshot) { s.Operation.Asked, s.Operation.Result = []string{commitO}, []string{commitO} })(a, s)
				a.Expect.Items, a.Expect.Images, a.Expect.HooksOnly = nil, nil, true
				s.ReconciledAt, s.ReadAt = after(200), after(290)
			}, promoter.Blocked, "only hooks"},
		},
		"P6 order": {
			{"health from before", snap(func(s *ArgoSnapshot) { s.ReconciledAt = after(15) }), promoter.Pending, "not compared since"},
		},
		"P7 health": {
			{"progressing", snap(func(s *ArgoSnapshot) { s.Health = "Progressing" }), promoter.Pending, "Progressing"},
			{"paused", snap(func(s *ArgoSnapshot) { s.Health = "Suspended" }), promoter.Blocked, "paused"},
			{"degraded", snap(func(s *ArgoSnapshot) { s.Health = "Degraded" }), promoter.Failed, "Degraded"},
			{"unknown", snap(func(s *ArgoSnapshot) { s.Health = "Unknown" }), promoter.Blind, "Unknown"},
			{"none", snap(func(s *ArgoSnapshot) { s.Health = "" }), promoter.Blind, "health is"},
			{"empty", snap(func(s *ArgoSnapshot) { s.Resources = nil }), promoter.Blind, "no resources"},
		},
		"P8 content": {
			{"value", snap(func(s *ArgoSnapshot) { s.Live = []Item{{Ref: workload, Pointer: "/spec/replicas", Value: "2"}} }), promoter.Pending, `is "2"`},
			{"value not read", snap(func(s *ArgoSnapshot) { s.Live = nil }), promoter.Pending, "not read"},
			{"no pod", snap(func(s *ArgoSnapshot) { s.Images = nil }), promoter.Pending, "no pod runs"},
			{"old pod", snap(func(s *ArgoSnapshot) { s.Images = append(slices.Clone(s.Images), "registry.example.com/cart:1.0.0") }), promoter.Pending, "still runs"},
		},
		"P9 conditions": {
			{"deletion", snap(func(s *ArgoSnapshot) { s.Conditions = []ArgoCondition{{Type: "DeletionError"}} }), promoter.Blind, "DeletionError"},
			{"old sync error", snap(func(s *ArgoSnapshot) { s.Conditions = []ArgoCondition{{Type: "SyncError", Message: commitO}} }), promoter.Pending, "earlier"},
		},
		"P10 children": {
			{"children not known", snap(func(s *ArgoSnapshot) {
				s.Resources = append(slices.Clone(s.Resources), ArgoResource{Ref: Ref{Group: "argoproj.io", Kind: "ApplicationSet", Name: "x"}})
			}), promoter.Blind, "which ones is not known"},
			{"child not judged", snap(func(s *ArgoSnapshot) { s.Children, s.ChildrenKnown = []ArgoApp{{Name: "x"}}, true }), promoter.Blind, "nothing is known"},
			{"child ill", func(a *Ask, s *ArgoSnapshot) {
				s.Children, s.ChildrenKnown = []ArgoApp{{Name: "x"}, {Name: "y"}}, true
				a.Children = map[ArgoApp]promoter.Convergence{{Name: "x"}: {Outcome: promoter.Failed, Reason: "ill"}, {Name: "y"}: {Outcome: promoter.Pending}}
			}, promoter.Failed, "x: ill"},
		},
		"P7 dwell": {
			{"just healthy", snap(func(s *ArgoSnapshot) { s.HealthSince = after(100) }), promoter.Pending, "must be for 30s"},
			{"just synced", snap(func(s *ArgoSnapshot) { s.Operation.FinishedAt = after(95); s.ReconciledAt = after(97) }), promoter.Pending, "must be for 30s"},
			{"one look, untimed", snap(func(s *ArgoSnapshot) { s.HealthTimed = false }), promoter.Pending, "must be for 30s"},
		},
	}
}

func TestSettledHasConverged(t *testing.T) {
	t.Parallel()
	ask, s := settled()
	got := Argo(ask, []ArgoSnapshot{s}, after(121))
	if got.Outcome != promoter.Converged {
		t.Fatalf("%s: %s", got.Outcome, got.Reason)
	}
	if !got.Since.Equal(after(60)) {
		t.Errorf("since %s, want the dwell after the health", got.Since)
	}
}

// Each shift stops convergence, by the step that it is listed under and by no
// other: without that step the application would be said to have converged.
func TestEveryStepIsNeeded(t *testing.T) {
	t.Parallel()
	table := shifts()
	for i, step := range steps() {
		if len(table[step.name]) == 0 {
			t.Errorf("no shift needs step %q", step.name)
		}
		others := slices.Delete(steps(), i, i+1)
		for _, tt := range table[step.name] {
			t.Run(step.name+"/"+tt.name, func(t *testing.T) {
				ask, s := settled()
				tt.change(&ask, &s)
				got := Argo(ask, []ArgoSnapshot{s}, after(121))
				if got.Outcome != tt.want || !strings.Contains(got.Reason, tt.reason) {
					t.Errorf("%s: %s; want %s: …%s…", got.Outcome, got.Reason, tt.want, tt.reason)
				}
				if got := argo(ask, []ArgoSnapshot{s}, after(121), others); got.Outcome != promoter.Converged {
					t.Errorf("without the step: %s: %s", got.Outcome, got.Reason)
				}
			})
		}
	}
}

// No change of a single field of a converged application's snapshot makes it
// converge without the predicate that the field is for: every field is set to
// every strange value of its type, and either the answer is no, or the field is
// one that says nothing of convergence.
func TestEveryFieldSpeaks(t *testing.T) {
	t.Parallel()
	silent := map[string]string{
		"Project": "a name", "Labels": "names", "Server": "in Destination", "Cluster": "in Destination", "Target": "in Destination",
		"Owners": "who made it", "AutoSync": "only matters out of sync", "Prune": "only matters out of sync",
		"Retries": "only matters while running", "RetryFresh": "only matters while running", "CanSync": "only matters out of sync",
		"MultiSource": "the vectors' lengths say it", "Version": "only its order matters", "Tree": "only for attribution",
		"Children": "nil without children", "ChildrenKnown": "no children", "Hydrator": "nil without hydrator", "HealthTimed": "true is asked for more",
		"ReadAt": "see the steps", "HealthSince": "zero is untimed", "Kinds": "only for what they read", "Deployed": "stands for an operation",
	}
	typ := reflect.TypeFor[ArgoSnapshot]()
	for i := range typ.NumField() {
		name := typ.Field(i).Name
		stopped := 0
		for _, value := range strange(typ.Field(i).Type) {
			ask, s := settled()
			reflect.ValueOf(&s).Elem().Field(i).Set(value)
			if got := Argo(ask, []ArgoSnapshot{s}, after(121)); got.Outcome != promoter.Converged {
				stopped++
			} else if _, ok := silent[name]; !ok && !ignorable(name, value) {
				t.Errorf("converged with %s = %v", name, value)
			}
		}
		if _, ok := silent[name]; !ok && stopped == 0 {
			t.Errorf("no strange value of %s stops convergence", name)
		}
	}
}

// The same for the operation, where nothing but it says that the commit was
// applied.
func TestEveryFieldOfTheOperationSpeaks(t *testing.T) {
	t.Parallel()
	silent := map[string]bool{"Message": true, "Retried": true, "Resources": true}
	typ := reflect.TypeFor[ArgoOperation]()
	for i := range typ.NumField() {
		name := typ.Field(i).Name
		stopped := 0
		for _, value := range strange(typ.Field(i).Type) {
			ask, s := settled()
			ask.Expect.Items, ask.Expect.Images = nil, nil
			op := *s.Operation
			field := reflect.ValueOf(&op).Elem().Field(i)
			was := field.Interface()
			field.Set(value)
			s.Operation = &op
			if got := Argo(ask, []ArgoSnapshot{s}, after(121)); got.Outcome != promoter.Converged {
				stopped++
				continue
			}
			early := typ.Field(i).Type == reflect.TypeFor[time.Time]() && !value.Interface().(time.Time).After(after(15))
			empty := name == "Asked" && value.Len() == 0 || name == "Result" && value.Len() == 0 // the other one speaks
			branch := name == "Asked" && value.Len() == 1 && value.Index(0).String() == "main"   // a person's sync
			if !silent[name] && !early && !empty && !branch && !reflect.DeepEqual(value.Interface(), was) && !(value.Kind() == reflect.Bool && !value.Bool()) {
				t.Errorf("converged with Operation.%s = %v", name, value)
			}
		}
		if !silent[name] && stopped == 0 {
			t.Errorf("no strange value of Operation.%s stops convergence", name)
		}
	}
}

// ignorable are values that are no worse than settled's.
func ignorable(field string, v reflect.Value) bool {
	switch field {
	case "Deleting", "Skipped", "AppOfApps", "Requested":
		return !v.Bool()
	case "Refresh":
		return v.Len() == 0
	case "Operation", "Conditions":
		return v.IsNil() // the content is seen in the cluster
	case "Resources":
		return v.Len() > 0
	case "ReconciledAt":
		return v.Interface().(time.Time).After(after(15))
	}
	return false
}

func strange(t reflect.Type) []reflect.Value {
	var out []reflect.Value
	add := func(v any) { out = append(out, reflect.ValueOf(v).Convert(t)) }
	switch t {
	case reflect.TypeFor[time.Time]():
		for _, at := range []time.Time{{}, after(-500), after(0), after(119), after(5000)} {
			add(at)
		}
		return out
	case reflect.TypeFor[[]ArgoCondition]():
		add([]ArgoCondition{{Type: "ComparisonError"}})
		add([]ArgoCondition{{Type: "SyncError", Message: "Failed last sync attempt to [" + commitX + "]"}})
	case reflect.TypeFor[*ArgoOperation]():
		for _, phase := range []string{"", "Running", "Terminating", "Failed", "Error", "Strange"} {
			add(&ArgoOperation{Phase: phase, StartedAt: after(10), FinishedAt: after(15), Result: []string{commitX}})
		}
	case reflect.TypeFor[ArgoApp]():
		add(ArgoApp{Name: "other"})
	}
	out = append(out, reflect.Zero(t))
	switch t.Kind() {
	case reflect.Bool:
		add(true)
	case reflect.String:
		add("strange")
	case reflect.Slice:
		if t.Elem().Kind() == reflect.String {
			add([]string{"main"})
			add([]string{commitO})
			add([]string{commitX, commitX})
		} else {
			two := reflect.MakeSlice(t, 2, 2)
			out = append(out, two)
		}
	case reflect.Int8, reflect.Int64:
		add(2)
	}
	return out
}
