package converge

import (
	"slices"
	"strings"
	"time"
)

// The groups of Flux's objects.
const (
	FluxSourceGroup = "source.toolkit.fluxcd.io"
	FluxApplyGroup  = "kustomize.toolkit.fluxcd.io"
	FluxHelmGroup   = "helm.toolkit.fluxcd.io"
)

// FluxSnapshot is one look at one cluster: all that Flux has there, and what was
// read of the objects that it applied. Its lists are taken in the order of its
// fields, what is followed before what follows it: a release that was listed
// after its Kustomization is never older than it. A field that the server does
// not give is zero, and zero never speaks for convergence.
type FluxSnapshot struct {
	Cluster        string // by its name in the configuration
	Sources        []FluxSource
	Kustomizations []FluxKustomization
	Releases       []FluxRelease
	Health         []FluxHealth // of the objects that were read
	Live           []Item       // live values that were read for FluxExpect.Items
	ReadAt         time.Time    // when the server began to answer, by its own clock
}

// FluxObject is what all of Flux's objects say.
type FluxObject struct {
	Ref        Ref
	UID        string
	Version    string // resourceVersion
	Generation int64
	Observed   int64 // status.observedGeneration
	Deleting   bool
	Suspended  bool
	Requested  string // the annotation that asks for a reconcile
	Handled    string // lastHandledReconcileAt
	Conditions []FluxCondition
	Interval   time.Duration
	Retry      time.Duration // after a failure; zero: Interval
}

// FluxCondition is one condition.
type FluxCondition struct {
	Type     string
	Status   string // True, False, Unknown
	Reason   string
	Message  string
	Observed int64     // observedGeneration of the condition; zero: not given
	At       time.Time // lastTransitionTime
}

// FluxSource is a GitRepository, an OCIRepository or a HelmChart.
type FluxSource struct {
	FluxObject
	URL      string
	Branch   string // that it follows
	Pinned   string // a tag, commit, name or range that it follows instead
	Revision string // of its artifact: main@sha1:…, latest@sha256:…, 6.0.3
	Origin   string // of an OCI artifact: the commit that it was made of
	At       time.Time
	From     Ref    // of a HelmChart: its source
	FromAt   string // of a HelmChart: the revision of its source that it was made of
}

// FluxKustomization is a Kustomization of Flux.
type FluxKustomization struct {
	FluxObject
	Source    Ref
	Path      string // in its source, as it is written
	DependsOn []Ref
	Checks    bool // wait or healthChecks: it is not ready before they are healthy
	Remote    bool // it applies to another cluster

	Attempted      string // lastAttemptedRevision
	Applied        string // lastAppliedRevision
	AppliedOrigin  string
	History        []FluxHistory // the newest first; none before Flux 2.7
	Inventory      []Ref
	InventoryKnown bool
}

// FluxHistory is one entry of a Kustomization's history: all reconciles of one
// content with one end.
type FluxHistory struct {
	Status   string
	Revision string
	First    time.Time
	Last     time.Time
}

// FluxRelease is a HelmRelease.
type FluxRelease struct {
	FluxObject
	Chart Ref // a HelmChart or an OCIRepository
	// ChartName and ChartVersion are what the spec asks for, where it does so
	// itself: the version may be a range.
	ChartName    string
	ChartVersion string
	DependsOn    []Ref
	ValuesFrom   []Ref
	Waits        bool // its install or upgrade waits for its workloads
	Remote       bool

	AttemptedGeneration int64
	AttemptedRevision   string
	Failures            int64
	History             []FluxDeployment // the newest first
	Inventory           []Ref            // none before Flux 2.8
}

// FluxDeployment is one entry of a HelmRelease's history.
type FluxDeployment struct {
	Chart   string
	Version string // of the chart
	Config  string // digest of the values
	Digest  string // of an OCI chart
	Status  string // deployed, failed, superseded, …
}

// FluxHealth is the state of one object by its own status.
type FluxHealth struct {
	Ref     Ref
	State   string // Current, InProgress, Failed, Terminating, NotFound, Unknown
	Message string
}

func (o *FluxObject) condition(kind string) (FluxCondition, bool) {
	i := slices.IndexFunc(o.Conditions, func(c FluxCondition) bool { return c.Type == kind })
	if i < 0 {
		return FluxCondition{}, false
	}
	return o.Conditions[i], true
}

// is reports whether a condition is true.
func (o *FluxObject) is(kind string) bool {
	c, ok := o.condition(kind)
	return ok && c.Status == "True"
}

// says is a condition as it is said to people.
func (o *FluxObject) says(kind string) string {
	c, ok := o.condition(kind)
	if !ok {
		return "it has no condition " + kind
	}
	return kind + " is " + c.Status + " (" + c.Reason + "): " + c.Message
}

func (o *FluxObject) retry() time.Duration {
	if o.Retry > 0 {
		return o.Retry
	}
	return o.Interval
}

// FluxCommit is the commit of a revision as Flux writes it: "main@sha1:<hash>"
// or "sha1:<hash>". A short hash or another form is none.
func FluxCommit(revision string) (commit string, ok bool) {
	name := revision[strings.LastIndexByte(revision, '@')+1:]
	algorithm, hash, ok := strings.Cut(name, ":")
	if !ok || !FullHash(hash) || algorithm == "sha1" && len(hash) != 40 || algorithm == "sha256" && len(hash) != 64 {
		return "", false
	}
	return hash, algorithm == "sha1" || algorithm == "sha256"
}

// fluxDigest is the digest of an OCI artifact's revision.
func fluxDigest(revision string) string { return revision[strings.LastIndexByte(revision, '@')+1:] }

// flux reports whether an object is one of Flux's own, which is judged as such.
func (r Ref) flux() bool {
	return r.Group == FluxApplyGroup && r.Kind == "Kustomization" || r.Group == FluxHelmGroup && r.Kind == "HelmRelease" || r.Group == FluxSourceGroup
}
