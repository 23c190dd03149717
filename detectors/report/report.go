// Package report prints what a scan found: as a table for a terminal, JSON,
// YAML, Markdown or SARIF. Every format says the same things, and every one of
// them says what could not be read and why.
//
// It refuses to look anything up and to leave anything out silently: what a
// filter hides is counted.
package report

import (
	"cmp"
	"slices"
	"strings"

	"promoter/detectors"
	"promoter/promoter"
)

// Row is a pin and what its source says about it.
type Row struct {
	promoter.Pin
	// Newest is the newest version that policy allows; empty when the pin is
	// up to date, or nothing is known.
	Newest string              `json:"newest,omitempty"`
	Latest string              `json:"latest,omitempty"` // the newest that exists, allowed or not
	Update promoter.UpdateType `json:"update,omitempty"` // from Version (or what it resolves to) to Newest
	// Resolved is what the written version stands for today: itself, or what
	// a range selects.
	Resolved string `json:"resolved,omitempty"`
	Held     string `json:"held,omitempty"` // why a newer release is not proposed yet
	// Unknown says why nothing can be said about newer versions. Such a row
	// is neither old nor current.
	Unknown string `json:"unknown,omitempty"`
}

// Scan is everything that a scan says.
type Scan struct {
	Root     string              `json:"root"`
	Files    int                 `json:"files"`
	Rows     []Row               `json:"pins"`
	Findings []promoter.Finding  `json:"findings"`
	Skips    []detectors.Skip    `json:"skips"`
	Problems []detectors.Problem `json:"problems"`
	Coverage Coverage            `json:"coverage"`
	// NotAsked is set when nobody was asked what is newer: then no row says
	// that it is up to date, and "resolved" means read.
	NotAsked bool `json:"notAsked,omitempty"`
	// Hidden counts the rows and findings that filters left out.
	Hidden int `json:"hidden,omitempty"`
}

// Coverage counts the version references of the repository: each is resolved,
// or skipped with a reason.
type Coverage struct {
	Found    int      `json:"found"`
	Resolved int      `json:"resolved"`
	Skipped  int      `json:"skipped"`
	Reasons  []Reason `json:"reasons,omitempty"`
}

// Reason is why some references were skipped.
type Reason struct {
	Reason string           `json:"reason"`
	Count  int              `json:"count"`
	Places []promoter.Place `json:"places"`
}

// Cover counts the references of rows and skips, and groups the skipped ones
// by reason, the commonest first.
func Cover(rows []Row, skips []detectors.Skip) Coverage {
	places := map[string][]promoter.Place{}
	for _, s := range skips {
		places[s.Reason] = append(places[s.Reason], s.Place)
	}
	c := Coverage{Found: len(rows) + len(skips)}
	for _, r := range rows {
		if r.Unknown == "" {
			c.Resolved++
			continue
		}
		places[r.Unknown] = append(places[r.Unknown], r.Place)
	}
	c.Skipped = c.Found - c.Resolved
	for reason, at := range places {
		c.Reasons = append(c.Reasons, Reason{reason, len(at), at})
	}
	slices.SortFunc(c.Reasons, func(a, b Reason) int {
		return cmp.Or(b.Count-a.Count, strings.Compare(a.Reason, b.Reason))
	})
	return c
}

// Filter says which rows and findings are wanted. Empty fields want all.
type Filter struct {
	Kinds   []promoter.Kind
	Envs    []string
	Path    func(file string) bool
	Updates []promoter.UpdateType
	Rules   []string
}

// Apply drops what the filter does not want and counts it as hidden. Coverage
// stays that of the whole scan.
func (f Filter) Apply(s *Scan) {
	before := len(s.Rows) + len(s.Findings)
	s.Rows = slices.DeleteFunc(s.Rows, func(r Row) bool {
		return len(f.Kinds) > 0 && !slices.Contains(f.Kinds, r.Artifact.Kind) ||
			len(f.Envs) > 0 && !slices.Contains(f.Envs, r.Environment) ||
			f.Path != nil && !f.Path(r.Place.File) ||
			len(f.Updates) > 0 && !slices.Contains(f.Updates, r.Update)
	})
	s.Findings = slices.DeleteFunc(s.Findings, func(x promoter.Finding) bool {
		return len(f.Rules) > 0 && !slices.Contains(f.Rules, x.Rule) ||
			len(f.Kinds) > 0 && x.Artifact.Kind != "" && !slices.Contains(f.Kinds, x.Artifact.Kind) ||
			f.Path != nil && !f.Path(x.Place.File)
	})
	s.Hidden = before - len(s.Rows) - len(s.Findings)
}

