package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"promoter/promoter"
)

type planFlags struct {
	survey surveyFlags
	forge  forgeFlags
	output string
	all    bool
	bodies bool
}

func planCommand() *cobra.Command {
	var f planFlags
	c := &cobra.Command{
		Use:   "plan [directory]",
		Short: "Show what would be proposed, and why everything else would not",
		Long: `Plan reads the repository and its sources as scan does, looks at the open pull
requests, and prints the decision: the actions that run would take now, and a
line for every change, wave and environment. It changes nothing.

Without access to the forge (see "promoter run --help") it plans as if no pull
request existed, and says so.`,
		Example: `  promoter plan
  promoter plan --bodies            # with the pull requests' texts
  promoter plan --all -o json`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			f.survey.root = "."
			if len(args) == 1 {
				f.survey.root = args[0]
			}
			return runPlan(c.Context(), f, c.OutOrStdout(), c.ErrOrStderr())
		},
	}
	f.survey.register(c)
	f.forge.register(c)
	c.Flags().StringVarP(&f.output, "output", "o", "text", "text or json")
	c.Flags().BoolVar(&f.all, "all", false, "also the lines of what is up to date")
	c.Flags().BoolVar(&f.bodies, "bodies", false, "print the text of each pull request that would be opened")
	return c
}

var errNoLookup = errors.New("--no-lookup: nothing can be planned without asking what is newer")

func runPlan(ctx context.Context, f planFlags, stdout, stderr io.Writer) error {
	if f.output != "text" && f.output != "json" {
		return fmt.Errorf("-o %q: write text or json", f.output)
	}
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
	d, err := w.plan(ctx, w.now())
	if err != nil {
		return err
	}
	if w.blind != "" {
		fmt.Fprintf(stderr, "promoter: planned as if no pull request existed: %s\n", w.blind)
	}
	if f.output == "json" {
		return decisionJSON(stdout, d)
	}
	printDecision(stdout, d, f.all)
	if f.bodies {
		return w.printBodies(ctx, stdout, d)
	}
	return nil
}

// printDecision prints the actions, then the lines, the same words that the
// core gives them.
func printDecision(w io.Writer, d promoter.Decision, all bool) {
	if len(d.Actions) > 0 {
		fmt.Fprintln(w, "ACTIONS")
		for _, a := range d.Actions {
			fmt.Fprintln(w, "  "+a.String())
		}
		fmt.Fprintln(w)
	}
	current := 0
	var lines []string
	for _, l := range d.Lines {
		if l.Status == promoter.Current && !all {
			current++
			continue
		}
		lines = append(lines, "  "+l.String())
	}
	if len(lines) > 0 {
		fmt.Fprintln(w, "WHY")
		fmt.Fprintln(w, strings.Join(lines, "\n"))
		fmt.Fprintln(w)
	}
	switch {
	case len(d.Actions) == 0 && len(lines) == 0:
		fmt.Fprintln(w, "Nothing to do: everything is where it is wanted.")
	case len(d.Actions) == 0:
		fmt.Fprintln(w, "Nothing to do now.")
	}
	if current > 0 {
		fmt.Fprintf(w, "%d more are up to date (--all lists them).\n", current)
	}
	if !d.Wake.IsZero() {
		fmt.Fprintf(w, "The next look that waiting alone makes worth while: %s UTC.\n", d.Wake.UTC().Format("2006-01-02 15:04"))
	}
}

func decisionJSON(w io.Writer, d promoter.Decision) error {
	type action struct {
		Kind   string          `json:"kind"`
		Text   string          `json:"text"`
		Action promoter.Action `json:"action"`
	}
	out := struct {
		Actions []action        `json:"actions"`
		Lines   []promoter.Line `json:"lines"`
		Wake    time.Time       `json:"wake,omitzero"`
	}{Actions: []action{}, Lines: d.Lines, Wake: d.Wake}
	for _, a := range d.Actions {
		kind := strings.ToLower(strings.TrimPrefix(fmt.Sprintf("%T", a), "promoter."))
		out.Actions = append(out.Actions, action{kind, a.String(), a})
	}
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(out)
}
