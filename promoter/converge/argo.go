package converge

import (
	"strings"
	"time"
)

// ArgoApp names an Application among all Argo CD servers.
type ArgoApp struct {
	Instance  string // which server, by its name in the configuration
	Namespace string
	Name      string
}

func (a ArgoApp) String() string {
	return strings.TrimLeft(a.Instance+"/"+a.Namespace+"/"+a.Name, "/")
}

// ArgoSnapshot is what one version of one Application says. A field that the
// server does not give is zero, and zero never speaks for convergence.
type ArgoSnapshot struct {
	App      ArgoApp
	UID      string
	Version  string // resourceVersion
	Project  string
	Labels   map[string]string
	Server   string // destination: the cluster's URL
	Cluster  string // destination: the cluster's name
	Target   string // destination: the namespace
	Owners   []Ref  // ownerReferences: the ApplicationSet that made it
	Deleting bool
	Skipped  bool   // skip-reconcile
	Refresh  string // the refresh annotation: "", "normal" or "hard"

	Sources     []ArgoSource // spec; for a hydrated app the source that is synced
	MultiSource bool         // spec.sources is used, and so are all vectors
	Kinds       []string     // what the sources were found to be: Directory, Helm, Kustomize, Plugin
	Destination string       // digest of the destination and ignored differences
	AutoSync    bool
	Prune       bool  // auto-sync removes what Git no longer has
	Retries     int64 // retry.limit; below zero: without end
	RetryFresh  bool  // retry.refresh: a retry takes the newest revision

	SyncStatus  string
	Revisions   []string     // of the comparison, one for each source
	Compared    []ArgoSource // comparedTo
	ComparedDst string       // digest, as Destination

	Requested bool // an operation is requested or running
	Operation *ArgoOperation
	Deployed  *ArgoDeployment // the last that succeeded in full; nil: not told

	ReconciledAt time.Time // start of the last comparison with Git
	Health       string
	HealthSince  time.Time // lastTransitionTime
	// HealthTimed is set when the server is known to move HealthSince with
	// every change of Health, and only then (Argo CD 3.1 and later).
	HealthTimed bool
	Resources   []ArgoResource
	Conditions  []ArgoCondition
	Images      []string // of the pods in the tree
	Hydrator    *ArgoHydrator

	AppOfApps     bool
	Children      []ArgoApp // applications that it renders, by themselves or by an ApplicationSet
	ChildrenKnown bool      // Children is whole

	CanSync Answer         // the sync windows, now
	Tree    []ArgoResource // the live tree below the resources; nil when not read
	Live    []Item         // live values that were read for Expect.Items

	ReadAt time.Time // when the server answered, by its own clock
}

// ArgoSource is one source of an Application.
type ArgoSource struct {
	Repo     string
	Path     string
	Chart    string
	Ref      string
	Revision string // targetRevision
	Rest     string // digest of everything else
	Values   string // value files as they are written, a line each; in Rest too
	Recurse  bool   // of a directory of manifests; in Rest too
}

// git reports whether the source's revisions are commits.
func (s ArgoSource) git() bool { return s.Chart == "" && !strings.HasPrefix(s.Repo, "oci://") }

// ArgoOperation is the operation that runs, or the last one.
type ArgoOperation struct {
	Phase      string
	Message    string
	StartedAt  time.Time
	FinishedAt time.Time
	Asked      []string // revisions of the request; empty: whatever the spec says
	Result     []string // revisions of its result
	DryRun     bool
	Partial    bool // of some resources only
	Foreign    bool // of sources or manifests that are not the spec's
	Retried    int64
	Resources  []ArgoResult
}

// ArgoDeployment is an entry of the history.
type ArgoDeployment struct {
	Sources   []ArgoSource
	Revisions []string // one for each source
	At        time.Time
}

// ArgoResult is what an operation did to one resource.
type ArgoResult struct {
	Ref     Ref
	Failed  bool
	Message string
}

// ArgoResource is a resource, or a node of the tree below it.
type ArgoResource struct {
	Ref     Ref
	Root    Ref    // the managed resource that it belongs to; itself in Resources
	Status  string // Synced, OutOfSync
	Health  string
	Message string
	Hook    bool
	Prune   bool // not in Git any more
	Confirm bool // its deletion waits for a person
}

// ArgoCondition is one condition.
type ArgoCondition struct {
	Type    string
	Message string
	At      time.Time
}

// ArgoHydrator is how far hydrated manifests have come.
type ArgoHydrator struct {
	Repo     string // of the dry source
	Revision string // targetRevision of the dry source
	Phase    string // of the current operation: Hydrating, Hydrated, Failed
	Message  string
	Dry      string // dry commit of the last success
	Hydrated string // what it was hydrated to
}
