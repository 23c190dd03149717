package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"promoter/detectors/legacy"
	"promoter/detectors/report"
	"promoter/promoter"
	"promoter/promoter/config"
)

// Exit codes of scan, as its help says.
const (
	exitFailOn     = 1
	exitUsage      = 2
	exitIncomplete = 3
)

type scanFlags struct {
	survey   surveyFlags
	output   string
	kinds    []string
	envs     []string
	paths    []string
	updates  []string
	rules    []string
	failOn   []string
	all      bool
	noColor  bool
	complete bool
}

func scanCommand() *cobra.Command {
	var f scanFlags
	c := &cobra.Command{
		Use:   "scan [directory]",
		Short: "Show every pinned chart and image, what is newer, what is legacy, what could not be resolved",
		Long: `Scan reads the GitOps repository in a directory (the current one when absent),
finds every chart, image and Git reference that it pins, asks their sources what
is newer, and reports legacy and drift. It needs no configuration, no credentials
and no cluster; promoter.yaml in the repository's root is used when it is there.

Exit codes: 0 done; 1 something that --fail-on names was found; 2 bad usage or
configuration; 3 done, but a file could not be read or a source gave no answer.`,
		Example: `  promoter scan
  promoter scan ~/src/gitops --kind chart --env production
  promoter scan --update major,minor --fail-on high
  promoter scan -o sarif > promoter.sarif
  promoter scan --offline -o json | jq '.pins[] | select(.newest)'`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			f.survey.root = "."
			if len(args) == 1 {
				f.survey.root = args[0]
			}
			return runScan(c.Context(), f, c.OutOrStdout(), c.ErrOrStderr())
		},
	}
	f.survey.register(c)
	fl := c.Flags()
	fl.StringVarP(&f.output, "output", "o", "table", "table, json, yaml, markdown, sarif, or annotations for GitHub Actions")
	fl.StringSliceVar(&f.kinds, "kind", nil, "only these kinds: chart, image, git, galaxy")
	fl.StringSliceVar(&f.envs, "env", nil, "only these environments")
	fl.StringSliceVar(&f.paths, "path", nil, "only files below these paths or matching these patterns")
	fl.StringSliceVar(&f.updates, "update", nil, "only pins with such an update: major, minor, patch, revision, digest")
	fl.StringSliceVar(&f.rules, "rule", nil, "only findings of these rules (see --rule help)")
	fl.StringSliceVar(&f.failOn, "fail-on", nil, "exit with 1 on: major, minor, patch, revision, digest, update, a severity (critical, high, medium, low) or worse, a rule id, unresolved")
	fl.BoolVar(&f.all, "all", false, "list everything: what is up to date too, and every place")
	fl.BoolVar(&f.noColor, "no-color", os.Getenv("NO_COLOR") != "", "no colours on a terminal")
	fl.BoolVar(&f.complete, "allow-incomplete", false, "exit with 0 also when something could not be read or asked")
	return c
}

func runScan(ctx context.Context, f scanFlags, stdout, stderr io.Writer) error {
	if len(f.rules) == 1 && f.rules[0] == "help" {
		return listRules(stdout)
	}
	filter, err := f.filter()
	if err != nil {
		return err
	}
	failing, err := f.failing()
	if err != nil {
		return err
	}
	print, err := printerFor(f, stdout)
	if err != nil {
		return err
	}
	s, err := survey(ctx, f.survey, stderr)
	if err != nil {
		return err
	}
	result := s.report()
	filter.Apply(&result)
	if err := print(result); err != nil {
		return fmt.Errorf("print the scan: %w", err)
	}
	if why := failing(result); why != "" {
		return &exit{exitFailOn, "--fail-on: " + why}
	}
	if n := len(result.Problems) + s.unanswered; n > 0 && !f.complete {
		return &exit{exitIncomplete, fmt.Sprintf("incomplete: %d files could not be read whole, %d artifacts got no answer from their source", len(result.Problems), s.unanswered)}
	}
	return nil
}

func listRules(w io.Writer) error {
	for _, r := range legacy.Rules() {
		if _, err := fmt.Fprintf(w, "%-24s %-8s %s\n", r.ID, r.Severity, r.Doc); err != nil {
			return err
		}
	}
	return nil
}

