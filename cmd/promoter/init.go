package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"promoter/detectors/all"
	"promoter/detectors/layout"
	"promoter/detectors/scan"
	"promoter/promoter/config"
)

type initFlags struct {
	root  string
	force bool
	print bool
}

func initCommand() *cobra.Command {
	var f initFlags
	c := &cobra.Command{
		Use:   "init [directory]",
		Short: "Write a first promoter.yaml from what the repository shows",
		Long: `Init reads a GitOps repository and writes a commented promoter.yaml: environments,
clusters and tenants from its paths, its ApplicationSets and their destinations,
waves in the usual order, and which charts are infrastructure. It prefers patterns
to lists, so that the next cluster or tenant is found without a change.

Read what it wrote: it is a draft, and it says where it guessed. promoter check
says what it comes to.`,
		Example: `  promoter init
  promoter init --print ~/src/gitops`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			f.root = "."
			if len(args) == 1 {
				f.root = args[0]
			}
			return runInit(c.Context(), f, c.OutOrStdout(), c.ErrOrStderr())
		},
	}
	fl := c.Flags()
	fl.BoolVar(&f.force, "force", false, "replace the "+config.Name+" that is there")
	fl.BoolVar(&f.print, "print", false, "print it, and write no file")
	return c
}

func runInit(ctx context.Context, f initFlags, stdout, stderr io.Writer) error {
	target := filepath.Join(f.root, config.Name)
	if _, err := os.Lstat(target); err == nil && !f.force && !f.print {
		return fmt.Errorf("%s is there: --force replaces it, --print shows another", target)
	}
	inv, err := scan.Run(ctx, scan.Options{Root: f.root, Detectors: all.List(), Remote: remoteURL(ctx, f.root)})
	if err != nil {
		return err
	}
	text, use, err := draft(f.root, inv)
	if err != nil {
		return err
	}
	if f.print {
		_, err = stdout.Write(text)
	} else {
		err = writeNew(target, text, f.force)
	}
	if err != nil {
		return err
	}
	if !f.print {
		fmt.Fprintf(stderr, "wrote %s: %s in %s, %s\n", target,
			countOf(len(use.Environments), "environment"), countOf(len(use.Waves), "wave"), countOf(use.Pins, "pin"))
	}
	sayUnplaced(stderr, use)
	for _, m := range use.Mistakes {
		fmt.Fprintln(stderr, m.Error())
	}
	if n := len(use.Mistakes); n > 0 {
		return &exit{exitUsage, fmt.Sprintf("%s needs you: %s", config.Name, countOf(n, "mistake"))}
	}
	return nil
}

// draft infers a configuration and holds it to the repository.
func draft(root string, inv *scan.Inventory) ([]byte, config.Use, error) {
	blank := &surveyed{root: root, config: config.Default(), inventory: inv}
	sight := config.Sight{Ground: blank.ground(nil), Files: telling(inv), Words: words()}
	d := config.Infer(sight)
	about := []string{fmt.Sprintf("Drafted by promoter init from %s with %s of versions.", countOf(inv.Files, "file"), countOf(len(inv.Pins), "pin"))}
	c, err := config.Parse(config.Name, d.Write(about))
	if err != nil {
		return nil, config.Use{}, fmt.Errorf("read the draft: %w", err)
	}
	s := &surveyed{root: root, config: c, inventory: inv}
	c.Place(inv.Pins)
	_, reached := s.graph()
	use := c.On(s.ground(reached))
	if len(use.Unplaced) > 0 {
		about = append(about, "", fmt.Sprintf("Nothing is proposed for %s: no path and nothing that deploys them says where", countOf(len(use.Unplaced), "pin")), "they are deployed. Add their paths to an environment, or leave them to people:")
		for _, line := range crowds(use.Unplaced, 8) {
			about = append(about, "  "+strings.TrimSpace(line))
		}
	}
	return d.Write(about), use, nil
}

// telling are the files whose paths say something: those that pin, deploy or
// compose.
func telling(inv *scan.Inventory) []string {
	seen := map[string]bool{}
	var out []string
	add := func(file string) {
		if file != "" && !seen[file] {
			seen[file] = true
			out = append(out, file)
		}
	}
	for i := range inv.Pins {
		add(inv.Pins[i].Place.File)
	}
	for i := range inv.Links {
		add(inv.Links[i].From.File)
	}
	for i := range inv.Facts {
		switch inv.Facts[i].Kind {
		case "Application", "ApplicationSet", "Kustomization", "HelmRelease", "HelmfileRelease":
			add(inv.Facts[i].Place.File)
		}
	}
	return out
}

// words are the layout's.
func words() config.Words {
	return config.Words{
		Path: func(file string) (env, cluster, tenant string) {
			p := layout.FromPath(file)
			return p.Environment, p.Cluster, p.Tenant
		},
		Word: layout.Canonical,
		Name: func(name string) (env, cluster string) {
			p := layout.FromName(name)
			return p.Environment, p.Cluster
		},
	}
}

// writeNew writes a file whole or not at all. Without replace it must not be
// there.
func writeNew(target string, text []byte, replace bool) (err error) {
	f, err := os.CreateTemp(filepath.Dir(target), ".promoter-*.yaml")
	if err != nil {
		return fmt.Errorf("write configuration: %w", err)
	}
	defer func() {
		if rm := os.Remove(f.Name()); rm != nil && !errors.Is(rm, fs.ErrNotExist) {
			err = errors.Join(err, rm)
		}
	}()
	_, err = f.Write(text)
	err = errors.Join(err, f.Chmod(0o644), f.Close())
	if err == nil && replace {
		err = os.Rename(f.Name(), target)
	} else if err == nil {
		err = os.Link(f.Name(), target) // fails where something is there by now
	}
	if err != nil {
		return fmt.Errorf("write configuration: %w", err)
	}
	return nil
}
