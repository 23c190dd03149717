package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"promoter/detectors"
	"promoter/detectors/extractor"
	"promoter/detectors/legacy"
	"promoter/detectors/reach"
	"promoter/detectors/scan"
	"promoter/promoter"
	"promoter/promoter/config"
)

func checkCommand() *cobra.Command {
	var f surveyFlags
	var schema, quiet bool
	c := &cobra.Command{
		Use:   "check [directory]",
		Short: "Hold promoter.yaml to the repository, and print what is in force",
		Long: `Check reads promoter.yaml and the repository that it stands in, and prints the
configuration that is in force: every default, the environments that each rule
gives, the waves with what they hold, how many pins each class has.

It refuses what would otherwise be left to luck, each with its line: a path that
matches no file, a rule that fits no pin or stands behind one that takes them all,
an environment in two waves or in none, a window or freeze for nobody, an ignored
path that hides nothing, an extractor that finds nothing, a template that does not
render. It asks nobody and changes nothing.

Exit codes: 0 good; 2 a mistake, all of them listed.`,
		Example: `  promoter check
  promoter check ~/src/gitops --quiet
  promoter check --schema > promoter.schema.json   # for editors`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if schema {
				_, err := c.OutOrStdout().Write(config.Schema())
				return err
			}
			f.root = "."
			if len(args) == 1 {
				f.root = args[0]
			}
			return runCheck(c.Context(), f, quiet, c.OutOrStdout(), c.ErrOrStderr())
		},
	}
	fl := c.Flags()
	fl.StringVar(&f.config, "config", "", "configuration file (default: "+config.Name+" in the repository's root)")
	fl.StringVar(&f.cache, "cache-dir", "", "where what was read is kept (default: the user's cache directory)")
	fl.BoolVar(&f.noCache, "no-cache", false, "read everything again, and keep nothing")
	fl.BoolVar(&schema, "schema", false, "print the JSON schema of "+config.Name+", for editors")
	fl.BoolVarP(&quiet, "quiet", "q", false, "print mistakes and warnings only")
	return c
}

func runCheck(ctx context.Context, f surveyFlags, quiet bool, stdout, stderr io.Writer) error {
	f.noLookup = true
	s, err := survey(ctx, f, stderr)
	if err != nil {
		return err
	}
	graph, reached := s.graph()
	use := s.config.On(s.ground(reached))
	h := held{s: s, file: cmp.Or(f.config, config.Name), text: s.configText(f.config)}
	if err := h.further(ctx); err != nil {
		return err
	}
	use.Mistakes = append(use.Mistakes, h.mistakes...)
	if !quiet {
		if _, err := stdout.Write(s.config.Effective(use)); err != nil {
			return err
		}
	}
	for _, w := range use.Warnings {
		fmt.Fprintln(stderr, "warning: "+w.Error())
	}
	if h.text == nil && f.config == "" {
		fmt.Fprintf(stderr, "warning: there is no %s: this is what is in force without one; promoter init writes one\n", config.Name)
	}
	sayDangling(stderr, graph.Dangling)
	sayUnplaced(stderr, use)
	for _, m := range use.Mistakes {
		fmt.Fprintln(stderr, m.Error())
	}
	if n := len(use.Mistakes); n > 0 {
		return &exit{exitUsage, fmt.Sprintf("%s: %s", h.file, countOf(n, "mistake"))}
	}
	good := h.file + " is good"
	if h.text == nil {
		good = "in force"
	}
	fmt.Fprintf(stderr, "%s: %s in %s, %s\n", good,
		countOf(len(use.Environments), "environment"), countOf(len(use.Waves), "wave"), countOf(use.Pins, "pin"))
	return nil
}

// graph is the repository's reference graph, and the places that an edit of a
// pin reaches by it.
func (s *surveyed) graph() (*reach.Graph, func(promoter.Pin) []config.Located) {
	full := map[reach.Located]config.Located{}
	inv := s.inventory
	graph := reach.Build(inv.Paths, inv.Pins, inv.Facts, inv.Links, func(file, app, cluster string) (reach.Located, bool) {
		l, ok := s.locate(file, app, cluster)
		at := reach.Located{Environment: l.Name, Tenant: l.Tenant, Cluster: l.Cluster}
		full[at] = l
		return at, ok
	})
	return graph, func(p promoter.Pin) []config.Located {
		var out []config.Located
		for _, u := range graph.Of(p) {
			at := reach.Located{Environment: u.Environment, Tenant: u.Tenant, Cluster: u.Cluster}
			l, ok := full[at]
			if !ok {
				l = config.Located{Name: u.Environment, Tenant: u.Tenant, Cluster: u.Cluster}
			}
			out = append(out, l)
		}
		return out
	}
}

