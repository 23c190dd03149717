// Package extractor reads versions by the user's own rules: a regular
// expression with named groups over the files that a pattern names, for what
// no detector knows (a Makefile, a Terraform file, a line in a script).
//
// It refuses rules that could not make a pin when it is built, not while it
// reads. Expressions are RE2: none can take exponential time.
package extractor

import (
	"bytes"
	"fmt"
	"regexp"
	"slices"
	"sort"
	"strings"

	"github.com/bmatcuk/doublestar/v4"

	"promoter/detectors"
	"promoter/promoter"
)

// Rule says where a version stands and what it is a version of. What Match
// captures goes before the constants.
type Rule struct {
	Name  string // for messages
	Files string // doublestar pattern of paths: "infra/**/*.tf"
	// Match is an RE2 expression; "^" and "$" mean lines where it says (?m).
	// The group "version" is required and is what an edit replaces. "depName"
	// (or "name"), "source" (or "registry"), "kind" and "digest" are optional.
	Match string

	Kind   promoter.Kind // of the artifact where no group "kind" matches; Image if empty
	Dep    string        // the artifact's name where no group matches
	Source string        // its source where no group matches
	App    string        // the unit that deploys it, if any
}

// Detector applies the user's rules. Its zero value has none.
type Detector struct {
	rules []rule
}

type rule struct {
	Rule
	match  *regexp.Regexp
	groups map[string]int
}

var known = []string{"version", "depName", "name", "source", "registry", "kind", "digest"}

// New compiles the rules. An error names the rule and what to write instead.
func New(rules []Rule) (*Detector, error) {
	d := &Detector{}
	for i, r := range rules {
		if r.Name == "" {
			r.Name = fmt.Sprintf("number %d", i+1)
		}
		c, err := compile(r)
		if err != nil {
			return nil, fmt.Errorf("read extractor %q: %w", r.Name, err)
		}
		d.rules = append(d.rules, c)
	}
	return d, nil
}

func compile(r Rule) (rule, error) {
	c := rule{Rule: r, groups: map[string]int{}}
	if r.Files == "" {
		return c, fmt.Errorf("files is empty: name the files to read, such as %q", "infra/**/*.tf")
	}
	if !doublestar.ValidatePattern(r.Files) {
		return c, fmt.Errorf("files %q is not a pattern of paths", r.Files)
	}
	var err error
	if c.match, err = regexp.Compile(r.Match); err != nil {
		return c, fmt.Errorf("match is not a regular expression (RE2): %w", err)
	}
	for i, name := range c.match.SubexpNames() {
		if name == "" {
			continue
		}
		if !slices.Contains(known, name) {
			return c, fmt.Errorf("match has a group %q: the groups are %s", name, strings.Join(known, ", "))
		}
		if _, twice := c.groups[name]; twice {
			return c, fmt.Errorf("match has the group %q twice", name)
		}
		c.groups[name] = i
	}
	if _, ok := c.groups["version"]; !ok {
		return c, fmt.Errorf("match has no group \"version\": write (?P<version>…) around the version")
	}
	if r.Dep == "" && !c.has("depName") && !c.has("name") {
		return c, fmt.Errorf("nothing names the artifact: add a group \"depName\" or the constant dep")
	}
	if r.Kind != "" && !isKind(r.Kind) {
		return c, fmt.Errorf("kind %q is none of %s, %s, %s, %s", r.Kind, promoter.Chart, promoter.Image, promoter.Git, promoter.Galaxy)
	}
	return c, nil
}

func (c *rule) has(group string) bool { _, ok := c.groups[group]; return ok }

func isKind(k promoter.Kind) bool {
	return k == promoter.Chart || k == promoter.Image || k == promoter.Git || k == promoter.Galaxy
}

// Name is "extractor".
func (*Detector) Name() string { return "extractor" }

// Fingerprint is the rules: what was read by others is not what these read.
func (d *Detector) Fingerprint() string {
	var b strings.Builder
	for i := range d.rules {
		fmt.Fprintf(&b, "%q\n", []string{
			d.rules[i].Name, d.rules[i].Files, d.rules[i].Match,
			string(d.rules[i].Kind), d.rules[i].Dep, d.rules[i].Source, d.rules[i].App,
		})
	}
	return b.String()
}

// Wants reports whether a rule reads the file: rules may name any.
func (d *Detector) Wants(path string) bool {
	for i := range d.rules {
		if d.rules[i].wants(path) {
			return true
		}
	}
	return false
}

