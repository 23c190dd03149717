package report

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"sigs.k8s.io/yaml"

	"promoter/promoter"
)

// JSON prints the scan whole, an item a line. Items are encoded one by one: the
// text of a fleet's scan is larger than the scan.
func JSON(w io.Writer, s Scan) error {
	j := &jsonStream{w: bufio.NewWriter(w)}
	j.text("{")
	j.field("root", s.Root)
	j.field("files", s.Files)
	list(j, "pins", s.Rows)
	list(j, "findings", s.Findings)
	list(j, "skips", s.Skips)
	list(j, "problems", s.Problems)
	j.field("coverage", filled(s).Coverage)
	j.field("notAsked", s.NotAsked)
	j.field("hidden", s.Hidden)
	j.text("\n}\n")
	if j.err != nil {
		return j.err
	}
	return j.w.Flush()
}

// jsonStream writes one object, a member at a time.
type jsonStream struct {
	w     *bufio.Writer
	buf   bytes.Buffer
	comma bool
	err   error
}

func (j *jsonStream) text(s string) {
	if j.err == nil {
		_, j.err = j.w.WriteString(s)
	}
}

func (j *jsonStream) name(name string) {
	if j.comma {
		j.text(",")
	}
	j.comma = true
	j.text("\n  \"" + name + "\": ")
}

func (j *jsonStream) value(v any) {
	if j.err != nil {
		return
	}
	j.buf.Reset()
	e := json.NewEncoder(&j.buf)
	e.SetEscapeHTML(false)
	if j.err = e.Encode(v); j.err == nil {
		_, j.err = j.w.Write(bytes.TrimRight(j.buf.Bytes(), "\n"))
	}
}

func (j *jsonStream) field(name string, v any) {
	j.name(name)
	j.value(v)
}

func list[T any](j *jsonStream, name string, items []T) {
	j.name(name)
	j.text("[")
	for i := range items {
		if i > 0 {
			j.text(",")
		}
		j.text("\n    ")
		j.value(&items[i])
	}
	if len(items) > 0 {
		j.text("\n  ")
	}
	j.text("]")
}

// YAML prints the scan whole, with JSON's field names.
func YAML(w io.Writer, s Scan) error {
	data, err := yaml.Marshal(filled(s))
	if err != nil {
		return err
	}
	_, err = w.Write(data)
	return err
}

// filled turns absent lists into empty ones, so that a reader's "for each"
// needs no null check.
func filled(s Scan) Scan {
	if s.Rows == nil {
		s.Rows = []Row{}
	}
	if s.Findings == nil {
		s.Findings = []promoter.Finding{}
	}
	if s.Coverage.Reasons == nil {
		s.Coverage.Reasons = []Reason{}
	}
	return s
}

// Markdown prints the scan for an issue, a wiki or a job's summary.
func Markdown(w io.Writer, s Scan, o Options) error {
	p := &printer{w: w}
	p.f("## Promoter scan\n\n")
	p.f("%d version references in %d files, %d resolved (%.1f %%), %d not resolved.\n\n", s.Coverage.Found, s.Files,
		s.Coverage.Resolved, percent(s.Coverage.Resolved, s.Coverage.Found), s.Coverage.Skipped)
	envs := Environments(s.Rows)
	for _, sec := range sectionOrder {
		var groups []Group
		for _, g := range Groups(s.Rows) {
			if sectionOf(g.Artifact.Kind) == sec && (o.All || s.NotAsked || g.Newest != "" || g.Unknown != "" || g.Skewed) {
				groups = append(groups, g)
			}
		}
		p.markdownTable(sec, groups, envs, s.NotAsked)
	}
	if len(s.Findings) > 0 {
		p.f("### Legacy and drift\n\n| Severity | Rule | What | Where | Do |\n|---|---|---|---|---|\n")
		for _, m := range merge(s.Findings) {
			rule := "`" + m.Rule + "`"
			if m.Source != "" {
				rule = "[" + rule + "](" + m.Source + ")"
			}
			p.f("| %s | %s | %s | %s | %s |\n", m.Severity, rule, md(m.Evidence), md(placeList(m.places, o.places())), md(m.Remedy))
		}
		p.f("\n")
	}
	if len(s.Coverage.Reasons) > 0 {
		p.f("### Not resolved\n\n| References | Why | Where |\n|---:|---|---|\n")
		for _, r := range s.Coverage.Reasons {
			p.f("| %d | %s | %s |\n", r.Count, md(r.Reason), md(placeList(r.Places, o.places())))
		}
		p.f("\n")
	}
	if len(s.Problems) > 0 {
		p.f("### Could not be read\n\n")
		for _, x := range s.Problems {
			p.f("- `%s`: %s\n", x.Place, md(x.Message))
		}
		p.f("\n")
	}
	return p.err
}

