package main

import (
	"fmt"
	"os"
	"strings"

	"promoter/promoter"
	"promoter/templates"
)

// summarize tells GitHub Actions what a run did: the job's summary in
// Markdown, and outputs for later steps. Elsewhere it does nothing.
func summarize(getenv func(string) string, all []done, last promoter.Decision) error {
	if file := getenv("GITHUB_STEP_SUMMARY"); file != "" {
		if err := appendTo(file, summary(all, last)); err != nil {
			return fmt.Errorf("write job summary: %w", err)
		}
	}
	if file := getenv("GITHUB_OUTPUT"); file != "" {
		opened, open := 0, map[int]bool{}
		for _, d := range all {
			if _, ok := d.action.(promoter.Open); ok && d.err == nil && !d.stale {
				opened++
			}
		}
		for _, l := range last.Lines {
			if l.Pull > 0 {
				open[l.Pull] = true
			}
		}
		if err := appendTo(file, fmt.Sprintf("opened=%d\nopen=%d\nactions=%d\n", opened, len(open), len(all))); err != nil {
			return fmt.Errorf("write outputs: %w", err)
		}
	}
	return nil
}

func summary(all []done, last promoter.Decision) string {
	var b strings.Builder
	b.WriteString("## Promoter\n\n")
	if len(all) == 0 {
		b.WriteString("Nothing was to be done.\n\n")
	} else {
		b.WriteString("| Action | Outcome |\n|---|---|\n")
		for _, d := range all {
			outcome := "done"
			switch {
			case d.err != nil:
				outcome = "failed: " + templates.Inline(d.err.Error())
			case d.stale:
				outcome = "the world had moved; looked again"
			case d.detail != "":
				outcome = "done: " + templates.Inline(d.detail)
			}
			fmt.Fprintf(&b, "| %s | %s |\n", templates.Inline(d.action.String()), outcome)
		}
		b.WriteString("\n")
	}
	b.WriteString("| Change | From | To | Where | Status | Why |\n|---|---|---|---|---|---|\n")
	for _, l := range last.Lines {
		if l.Status == promoter.Current {
			continue
		}
		where := strings.Trim(l.Wave+" / "+l.Environment, "/ ")
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s | %s |\n", templates.Inline(l.Subject), templates.Inline(l.From), templates.Inline(l.To),
			templates.Inline(where), l.Status, templates.Inline(l.Why))
	}
	return b.String()
}

func appendTo(file, text string) (err error) {
	f, err := os.OpenFile(file, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer func() {
		if e := f.Close(); err == nil {
			err = e
		}
	}()
	_, err = f.WriteString(text)
	return err
}
