package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"text/tabwriter"
	"time"
)

// sightings are the moments at which Argo CD and Flux said what is easily
// misread, over all stories: whoever had believed it would have been wrong. The
// letters are those of TRAPS.md.
type sightings struct {
	mu      sync.Mutex
	first   map[string]string
	times   map[string]int
	apps    map[string]argoApp
	asked   map[string]time.Time // when an application was first seen with the request to compare
	healthy map[string]bool      // operations after which health was good
	passed  map[string]bool      // objects, with the commits that they were at
}

// argoApp is what is looked at of an Application.
type argoApp struct {
	Metadata struct {
		Name        string
		Annotations map[string]string
	}
	Spec struct {
		Source     argoSource
		SyncPolicy struct{ Automated *struct{} }
	}
	Status struct {
		Sync struct {
			Status, Revision string
			Revisions        []string
			ComparedTo       struct{ Source argoSource }
		}
		Health struct {
			Status             string
			LastTransitionTime time.Time
		}
		OperationState struct {
			Phase                 string
			StartedAt, FinishedAt time.Time
			RetryCount            int
			Operation             struct{ Sync struct{ Revision string } }
		}
		Conditions   []struct{ Type string }
		ReconciledAt time.Time
		Resources    []struct{ Kind, Name string }
	}
}

type argoSource struct{ RepoURL, Chart, TargetRevision string }

const refreshAnnotation = "argocd.argoproj.io/refresh"

// watchForTraps looks on until the context is done.
func (w *World) watchForTraps(ctx context.Context) *sightings {
	s := &sightings{first: map[string]string{}, times: map[string]int{}, apps: map[string]argoApp{}, asked: map[string]time.Time{}, healthy: map[string]bool{}, passed: map[string]bool{}}
	go w.Kube.follow(ctx, "apis/argoproj.io/v1alpha1/applications", func(o json.RawMessage) { read(o, s.application) })
	if w.HasFlux() {
		go w.Kube.follow(ctx, "apis/kustomize.toolkit.fluxcd.io/v1/kustomizations", func(o json.RawMessage) { read(o, s.kustomization) })
		go w.Kube.follow(ctx, "apis/helm.toolkit.fluxcd.io/v2/helmreleases", func(o json.RawMessage) { read(o, s.release) })
	}
	return s
}

func read[T any](o json.RawMessage, look func(T)) {
	var v T
	if json.Unmarshal(o, &v) == nil { // what cannot be read shows no trap
		look(v)
	}
}

// follow hands over every state of a kind's objects.
func (k *Kube) follow(ctx context.Context, at string, look func(json.RawMessage)) {
	for ctx.Err() == nil {
		if err := k.watch(ctx, at, look); err != nil {
			select {
			case <-ctx.Done():
			case <-time.After(time.Second):
			}
		}
	}
}

func (k *Kube) watch(ctx context.Context, at string, look func(json.RawMessage)) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, k.URL+"/"+at+"?watch=true&timeoutSeconds=50", nil)
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+k.Token)
	resp, err := k.client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	for events := json.NewDecoder(resp.Body); ; {
		var e struct {
			Type   string
			Object json.RawMessage
		}
		if err := events.Decode(&e); err != nil {
			return err
		}
		if e.Type != "DELETED" {
			look(e.Object)
		}
	}
}

// is notes a trap where there is one.
func (s *sightings) is(trap string, there bool, format string, args ...any) {
	if !there {
		return
	}
	if s.times[trap]++; s.times[trap] == 1 {
		s.first[trap] = fmt.Sprintf(format, args...)
	}
}

