package promoter

import (
	"strings"
	"time"
)

// Subject is what a question is about.
type Subject string

// The subjects of questions.
const (
	// AboutSeals asks for the seals on Commit.
	AboutSeals Subject = "seals"
	// AboutDelivery asks how far a merged pull has come in the places that it
	// reaches, and what its gates say since.
	AboutDelivery Subject = "delivery"
	// AboutReadiness asks what stands against a merge now, and whether the
	// gates can see.
	AboutReadiness Subject = "readiness"
	// AboutOrigin asks by which commit the Places got what they read now.
	AboutOrigin Subject = "origin"
	// AboutApprovals asks who has approved a pull at its head.
	AboutApprovals Subject = "approvals"
)

// Question is what Plan lacks: a fact that the observation does not hold and
// that something depends on. Whoever observes answers it, or says why not, and
// Plan is asked again with the answer. Only what is worth asking is asked.
type Question struct {
	About  Subject `json:"about"`
	Key    string  `json:"key"` // equal for equal questions: the answer is filed under it
	Pull   int     `json:"pull,omitempty"`
	Branch string  `json:"branch,omitempty"`
	Head   string  `json:"head,omitempty"`   // of the pull
	Commit string  `json:"commit,omitempty"` // the merge commit; of AboutSeals: the one whose seals are wanted
	// Fresh is set of AboutSeals where a pass that was read before may have been
	// unmade since by a person's word.
	Fresh bool `json:"fresh,omitempty"`
	// Author, HeadAt and From are of AboutApprovals: who opened the pull, when
	// its head was written, and who may approve (empty: anyone the forge lets).
	Author string    `json:"author,omitempty"`
	HeadAt time.Time `json:"headAt,omitzero"`
	From   []string  `json:"from,omitempty"`

	MergedAt  time.Time `json:"mergedAt,omitzero"`
	Converged time.Time `json:"converged,omitzero"` // when it had converged, as sealed; zero: it had not
	// Healthy is set when a seal says that every place was healthy just before
	// the merge: only then can a failure be blamed on it.
	Healthy bool `json:"healthy,omitempty"`
	Revert  bool `json:"revert,omitempty"`
	// Exempt says why the merge waits for no error budget; empty: it does.
	Exempt  string    `json:"exempt,omitempty"`
	Reached []Reached `json:"reached,omitempty"`
	Moves   []Move    `json:"moves,omitempty"`
	Probes  []Probe   `json:"probes,omitempty"`
	Places  []Place   `json:"places,omitempty"`
	// Control are the places that the change has not reached: what is bad
	// there too is not the change's fault.
	Control []Reached `json:"control,omitempty"`
}

// Move is one artifact's part of a pull, in one file.
type Move struct {
	Artifact Artifact `json:"artifact"`
	From     string   `json:"from"`
	To       string   `json:"to"`
	Digest   string   `json:"digest,omitempty"`
	Place    Place    `json:"place"`
}

// Probe is a gate to be asked for one place. Fields of the place that the gate
// does not tell apart are empty.
type Probe struct {
	Gate string  `json:"gate"`
	At   Reached `json:"at"`
}

// Delivery answers AboutDelivery and AboutReadiness.
type Delivery struct {
	// Unknown says why nothing could be learnt at all.
	Unknown string `json:"unknown,omitempty"`
	// Apps are the applications reached, each with where it stands. Before a
	// merge only their present state is told.
	Apps  []Convergence `json:"apps,omitempty"`
	Gates []GateVerdict `json:"gates,omitempty"`
	// Against is what stands against a merge now: a closed sync window, an
	// application that does not sync by itself.
	Against []string `json:"against,omitempty"`
}

// GateVerdict is what a gate says for one place. Before a merge it says
// whether the gate can see.
type GateVerdict struct {
	Probe
	Verdict
	Evidence []string `json:"evidence,omitempty"`
}

// Approvals answers AboutApprovals: who approved the pull as it is.
type Approvals struct {
	Unknown string `json:"unknown,omitempty"`
	By      []string
	// Against are people who ask for changes.
	Against []string
	// Allowed are those of By who may approve by the class' policy.
	Allowed []string
}

// Sealing answers AboutSeals.
type Sealing struct {
	Unknown string
	Seals   []Seal
	// Now is the forge's clock when it answered; zero where it is not known.
	Now time.Time
}

// ours is a moment of the forge's clock by ours.
func (s Sealing) ours(at, now time.Time) time.Time {
	if s.Now.IsZero() || at.IsZero() {
		return at
	}
	return at.Add(now.Sub(s.Now))
}

// Stage is what a seal is about.
type Stage string

// The stages of a pull that are sealed, each as a commit status of its own.
const (
	StageReady     Stage = "ready"     // on the head, before the merge: what it reaches is healthy, and the gates see
	StageConverged Stage = "converged" // on the merge commit: every place runs it
	StageVerdict   Stage = "verdict"   // on the merge commit: the last word
)

// Seal is a verdict that was written where it cannot be forgotten: a commit
// status.
type Seal struct {
	Commit string
	Stage  Stage
	// Of says what of the commit is meant, where it may bring several changes;
	// empty for a pull of ours, which brings one.
	Of      string
	Verdict Level // Pass or Fail
	Reason  string
	At      time.Time // when the forge took it
}

// Context is the seal's commit status: "promoter/verdict".
func (s Seal) Context() string {
	c := "promoter/" + string(s.Stage)
	if s.Of != "" {
		c += "/" + s.Of
	}
	return c
}

// ParseSeal reads the name of a commit status that is a seal.
func ParseSeal(context string) (stage Stage, of string, ok bool) {
	rest, ours := strings.CutPrefix(context, "promoter/")
	name, of, _ := strings.Cut(rest, "/")
	stage = Stage(name)
	return stage, of, ours && (stage == StageReady || stage == StageConverged || stage == StageVerdict)
}

// WaitContext is the commit status on an open pull's head that says what the
// pull waits for.
const WaitContext = "promoter"

// Remark is a command that somebody wrote under a pull.
type Remark struct {
	Comment int64
	Pull    int // number of the pull or issue
	By      string
	At      time.Time
	Command Command
	// Denied says why the person may not give it.
	Denied string
	// Answered is set when a comment of ours answers it.
	Answered bool
}

// Ticket is an issue of ours in the forge: a person is needed, or has stopped
// us.
type Ticket struct {
	Number int
	Title  string
	Key    string // names what it is about; empty for one that a person opened
	Stop   bool   // while it is open, nothing goes forward in its scope
	Open   bool
	By     string
}

// Record is evidence that was written down as a comment on a pull.
type Record struct {
	Branch string
	Lines  []string
}
