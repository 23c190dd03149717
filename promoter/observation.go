package promoter

import "time"

// Observation is every fact of one look at the world. It is a value: whatever
// is not in it was not seen.
type Observation struct {
	Base    string // the base branch's name
	Commit  string // its commit that was read
	Targets []Target
	Pulls   []Pull
	// PullsUnknown says why the forge's pulls could not be read whole; then
	// nothing is opened, changed or closed.
	PullsUnknown string
	// Answers to the questions of an earlier decision, by their keys.
	Sealings   map[string]Sealing
	Deliveries map[string]Delivery
	Approvals  map[string]Approvals
	Origins    map[string]Origin
	// Remarks, Tickets and Records are what was said on the forge, as far back
	// as it is read. TalkUnknown says why they could not be read: then nothing
	// goes forward, because nobody knows whether a person has stopped it.
	Remarks     []Remark
	Tickets     []Ticket
	Records     []Record
	TalkUnknown string
	// Silences are ours that hold now; SilencesUnknown says why they could not
	// be read.
	Silences        []Silence
	SilencesUnknown string
	Merging         Merging
	// Unread lists, for each wave, the files of its environments that could
	// not be read whole: what they hold is not known.
	Unread [][]string
}

// PullState is where a pull is.
type PullState string

// The states of a pull.
const (
	PullOpen   PullState = "open"
	PullMerged PullState = "merged"
	PullClosed PullState = "closed" // closed and not merged
	PullBranch PullState = "branch" // pushed, no pull opened yet
)

// Pull is a pull request of ours, found by its branch's name.
type Pull struct {
	Number int
	URL    string
	Branch string
	Head   string    // the branch's commit
	HeadAt time.Time // its commit time
	State  PullState
	Draft  bool
	// Ours is set when every commit on the branch is one that we wrote and
	// nobody changed: the head's tree is its parent's with exactly the edits
	// that its message names. Only such a branch is ever overwritten.
	Ours bool
	// Parent is the base branch's commit that the head was built on.
	Parent string
	// Edits are the scalars that the branch changes relative to Parent, and
	// Foreign is set when it changes anything else.
	Edits   []Edit
	Foreign bool
	// Empty is set when all commits of the branch are on the base branch and
	// the forge has it as open: there is nothing left in it. Where Git tells by
	// which commit it was merged, its State says so.
	Empty bool
	// Obscure is set for a merged pull of which it is not known what it wrote:
	// a person merged it with something else.
	Obscure bool
	// Moved is set when a file that it edits has changed on the base branch
	// since Parent: merging it may conflict, or join what nobody looked at.
	Moved     bool
	Sheet     string // digest of the sheet its text was written from; an index, not authority
	Said      string // digest of the status that was last put on its head; an index too
	Author    string
	Merge     string // the merge commit, when merged
	MergedAt  time.Time
	ClosedBy  string
	UpdatedAt time.Time
	Labels    []string
	// Refused says why the forge would not merge it, as it is, when it was
	// asked a moment ago.
	Refused string
}

// change is the id of the change that the pull is of.
func (p *Pull) change() string {
	id, _ := ChangeOf(p.Branch)
	return id
}

// Edit is one scalar's change.
type Edit struct {
	Place Place  `json:"place"`
	To    string `json:"to"` // what the scalar reads afterwards, decoded
	// Release is the version that To stands for: what a lock file beside the
	// edited one is locked to. Not for digests.
	Release string `json:"release,omitempty"`
	// Image is set where nothing is written yet: the kustomization at
	// Place.File gets an entry that sets this image to the tag To.
	Image string `json:"image,omitempty"`
	// Insert is set where nothing is written yet that Image could not say: the
	// file at Place.File gets it with the value To, and Place is where that
	// will stand. Place.Written is then what the shared file says.
	Insert Insert `json:"insert,omitzero"`
}

// Insert is what is added to a file that says nothing of a pin yet. The zero
// value adds nothing.
type Insert struct {
	// Field is the path of what is set: in a values file itself
	// ("image.tag"), or in the object that a kustomization's patch is of
	// ("spec.chart.spec.version", "spec.sources[0].targetRevision").
	Field string `json:"field"`
	// Group, Kind and Name are the object's that is patched; empty for a
	// values file.
	Group string `json:"group,omitempty"`
	Kind  string `json:"kind,omitempty"`
	Name  string `json:"name,omitempty"`
	// Beside are scalars of a values file that are written with the field,
	// under its parent, one a line: "repository=shop/web". A tag alone does
	// not say what it is of.
	Beside string `json:"beside,omitempty"`
}

// Merging is how the repository lets a pull be merged.
type Merging struct {
	Methods []string // of merge, squash and rebase; nil: not known
	Queue   bool     // by its merge queue
	// Silent is set where the forge keeps no comments or issues for us.
	Silent bool
}

// Level is how good or bad a verdict is. The worst of several wins: harm that
// was seen outranks what could not be seen.
type Level int

// The levels, from best to worst.
const (
	Pass Level = iota
	Hold
	Unknown
	Fail
)

func (l Level) String() string {
	switch l {
	case Pass:
		return "pass"
	case Hold:
		return "hold"
	case Unknown:
		return "unknown"
	case Fail:
		return "fail"
	}
	return "invalid"
}

// Note is what a publisher says of one release. It is untrusted text.
type Note struct {
	Version string `json:"version"`
	Title   string `json:"title,omitempty"`
	Body    string `json:"body"`
	URL     string `json:"url,omitempty"`
}