func (s *sightings) application(a argoApp) {
	s.mu.Lock()
	defer s.mu.Unlock()
	name, st, op := a.Metadata.Name, a.Status, a.Status.OperationState
	before := s.apps[name]
	s.apps[name] = a
	s.passed[name+" "+st.Sync.Revision] = true
	synced, good := st.Sync.Status == "Synced", st.Health.Status == "Healthy"
	failed := false
	for _, c := range st.Conditions {
		failed = failed || c.Type == "ComparisonError"
	}
	done := op.Phase == "Succeeded"
	compared := st.ReconciledAt.After(op.FinishedAt)
	run := name + op.StartedAt.String()
	single := a.Spec.Source.RepoURL != ""

	s.is("A1", single && synced && good && st.Sync.ComparedTo.Source != a.Spec.Source, "%s is Synced and Healthy at %s, and its spec asks for %s", name, st.Sync.Revision, a.Spec.Source.TargetRevision)
	at, asked := s.asked[name]
	switch _, asks := a.Metadata.Annotations[refreshAnnotation]; {
	case asks && !asked:
		s.asked[name] = time.Now()
	case !asks && asked:
		delete(s.asked, name)
		s.is("A3", st.ReconciledAt.Add(time.Second).Before(at.Truncate(time.Second)), "%s was asked to compare at %s, took the request away, and had compared at %s", name, at.UTC().Format(time.TimeOnly), st.ReconciledAt.Format(time.TimeOnly))
	}
	s.is("A5", done && synced && good && !compared, "%s is Healthy, said at %s, before its sync ended at %s", name, st.ReconciledAt.Format(time.TimeOnly), op.FinishedAt.Format(time.TimeOnly))
	s.is("A6", done && s.healthy[run] && (st.Health.Status == "Progressing" || st.Health.Status == "Degraded"), "%s was Healthy after its sync at %s, and is %s", name, op.FinishedAt.Format(time.TimeOnly), st.Health.Status)
	s.healthy[run] = s.healthy[run] || done && good && compared
	s.is("A7", done && synced && good && compared && !before.Status.OperationState.StartedAt.IsZero() && st.Health.LastTransitionTime.Before(op.StartedAt), "%s is Healthy since %s, and was synced at %s", name, st.Health.LastTransitionTime.Format(time.TimeOnly), op.FinishedAt.Format(time.TimeOnly))
	s.is("A8", done && synced && (st.Health.Status == "Progressing" || st.Health.Status == "Degraded"), "%s has synced, and is %s", name, st.Health.Status)
	s.is("A9", failed && good && st.Sync.Status == "Unknown", "%s cannot be compared, and is Healthy", name)
	s.is("A10", single && st.Sync.Status == "Unknown" && a.Spec.Source.Chart == "" && len(st.Sync.Revision) != 40, "%s is at revision %q", name, st.Sync.Revision)
	_, narrowed := a.Metadata.Annotations["argocd.argoproj.io/manifest-generate-paths"]
	s.is("A12", narrowed && synced && st.Sync.Revision != before.Status.Sync.Revision && before.Status.Sync.Revision != "" && op.StartedAt.Equal(before.Status.OperationState.StartedAt), "%s went from %.10s to %.10s, and nothing was applied", name, before.Status.Sync.Revision, st.Sync.Revision)
	s.is("A15", op.Phase == "Running" && op.RetryCount > 0 && a.Spec.Source.Chart != "" && op.Operation.Sync.Revision != a.Spec.Source.TargetRevision, "%s tries %s for the %dth time, and its spec asks for %s", name, op.Operation.Sync.Revision, op.RetryCount, a.Spec.Source.TargetRevision)
	s.is("A17", st.Sync.Status == "OutOfSync" && a.Spec.SyncPolicy.Automated == nil, "%s is OutOfSync, and nobody syncs it", name)
	for _, r := range st.Resources {
		if child := s.apps[r.Name]; r.Kind == "Application" && synced && good && child.Status.Health.Status != "" {
			s.is("A18", child.Status.Sync.Status != "Synced" || child.Status.Health.Status != "Healthy", "%s is Synced and Healthy, and renders %s, which is %s and %s", name, r.Name, child.Status.Sync.Status, child.Status.Health.Status)
		}
	}
	if r := st.Sync.Revisions; len(r) > 1 {
		s.is("A20", len(r[0]) != len(r[1]), "%s is at %q", name, r)
	}
}

type fluxStatus struct {
	ObservedGeneration                         int64
	LastAppliedRevision, LastAttemptedRevision string
	Conditions                                 []struct{ Type, Status, Reason, Message string }
	History                                    []struct{ ChartVersion, Status string }
	LastHandledReconcileAt                     string
}

func (f fluxStatus) ready() (string, string) {
	for _, c := range f.Conditions {
		if c.Type == "Ready" {
			return c.Status, c.Message
		}
	}
	return "", ""
}

type fluxObject struct {
	Metadata struct {
		Namespace, Name string
		Generation      int64
	}
	Spec struct {
		Chart struct{ Spec struct{ Version string } }
	}
	Status fluxStatus
}

func (s *sightings) kustomization(k fluxObject) {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, commit, _ := strings.Cut(k.Status.LastAppliedRevision, "sha1:")
	s.passed[k.Metadata.Name+" "+commit] = true
	ready, message := k.Status.ready()
	_, said, _ := strings.Cut(message, "Applied revision: ")
	s.is("F-h", ready == "True" && said != "" && said != k.Status.LastAppliedRevision, "%s is ready at %s, and has applied %s", k.Metadata.Name, said, k.Status.LastAppliedRevision)
	s.is("F-d", ready == "False" && k.Status.LastAttemptedRevision != k.Status.LastAppliedRevision && strings.Contains(message, "cancel"), "%s: %s", k.Metadata.Name, message)
}

func (s *sightings) release(r fluxObject) {
	s.mu.Lock()
	defer s.mu.Unlock()
	name, wants := r.Metadata.Namespace+"/"+r.Metadata.Name, r.Spec.Chart.Spec.Version
	ready, message := r.Status.ready()
	if len(r.Status.History) == 0 || wants == "" {
		return
	}
	last := r.Status.History[0]
	s.is("F-c", ready == "True" && last.ChartVersion != wants, "%s is ready with %s, and its spec asks for %s", name, last.ChartVersion, wants)
	s.is("F-g", ready == "False" && last.Status == "failed" && last.ChartVersion != wants, "%s asks for %s again, and is not ready: %.60s", name, wants, message)
}

// skipped notes a trap for each merge of a story whose commit an object was never
// at: only at later ones.
func (s *Story) skipped(trap, object string, ofPull func(Pull) bool) {
	s.Helper()
	pulls, err := s.Repo.Pulls(s.Context())
	s.Must(err)
	traps.mu.Lock()
	defer traps.mu.Unlock()
	for _, p := range pulls {
		traps.is(trap, p.Merged && ofPull(p) && !traps.passed[object+" "+p.MergeCommitSHA], "%s was never at %.10s, the merge of #%d", object, p.MergeCommitSHA, p.Number)
	}
}

func (s *sightings) print(out io.Writer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	w := tabwriter.NewWriter(out, 0, 8, 2, ' ', 0)
	fmt.Fprintln(w, "TRAP\tSEEN\tFOR THE FIRST TIME")
	for _, trap := range slices.SortedFunc(maps.Keys(s.first), func(a, b string) int {
		if len(a) != len(b) {
			return len(a) - len(b)
		}
		return strings.Compare(a, b)
	}) {
		fmt.Fprintf(w, "%s\t%d\t%s\n", trap, s.times[trap], s.first[trap])
	}
	w.Flush()
}
