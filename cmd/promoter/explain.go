package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"promoter/promoter"
)

type explainFlags struct {
	survey surveyFlags
	forge  forgeFlags
	output string
	all    bool
}

func explainCommand() *cobra.Command {
	var f explainFlags
	c := &cobra.Command{
		Use:   "explain [what...]",
		Short: "Say for every change, wave and environment what it waits for, on which evidence, until when",
		Long: `Explain looks as run does, and changes nothing. It prints a line for every change,
wave and environment, with the evidence below it: what each application runs and
how it is, what each gate measured.

Words narrow it down: an artifact, a wave, an environment, a change's id or a pull
request's number; every word must fit.`,
		Example: `  promoter explain
  promoter explain redis staging
  promoter explain '#12' -o json`,
		RunE: func(c *cobra.Command, args []string) error {
			return runExplain(c.Context(), f, args, c.OutOrStdout(), c.ErrOrStderr())
		},
	}
	f.survey.register(c)
	f.forge.register(c)
	c.Flags().StringVarP(&f.survey.root, "directory", "C", ".", "the checkout whose origin is looked at")
	c.Flags().StringVarP(&f.output, "output", "o", "text", "text or json")
	c.Flags().BoolVar(&f.all, "all", false, "also what is up to date")
	return c
}

func runExplain(ctx context.Context, f explainFlags, words []string, stdout, stderr io.Writer) error {
	if f.output != "text" && f.output != "json" {
		return fmt.Errorf("-o %q: write text or json", f.output)
	}
	a, err := f.forge.access(ctx, f.survey.root)
	var none *noAccess
	if errors.As(err, &none) {
		return &exit{exitUsage, "explain: " + none.Error()}
	}
	if err != nil {
		return err
	}
	w, err := openWorkshop(ctx, a, f.survey, stderr)
	if err != nil {
		return err
	}
	defer w.close()
	d, err := w.plan(ctx, w.now())
	if err != nil {
		return err
	}
	d.Lines = slices.DeleteFunc(d.Lines, func(l promoter.Line) bool {
		return l.Status == promoter.Current && !f.all && len(words) == 0 || !fits(l, words)
	})
	if f.output == "json" {
		e := json.NewEncoder(stdout)
		e.SetEscapeHTML(false)
		e.SetIndent("", "  ")
		return e.Encode(d.Lines)
	}
	explainTo(stdout, d)
	return nil
}

func explainTo(w io.Writer, d promoter.Decision) {
	if len(d.Lines) == 0 {
		fmt.Fprintln(w, "Nothing waits for anything.")
	}
	for _, l := range d.Lines {
		fmt.Fprintln(w, l.String())
		for _, e := range l.Evidence {
			fmt.Fprintln(w, "    "+e)
		}
	}
	if !d.Wake.IsZero() {
		fmt.Fprintf(w, "\nThe next look that waiting alone makes worth while: %s UTC.\n", d.Wake.UTC().Format("2006-01-02 15:04:05"))
	}
}

// fits reports whether every word is one of the line's.
func fits(l promoter.Line, words []string) bool {
	for _, word := range words {
		word = strings.ToLower(word)
		number := ""
		if l.Pull > 0 {
			number = fmt.Sprintf("#%d", l.Pull)
		}
		found := word == number || word == strings.TrimPrefix(number, "#") && number != ""
		for _, s := range []string{l.Subject, l.Change, l.Wave, l.Environment, string(l.Status)} {
			found = found || s != "" && strings.Contains(strings.ToLower(s), word)
		}
		if !found {
			return false
		}
	}
	return true
}