// ground is what the configuration is held to.
func (s *surveyed) ground(reached func(promoter.Pin) []config.Located) config.Ground {
	g := config.Ground{Paths: s.inventory.Paths, Pins: s.inventory.Pins, Reach: reached, Read: readIn(s.root)}
	for _, f := range s.inventory.Facts {
		switch f.Kind {
		case "Application", "Kustomization", "HelmRelease", "HelmfileRelease":
			g.Apps = append(g.Apps, appOf(f))
		}
	}
	return g
}

func appOf(f detectors.Fact) config.App {
	a := config.App{File: f.Place.File, Name: f.Name}
	if f.Kind == "Application" {
		a.Cluster = detectors.ArgoCluster(f.Fields)
	}
	return a
}

// configText is the configuration file's text; nil where there is none.
func (s *surveyed) configText(named string) []byte {
	text, err := os.ReadFile(cmp.Or(named, filepath.Join(s.root, config.Name)))
	if err != nil {
		return nil // loadConfig has told of any error but that it is not there
	}
	return text
}

// held holds a configuration to what only wiring knows.
type held struct {
	s        *surveyed
	file     string
	text     []byte
	mistakes config.Errors
}

func (h *held) mistake(line int, format string, args ...any) {
	h.mistakes = append(h.mistakes, config.Error{File: h.file, Line: max(line, 1), Message: fmt.Sprintf(format, args...)})
}

// line is the first line that holds a text.
func (h *held) line(text string) int {
	before, _, found := strings.Cut(string(h.text), text)
	if !found {
		return 1
	}
	return strings.Count(before, "\n") + 1
}

func (h *held) further(ctx context.Context) error {
	if err := h.ignored(ctx); err != nil {
		return err
	}
	if err := h.extractors(ctx); err != nil {
		return err
	}
	h.rules()
	h.templates()
	if _, err := h.s.config.Pulls.AuthorOf(); err != nil {
		h.mistake(h.line("author:"), "%s", afterPlace(err))
	}
	return nil
}

// afterPlace is an error's text without the place that it begins with.
func afterPlace(err error) string {
	if e := (config.Error{}); errors.As(err, &e) {
		return e.Message
	}
	text := err.Error()
	if rest, ok := strings.CutPrefix(text, config.Name+":"); ok {
		if _, message, ok := strings.Cut(rest, ": "); ok {
			return message
		}
	}
	return text
}

// ignored finds patterns that hide nothing.
func (h *held) ignored(ctx context.Context) error {
	if len(h.s.config.Ignore) == 0 {
		return nil
	}
	all, err := scan.Paths(ctx, h.s.root, nil)
	if err != nil {
		return err
	}
	for _, pattern := range h.s.config.Ignore {
		if strings.HasPrefix(pattern, "!") {
			continue // it takes something back from those before it
		}
		left, err := scan.Paths(ctx, h.s.root, []string{pattern})
		if err != nil {
			return err
		}
		if len(left) == len(all) {
			h.mistake(h.line(pattern), "ignore: %q hides no file: correct it or take it out", pattern)
		}
	}
	return nil
}

// extractors finds those that find nothing.
func (h *held) extractors(ctx context.Context) error {
	for _, x := range h.s.config.Extractors {
		var rules []extractor.Rule
		for _, files := range x.Files {
			rules = append(rules, extractor.Rule{Name: x.Name, Files: files, Match: x.Match, Kind: promoter.Kind(x.Kind), Dep: x.Of, Source: x.Source})
		}
		own, err := extractor.New(rules)
		if err != nil {
			h.mistake(x.Line, "%v", err)
			continue
		}
		inv, err := scan.Run(ctx, scan.Options{Root: h.s.root, Ignore: h.s.config.Ignore, Detectors: []detectors.Detector{own}})
		if err != nil {
			return err
		}
		if inv.References == 0 {
			h.mistake(x.Line, "extractor %q finds nothing: its files or its expression match no line", x.Name)
		}
	}
	return nil
}

// rules finds ids that no rule has.
func (h *held) rules() {
	for _, id := range h.s.config.Rules.Disable {
		if !slices.ContainsFunc(legacy.Rules(), func(r legacy.Rule) bool { return r.ID == id }) {
			h.mistake(h.line(id), "rules.disable: no rule is called %q: promoter scan --rule help lists them", id)
		}
	}
}

