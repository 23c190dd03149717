package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"promoter/test/world"
)

func demoCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "demo",
		Short: "Show what Promoter does, on a small world of its own",
		Long: `Demo starts a chart repository and an OCI registry on loopback, writes a sample
GitOps repository of three environments and two tenants, and scans it. It needs
no network, changes nothing of yours, and cleans up after itself.`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return demo(c.Context(), c.OutOrStdout(), c.ErrOrStderr())
		},
	}
}

func demo(ctx context.Context, stdout, stderr io.Writer) (err error) {
	dir, err := os.MkdirTemp("", "promoter-demo-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	w, err := world.Start()
	if err != nil {
		return fmt.Errorf("start the demo's servers: %w", err)
	}
	defer w.Close()
	repo := filepath.Join(dir, "gitops")
	if err := world.WriteSample(repo); err != nil {
		return fmt.Errorf("write the sample repository: %w", err)
	}
	fmt.Fprintln(stdout, "A sample GitOps repository: one shop, three environments, two tenants,")
	fmt.Fprintln(stdout, "delivered by Argo CD, Flux and Kustomize. Its chart repository and registry")
	fmt.Fprint(stdout, "run on loopback.\n\n$ promoter scan\n\n")
	f := scanFlags{output: "table", noColor: os.Getenv("NO_COLOR") != "", complete: true}
	f.survey = surveyFlags{root: repo, cache: filepath.Join(dir, "cache"), mirrors: w.Mirrors(), allowPrivate: []string{"127.0.0.1"}}
	return runScan(ctx, f, stdout, stderr)
}
