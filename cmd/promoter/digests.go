package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"promoter/detectors/source"
	"promoter/detectors/source/ociregistry"
	"promoter/promoter"
)

// tagged is one tag whose digest a pin needs.
type tagged struct {
	artifact promoter.Artifact
	version  string
}

// pinDigests asks for the digests of the versions that pins with a digest are
// at, and may go to: tag lists do not give them. One that cannot be had stays
// unknown, and then nothing is proposed for its pin. It reports whether any
// was learned.
func (s *surveyed) pinDigests(ctx context.Context, registry *ociregistry.Registry, show *progress) (learned bool) {
	want := map[tagged]bool{}
	for i, p := range s.inventory.Pins {
		c, ok := s.choices[i]
		if !ok || p.Digest == "" || !p.Artifact.OCI() || c.Unknown != "" {
			continue
		}
		for _, r := range []*promoter.Release{c.Current, c.NewestAllowed} {
			if r != nil && r.Digest == "" {
				want[tagged{p.Artifact, r.Version}] = true
			}
		}
	}
	if len(want) == 0 {
		return false
	}
	list := make([]tagged, 0, len(want))
	for t := range want {
		list = append(list, t)
	}
	slices.SortFunc(list, func(a, b tagged) int {
		return strings.Compare(a.artifact.String()+"\x00"+a.version, b.artifact.String()+"\x00"+b.version)
	})
	show.say("asking digests", 0, len(list))
	digests := make([]string, len(list))
	var g errgroup.Group
	g.SetLimit(8)
	s.noDigest = map[tagged]string{}
	for i, t := range list {
		g.Go(func() error {
			d, err := registry.Digest(ctx, t.artifact, t.version)
			if err != nil {
				d = "error: " + source.Unknown(err)
			}
			digests[i] = d
			return nil
		})
	}
	_ = g.Wait() // its functions return no errors: each answer carries its own
	for i, t := range list {
		if why, failed := strings.CutPrefix(digests[i], "error: "); failed {
			s.noDigest[t] = why
			continue
		}
		l := s.listings[t.artifact]
		for j := range l.Releases {
			if l.Releases[j].Version == t.version {
				l.Releases[j].Digest = digests[i]
				learned = true
			}
		}
	}
	return learned
}

// digestUnknown says why the digest that a pin would move to is not known.
func (s *surveyed) digestUnknown(p promoter.Pin, c promoter.Choice) string {
	if p.Digest == "" || c.NewestAllowed == nil {
		return ""
	}
	if why, ok := s.noDigest[tagged{p.Artifact, c.NewestAllowed.Version}]; ok {
		return fmt.Sprintf("%s: its digest could not be had: %s", c.NewestAllowed.Version, why)
	}
	return ""
}
