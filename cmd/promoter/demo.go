package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"promoter/test/world"
	"promoter/test/world/delivery"
	sli "promoter/test/world/metrics"
)

func demoCommand() *cobra.Command {
	var keep bool
	c := &cobra.Command{
		Use:   "demo",
		Short: "Show what Promoter does, on a small world of its own",
		Long: `Demo starts a Git host with pull requests, a chart repository, an OCI registry, an
Argo CD that follows the repository and a Prometheus that measures what runs, all
on loopback and on a clock that runs fast. A good release travels from dev through
staging to production; a bad one is stopped by its errors and taken back.

It takes less than a minute, needs Go and Git and no network, changes nothing of
yours, and cleans up after itself; with --keep it leaves that world running until
you press Ctrl-C.`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return demo(c.Context(), keep, c.OutOrStdout())
		},
	}
	c.Flags().BoolVar(&keep, "keep", false, "leave the world running to play with")
	return c
}

// demoRate is how much faster the demo's clock runs than the wall's.
const demoRate = 30

// demoBad is the release that the demo stops.
var demoBad = sli.Rule{Artifact: "redis", Version: "18.4.0", Environment: "staging", Errors: 0.12}

func demo(ctx context.Context, keep bool, stdout io.Writer) (err error) {
	dir, err := os.MkdirTemp("", "promoter-demo-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	began := time.Now()
	// In the past, so that it never comes to what is future here.
	clock := delivery.NewClock(began.UTC().Add(-2*time.Hour).Truncate(time.Hour), demoRate)
	s, err := openStage(dir, clock, world.Behaviour{Metrics: []sli.Rule{demoBad}}, nil, io.Discard)
	if err != nil {
		return err
	}
	defer s.close()
	t := &tale{stage: s, out: stdout, color: colorful(stdout), began: clock.Now()}
	if err := t.tell(ctx); err != nil {
		return err
	}
	t.say("\nThat was %s, in %s of yours.", t.passed(), time.Since(began).Round(time.Second))
	if !keep {
		t.say("Nothing is left of the demo. `promoter demo --keep` leaves it running.")
		return nil
	}
	return s.keep(ctx, stdout)
}

// keep leaves the world running by the wall's clock, and says how to play
// with it.
func (s *stage) keep(ctx context.Context, out io.Writer) error {
	s.clock.Join()
	if err := s.hosted.Pull(); err != nil {
		return err
	}
	program, err := os.Executable()
	if err != nil {
		program = "promoter"
	}
	fmt.Fprintf(out, `
The world is running until you press Ctrl-C, by your own clock from now on. In
another terminal:

  cd %[1]s
  alias promoter=%[11]s
  export PROMOTER_TOKEN=%[2]s %[3]s=%[4]s XDG_CACHE_HOME=%[5]s
  promoter scan
  promoter plan --forge github --forge-url %[6]s
  promoter explain --forge github --forge-url %[6]s
  promoter serve --forge github --forge-url %[6]s --lookup 20s

Publish the version that mends redis, or merge nginx as a person, and watch what serve
makes of it:

  curl -X PUT %[12]s/redis-18.4.1.tgz
  curl -X PUT -H 'Authorization: Bearer %[7]s' %[6]srepos/shop/gitops/pulls/%[13]d/merge

Pull requests  %[8]s
Argo CD        %[9]s
Prometheus     %[10]s/api/v1/query?query=app_build_info
`, s.hosted.Clone, world.Token, world.ArgoTokenName, world.ArgoToken, filepath.Join(s.dir, "cache"), s.hosted.API(), world.PersonToken, s.pages(), s.world.ArgoCD, s.world.Prometheus, program, s.world.Charts, s.nginx())
	<-ctx.Done()
	return nil
}

func (s *stage) pages() string { return s.hosted.Server.URL + "/shop/gitops" }

// nginx is the number of its pull, which waits for a person.
func (s *stage) nginx() int {
	for _, p := range s.hosted.Pulls() {
		if p.State == "open" && strings.HasPrefix(p.Title, "production: nginx") {
			return p.Number
		}
	}
	return 0
}
