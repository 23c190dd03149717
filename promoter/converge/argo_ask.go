package converge

import (
	"time"

	"promoter/promoter"
)

// Ask is the question: does this application run that commit's content?
type Ask struct {
	App         ArgoApp
	Environment string
	Tenant      string
	Cluster     string

	Commit   string // on the branch, as it is after the merge
	Repo     string
	Branch   string // empty: every source of the repository counts, whatever it follows
	Paths    []string
	MergedAt time.Time
	OnBranch Answer              // the commit is reachable from the branch's head
	History  map[string]Ancestry // by revision: those of the snapshot and its operation

	Fence time.Time // when the server took our last request to refresh; zero: none was made
	First time.Time // when it took the first of them since the merge, as far as is remembered
	Asked int       // how many requests were made since the merge

	Base ArgoSnapshot // before the merge; without UID: not known
	// HealthyBefore is set when it is on record that the application was well
	// just before the merge. It stands for a Base that is not known.
	HealthyBefore bool

	Expect   Expect
	Children map[ArgoApp]promoter.Convergence // the same question's answers for its children
	Policy   ArgoPolicy
}

// Expect is what the commit should do to the application, from a render or a
// diff at the time of the pull request.
type Expect struct {
	Changed   bool // its content changes
	HooksOnly bool // nothing but hooks changes: Argo CD does not sync that by itself
	// Foreign is set when no source of the application can hold the commit:
	// then only its state is asked.
	Foreign   bool
	Versions  []Version // of chart, OCI and foreign Git sources, changed or not
	Images    []Image   // of workloads that should have pods now
	Items     []Item    // values in live objects
	Resources []Ref     // what the commit changes
}

// Version is what a source that is no Git source of ours should be at.
type Version struct {
	Repo   string
	Chart  string
	From   string // before the commit; empty when it is not changed
	To     string // targetRevision as it is written at the commit
	Digest string // what To resolves to, where that is not To: a digest, a commit, a release of a range
}

// Image is an image that pods should run instead of another.
type Image struct {
	New string
	Old string // empty when other workloads may still use it
}

// ArgoPolicy is how long, and what counts. Zero values are the defaults.
type ArgoPolicy struct {
	Dwell              time.Duration // of health; 30 s
	DegradedGrace      time.Duration // 60 s
	ProgressDeadline   time.Duration // from the end of the sync; 10 min
	RefreshPatience    time.Duration // until an unanswered refresh is blindness; 5 min
	StuckAfter         time.Duration // of an operation on another revision; 2 min
	MaxAge             time.Duration // of an answer; 5 min
	SuspendedIsHealthy bool          // a paused rollout is where it should be
	DriftTolerant      bool          // only what the commit changes must be in sync
}

func (p ArgoPolicy) withDefaults() ArgoPolicy {
	set := func(d *time.Duration, usual time.Duration) {
		if *d <= 0 {
			*d = usual
		}
	}
	set(&p.Dwell, 30*time.Second)
	set(&p.DegradedGrace, time.Minute)
	set(&p.ProgressDeadline, 10*time.Minute)
	set(&p.RefreshPatience, 5*time.Minute)
	set(&p.StuckAfter, 2*time.Minute)
	set(&p.MaxAge, 5*time.Minute)
	return p
}

// fence is the time that a comparison must be later than. Without a request of
// ours it is the merge: a comparison at the commit cannot be older.
func (a Ask) fence() time.Time { return latest(a.Fence, a.MergedAt) }

// asked is when waiting for Argo CD began. Asking again does not begin it anew:
// who asks often would wait for ever. What was merged while nobody was there to
// ask is waited for from the first request.
func (a Ask) asked() time.Time { return latest(a.First, a.MergedAt) }

// holds says whether a revision is the commit or a descendant.
func (a Ask) holds(revision string) Answer {
	if revision == a.Commit {
		return Yes
	}
	return a.History[revision].Holds
}

// follows reports whether a source's revision moves with the branch.
func (a Ask) follows(revision string) bool {
	switch revision {
	case "", "HEAD", a.Branch, "refs/heads/" + a.Branch:
		return true
	}
	return a.Branch == ""
}

// wanted returns the version that a source should be at.
func (e Expect) wanted(s ArgoSource) (Version, bool) {
	for _, v := range e.Versions {
		if v.Chart == s.Chart && SameRepo(v.Repo, s.Repo) {
			return v, true
		}
	}
	return Version{}, false
}

// at reports whether a resolved revision is the version. A Git revision or a
// digest says nothing of the name it was resolved from.
func (v Version) at(s ArgoSource, revision string) Answer {
	switch {
	case v.Digest != "":
		return yesIf(revision == v.Digest)
	case s.Chart != "" && !isDigest(revision):
		return yesIf(revision == v.To)
	}
	return Unknown
}

func isDigest(revision string) bool { return len(revision) > 7 && revision[:7] == "sha256:" }

func yesIf(ok bool) Answer {
	if ok {
		return Yes
	}
	return No
}
