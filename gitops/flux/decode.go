package flux

import (
	"cmp"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	helmv2 "github.com/fluxcd/helm-controller/api/v2"
	kustomizev1 "github.com/fluxcd/kustomize-controller/api/v1"
	"github.com/fluxcd/pkg/apis/meta"
	sourcev1 "github.com/fluxcd/source-controller/api/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"promoter/promoter/converge"
)

// originAnnotation is where an OCI artifact names the commit it was made of.
const originAnnotation = "org.opencontainers.image.revision"

func object(group, kind string, m metav1.ObjectMeta, observed int64, suspended bool, handled string, conditions []metav1.Condition) converge.FluxObject {
	out := converge.FluxObject{
		Ref: converge.Ref{Group: group, Kind: kind, Namespace: m.Namespace, Name: m.Name},
		UID: string(m.UID), Version: m.ResourceVersion, Generation: m.Generation, Observed: observed,
		Deleting: m.DeletionTimestamp != nil, Suspended: suspended,
		Requested: m.Annotations[meta.ReconcileRequestAnnotation], Handled: handled,
	}
	for _, c := range conditions {
		out.Conditions = append(out.Conditions, converge.FluxCondition{
			Type: c.Type, Status: string(c.Status), Reason: c.Reason, Message: c.Message, Observed: c.ObservedGeneration, At: c.LastTransitionTime.Time,
		})
	}
	return out
}

// source decodes by kind. What is read of it is the same in all versions.
func source(raw []byte) (converge.FluxSource, error) {
	var of metav1.TypeMeta
	if err := json.Unmarshal(raw, &of); err != nil {
		return converge.FluxSource{}, err
	}
	switch of.Kind {
	case sourcev1.GitRepositoryKind:
		return gitRepository(raw)
	case sourcev1.OCIRepositoryKind:
		return ociRepository(raw)
	case sourcev1.HelmChartKind:
		return helmChart(raw)
	}
	return converge.FluxSource{}, fmt.Errorf("kind %q is no source", of.Kind)
}

func gitRepository(raw []byte) (converge.FluxSource, error) {
	var g sourcev1.GitRepository
	if err := json.Unmarshal(raw, &g); err != nil {
		return converge.FluxSource{}, err
	}
	st := g.Status
	s := converge.FluxSource{
		FluxObject: object(converge.FluxSourceGroup, g.Kind, g.ObjectMeta, st.ObservedGeneration, g.Spec.Suspend, st.LastHandledReconcileAt, st.Conditions),
		URL:        g.Spec.URL, Branch: "master", // what Flux takes where none is named
	}
	s.Interval = g.Spec.Interval.Duration
	if r := g.Spec.Reference; r != nil {
		s.Branch = cmp.Or(r.Branch, s.Branch)
		switch name, isBranch := strings.CutPrefix(r.Name, "refs/heads/"); {
		case r.Commit != "":
			s.Pinned = "commit " + r.Commit
		case isBranch:
			s.Branch = name
		case r.Name != "":
			s.Pinned = r.Name
		case r.SemVer != "":
			s.Pinned = "versions " + r.SemVer
		case r.Tag != "":
			s.Pinned = "tag " + r.Tag
		}
	}
	artifact(&s, st.Artifact)
	return s, nil
}

func ociRepository(raw []byte) (converge.FluxSource, error) {
	var o sourcev1.OCIRepository
	if err := json.Unmarshal(raw, &o); err != nil {
		return converge.FluxSource{}, err
	}
	st := o.Status
	s := converge.FluxSource{
		FluxObject: object(converge.FluxSourceGroup, o.Kind, o.ObjectMeta, st.ObservedGeneration, o.Spec.Suspend, st.LastHandledReconcileAt, st.Conditions),
		URL:        o.Spec.URL, Pinned: "tag latest",
	}
	s.Interval = o.Spec.Interval.Duration
	if r := o.Spec.Reference; r != nil {
		switch {
		case r.Digest != "":
			s.Pinned = r.Digest
		case r.SemVer != "":
			s.Pinned = "versions " + r.SemVer
		case r.Tag != "":
			s.Pinned = "tag " + r.Tag
		}
	}
	artifact(&s, st.Artifact)
	return s, nil
}

