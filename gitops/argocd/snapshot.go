package argocd

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/argoproj/argo-cd/v2/pkg/apis/application/v1alpha1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"promoter/promoter/converge"
)

// newer are fields that the API's types do not know yet, and those that are
// compared as they are written, so that fields nobody knows count too.
type newer struct {
	Spec struct {
		compared
		SyncPolicy *struct {
			Automated *struct {
				Enabled *bool `json:"enabled"`
			} `json:"automated"`
			Retry *struct {
				Refresh bool `json:"refresh"`
			} `json:"retry"`
		} `json:"syncPolicy"`
	} `json:"spec"`
	Status struct {
		History []struct {
			compared
			Revision   string      `json:"revision"`
			Revisions  []string    `json:"revisions"`
			DeployedAt metav1.Time `json:"deployedAt"`
		} `json:"history"`
		Sync struct {
			ComparedTo compared `json:"comparedTo"`
		} `json:"sync"`
		Summary struct {
			IsAppOfApps bool `json:"isAppOfApps"`
		} `json:"summary"`
		OperationState struct {
			Operation struct {
				Sync compared `json:"sync"` // its source or sources: an override
			} `json:"operation"`
		} `json:"operationState"`
	} `json:"status"`
}

type compared struct {
	Source            map[string]any   `json:"source"`
	Sources           []map[string]any `json:"sources"`
	Destination       map[string]any   `json:"destination"`
	IgnoreDifferences []any            `json:"ignoreDifferences"`
}

// snapshot decodes one Application.
func snapshot(instance string, raw []byte) (converge.ArgoSnapshot, error) {
	d, err := decode(instance, raw)
	return d.ArgoSnapshot, err
}

// decode decodes one Application, with when it was made.
func decode(instance string, raw []byte) (decoded, error) {
	var app v1alpha1.Application
	var more newer
	if err := json.Unmarshal(raw, &app); err != nil {
		return decoded{}, fmt.Errorf("decode an application: %w", err)
	}
	if err := json.Unmarshal(raw, &more); err != nil {
		return decoded{}, fmt.Errorf("decode an application: %w", err)
	}
	if app.Name == "" {
		return decoded{}, errors.New("decode an application: it has no name")
	}
	st := &app.Status
	s := converge.ArgoSnapshot{
		App: converge.ArgoApp{Instance: instance, Namespace: app.Namespace, Name: app.Name},
		UID: string(app.UID), Version: app.ResourceVersion, Project: app.Spec.Project, Labels: app.Labels,
		Server: app.Spec.Destination.Server, Cluster: app.Spec.Destination.Name, Target: app.Spec.Destination.Namespace,
		Deleting: app.DeletionTimestamp != nil, Skipped: app.Annotations["argocd.argoproj.io/skip-reconcile"] == "true",
		Refresh:    app.Annotations[v1alpha1.AnnotationKeyRefresh],
		SyncStatus: string(st.Sync.Status), Requested: app.Operation != nil,
		ReconciledAt: timeOf(st.ReconciledAt), Health: string(st.Health.Status), HealthSince: timeOf(st.Health.LastTransitionTime),
		Images: st.Summary.Images, AppOfApps: more.Status.Summary.IsAppOfApps,
	}
	for _, o := range app.OwnerReferences {
		s.Owners = append(s.Owners, converge.Ref{Group: groupOf(o.APIVersion), Kind: o.Kind, Namespace: app.Namespace, Name: o.Name})
	}
	sourcesOf(&s, &app, &more)
	policyOf(&s, app.Spec.SyncPolicy, &more)
	s.Operation = operationOf(st.OperationState)
	if h := more.Status.History; len(h) > 0 {
		last := &h[len(h)-1] // Argo CD appends
		s.Deployed = &converge.ArgoDeployment{
			Sources: comparedSources(len(last.Sources) > 0, &last.compared), Revisions: vector(last.Revision, last.Revisions), At: last.DeployedAt.Time,
		}
	}
	override := &more.Status.OperationState.Operation.Sync
	if instead := comparedSources(len(override.Sources) > 0, override); s.Operation != nil && len(instead) > 0 && !slices.Equal(instead, s.Sources) {
		s.Operation.Foreign = true // a rollback, to what the spec was
	}
	for _, r := range st.Resources {
		ref := converge.Ref{Group: r.Group, Kind: r.Kind, Namespace: r.Namespace, Name: r.Name}
		res := converge.ArgoResource{Ref: ref, Root: ref, Status: string(r.Status), Hook: r.Hook, Prune: r.RequiresPruning, Confirm: r.RequiresDeletionConfirmation}
		if r.Health != nil {
			res.Health, res.Message = string(r.Health.Status), r.Health.Message
		}
		s.Resources = append(s.Resources, res)
	}
	for _, c := range st.Conditions {
		s.Conditions = append(s.Conditions, converge.ArgoCondition{Type: c.Type, Message: c.Message, At: timeOf(c.LastTransitionTime)})
	}
	return decoded{s, app.CreationTimestamp.Time}, nil
}

