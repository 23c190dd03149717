package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"promoter/promoter/config"
	"promoter/test/world"
)

func demoCommand() *cobra.Command {
	var keep bool
	c := &cobra.Command{
		Use:   "demo",
		Short: "Show what Promoter does, on a small world of its own",
		Long: `Demo starts a Git host with pull requests, a chart repository and an OCI registry
on loopback, puts a sample GitOps repository of three environments and two tenants
there, scans it, opens the pull requests, lets a person merge one, and looks again.
It needs Go and Git and no network, changes nothing of yours, and cleans up after
itself; with --keep it leaves that world running until you press Ctrl-C.`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return demo(c.Context(), keep, c.OutOrStdout(), c.ErrOrStderr())
		},
	}
	c.Flags().BoolVar(&keep, "keep", false, "leave the world running to play with")
	return c
}

// stage is the demo's world with what its commands need.
type stage struct {
	dir    string
	world  *world.World
	hosted *world.Hosted
	out    io.Writer
	err    io.Writer
}

func demo(ctx context.Context, keep bool, stdout, stderr io.Writer) (err error) {
	dir, err := os.MkdirTemp("", "promoter-demo-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	s := &stage{dir: dir, out: stdout, err: stderr}
	if s.world, err = world.Start(nil); err != nil {
		return fmt.Errorf("start the demo's servers: %w", err)
	}
	defer s.world.Close()
	if err := s.host(); err != nil {
		return err
	}
	if err := s.play(ctx); err != nil {
		return err
	}
	if !keep {
		fmt.Fprintln(stdout, "\nThat was it: nothing is left of the demo. `promoter demo --keep` leaves it running.")
		return nil
	}
	fmt.Fprintf(stdout, `
The world is running until you press Ctrl-C. In another terminal:

  cd %s
  export PROMOTER_TOKEN=%s
  promoter scan
  promoter run --forge github --forge-url %s

The pull requests: %s
`, s.hosted.Clone, world.Token, s.hosted.API(), s.pages())
	<-ctx.Done()
	return nil
}

// host writes the sample with the addresses of this world and puts it on the
// forge.
func (s *stage) host() error {
	sample := filepath.Join(s.dir, "sample")
	if err := world.WriteSample(sample); err != nil {
		return fmt.Errorf("write the sample repository: %w", err)
	}
	var own bytes.Buffer
	own.WriteString("\n# The demo's servers stand in for the addresses that the files name.\nsources:\n  allowPrivate: [127.0.0.1]\n  mirrors:\n")
	for _, m := range s.world.Mirrors() {
		fmt.Fprintf(&own, "    - {from: %q, to: %q}\n", m[0], m[1])
	}
	if err := appendTo(filepath.Join(sample, config.Name), own.String()); err != nil {
		return err
	}
	var err error
	if s.hosted, err = s.world.Host(sample, filepath.Join(s.dir, "gitops")); err != nil {
		return fmt.Errorf("put the sample on the demo's Git host: %w", err)
	}
	return nil
}

func (s *stage) say(format string, args ...any) { fmt.Fprintf(s.out, format+"\n", args...) }

func (s *stage) pages() string { return s.hosted.Server.URL + "/shop/gitops" }

func (s *stage) survey() surveyFlags {
	return surveyFlags{root: s.hosted.Clone, cache: filepath.Join(s.dir, "cache")}
}

// play is the story.
func (s *stage) play(ctx context.Context) error {
	s.say("A GitOps repository on a Git host: one shop, three environments, two tenants,")
	s.say("delivered by Argo CD, Flux and Kustomize. Everything runs on loopback.\n")
	s.say("$ promoter scan\n")
	if err := runScan(ctx, scanFlags{survey: s.survey(), output: "table", noColor: os.Getenv("NO_COLOR") != "", complete: true}, s.out, s.err); err != nil {
		return err
	}
	s.say("\n$ promoter run\n")
	if err := s.run(ctx); err != nil {
		return err
	}
	s.say("\nThe pull requests: %s", s.pages())
	number, title, body := s.find("dev: redis")
	if number == 0 {
		return errors.New("the demo's pull request for redis in dev is not there")
	}
	s.say("This is what the reviewer of #%d reads:\n\n%s\n# %s\n\n%s%s", number, slashes, title, body, slashes)
	s.say("\nA second run finds nothing to do:\n\n$ promoter run\n")
	if err := s.run(ctx); err != nil {
		return err
	}
	s.say("\nA person merges #%d. The next wave gets the same version, and a pull request for\nan older one that has become pointless is closed:\n\n$ promoter run\n", number)
	if _, err := s.hosted.Merge(number, "ana", "squash"); err != nil {
		return fmt.Errorf("merge #%d: %w", number, err)
	}
	if err := s.hosted.Pull(); err != nil {
		return err
	}
	return s.run(ctx)
}

// run is `promoter run` against this world, whatever the environment says; it
// prints what was done.
func (s *stage) run(ctx context.Context) error {
	w, err := openWorkshop(ctx, &access{
		kind: "github", api: s.hosted.API(), owner: "shop", name: "gitops", remote: s.hosted.CloneURL(""),
		token: world.Token, mirrors: filepath.Join(s.dir, "mirrors"),
	}, s.survey(), s.err)
	if err != nil {
		return err
	}
	defer w.close()
	all, last, err := w.settle(ctx, func(x done) { fmt.Fprintln(s.out, x.String()) })
	if err != nil {
		return err
	}
	for _, d := range all {
		if d.err != nil {
			return d.err
		}
	}
	if len(all) == 0 {
		s.say("Nothing to do now: %d lines explain why (promoter plan prints them).", len(last.Lines))
	}
	return nil
}

// find returns the open pull request whose title begins so.
func (s *stage) find(title string) (number int, full, body string) {
	for _, p := range s.hosted.Pulls() {
		if p.State == "open" && strings.HasPrefix(p.Title, title) {
			return p.Number, p.Title, p.Body
		}
	}
	return 0, "", ""
}
