package argocd

import (
	"encoding/json"
	"time"
)

// Time is a time as Kubernetes writes it: whole seconds, UTC.
type Time struct{ time.Time }

// At makes a Time for a pointer field; the zero time makes none.
func At(t time.Time) *Time {
	if t.IsZero() {
		return nil
	}
	return &Time{t}
}

// MarshalJSON cuts off what is less than a second.
func (t Time) MarshalJSON() ([]byte, error) {
	if t.IsZero() {
		return []byte("null"), nil
	}
	return json.Marshal(t.UTC().Format(time.RFC3339))
}

// Application is argoproj.io/v1alpha1 Application.
type Application struct {
	APIVersion string     `json:"apiVersion,omitempty"`
	Kind       string     `json:"kind,omitempty"`
	Metadata   Metadata   `json:"metadata"`
	Spec       Spec       `json:"spec"`
	Operation  *Operation `json:"operation,omitempty"`
	Status     Status     `json:"status"`
}

// Metadata is an object's.
type Metadata struct {
	Name              string            `json:"name"`
	Namespace         string            `json:"namespace,omitempty"`
	UID               string            `json:"uid,omitempty"`
	ResourceVersion   string            `json:"resourceVersion,omitempty"`
	CreationTimestamp *Time             `json:"creationTimestamp,omitempty"`
	DeletionTimestamp *Time             `json:"deletionTimestamp,omitempty"`
	Labels            map[string]string `json:"labels,omitempty"`
	Annotations       map[string]string `json:"annotations,omitempty"`
	OwnerReferences   []Owner           `json:"ownerReferences,omitempty"`
}

// Owner is an owner reference.
type Owner struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
	Name       string `json:"name"`
	UID        string `json:"uid"`
}

// Spec is what is wanted.
type Spec struct {
	Project           string           `json:"project"`
	Source            *Source          `json:"source,omitempty"`
	Sources           []Source         `json:"sources,omitempty"`
	SourceHydrator    *SourceHydrator  `json:"sourceHydrator,omitempty"`
	Destination       Destination      `json:"destination"`
	SyncPolicy        *SyncPolicy      `json:"syncPolicy,omitempty"`
	IgnoreDifferences []map[string]any `json:"ignoreDifferences,omitempty"`
}

// Source is where manifests come from.
type Source struct {
	RepoURL        string         `json:"repoURL"`
	Path           string         `json:"path,omitempty"`
	TargetRevision string         `json:"targetRevision,omitempty"`
	Chart          string         `json:"chart,omitempty"`
	Ref            string         `json:"ref,omitempty"`
	Helm           map[string]any `json:"helm,omitempty"`
}

// SourceHydrator says where dry manifests are and where hydrated ones go.
type SourceHydrator struct {
	DrySource  Source `json:"drySource"`
	SyncSource struct {
		TargetBranch string `json:"targetBranch"`
		Path         string `json:"path"`
	} `json:"syncSource"`
}

// Destination is where to.
type Destination struct {
	Server    string `json:"server,omitempty"`
	Name      string `json:"name,omitempty"`
	Namespace string `json:"namespace,omitempty"`
}

// SyncPolicy is when.
type SyncPolicy struct {
	Automated *Automated `json:"automated,omitempty"`
	Retry     *Retry     `json:"retry,omitempty"`
}

// Automated is auto-sync.
type Automated struct {
	Prune    bool  `json:"prune,omitempty"`
	SelfHeal bool  `json:"selfHeal,omitempty"`
	Enabled  *bool `json:"enabled,omitempty"`
}

// Retry is what happens to failed syncs.
type Retry struct {
	Limit   int64 `json:"limit,omitempty"`
	Refresh bool  `json:"refresh,omitempty"`
}

// Operation is a sync that is asked for.
type Operation struct {
	Sync *Sync `json:"sync,omitempty"`
}

// Sync says what to sync.
type Sync struct {
	Revision  string           `json:"revision,omitempty"`
	Revisions []string         `json:"revisions,omitempty"`
	DryRun    bool             `json:"dryRun,omitempty"`
	Resources []map[string]any `json:"resources,omitempty"`
	Manifests []string         `json:"manifests,omitempty"`
	Source    *Source          `json:"source,omitempty"`
	Sources   []Source         `json:"sources,omitempty"`
}

// Status is what is.
type Status struct {
	SourceType     string          `json:"sourceType,omitempty"`
	Sync           SyncStatus      `json:"sync"`
	Health         Health          `json:"health"`
	OperationState *OperationState `json:"operationState,omitempty"`
	ReconciledAt   *Time           `json:"reconciledAt,omitempty"`
	Resources      []Resource      `json:"resources,omitempty"`
	Conditions     []Condition     `json:"conditions,omitempty"`
	History        []Deployment    `json:"history,omitempty"`
	Summary        Summary         `json:"summary"`
	SourceHydrator *Hydration      `json:"sourceHydrator,omitempty"`
}