// sourcesOf reads the sources of the spec and of the comparison. A hydrated
// application is synced from where it is hydrated to.
func sourcesOf(s *converge.ArgoSnapshot, app *v1alpha1.Application, more *newer) {
	spec, was := &more.Spec.compared, &more.Status.Sync.ComparedTo
	if h := app.Spec.SourceHydrator; h != nil {
		sync := h.GetSyncSource()
		s.Sources = []converge.ArgoSource{{Repo: sync.RepoURL, Path: sync.Path, Revision: sync.TargetRevision}}
		s.Compared = comparedSources(false, was)
		s.Hydrator = &converge.ArgoHydrator{Repo: h.DrySource.RepoURL, Revision: h.DrySource.TargetRevision}
		if c := app.Status.SourceHydrator.CurrentOperation; c != nil {
			s.Hydrator.Phase, s.Hydrator.Message = string(c.Phase), c.Message
		}
		if last := app.Status.SourceHydrator.LastSuccessfulOperation; last != nil {
			s.Hydrator.Dry, s.Hydrator.Hydrated = last.DrySHA, last.HydratedSHA
		}
	} else {
		s.MultiSource = len(spec.Sources) > 0
		s.Sources = comparedSources(s.MultiSource, spec)
		s.Compared = comparedSources(s.MultiSource, was)
	}
	s.Destination = digest([]any{prune(spec.Destination), prune(spec.IgnoreDifferences)})
	s.ComparedDst = digest([]any{prune(was.Destination), prune(was.IgnoreDifferences)})
	for _, kind := range app.Status.SourceTypes {
		s.Kinds = append(s.Kinds, string(kind))
	}
	if len(s.Kinds) == 0 && app.Status.SourceType != "" {
		s.Kinds = []string{string(app.Status.SourceType)}
	}
	switch {
	case s.MultiSource:
		s.Revisions = app.Status.Sync.Revisions
	case app.Status.Sync.Revision != "":
		s.Revisions = []string{app.Status.Sync.Revision}
	}
}

func comparedSources(multi bool, c *compared) []converge.ArgoSource {
	var out []converge.ArgoSource
	if !multi {
		if len(c.Source) > 0 {
			out = append(out, sourceOf(c.Source))
		}
		return out
	}
	for _, m := range c.Sources {
		out = append(out, sourceOf(m))
	}
	return out
}

func sourceOf(m map[string]any) converge.ArgoSource {
	take := func(key string) string {
		text, ok := m[key].(string)
		if ok {
			delete(m, key)
		}
		return text
	}
	s := converge.ArgoSource{
		Repo: take("repoURL"), Path: take("path"), Chart: take("chart"), Ref: take("ref"), Revision: take("targetRevision"),
	}
	if helm, ok := m["helm"].(map[string]any); ok {
		files, _ := helm["valueFiles"].([]any)
		for _, f := range files {
			if name, ok := f.(string); ok {
				s.Values = strings.TrimPrefix(s.Values+"\n"+name, "\n")
			}
		}
	}
	if directory, ok := m["directory"].(map[string]any); ok {
		s.Recurse, _ = directory["recurse"].(bool)
	}
	if rest, ok := prune(m).(map[string]any); ok && len(rest) > 0 {
		s.Rest = digest(rest)
	}
	return s
}

// prune drops what is empty: a spec may write zero values that the status
// leaves out.
func prune(v any) any {
	switch v := v.(type) {
	case map[string]any:
		out := map[string]any{}
		for k, e := range v {
			if p := prune(e); p != nil {
				out[k] = p
			}
		}
		if len(out) == 0 {
			return nil
		}
		return out
	case []any:
		if len(v) == 0 {
			return nil
		}
		out := make([]any, len(v))
		for i, e := range v {
			out[i] = prune(e)
		}
		return out
	case string:
		if v == "" {
			return nil
		}
	case bool:
		if !v {
			return nil
		}
	case float64:
		if v == 0 {
			return nil
		}
	}
	return v
}

func digest(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		return "" // unreachable: it was decoded from JSON
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:12])
}

func policyOf(s *converge.ArgoSnapshot, p *v1alpha1.SyncPolicy, more *newer) {
	if p == nil {
		return
	}
	if p.Automated != nil {
		s.AutoSync, s.Prune = true, p.Automated.Prune
		if m := more.Spec.SyncPolicy; m != nil && m.Automated != nil && m.Automated.Enabled != nil {
			s.AutoSync = *m.Automated.Enabled
		}
	}
	if p.Retry != nil {
		s.Retries = p.Retry.Limit
		s.RetryFresh = more.Spec.SyncPolicy.Retry != nil && more.Spec.SyncPolicy.Retry.Refresh
	}
}

func operationOf(o *v1alpha1.OperationState) *converge.ArgoOperation {
	if o == nil {
		return nil
	}
	op := &converge.ArgoOperation{
		Phase: string(o.Phase), Message: o.Message, StartedAt: o.StartedAt.Time, FinishedAt: timeOf(o.FinishedAt), Retried: o.RetryCount,
	}
	if sync := o.Operation.Sync; sync != nil {
		op.Asked = vector(sync.Revision, sync.Revisions)
		op.DryRun, op.Partial = sync.DryRun, len(sync.Resources) > 0
		op.Foreign = len(sync.Manifests) > 0
	} else {
		op.Foreign = true // no sync at all
	}
	if r := o.SyncResult; r != nil {
		op.Result = vector(r.Revision, r.Revisions)
		for _, x := range r.Resources {
			failed := x.Status == "SyncFailed" || x.HookPhase == "Failed" || x.HookPhase == "Error"
			op.Resources = append(op.Resources, converge.ArgoResult{
				Ref: converge.Ref{Group: x.Group, Kind: x.Kind, Namespace: x.Namespace, Name: x.Name}, Failed: failed, Message: x.Message,
			})
		}
	}
	return op
}

// vector is the revision of one source, or of several. Argo CD's zero value of
// the one is the empty string.
func vector(one string, several []string) []string {
	if len(several) > 0 {
		return several
	}
	if one == "" {
		return nil
	}
	return []string{one}
}

func timeOf(t *metav1.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return t.Time
}