// severityRank orders findings worst first.
var severityRank = map[promoter.Severity]int{
	promoter.Critical: 0, promoter.High: 1, promoter.Medium: 2, promoter.Low: 3,
}

// SortFindings orders worst first, then by rule and place.
func SortFindings(fs []promoter.Finding) {
	slices.SortStableFunc(fs, func(a, b promoter.Finding) int {
		return cmp.Or(severityRank[a.Severity]-severityRank[b.Severity], strings.Compare(a.Rule, b.Rule),
			strings.Compare(a.Place.File, b.Place.File), a.Place.Line-b.Place.Line)
	})
}

// AtLeast reports whether a is as severe as b, or worse.
func AtLeast(a, b promoter.Severity) bool { return severityRank[a] <= severityRank[b] }

// Environments lists the rows' environments in the usual order of promotion.
func Environments(rows []Row) []string {
	seen := map[string]bool{}
	var envs []string
	for _, r := range rows {
		if r.Environment != "" && !seen[r.Environment] {
			seen[r.Environment] = true
			envs = append(envs, r.Environment)
		}
	}
	slices.SortFunc(envs, promoter.CompareEnvironments)
	return envs
}

// Group is one artifact's rows.
type Group struct {
	Artifact promoter.Artifact
	Rows     []Row
	Newest   string // over the rows; empty when none is newer
	Update   promoter.UpdateType
	Skewed   bool // environments are at different versions
	Unknown  string
}

// Groups joins rows by artifact: charts first, then images, Git and the rest;
// by name within a kind.
func Groups(rows []Row) []Group {
	index := map[promoter.Artifact]int{}
	var groups []Group
	for _, r := range rows {
		i, ok := index[r.Artifact]
		if !ok {
			i = len(groups)
			index[r.Artifact] = i
			groups = append(groups, Group{Artifact: r.Artifact})
		}
		g := &groups[i]
		g.Rows = append(g.Rows, r)
		if r.Newest != "" && (g.Newest == "" || updateRank[r.Update] > updateRank[g.Update]) {
			g.Newest, g.Update = r.Newest, r.Update
		}
		if r.Unknown != "" {
			g.Unknown = r.Unknown
		}
		if first := g.Rows[0]; first.Version != r.Version && first.Environment != r.Environment {
			g.Skewed = true
		}
	}
	slices.SortFunc(groups, func(a, b Group) int {
		return cmp.Or(kindRank(a.Artifact.Kind)-kindRank(b.Artifact.Kind),
			strings.Compare(a.Artifact.Name, b.Artifact.Name), strings.Compare(a.Artifact.Source, b.Artifact.Source))
	})
	return groups
}

var updateRank = map[promoter.UpdateType]int{
	promoter.DigestUpdate: 1, promoter.Revision: 2, promoter.Patch: 3, promoter.Minor: 4, promoter.Major: 5,
}

func kindRank(k promoter.Kind) int {
	if i := slices.Index([]promoter.Kind{promoter.Chart, promoter.Image, promoter.Git}, k); i >= 0 {
		return i
	}
	return 3
}

// cell is what one environment has of an artifact: its versions, each once,
// with how many pins have it when several do.
func cell(rows []Row, env string) string {
	var versions []string
	count := map[string]int{}
	for _, r := range rows {
		if r.Environment != env {
			continue
		}
		v := shown(r)
		if count[v]++; count[v] == 1 {
			versions = append(versions, v)
		}
	}
	slices.Sort(versions)
	for i, v := range versions {
		if count[v] > 1 {
			versions[i] = v + "×" + itoa(count[v])
		}
	}
	if len(versions) > 3 {
		versions = append(versions[:2], "+"+itoa(len(versions)-2)+" more")
	}
	return strings.Join(versions, ", ")
}

// shown is a pin's version as a person wants to see it in a narrow column.
func shown(r Row) string {
	switch {
	case r.Form == promoter.Commit && len(r.Version) > 10:
		return r.Version[:10]
	case r.Version == "" && r.Digest != "":
		return short(r.Digest)
	case r.Version == "":
		return "(none)"
	case r.Form == promoter.Range && r.Resolved != "" && r.Resolved != r.Version:
		return r.Version + "→" + r.Resolved
	}
	return r.Version
}

func short(digest string) string {
	if i := strings.IndexByte(digest, ':'); i >= 0 && len(digest) > i+9 {
		return digest[:i+9]
	}
	return digest
}