// Deployment is a sync that succeeded in full.
type Deployment struct {
	ID              int      `json:"id"`
	Revision        string   `json:"revision,omitempty"`
	Revisions       []string `json:"revisions,omitempty"`
	Source          *Source  `json:"source,omitempty"`
	Sources         []Source `json:"sources,omitempty"`
	DeployStartedAt *Time    `json:"deployStartedAt,omitempty"`
	DeployedAt      *Time    `json:"deployedAt,omitempty"`
}

// SyncStatus is the last comparison.
type SyncStatus struct {
	Status     string     `json:"status"`
	Revision   string     `json:"revision,omitempty"`
	Revisions  []string   `json:"revisions,omitempty"`
	ComparedTo ComparedTo `json:"comparedTo"`
}

// ComparedTo is the spec that was compared.
type ComparedTo struct {
	Source            *Source          `json:"source,omitempty"`
	Sources           []Source         `json:"sources,omitempty"`
	Destination       Destination      `json:"destination"`
	IgnoreDifferences []map[string]any `json:"ignoreDifferences,omitempty"`
}

// Health is a state of health.
type Health struct {
	Status             string `json:"status,omitempty"`
	Message            string `json:"message,omitempty"`
	LastTransitionTime *Time  `json:"lastTransitionTime,omitempty"`
}

// OperationState is the operation that runs, or the last one.
type OperationState struct {
	Operation  Operation   `json:"operation"`
	Phase      string      `json:"phase"`
	Message    string      `json:"message,omitempty"`
	StartedAt  Time        `json:"startedAt"`
	FinishedAt *Time       `json:"finishedAt,omitempty"`
	RetryCount int64       `json:"retryCount,omitempty"`
	SyncResult *SyncResult `json:"syncResult,omitempty"`
}

// SyncResult is what a sync did.
type SyncResult struct {
	Revision  string           `json:"revision"`
	Revisions []string         `json:"revisions,omitempty"`
	Resources []ResourceResult `json:"resources,omitempty"`
}

// ResourceResult is what a sync did to one resource.
type ResourceResult struct {
	Group     string `json:"group"`
	Version   string `json:"version"`
	Kind      string `json:"kind"`
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
	Status    string `json:"status,omitempty"`
	Message   string `json:"message,omitempty"`
	HookType  string `json:"hookType,omitempty"`
	HookPhase string `json:"hookPhase,omitempty"`
}

// Resource is a managed resource.
type Resource struct {
	Group                        string  `json:"group,omitempty"`
	Version                      string  `json:"version,omitempty"`
	Kind                         string  `json:"kind,omitempty"`
	Namespace                    string  `json:"namespace,omitempty"`
	Name                         string  `json:"name,omitempty"`
	Status                       string  `json:"status,omitempty"`
	Health                       *Health `json:"health,omitempty"`
	Hook                         bool    `json:"hook,omitempty"`
	RequiresPruning              bool    `json:"requiresPruning,omitempty"`
	RequiresDeletionConfirmation bool    `json:"requiresDeletionConfirmation,omitempty"`
}

// Condition is one condition.
type Condition struct {
	Type               string `json:"type"`
	Message            string `json:"message"`
	LastTransitionTime *Time  `json:"lastTransitionTime,omitempty"`
}

// Summary is of the tree.
type Summary struct {
	Images      []string `json:"images,omitempty"`
	IsAppOfApps bool     `json:"isAppOfApps,omitempty"`
}

// Hydration is how far hydrated manifests have come.
type Hydration struct {
	CurrentOperation        *HydrateOperation `json:"currentOperation,omitempty"`
	LastSuccessfulOperation *HydrateOperation `json:"lastSuccessfulOperation,omitempty"`
}

// HydrateOperation is one hydration.
type HydrateOperation struct {
	Phase       string `json:"phase,omitempty"`
	Message     string `json:"message"`
	DrySHA      string `json:"drySHA,omitempty"`
	HydratedSHA string `json:"hydratedSHA,omitempty"`
}

// Node is a node of the resource tree.
type Node struct {
	Group      string  `json:"group,omitempty"`
	Version    string  `json:"version,omitempty"`
	Kind       string  `json:"kind,omitempty"`
	Namespace  string  `json:"namespace,omitempty"`
	Name       string  `json:"name,omitempty"`
	UID        string  `json:"uid,omitempty"`
	ParentRefs []Node  `json:"parentRefs,omitempty"`
	Health     *Health `json:"health,omitempty"`
}

// Managed is a managed resource's states, each a JSON document.
type Managed struct {
	Group       string `json:"group,omitempty"`
	Kind        string `json:"kind,omitempty"`
	Namespace   string `json:"namespace,omitempty"`
	Name        string `json:"name,omitempty"`
	TargetState string `json:"targetState,omitempty"`
	LiveState   string `json:"liveState,omitempty"`
}
