package converge

import "time"

// FluxAsk is the question: does this Kustomization or HelmRelease of that
// cluster run that commit's content?
type FluxAsk struct {
	App         Ref
	Environment string
	Tenant      string
	Cluster     string

	Commit   string // on the branch, as it is after the merge
	Repo     string
	Branch   string // empty: every source of the repository counts, whatever it follows
	MergedAt time.Time
	OnBranch Answer              // the commit is reachable from the branch's head
	History  map[string]Ancestry // by commit: those that FluxCommits names

	Token string    // of our last request to reconcile; empty: none was made
	Fence time.Time // when the server took it
	First time.Time // when it took the first of them since the merge, as far as is remembered
	Asked int       // how many requests were made since the merge

	Base FluxSnapshot // before the merge; empty: not known
	// ReadyBefore is set when it is on record that the application was well
	// just before the merge. It stands for a Base that is not known.
	ReadyBefore bool

	Expect FluxExpect
	Policy FluxPolicy
}

// FluxExpect is what the commit should do, from a render or a diff at the time
// of the pull request.
type FluxExpect struct {
	Changed bool // its content changes
	// Foreign is set when nothing of it can hold the commit: then only its
	// state is asked.
	Foreign   bool
	Artifacts []FluxArtifact // of OCI sources
	Releases  []FluxWant     // HelmReleases that the commit changes
	Items     []Item         // values in live objects
	Resources []Ref          // what the commit changes or adds; empty: not known
}

// FluxArtifact is the OCI artifact that a source should be at.
type FluxArtifact struct {
	URL    string
	Digest string // sha256:…
}

// FluxWant is what a HelmRelease should have come to. Empty fields are not asked.
type FluxWant struct {
	Ref     Ref
	Version string // of the chart; a build suffix is only compared when it is named
	Digest  string // of an OCI chart
	Values  bool   // its values change, its spec or not
	Config  string // digest of the values, where it is known
}

// FluxPolicy is how long, and what counts. Zero values are the defaults.
type FluxPolicy struct {
	Dwell            time.Duration // of health; 30 s
	DegradedGrace    time.Duration // 60 s
	ProgressDeadline time.Duration // 10 min
	RequestPatience  time.Duration // until an unanswered request is blindness; 5 min
	MaxAge           time.Duration // of an answer; 5 min
	// AppliedSuffices takes what is applied for healthy where nobody waits
	// for its health and nobody has read it.
	AppliedSuffices bool
}

func (p FluxPolicy) withDefaults() FluxPolicy {
	set := func(d *time.Duration, usual time.Duration) {
		if *d <= 0 {
			*d = usual
		}
	}
	set(&p.Dwell, 30*time.Second)
	set(&p.DegradedGrace, time.Minute)
	set(&p.ProgressDeadline, 10*time.Minute)
	set(&p.RequestPatience, 5*time.Minute)
	set(&p.MaxAge, 5*time.Minute)
	return p
}

// beside says what is known of a commit beside ours.
func (a FluxAsk) beside(commit string) Ancestry {
	if commit == a.Commit {
		return Ancestry{Yes, Yes}
	}
	return a.History[commit]
}

// follows reports whether a source can come to hold the commit.
func (a FluxAsk) follows(s *FluxSource) bool {
	return SameRepo(s.URL, a.Repo) && (s.Pinned != "" || a.Branch == "" || s.Branch == a.Branch)
}

func (a FluxAsk) artifact(url string) (FluxArtifact, bool) {
	for _, want := range a.Expect.Artifacts {
		if SameRepo(want.URL, url) {
			return want, true
		}
	}
	return FluxArtifact{}, false
}

func (a FluxAsk) want(release Ref) (FluxWant, bool) {
	for _, want := range a.Expect.Releases {
		if want.Ref == release {
			return want, true
		}
	}
	return FluxWant{}, false
}
