package promoter

import "time"

// Class says how careful a change must be.
type Class string

// The classes, from most to least careful.
const (
	C1 Class = "C1" // infrastructure: CRDs, control planes, ingress, storage
	C2 Class = "C2" // co-managed with a client or another team
	C3 Class = "C3" // routine
)

// MergeMode says what a merge asks for.
type MergeMode string

// The ways to a merge.
const (
	MergeAutomatic MergeMode = "automatic" // when nothing is in the way
	MergeApproved  MergeMode = "approval"  // people approve first
	MergeManual    MergeMode = "manual"    // a person merges
	MergeNever     MergeMode = "never"     // of reverts: none is proposed, a person is asked
)

// Policy is what the user wants, validated: the part of the configuration
// that is about decisions. What it says about a single pin comes with the
// Target.
type Policy struct {
	Waves   []Wave
	Classes map[Class]ClassPolicy
	Groups  map[string]Group
	Ahead   bool   // open all waves' pulls at once, later ones as drafts
	Method  string // how pulls are meant to be merged: merge, squash or rebase; empty: as the forge allows
	MaxOpen int    // open pulls of ours at once; 0: no limit
	// SplitBase lets early environments get a version ahead of a file that they
	// share with later ones, by an override in a file of their own.
	SplitBase bool
	Newer     Newer
	Freezes   []Freeze
	Windows   []Window

	// Delivers is set when there are engines that say how far a merge has
	// come. Without any, nothing is merged by us, and waves follow the base
	// branch alone.
	Delivers bool
	Gates    []Gate
	Silences []SilenceRule
	// Reverts says how pulls that revert are merged, where a class does not.
	Reverts MergeMode
	// RevertScope says what a failure takes back.
	RevertScope RevertScope
	// Ends allows us to end an operation that keeps a revert out.
	Ends bool
	// Patience is how long a merged pull may stay unproven before a person is
	// asked; 0: an hour.
	Patience time.Duration
}

// precedes reports whether a wave must have passed before another one.
func (p Policy) precedes(a, b int) bool {
	for _, before := range p.Waves[b].After {
		if before == a || p.precedes(a, before) {
			return true
		}
	}
	return false
}

// Newer says what a newer release does while one is on its way.
type Newer string

// What a newer release may do.
const (
	NewerFinishes Newer = ""       // it waits until the one before has passed every wave
	NewerHolds    Newer = "hold"   // it waits while the one before is being verified somewhere
	NewerTakes    Newer = "latest" // it takes over
)

// RevertScope says which pulls of a failed change are taken back.
type RevertScope string

// The scopes.
const (
	RevertWave   RevertScope = ""       // all of the wave that failed, and of later ones
	RevertFailed RevertScope = "failed" // those that failed
	RevertChange RevertScope = "change" // all of the change
)

// Gate is a condition that must hold after a merge before the next wave: what
// policy knows of it. What it measures is the meter's business.
type Gate struct {
	Name         string
	Environments []string // patterns; empty: all
	Tenants      []string
	Apps         []string
	Classes      []Class
	// Per says which parts of a place the gate tells apart: environment,
	// tenant, cluster, app.
	Per  []string
	Text string // what it wants, for people: "error ratio <= 0.01 for 10m"
}

// Wave is the environments that change together.
type Wave struct {
	Name          string
	After         []int         // indexes of waves that must have passed
	Split         Split         // how its targets are spread over pulls
	MaxConcurrent int           // open pulls in the wave at once; 0: all
	Soak          time.Duration // how long it must stay healthy before the next
	// Quorum is the share of the wave's places, in percent, that must have
	// converged for those that cannot be reached to be set aside; 0: all.
	Quorum int
	// MaxFailures is how many of the wave's pulls may fail, and be taken back,
	// before the change is frozen; MaxFailuresPercent says it as a share.
	MaxFailures        int
	MaxFailuresPercent int
}

// Split says which targets of a wave share a pull.
type Split string

// The ways to split a wave.
const (
	SplitNone        Split = "none"
	SplitEnvironment Split = "environment"
	SplitTenant      Split = "tenant"
	SplitCluster     Split = "cluster"
)

// ClassPolicy is what a class asks before a merge.
type ClassPolicy struct {
	Merge     MergeMode
	Approvals int      // how many, for MergeApproved
	From      []string // who may approve; empty: anyone the forge lets
	Soak      time.Duration
	Revert    MergeMode // how a pull that reverts is merged; empty: as the policy says
}

// Group is artifacts that change together.
type Group struct {
	Name     string
	Lockstep bool // every member goes to the newest version that all have
	Ordered  bool // one pull a member, each after the one before it
}

// Freeze is a time in which nothing merges.
type Freeze struct {
	Name         string
	From, To     time.Time // To is the first moment after it
	Environments []string  // names; empty: all
	Tenants      []string  // names; empty: all
}

// Window is a recurring time in which merges are allowed.
type Window struct {
	Environments []string
	Tenants      []string
	Days         []time.Weekday // on which it begins; empty: every day
	From, To     time.Duration  // since midnight; To before From is the next day
	Zone         *time.Location
}

// Target is a pin with what policy says about it.
type Target struct {
	Pin Pin
	// Wave is the index of the wave that the pin's own environment belongs
	// to; -1 when it is in none.
	Wave int
	// Reach lists the environments that an edit of this scalar reaches, by
	// the reference graph; it includes the pin's own. Empty: not known.
	Reach  []Reached
	Class  Class
	Group  string // name of the group the artifact is in, or ""
	Rank   int    // position in the group's order
	Wanted Wanted
	Choice Choice // what the artifact's source offers this pin
	// Overlays are the files of single environments that can say otherwise
	// than the pin's file, if that is one that they share.
	Overlays []Overlay
	// override is set for a target that does not stand in the repository yet:
	// what an overlay gets. Its text is the image's name, or the field that
	// insert sets. shared is the target that it is to say otherwise.
	override string
	shared   *Target
	insert   Insert
}

// Overlay is one environment's kustomization over a shared file.
type Overlay struct {
	File        string
	Environment string
	Tenant      string
	Cluster     string
	Wave        int
	// Insert is what the file gets for the pin, which will then stand at
	// Path. Without it the file is a kustomization that gets an entry of its
	// images.
	Insert Insert
	Path   string
}

// Reached is an environment (and the application in it) that an edit reaches.
type Reached struct {
	Environment string
	Tenant      string
	Cluster     string
	App         string
	Wave        int // -1 when the environment is in no wave
}

// step is the wave in whose pull the target changes: the last one that the
// edit reaches, so that nothing reaches a wave before its turn. It is -1 when
// any environment that it reaches is in no wave.
func (t *Target) step() int {
	w := t.Wave
	for _, r := range t.Reach {
		if r.Wave < 0 {
			return -1
		}
		w = max(w, r.Wave)
	}
	return w
}