func helmChart(raw []byte) (converge.FluxSource, error) {
	var h sourcev1.HelmChart
	if err := json.Unmarshal(raw, &h); err != nil {
		return converge.FluxSource{}, err
	}
	st := h.Status
	s := converge.FluxSource{
		FluxObject: object(converge.FluxSourceGroup, h.Kind, h.ObjectMeta, st.ObservedGeneration, h.Spec.Suspend, st.LastHandledReconcileAt, st.Conditions),
		From:       converge.Ref{Group: converge.FluxSourceGroup, Kind: h.Spec.SourceRef.Kind, Namespace: h.Namespace, Name: h.Spec.SourceRef.Name},
		FromAt:     st.ObservedSourceArtifactRevision,
	}
	s.Interval = h.Spec.Interval.Duration
	artifact(&s, st.Artifact)
	return s, nil
}

func artifact(s *converge.FluxSource, a *sourcev1.Artifact) {
	if a != nil {
		s.Revision, s.At, s.Origin = a.Revision, a.LastUpdateTime.Time, a.Metadata[originAnnotation]
	}
}

// newer are fields that came after the modules that are used here.
type newer struct {
	Status struct {
		History   json.RawMessage `json:"history"`
		Inventory *struct {
			Entries []kustomizev1.ResourceRef `json:"entries"`
		} `json:"inventory"`
	} `json:"status"`
}

type historyEntry struct {
	Status   string    `json:"lastReconciledStatus"`
	First    time.Time `json:"firstReconciled"`
	Last     time.Time `json:"lastReconciled"`
	Metadata struct {
		Revision string `json:"revision"`
	} `json:"metadata"`
}

func kustomization(raw []byte) (converge.FluxKustomization, error) {
	var k kustomizev1.Kustomization
	var more newer
	if err := json.Unmarshal(raw, &k); err != nil {
		return converge.FluxKustomization{}, err
	}
	if err := json.Unmarshal(raw, &more); err != nil {
		return converge.FluxKustomization{}, err
	}
	st := k.Status
	out := converge.FluxKustomization{
		FluxObject: object(converge.FluxApplyGroup, k.Kind, k.ObjectMeta, st.ObservedGeneration, k.Spec.Suspend, st.LastHandledReconcileAt, st.Conditions),
		Source:     converge.Ref{Group: converge.FluxSourceGroup, Kind: k.Spec.SourceRef.Kind, Namespace: cmp.Or(k.Spec.SourceRef.Namespace, k.Namespace), Name: k.Spec.SourceRef.Name},
		Path:       k.Spec.Path,
		Checks:     k.Spec.Wait || len(k.Spec.HealthChecks) > 0, Remote: k.Spec.KubeConfig != nil,
		Attempted: st.LastAttemptedRevision, Applied: st.LastAppliedRevision, AppliedOrigin: st.LastAppliedOriginRevision,
		DependsOn:      dependencies(converge.FluxApplyGroup, k.Kind, k.Namespace, k.Spec.DependsOn),
		InventoryKnown: st.Inventory != nil,
	}
	out.Interval, out.Retry = k.Spec.Interval.Duration, k.GetRetryInterval()
	var history []historyEntry
	if len(more.Status.History) > 0 {
		if err := json.Unmarshal(more.Status.History, &history); err != nil {
			return out, fmt.Errorf("history: %w", err)
		}
	}
	for _, h := range history {
		out.History = append(out.History, converge.FluxHistory{Status: h.Status, Revision: h.Metadata.Revision, First: h.First, Last: h.Last})
	}
	var err error
	out.Inventory, err = inventory(more)
	return out, err
}

