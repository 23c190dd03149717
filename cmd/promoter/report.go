package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"promoter/promoter/config"
	"promoter/promoter/report"
)

type reportFlags struct {
	forge        forgeFlags
	root         string
	config       string
	cache        string
	history      string
	since, until string
	waves        []string
	environments []string
	tenants      []string
	most         int
	output       string
}

func reportCommand() *cobra.Command {
	var f reportFlags
	c := &cobra.Command{
		Use:   "report",
		Short: "Measure how upgrades go: success, time to detect and to roll back, lead time, people's part",
		Long: `Report computes from Git and the forge how upgrades went in a time: it asks no
cluster and no metrics, and changes nothing. What Promoter proposed, merged and took
back stands in its pull requests; what became of it is sealed on the merge commits.
Every number shows what it was computed from; what is not known is said to be
unknown, and never 0.

With --history it reads the commits of any GitOps repository, whoever made them, and
asks nobody: versions that moved, how long they took from the first wave to the last,
which were put back. Without a promoter.yaml the waves are those that "promoter init"
would draft.

What the measures mean:

` + definitions(report.KindRollouts) + `
A change is an artifact (or a group) going to one version. It has arrived when all that
its last wave holds has it and every merge there passed; it has failed when one of its
merges was sealed as failed or was taken back; it has ended when it arrived, failed, was
refused or taken away by people. With --wave, --environment or --tenant only the merges
that reach one of them count, and the last wave is the last one of those.

With --history:

` + definitions(report.KindHistory) + `
A release is one version of one artifact, a move one commit that brings it to an
artifact's places. A shared file's waves are those that it reaches now.

Access to the forge is that of "promoter run"; reading is enough.`,
		Example: `  promoter report
  promoter report --since 30d --tenant acme -o markdown
  promoter report --history . --since 365d
  promoter report --history ~/src/mirror.git --config promoter.yaml -o json`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return runReport(c.Context(), f, c.OutOrStdout(), c.ErrOrStderr())
		},
	}
	f.forge.register(c)
	fl := c.Flags()
	fl.StringVarP(&f.root, "directory", "C", ".", "the checkout whose origin is looked at")
	fl.StringVar(&f.config, "config", "", "configuration file (default: "+config.Name+" of the branch)")
	fl.StringVar(&f.cache, "cache-dir", "", "where what was read is kept (default: the user's cache directory)")
	fl.StringVar(&f.history, "history", "", "a Git repository, bare or not: report what its commits alone tell")
	fl.StringVar(&f.since, "since", "90d", "a day (2006-01-02), a moment (RFC 3339), or how long ago")
	fl.StringVar(&f.until, "until", "", "likewise; now when absent")
	fl.StringSliceVar(&f.waves, "wave", nil, "only these waves; * stands for any text")
	fl.StringSliceVar(&f.environments, "environment", nil, "only what reaches these environments; * stands for any text")
	fl.StringSliceVar(&f.tenants, "tenant", nil, "only what reaches these tenants; * stands for any text")
	fl.IntVar(&f.most, "most", 200, "ask the forge about so many merged pull requests, the newest first (two calls each)")
	fl.StringVarP(&f.output, "output", "o", "text", "text, json or markdown")
	return c
}

func definitions(kind string) string {
	var b strings.Builder
	for _, d := range report.Definitions(kind) {
		for i, line := range wrap(d.Title+": "+d.Means, 82) {
			b.WriteString(map[bool]string{true: "  ", false: "    "}[i == 0] + line + "\n")
		}
	}
	return b.String()
}

func runReport(ctx context.Context, f reportFlags, stdout, stderr io.Writer) error {
	print, err := reportPrinter(f.output)
	if err != nil {
		return err
	}
	m := thisMachine()
	s, err := f.scope(m.now())
	if err != nil {
		return err
	}
	var r report.Report
	if f.history != "" {
		r, err = reportHistory(ctx, f, s, stderr)
	} else {
		var a *access
		a, err = f.forge.access(ctx, f.root)
		var none *noAccess
		if errors.As(err, &none) {
			return &exit{exitUsage, "report: " + none.Error() + " (--history needs Git alone)"}
		}
		if err == nil {
			r, err = reportRollouts(ctx, m, a, f, s, stderr)
		}
	}
	if err != nil {
		return err
	}
	return print(stdout, r)
}

func reportPrinter(output string) (func(io.Writer, report.Report) error, error) {
	switch output {
	case "text":
		return func(w io.Writer, r report.Report) error { _, err := io.WriteString(w, r.Text()); return err }, nil
	case "markdown":
		return func(w io.Writer, r report.Report) error { _, err := io.WriteString(w, r.Markdown()); return err }, nil
	case "json":
		return func(w io.Writer, r report.Report) error {
			e := json.NewEncoder(w)
			e.SetEscapeHTML(false)
			e.SetIndent("", "  ")
			return e.Encode(r)
		}, nil
	}
	return nil, fmt.Errorf("-o %q: write text, json or markdown", output)
}

// scope is what a report is about.
type scope struct {
	since, until                 time.Time
	waves, environments, tenants []config.Pattern
	text                         string // of the filter
}

func (f reportFlags) scope(now time.Time) (scope, error) {
	var s scope
	var err error
	if s.since, err = momentOf("--since", f.since, now); err != nil {
		return s, err
	}
	if s.until, err = momentOf("--until", cmp.Or(f.until, "0s"), now); err != nil {
		return s, err
	}
	if !s.since.Before(s.until) {
		return s, fmt.Errorf("--since %s is not before --until %s", f.since, cmp.Or(f.until, "now"))
	}
	if f.most < 0 {
		return s, fmt.Errorf("--most %d: write a number of pull requests", f.most)
	}
	var words []string
	for _, x := range []struct {
		flag  string
		texts []string
		to    *[]config.Pattern
	}{{"wave", f.waves, &s.waves}, {"environment", f.environments, &s.environments}, {"tenant", f.tenants, &s.tenants}} {
		for _, t := range x.texts {
			p, err := config.CompileName(t)
			if err != nil {
				return s, fmt.Errorf("--%s %q: %w", x.flag, t, err)
			}
			*x.to = append(*x.to, p)
		}
		if len(x.texts) > 0 {
			words = append(words, x.flag+" "+strings.Join(x.texts, ", "))
		}
	}
	s.text = strings.Join(words, ", ")
	return s, nil
}

// momentOf reads a day, a moment, or how long ago one was.
func momentOf(flag, text string, now time.Time) (time.Time, error) {
	for _, layout := range []string{time.DateOnly, time.RFC3339} {
		if at, err := time.Parse(layout, text); err == nil {
			return at, nil
		}
	}
	ago, err := config.ParseDuration(text)
	if err != nil || ago < 0 {
		return time.Time{}, fmt.Errorf("%s %q: write a day (2006-01-02), a moment (2006-01-02T15:04:05Z), or how long ago (90d)", flag, text)
	}
	return now.Add(-time.Duration(ago)), nil
}

// placed reports whether the scope leaves an environment.
func (s scope) placed(environment, tenant string) bool {
	return named(s.environments, environment) && named(s.tenants, tenant)
}

// everywhere reports whether the scope leaves every place.
func (s scope) everywhere() bool { return len(s.environments)+len(s.tenants) == 0 }

func (s scope) wave(name string) bool { return named(s.waves, name) }

func named(patterns []config.Pattern, name string) bool {
	for _, p := range patterns {
		if _, ok := p.Match(name); ok {
			return true
		}
	}
	return len(patterns) == 0
}