func (f scanFlags) filter() (report.Filter, error) {
	var out report.Filter
	for _, k := range f.kinds {
		kind := promoter.Kind(k)
		switch kind {
		case promoter.Chart, promoter.Image, promoter.Git, promoter.Galaxy:
			out.Kinds = append(out.Kinds, kind)
		default:
			return out, fmt.Errorf("--kind %q: write chart, image, git or galaxy", k)
		}
	}
	for _, u := range f.updates {
		t, ok := updateType(u)
		if !ok {
			return out, fmt.Errorf("--update %q: write major, minor, patch, revision or digest", u)
		}
		out.Updates = append(out.Updates, t)
	}
	out.Envs, out.Rules = f.envs, f.rules
	if len(f.paths) > 0 {
		var patterns []config.Pattern
		for _, p := range f.paths {
			compiled, err := config.CompilePath(strings.TrimPrefix(filepath.ToSlash(p), "./"))
			if err != nil {
				return out, fmt.Errorf("--path: %w", err)
			}
			patterns = append(patterns, compiled)
		}
		out.Path = func(file string) bool {
			for _, p := range patterns {
				if _, ok := p.Match(file); ok {
					return true
				}
			}
			return false
		}
	}
	return out, nil
}

func updateType(s string) (promoter.UpdateType, bool) {
	switch t := promoter.UpdateType(s); t {
	case promoter.Major, promoter.Minor, promoter.Patch, promoter.Revision, promoter.DigestUpdate:
		return t, true
	case promoter.Rollback: // nothing that a scan finds
	}
	return "", false
}

// failing compiles --fail-on into a question to the result; the answer is the
// first reason to fail, or "".
func (f scanFlags) failing() (func(report.Scan) string, error) {
	ids := map[string]bool{}
	for _, r := range legacy.Rules() {
		ids[r.ID] = true
	}
	for _, x := range f.failOn {
		_, isUpdate := updateType(x)
		if !isUpdate && !ids[x] && !isSeverity(x) && x != "update" && x != "unresolved" {
			return nil, fmt.Errorf("--fail-on %q: write an update type, a severity, a rule id, \"update\" or \"unresolved\"", x)
		}
	}
	return func(s report.Scan) string {
		for _, x := range f.failOn {
			for _, r := range s.Rows {
				if t, ok := updateType(x); r.Newest != "" && (x == "update" || ok && r.Update == t) {
					return fmt.Sprintf("%s at %s: %s is available", r.Artifact, r.Place, r.Newest)
				}
			}
			for _, fd := range s.Findings {
				if fd.Rule == x || isSeverity(x) && report.AtLeast(fd.Severity, promoter.Severity(x)) {
					return fmt.Sprintf("%s at %s: %s", fd.Rule, fd.Place, fd.Evidence)
				}
			}
			if x == "unresolved" && s.Coverage.Skipped > 0 {
				return fmt.Sprintf("%d version references are not resolved", s.Coverage.Skipped)
			}
		}
		return ""
	}, nil
}

func isSeverity(s string) bool {
	switch promoter.Severity(s) {
	case promoter.Critical, promoter.High, promoter.Medium, promoter.Low:
		return true
	}
	return false
}

func printerFor(f scanFlags, w io.Writer) (func(report.Scan) error, error) {
	o := report.Options{All: f.all}
	if file, ok := w.(*os.File); ok && term.IsTerminal(int(file.Fd())) {
		o.Color = !f.noColor
		if width, _, err := term.GetSize(int(file.Fd())); err == nil {
			o.Width = width
		}
	}
	switch f.output {
	case "table":
		return func(s report.Scan) error { return report.Table(w, s, o) }, nil
	case "markdown":
		return func(s report.Scan) error { return report.Markdown(w, s, o) }, nil
	case "json":
		return func(s report.Scan) error { return report.JSON(w, s) }, nil
	case "yaml":
		return func(s report.Scan) error { return report.YAML(w, s) }, nil
	case "annotations":
		return func(s report.Scan) error { return report.Annotations(w, s) }, nil
	case "sarif":
		return func(s report.Scan) error { return report.SARIF(w, s, version()) }, nil
	}
	return nil, fmt.Errorf("-o %q: write table, json, yaml, markdown, sarif or annotations", f.output)
}

// loadConfig reads the repository's promoter.yaml, or the file that was named.
// A missing file is the default configuration, unless it was named.
func loadConfig(root, named string) (*config.Config, error) {
	path := named
	if path == "" {
		path = filepath.Join(root, config.Name)
	}
	data, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) && named == "" {
		return config.Default(), nil
	}
	if err != nil {
		return nil, fmt.Errorf("read configuration: %w", err)
	}
	shown := config.Name
	if named != "" {
		shown = named
	}
	c, err := config.Parse(shown, data)
	if err != nil {
		return nil, err
	}
	return c, c.ReadTemplates(readIn(root))
}

// readIn reads files of the repository, and no others.
func readIn(root string) func(path string) ([]byte, error) {
	return func(path string) ([]byte, error) {
		r, err := os.OpenRoot(root)
		if err != nil {
			return nil, err
		}
		defer r.Close()
		return r.ReadFile(path)
	}
}

// since is for progress lines: short, and stable while nothing happens.
func since(start time.Time) string { return time.Since(start).Round(100 * time.Millisecond).String() }