func (p *printer) markdownTable(title string, groups []Group, envs []string, notAsked bool) {
	if len(groups) == 0 {
		return
	}
	envs = used(groups, envs)
	head := append([]string{strings.ToUpper(title[:1]) + strings.ToLower(title[1:])}, headings(envs, groups)...)
	head = append(head, "Newest", "Update")
	p.f("| %s |\n|%s\n", strings.Join(head, " | "), strings.Repeat("---|", len(head)))
	for _, r := range tableRows(groups, envs, notAsked) {
		for i := range r {
			r[i] = md(r[i])
		}
		p.f("| %s |\n", strings.Join(r, " | "))
	}
	p.f("\n")
}

// mdEscaper keeps text from a repository or a registry from being Markdown:
// it cannot open a link, an image, HTML or a code span, cannot end its table
// cell, and cannot mention anybody.
var mdEscaper = strings.NewReplacer(
	"\\", "\\\\", "|", "\\|", "<", "&lt;", ">", "&gt;", "[", "\\[", "]", "\\]", "`", "\\`", "*", "\\*",
	"_", "\\_", "#", "\\#", "!", "\\!", "@", "@\u200b", "\r", " ", "\n", " ",
)

func md(s string) string { return mdEscaper.Replace(s) }

// SARIF prints findings, newer versions and unreadable places as SARIF 2.1.0,
// which GitHub's code scanning shows on the lines they are about.
func SARIF(w io.Writer, s Scan, version string) error {
	log := sarifLog{Schema: "https://json.schemastore.org/sarif-2.1.0.json", Version: "2.1.0"}
	run := sarifRun{Results: []sarifResult{}}
	run.Tool.Driver = sarifDriver{Name: "Promoter", Version: version, Rules: []sarifRule{}}
	seen := map[string]bool{}
	add := func(rule, link, level, text string, at promoter.Place, also []promoter.Place) {
		if !seen[rule] {
			seen[rule] = true
			run.Tool.Driver.Rules = append(run.Tool.Driver.Rules, sarifRule{ID: rule, HelpURI: link, Short: sarifText{rule}})
		}
		r := sarifResult{RuleID: rule, Level: level, Message: sarifText{text}, Locations: []sarifLocation{locate(at)}}
		for i, pl := range also {
			l := locate(pl)
			l.ID = i + 1
			r.Related = append(r.Related, l)
		}
		run.Results = append(run.Results, r)
	}
	for _, f := range s.Findings {
		add(f.Rule, f.Source, sarifLevel[f.Severity], f.Evidence+". Do: "+f.Remedy, f.Place, f.Also)
	}
	for _, r := range s.Rows {
		if r.Newest != "" {
			add("newer-version", "", "note", fmt.Sprintf("%s %s: %s is available (%s)", r.Artifact, shown(r), r.Newest, r.Update), r.Place, nil)
		}
	}
	for _, x := range s.Problems {
		add("unreadable", "", "error", x.Message, x.Place, nil)
	}
	log.Runs = []sarifRun{run}
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(log)
}

var sarifLevel = map[promoter.Severity]string{
	promoter.Critical: "error", promoter.High: "error", promoter.Medium: "warning", promoter.Low: "note",
}

func locate(p promoter.Place) sarifLocation {
	var l sarifLocation
	l.Physical.Artifact.URI = p.File
	l.Physical.Region.StartLine = max(p.Line, 1) // SARIF's lines begin at 1, a whole file's problem has none
	return l
}

type sarifLog struct {
	Schema  string     `json:"$schema"`
	Version string     `json:"version"`
	Runs    []sarifRun `json:"runs"`
}

type sarifRun struct {
	Tool struct {
		Driver sarifDriver `json:"driver"`
	} `json:"tool"`
	Results []sarifResult `json:"results"`
}

type sarifDriver struct {
	Name    string      `json:"name"`
	Version string      `json:"semanticVersion,omitempty"`
	Rules   []sarifRule `json:"rules"`
}

type sarifRule struct {
	ID      string    `json:"id"`
	Short   sarifText `json:"shortDescription"`
	HelpURI string    `json:"helpUri,omitempty"`
}

type sarifText struct {
	Text string `json:"text"`
}

type sarifResult struct {
	RuleID    string          `json:"ruleId"`
	Level     string          `json:"level"`
	Message   sarifText       `json:"message"`
	Locations []sarifLocation `json:"locations"`
	Related   []sarifLocation `json:"relatedLocations,omitempty"`
}

type sarifLocation struct {
	ID       int `json:"id,omitempty"`
	Physical struct {
		Artifact struct {
			URI string `json:"uri"`
		} `json:"artifactLocation"`
		Region struct {
			StartLine int `json:"startLine"`
		} `json:"region"`
	} `json:"physicalLocation"`
}
