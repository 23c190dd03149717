package main

import (
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"promoter/promoter/config"
	"promoter/promoter/scenario"
)

func testCommand() *cobra.Command {
	var root, named string
	var update bool
	c := &cobra.Command{
		Use:   "test FILE...",
		Short: "Tell rollout scenarios over virtual time, and check what Promoter would do",
		Long: `Test tells the stories in the files: what is released, what clusters and gates say,
what people do, and when. Every look is a process that knows nothing; nothing outside
is asked or changed. It prints what was expected and did not come, or the other way
round, in the words of plan and explain.

A story without a promoter.yaml of its own is told with yours: what would your
policy do if staging went dark on a Friday evening? "go doc ./promoter/scenario" in
the source, or the files in test/plan there, show how stories are written.`,
		Example: `  promoter test stories/*.txtar
  promoter test --update stories/friday.txtar   # write what happened into the file`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			cfg, err := loadConfig(root, named)
			if err != nil {
				return err
			}
			return runTest(cfg, args, update, c.OutOrStdout())
		},
	}
	c.Flags().StringVarP(&root, "directory", "C", ".", "the repository whose "+config.Name+" is used")
	c.Flags().StringVar(&named, "config", "", "configuration file (default: "+config.Name+" in that directory)")
	c.Flags().BoolVar(&update, "update", false, "write what happened in place of what was expected")
	return c
}

func runTest(cfg *config.Config, files []string, update bool, out io.Writer) error {
	failed := 0
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		r, err := scenario.Run(file, data, cfg)
		if err != nil {
			return err
		}
		if update && r.Updated != nil {
			if err := os.WriteFile(file, r.Updated, 0o644); err != nil {
				return err
			}
			fmt.Fprintf(out, "written  %s\n", file)
			continue
		}
		if r.Passed() {
			fmt.Fprintf(out, "ok       %s (%d looks, %d actions)\n", file, r.Looks, r.Actions)
			continue
		}
		failed++
		fmt.Fprintf(out, "FAILED   %s\n", file)
		for _, f := range r.Failures {
			fmt.Fprintln(out, f.String())
		}
	}
	if failed > 0 {
		return &exit{exitFailOn, fmt.Sprintf("%d of %d scenarios failed", failed, len(files))}
	}
	return nil
}
