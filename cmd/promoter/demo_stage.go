package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"promoter/test/world"
	"promoter/test/world/delivery"
)

// stage is a small world with a repository that is delivered and measured, and
// what Promoter needs to work on it.
type stage struct {
	dir       string
	clock     *delivery.Clock
	world     *world.World
	hosted    *world.Hosted
	delivered *world.Delivered
	stderr    io.Writer
}

// openStage starts a world in a directory, by a clock. Files of the sample may
// be left out.
func openStage(dir string, clock *delivery.Clock, b world.Behaviour, without []string, stderr io.Writer) (*stage, error) {
	s := &stage{dir: dir, clock: clock, stderr: stderr}
	var err error
	if s.world, err = world.Start(clock); err != nil {
		return nil, fmt.Errorf("start the world's servers: %w", err)
	}
	if err := s.fill(b, without); err != nil {
		s.world.Close()
		return nil, err
	}
	return s, nil
}

// fill puts the sample on the forge, and has it delivered.
func (s *stage) fill(b world.Behaviour, without []string) error {
	sample := filepath.Join(s.dir, "sample")
	if err := world.WriteSample(sample); err != nil {
		return fmt.Errorf("write the sample repository: %w", err)
	}
	for _, name := range without {
		if err := os.RemoveAll(filepath.Join(sample, name)); err != nil {
			return err
		}
	}
	if err := s.world.Configure(sample, true); err != nil {
		return fmt.Errorf("write the sample's configuration: %w", err)
	}
	var err error
	if s.hosted, err = s.world.Host(sample, filepath.Join(s.dir, "gitops")); err != nil {
		return fmt.Errorf("put the sample on the world's Git host: %w", err)
	}
	s.hosted.Server.Join("acme/platform", "ben", "cleo")
	if s.delivered, err = s.world.Deliver(s.hosted, b); err != nil {
		return fmt.Errorf("deliver the sample: %w", err)
	}
	return nil
}

func (s *stage) close() { s.world.Close() }

func (s *stage) survey() surveyFlags {
	return surveyFlags{root: s.hosted.Clone, cache: filepath.Join(s.dir, "cache"), now: s.clock.Now}
}

// open wires a workshop on this world, whatever the environment says.
func (s *stage) open(ctx context.Context) (*workshop, error) {
	secrets := map[string]string{world.ArgoTokenName: world.ArgoToken}
	m := machine{now: s.clock.Now, getenv: func(name string) string { return secrets[name] }}
	return openWorkshopOn(ctx, m, &access{
		kind: "github", api: s.hosted.API(), owner: "shop", name: "gitops", remote: s.hosted.CloneURL(""),
		token: world.Token, mirrors: filepath.Join(s.dir, "mirrors"),
	}, s.survey(), s.stderr)
}