func (c *rule) wants(path string) bool {
	ok, err := doublestar.Match(c.Files, path)
	return ok && err == nil
}

// Detect applies each rule that names the file to its text as it is.
func (d *Detector) Detect(f *detectors.File, r *detectors.Report) {
	var lines []int
	for i := range d.rules {
		c := &d.rules[i]
		if !c.wants(f.Path) {
			continue
		}
		for _, m := range c.match.FindAllSubmatchIndex(f.Data, -1) {
			if lines == nil {
				lines = breaks(f.Data)
			}
			c.pin(f, m, lines, r)
		}
	}
}

// pin reports one match.
func (c *rule) pin(f *detectors.File, m []int, lines []int, r *detectors.Report) {
	start, end, ok := c.span(m, "version")
	if !ok || start == end {
		return // the group stands in an alternative that did not match
	}
	p := detectors.Pin{Pin: promoter.Pin{
		Place: place(f, start, end, lines), Version: string(f.Data[start:end]),
		Consumer: promoter.ByUser, App: c.App, Detector: "extractor",
	}}
	name := c.text(f, m, c.Dep, "depName", "name")
	source := strings.TrimRight(c.text(f, m, c.Source, "source", "registry"), "/")
	kind := promoter.Kind(strings.ToLower(c.text(f, m, string(c.Kind), "kind")))
	if kind == "" {
		kind = promoter.Image
	}
	artifact, reason := artifactOf(kind, name, source)
	if reason != "" {
		r.Skips = append(r.Skips, detectors.Skip{Place: p.Place, Detector: "extractor", Reason: reason})
		return
	}
	p.Artifact = artifact
	if from, to, ok := c.span(m, "digest"); ok && from < to {
		p.Digest = string(f.Data[from:to])
		digest := place(f, from, to, lines)
		p.DigestPlace = &digest
	}
	p.Form = promoter.Classify(kind, promoter.ByUser, p.Version)
	r.Pins = append(r.Pins, p)
}

// artifactOf names the artifact as the detectors do, so that a pin found by a
// rule and one found by a detector are of the same artifact.
func artifactOf(kind promoter.Kind, name, source string) (promoter.Artifact, string) {
	if name == "" {
		return promoter.Artifact{}, "the rule matched without a name"
	}
	switch kind {
	case promoter.Image:
		if source != "" {
			name = source + "/" + name
		}
		ref, ok := detectors.ParseImage(name)
		if !ok || ref.Tag != "" || ref.Digest != "" {
			return promoter.Artifact{}, "the rule matched a name that is no image's"
		}
		return ref.Artifact(), ""
	case promoter.Chart:
		if source == "" {
			return promoter.Artifact{}, "the rule matched a chart without the repository it comes from"
		}
		return detectors.ChartArtifact(source, name), ""
	case promoter.Git:
		if source == "" {
			source = name
			if !strings.Contains(name, "://") && strings.Count(name, "/") == 1 {
				source = "https://github.com/" + name
			}
		}
		if source = detectors.CloneURL(source); source == "" {
			return promoter.Artifact{}, "the rule matched a name that is no Git address"
		}
		return detectors.GitArtifact(source), ""
	case promoter.Galaxy:
		if source == "" {
			source = "https://galaxy.ansible.com"
		}
		return promoter.Artifact{Kind: kind, Name: name, Source: source}, ""
	}
	return promoter.Artifact{}, "the rule matched a kind of artifact that there is not"
}

func (c *rule) span(m []int, group string) (start, end int, ok bool) {
	i, ok := c.groups[group]
	if !ok || m[2*i] < 0 {
		return 0, 0, false
	}
	return m[2*i], m[2*i+1], true
}

// text is what the first of the groups that matched captured, or otherwise.
func (c *rule) text(f *detectors.File, m []int, otherwise string, groups ...string) string {
	for _, g := range groups {
		if start, end, ok := c.span(m, g); ok && start < end {
			return string(f.Data[start:end])
		}
	}
	return otherwise
}

func place(f *detectors.File, start, end int, lines []int) promoter.Place {
	return promoter.Place{
		File: f.Path, Line: 1 + sort.SearchInts(lines, start),
		Start: start, End: end, Written: string(f.Data[start:end]),
	}
}

// breaks are the offsets of all line breaks.
func breaks(data []byte) []int {
	lines := make([]int, 0, bytes.Count(data, []byte{'\n'}))
	for i, c := range data {
		if c == '\n' {
			lines = append(lines, i)
		}
	}
	return lines
}