func release(raw []byte) (converge.FluxRelease, error) {
	var r helmv2.HelmRelease
	var more newer
	if err := json.Unmarshal(raw, &r); err != nil {
		return converge.FluxRelease{}, err
	}
	if err := json.Unmarshal(raw, &more); err != nil {
		return converge.FluxRelease{}, err
	}
	st := r.Status
	out := converge.FluxRelease{
		FluxObject: object(converge.FluxHelmGroup, r.Kind, r.ObjectMeta, st.ObservedGeneration, r.Spec.Suspend, st.LastHandledReconcileAt, st.Conditions),
		DependsOn:  dependencies(converge.FluxHelmGroup, r.Kind, r.Namespace, r.Spec.DependsOn),
		Waits:      !r.GetInstall().DisableWait && !r.GetUpgrade().DisableWait, Remote: r.Spec.KubeConfig != nil,
		AttemptedGeneration: st.LastAttemptedGeneration, AttemptedRevision: st.LastAttemptedRevision, Failures: st.Failures,
	}
	out.Interval = r.Spec.Interval.Duration
	switch {
	case r.Spec.ChartRef != nil:
		ref := r.Spec.ChartRef
		out.Chart = converge.Ref{Group: converge.FluxSourceGroup, Kind: ref.Kind, Namespace: cmp.Or(ref.Namespace, r.Namespace), Name: ref.Name}
	case r.Spec.Chart != nil:
		out.Chart = converge.Ref{Group: converge.FluxSourceGroup, Kind: sourcev1.HelmChartKind, Namespace: r.Spec.Chart.GetNamespace(r.Namespace), Name: r.GetHelmChartName()}
		out.ChartName, out.ChartVersion = r.Spec.Chart.Spec.Chart, r.Spec.Chart.Spec.Version
	}
	for _, v := range r.Spec.ValuesFrom {
		out.ValuesFrom = append(out.ValuesFrom, converge.Ref{Kind: v.Kind, Namespace: r.Namespace, Name: v.Name})
	}
	for _, h := range st.History {
		if h == nil {
			continue
		}
		out.History = append(out.History, converge.FluxDeployment{Chart: h.ChartName, Version: h.ChartVersion, Config: h.ConfigDigest, Digest: h.OCIDigest, Status: h.Status})
	}
	var err error
	out.Inventory, err = inventory(more)
	return out, err
}

func dependencies(group, kind, namespace string, on []meta.NamespacedObjectReference) []converge.Ref {
	var out []converge.Ref
	for _, d := range on {
		out = append(out, converge.Ref{Group: group, Kind: kind, Namespace: cmp.Or(d.Namespace, namespace), Name: d.Name})
	}
	return out
}

func inventory(of newer) ([]converge.Ref, error) {
	if of.Status.Inventory == nil {
		return nil, nil
	}
	var out []converge.Ref
	for _, e := range of.Status.Inventory.Entries {
		ref, ok := entry(e.ID)
		if !ok {
			return nil, fmt.Errorf("inventory: %q names no object", e.ID)
		}
		out = append(out, ref)
	}
	return out, nil
}

// entry reads "<namespace>_<name>_<group>_<kind>". A colon in a name, which only
// roles have, is written as two underscores.
func entry(id string) (converge.Ref, bool) {
	namespace, rest, ok := strings.Cut(id, "_")
	kind := strings.LastIndexByte(rest, '_')
	if !ok || kind < 0 {
		return converge.Ref{}, false
	}
	group := strings.LastIndexByte(rest[:kind], '_')
	if group <= 0 || kind+1 == len(rest) {
		return converge.Ref{}, false
	}
	return converge.Ref{
		Group: rest[group+1 : kind], Kind: rest[kind+1:], Namespace: namespace, Name: strings.ReplaceAll(rest[:group], "__", ":"),
	}, true
}
