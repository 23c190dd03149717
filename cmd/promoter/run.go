package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"promoter/promoter"
)

type runFlags struct {
	survey surveyFlags
	forge  forgeFlags
}

func runCommand() *cobra.Command {
	var f runFlags
	c := &cobra.Command{
		Use:   "run [directory]",
		Short: "Do what is to be done now: open, merge, seal and revert pull requests",
		Long: `Run looks, does what the decision says, and looks again until nothing is left to
do now. Every effect is guarded by what it was decided on, so that it may be run
twice, late or by two machines at once: it is then wasteful, never wrong. It keeps
no memory: what must be known stands in Git and on the forge. Run it again when
something may have changed, or let "promoter serve" do so.

What is decided is decided on the deployed branch as the remote has it; the
directory only says which remote that is (its origin).

Without delivery engines in promoter.yaml it opens and refreshes pull requests, and
people merge them. With them it merges what policy lets it merge, proves that the
merge is delivered and healthy, and goes on to the next wave or takes it back.

Access, from the environment:
  PROMOTER_TOKEN              a token of the forge; else GITHUB_TOKEN, GH_TOKEN or GITEA_TOKEN
  PROMOTER_APP_ID, PROMOTER_APP_INSTALLATION_ID, PROMOTER_APP_KEY_FILE
                              a GitHub App's installation instead
  PROMOTER_SIGNING_KEY_FILE   an SSH or OpenPGP private key that signs commits

A token needs to read and write contents and pull requests; with delivery engines
also commit statuses and issues. Nothing more.`,
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

func runRun(ctx context.Context, f runFlags, stdout, stderr io.Writer) error {
	if f.survey.noLookup {
		return errNoLookup
	}
	a, err := f.forge.access(ctx, f.survey.root)
	var none *noAccess
	if errors.As(err, &none) {
		return &exit{exitUsage, "run: " + none.Error()}
	}
	if err != nil {
		return err
	}
	w, err := openWorkshop(ctx, a, f.survey, stderr)
	if err != nil {
		return err
	}
	defer w.close()
	all, last, err := w.settle(ctx, func(x done) { fmt.Fprintln(stdout, x.String()) })
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