// templates renders a pull request with whatever can stand in one.
func (h *held) templates() {
	line := h.line("templates:")
	if dir := h.s.config.Pulls.Templates; filepath.IsLocal(dir) {
		if own, err := filepath.Glob(filepath.Join(h.s.root, dir, "*.tmpl")); err != nil || len(own) == 0 {
			h.mistake(line, "pulls.templates: %s holds no *.tmpl file: correct it or take it out", dir)
			return
		}
	}
	set, err := ownTemplates(h.s)
	if err != nil {
		h.mistake(line, "pulls.templates: %s", afterPlace(err))
		return
	}
	for _, sheet := range []promoter.Sheet{fullSheet(), {}} {
		if _, _, err := set.Pull(sheet, time.Unix(0, 0)); err != nil {
			h.mistake(line, "pulls.templates: %v", err)
			return
		}
	}
}

// fullSheet has something in every field, so that every part of a template is
// rendered.
func fullSheet() promoter.Sheet {
	chart := promoter.Artifact{Kind: promoter.Chart, Name: "example", Source: "https://charts.example.com"}
	place := promoter.Place{File: "apps/example.yaml", Line: 7, Path: "spec.source.targetRevision", Written: "1.0.0"}
	at := time.Unix(0, 0)
	return promoter.Sheet{
		Change: "example-2.0.0", Wave: "dev", Part: "dev", Class: promoter.C1, Merge: promoter.MergeApproved, Shared: true,
		Members: []promoter.SheetMember{{
			Artifact: chart, From: []string{"1.0.0"}, To: "2.0.0", Update: promoter.Major, Digest: "sha256:0", Created: at, FirstSeen: at,
			Skipped: []string{"3.0.0: too young"}, Deprecated: true, Security: true,
			Notes: []promoter.Note{{Version: "2.0.0", Title: "2.0.0", Body: "## Breaking changes\n- all", URL: "https://example.com"}},
		}},
		Reaches:   []promoter.Reached{{Environment: "dev", Tenant: "acme", Cluster: "dev-1", App: "example"}},
		Ladder:    []promoter.SheetStep{{Wave: "dev", Environments: []string{"dev"}, State: "this pull request", Pulls: []int{1}, This: true}, {Wave: "prod", State: "waits for dev"}},
		Edits:     []promoter.Edit{{Place: place, To: "2.0.0"}},
		Approvals: 1, From: []string{"acme/platform"}, Soak: time.Hour,
	}
}

// sayDangling warns of links that lead nowhere: whoever writes them counts on
// them.
func sayDangling(w io.Writer, links []detectors.Link) {
	if len(links) == 0 {
		return
	}
	l := links[0]
	lead := map[bool]string{true: "leads to nothing, and reaches", false: "lead to nothing, and reach"}[len(links) == 1]
	fmt.Fprintf(w, "warning: %s in the repository %s nobody: the first is %s, %s %q\n", countOf(len(links), "link"), lead, l.From, l.Via, l.To)
}

// sayUnplaced warns of pins that nothing can be proposed for.
func sayUnplaced(w io.Writer, u config.Use) {
	if len(u.Unplaced) == 0 {
		return
	}
	fmt.Fprintf(w, "warning: nothing is proposed for %s of %d: where %s, nobody can tell:\n", countOf(len(u.Unplaced), "pin"), u.Pins,
		map[bool]string{true: "it is deployed", false: "they are deployed"}[len(u.Unplaced) == 1])
	for _, line := range crowds(u.Unplaced, 8) {
		fmt.Fprintln(w, "  "+line)
	}
}

// crowds are the directories that pins stand in, the fullest first, at most n.
func crowds(pins []promoter.Pin, n int) []string {
	type crowd struct {
		dir   string
		pins  int
		first promoter.Place
	}
	byDir := map[string]*crowd{}
	var all []*crowd
	for _, p := range pins {
		dir := path.Dir(p.Place.File)
		for strings.Count(dir, "/") > 1 {
			dir = path.Dir(dir)
		}
		c := byDir[dir]
		if c == nil {
			c = &crowd{dir: dir, first: p.Place}
			byDir[dir] = c
			all = append(all, c)
		}
		c.pins++
	}
	slices.SortStableFunc(all, func(a, b *crowd) int { return b.pins - a.pins })
	var out []string
	rest := 0
	for i, c := range all {
		if i >= n {
			rest += c.pins
			continue
		}
		out = append(out, fmt.Sprintf("%3d below %s/, first %s", c.pins, c.dir, c.first))
	}
	if rest > 0 {
		out = append(out, fmt.Sprintf("%3d elsewhere", rest))
	}
	return out
}

func countOf(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
