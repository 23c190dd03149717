package main

import (
	"fmt"
	"runtime/debug"

	"github.com/spf13/cobra"
)

func root() *cobra.Command {
	c := &cobra.Command{
		Use:   "promoter",
		Short: "Keep the charts and images of a GitOps repository current, safely",
		Long: `Promoter finds the Helm charts and images that a GitOps repository pins, says
what is newer and what is legacy, and proposes the change as a pull request per
wave and environment. Told of the delivery engines and of the service's own
indicators, it proves what was merged, and then merges the next wave or takes it
back.

Begin in a checkout of your repository:

  promoter scan`,
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	c.AddCommand(initCommand(), checkCommand(), scanCommand(), planCommand(), runCommand(), serveCommand(), explainCommand(), reportCommand(), testCommand(), simulateCommand(), demoCommand(), versionCommand())
	return c
}

func versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version this binary was built from",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			_, err := fmt.Fprintln(c.OutOrStdout(), "promoter "+version())
			return err
		},
	}
}

// version is the module's version, or the commit a checkout was built at: the
// Go toolchain records both, so no build step has to.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	if v := info.Main.Version; v != "" && v != "(devel)" {
		return v
	}
	rev, dirty := "", ""
	for _, s := range info.Settings {
		switch {
		case s.Key == "vcs.revision" && len(s.Value) >= 12:
			rev = s.Value[:12]
		case s.Key == "vcs.modified" && s.Value == "true":
			dirty = "+changes"
		}
	}
	if rev == "" {
		return "devel"
	}
	return "devel-" + rev + dirty
}
