// Package source asks what exists upstream: chart repositories, registries,
// Git servers. All of its I/O goes through one Client, which keeps to each
// host's limits, a cache on disk, and the addresses that the user allows.
//
// It refuses to guess: a partial list, a refusal, a truncated index or a
// timeout makes the whole listing unknown (promoter.Listing.Unknown), never
// shorter. It decides nothing about which release is wanted.
package source

import (
	"context"

	"promoter/promoter"
)

// Source lists the releases of one kind of artifact.
type Source interface {
	// Lookup answers for each artifact, in the same order. It does not fail:
	// what could not be had whole says so in Listing.Unknown, and one
	// artifact's trouble does not touch another's.
	Lookup(ctx context.Context, artifacts []promoter.Artifact) []promoter.Listing
}
