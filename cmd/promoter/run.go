package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"promoter/promoter"
)

// maxLooks bounds one run. A pull request takes two actions, a look each; more
// looks than this mean that somebody undoes what we do.
const maxLooks = 12

type runFlags struct {
	survey surveyFlags
	forge  forgeFlags
	now    func() time.Time
}

func runCommand() *cobra.Command {
	f := runFlags{now: time.Now}
	c := &cobra.Command{
		Use:   "run [directory]",
		Short: "Do what plan shows: push branches, open and refresh pull requests",
		Long: `Run looks, does what the decision says, and looks again until nothing is left to
do. Every effect is guarded by what it was decided on, so that it may be run twice,
late or by two machines at once: it is then wasteful, never wrong. Run it in a
checkout of the deployed branch.

Access, from the environment:
  PROMOTER_TOKEN              a token of the forge; else GITHUB_TOKEN, GH_TOKEN or GITEA_TOKEN
  PROMOTER_APP_ID, PROMOTER_APP_INSTALLATION_ID, PROMOTER_APP_KEY_FILE
                              a GitHub App's installation instead
  PROMOTER_SIGNING_KEY_FILE   an SSH or OpenPGP private key that signs commits

A token needs to read and write contents and pull requests, nothing more.`,
		Example: `  promoter run
  promoter run --forge gitea --forge-url https://git.example.com`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			f.survey.root = "."
			if len(args) == 1 {
				f.survey.root = args[0]
			}
			return runRun(c.Context(), f, c.OutOrStdout(), c.ErrOrStderr())
		},
	}
	f.survey.register(c)
	f.forge.register(c)
	return c
}

// done is one action and what became of it.
type done struct {
	action promoter.Action
	detail string
	stale  bool
	err    error
}

func runRun(ctx context.Context, f runFlags, stdout, stderr io.Writer) error {
	if f.survey.noLookup {
		return errNoLookup
	}
	s, err := survey(ctx, f.survey, stderr)
	if err != nil {
		return err
	}
	s.sayProblems(stderr)
	w, err := newWorkshop(ctx, s, f.forge)
	if err != nil {
		return err
	}
	defer w.close()
	if w.blind != "" {
		return &exit{exitUsage, "run: " + w.blind}
	}
	all, last, err := w.settle(ctx, f.now, stdout)
	if err != nil {
		return err
	}
	fmt.Fprintln(stdout)
	printDecision(stdout, promoter.Decision{Lines: last.Lines, Wake: last.Wake}, false)
	if err := summarize(os.Getenv, all, last); err != nil {
		return err
	}
	failed := 0
	for _, d := range all {
		if d.err != nil {
			failed++
		}
	}
	if failed > 0 {
		return &exit{exitFailOn, fmt.Sprintf("%d of %d actions were not done; the next run tries again", failed, len(all))}
	}
	if len(last.Actions) > 0 {
		return &exit{exitIncomplete, fmt.Sprintf("still something to do after %d looks; the next run goes on", maxLooks)}
	}
	return nil
}

// settle looks and acts until a decision holds no action that was not already
// tried in vain.
func (w *workshop) settle(ctx context.Context, now func() time.Time, out io.Writer) ([]done, promoter.Decision, error) {
	var all []done
	failed := map[string]bool{}
	ex := w.executor(ctx)
	for range maxLooks {
		d, err := w.plan(ctx, now())
		if err != nil {
			return all, d, err
		}
		acted := false
		for _, a := range d.Actions {
			if failed[a.String()] {
				continue
			}
			acted = true
			o, err := ex.Execute(ctx, a)
			x := done{a, o.Detail, o.Stale, err}
			all = append(all, x)
			fmt.Fprintln(out, x.String())
			if err != nil {
				failed[a.String()] = true
			}
			if ctx.Err() != nil {
				return all, d, ctx.Err()
			}
		}
		if !acted {
			d.Actions = nil
			return all, d, nil
		}
	}
	d, err := w.plan(ctx, now())
	return all, d, err
}

func (d done) String() string {
	switch {
	case d.err != nil:
		return "failed  " + d.err.Error()
	case d.stale:
		return "stale   " + d.action.String() + ": " + d.detail
	}
	return strings.TrimRight("done    "+d.action.String()+"  "+d.detail, " ")
}
