package promoter

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Sheet is everything that a pull's text says, before it is words: templates
// turn it into Markdown. Texts from outside are in it as they came.
type Sheet struct {
	Change  string        `json:"change"`
	Wave    string        `json:"wave"`
	Part    string        `json:"part,omitempty"`
	Class   Class         `json:"class"`
	Merge   MergeMode     `json:"merge"`
	Members []SheetMember `json:"members"`
	Reaches []Reached     `json:"reaches"`
	// Shared is set when an edit stands in a file that several environments
	// share.
	Shared bool        `json:"shared,omitempty"`
	Ladder []SheetStep `json:"ladder"`
	Edits  []Edit      `json:"edits"`
	// Approvals and From say who must approve, for MergeApproved.
	Approvals int      `json:"approvals,omitempty"`
	From      []string `json:"from,omitempty"`
	Soak      time.Duration
	Method    string `json:"method,omitempty"` // how it is meant to be merged
	// Revert is set when the pull takes another one back.
	Revert *SheetRevert `json:"revert,omitempty"`
	// Notice is what the pull waits for: it is also its head's commit status.
	Notice Notice `json:"notice,omitzero"`
	// Gates are the conditions after the merge, as people read them.
	Gates    []string `json:"gates,omitempty"`
	Delivers bool     `json:"delivers,omitempty"` // we merge it ourselves when nothing is in the way
	// Calendar are the windows and freezes that concern what is reached.
	Calendar []string `json:"calendar,omitempty"`
}

// SheetRevert is what a revert's text says beyond its edits.
type SheetRevert struct {
	Pull       int      `json:"pull"`  // that is taken back
	Merge      string   `json:"merge"` // its merge commit
	FailedPull int      `json:"failedPull"`
	FailedIn   string   `json:"failedIn"` // wave
	Reason     string   `json:"reason"`
	Evidence   []string `json:"evidence,omitempty"`
}

// SheetMember is one artifact's part of a change.
type SheetMember struct {
	Artifact Artifact   `json:"artifact"`
	From     []string   `json:"from"`    // the versions now, each once
	To       string     `json:"to"`      // as people read it: with a digest's beginning where only that moves
	Version  string     `json:"version"` // the version it goes to
	Update   UpdateType `json:"update"`
	Digest   string     `json:"digest,omitempty"`
	Created  time.Time  `json:"created,omitzero"`
	// FirstSeen is what a cache says, and Skipped what the hour says: neither
	// is part of the digest, or text would be written anew without news.
	FirstSeen  time.Time `json:"-"`
	Skipped    []string  `json:"-"` // newer releases that are held back, with why
	Deprecated bool      `json:"deprecated,omitempty"`
	// Notes are looked up when the text is written: they decide nothing, and
	// are no part of what the sheet's digest says.
	Notes    []Note `json:"-"`
	Security bool   `json:"security,omitempty"`
}

// SheetStep is one wave of the ladder.
type SheetStep struct {
	Wave         string   `json:"wave"`
	Environments []string `json:"environments"`
	State        string   `json:"state"` // "this pull request", "done", "next", "waits for staging", …
	Pulls        []int    `json:"pulls,omitempty"`
	This         bool     `json:"this,omitempty"`
}

// Title says what changes where, within the 255 characters forges allow.
func (s Sheet) Title() string {
	name := s.Change
	if len(s.Members) > 0 {
		m := s.Members[0]
		name = fmt.Sprintf("%s %s -> %s", shortName(m.Artifact), strings.Join(m.From, ", "), m.To)
		if n := len(s.Members) - 1; n > 0 {
			name += " and " + count(n, "more")
			name = strings.TrimSuffix(name, "s")
		}
	}
	where := s.Wave
	if s.Part != "" && s.Part != s.Wave {
		where += "/" + s.Part
	}
	if s.Revert != nil {
		where = "revert " + where
	}
	t := oneLine(where + ": " + name)
	if r := []rune(t); len(r) > 200 {
		t = string(r[:199]) + "…"
	}
	return t
}

// security reports whether the change is in the security lane.
func (s Sheet) security() bool {
	return slices.ContainsFunc(s.Members, func(m SheetMember) bool { return m.Security })
}

// Digest is a short digest of the notice; empty for none.
func (n Notice) Digest() string {
	if n == (Notice{}) {
		return ""
	}
	return digest8(n.State + "\x00" + n.Text + "\x00" + n.Head)
}

// Digest is a short digest of the sheet: text written from an equal sheet need
// not be written again. It begins with that of its edits.
func (s Sheet) Digest() string {
	data, err := json.Marshal(s)
	if err != nil {
		panic(err) // unreachable: a sheet holds plain data only
	}
	sum := sha256.Sum256(data)
	return s.editsDigest() + hex.EncodeToString(sum[:4])
}

func (s Sheet) editsDigest() string {
	_, sum, _ := strings.Cut(EditsDigest(s.Edits), ":")
	return sum[:8]
}

func shortName(a Artifact) string {
	if a.Kind == Image {
		return strings.TrimPrefix(a.Name, "library/")
	}
	return a.Name
}
