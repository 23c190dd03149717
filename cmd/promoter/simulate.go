package main

import (
	"github.com/spf13/cobra"

	"promoter/test/sim"
)

func simulateCommand() *cobra.Command {
	var root, named string
	var seeds, from int
	c := &cobra.Command{
		Use:   "simulate",
		Short: "Try to make Promoter do harm under your configuration, in simulated worlds",
		Long: `Simulate draws worlds and stories from seeds, under your configuration's policy:
releases that are bad in their own ways, clusters that lag, flap, vanish and lie,
metrics that go dark, people who close, push, merge and revert at any moment, and a
Promoter that is killed, shown something old, or runs twice. Everything that happens
is held to Promoter's laws. A law that breaks is told with the steps that it needs.

Nothing outside is asked or changed. The same seed tells the same story.`,
		Example: `  promoter simulate
  promoter simulate --seeds 100000`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			cfg, err := loadConfig(root, named)
			if err != nil {
				return err
			}
			if !cfg.Delivery.Delivers() {
				return &exit{exitUsage, "simulate: promoter.yaml names no delivery engine, so that Promoter merges nothing and can do no harm: write delivery.argocd or delivery.flux"}
			}
			return sim.Run(cfg, seeds, from, c.OutOrStdout())
		},
	}
	c.Flags().StringVarP(&root, "directory", "C", ".", "the repository whose promoter.yaml is used")
	c.Flags().StringVar(&named, "config", "", "configuration file (default: promoter.yaml in that directory)")
	c.Flags().IntVar(&seeds, "seeds", 1000, "how many stories")
	c.Flags().IntVar(&from, "from", 0, "the first seed")
	return c
}
