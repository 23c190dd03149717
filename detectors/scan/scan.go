// Package scan turns a directory into an inventory: it walks a checkout, reads
// each file once for all detectors, joins what needs several files, and says
// for every version reference what it pins or why it could not be read.
//
// It refuses to let one bad file hide the rest: what is broken, too large or
// not text becomes a Problem with its place, and the scan goes on. It keeps no
// file's content. Its cache saves reading and may be deleted at any time: the
// result is the same without it.
package scan

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"

	"promoter/detectors"
	"promoter/promoter"
)

// Options say what is scanned, and with what.
type Options struct {
	Root      string               // the repository's directory
	Detectors []detectors.Detector // in the order of their claims
	CacheDir  string               // where reports are kept between scans; "" keeps none
	Remote    string               // the URL the repository was cloned from, if known
	// Ignore are further patterns of paths to leave out, as in a .gitignore
	// file at the root; unlike Git's own they also hide tracked files.
	Ignore []string
	// Committed is set when the root holds what a commit holds and nothing
	// else, and no Git directory that says so: .gitignore hides nothing.
	Committed bool
	// MaxFileBytes is the size beyond which a file is a Problem and not read;
	// 0 means DefaultMaxFileBytes.
	MaxFileBytes int64
	// Progress is told how many of the files are done, now and then and at
	// the end, by one goroutine at a time.
	Progress func(done, total int)
}

// Inventory is what a repository holds. Everything in it is sorted by file
// and place, so that equal repositories give equal inventories.
type Inventory struct {
	Files    int      // files looked into
	Bytes    int64    // their size together
	Paths    []string // every file's, also of those that nothing looked into; slash-separated, relative to the root, sorted
	Pins     []promoter.Pin
	Skips    []detectors.Skip
	Facts    []detectors.Fact
	Links    []detectors.Link
	Findings []promoter.Finding
	Problems []detectors.Problem
	// References is every version reference found: pins and skips.
	References int

	Read     int   // files whose bytes were read, and not known from the cache by their stamp
	Parsed   int   // files that detectors ran on, and whose content the cache did not know
	CacheErr error // why the next scan will find no cache; nothing else comes of it
}

// Run scans a repository. It fails when the root cannot be read or ctx ends;
// what is wrong within the repository is in the inventory's Problems.
func Run(ctx context.Context, o Options) (*Inventory, error) {
	root, err := filepath.Abs(o.Root)
	if err == nil {
		root, err = filepath.EvalSymlinks(root)
	}
	if err != nil {
		return nil, fmt.Errorf("find repository: %w", err)
	}
	if o.MaxFileBytes == 0 {
		o.MaxFileBytes = DefaultMaxFileBytes
	}
	found, err := walk(ctx, root, o.Ignore, o.Committed)
	if err != nil {
		return nil, err
	}
	inv := &Inventory{Paths: found.paths, Problems: found.problems}

	var known *cache
	if o.CacheDir != "" {
		known, inv.CacheErr = openCache(o.CacheDir, root, o.Detectors)
	}
	files, err := readAll(ctx, root, found.paths, known, o)
	if err != nil {
		if known != nil {
			known.drop()
		}
		return nil, err
	}
	for i := range files {
		inv.count(&files[i])
	}
	if known != nil {
		inv.CacheErr = known.keep(files, inv.Read)
	}

	reports := make(map[string]*detectors.Report, len(files))
	for i := range files {
		reports[files[i].path] = files[i].report
	}
	if err := link(ctx, root, found.paths, reports, o); err != nil {
		return nil, err
	}
	place(reports)
	inv.collect(reports, inOrder(files, reports))
	return inv, nil
}

// inOrder is the paths of all reports, sorted. The files' are; linkers may
// have added others.
func inOrder(files []outcome, reports map[string]*detectors.Report) []string {
	paths := make([]string, 0, len(reports))
	if len(reports) == len(files) {
		for i := range files {
			paths = append(paths, files[i].path)
		}
		return paths
	}
	for path := range reports {
		paths = append(paths, path)
	}
	slices.Sort(paths)
	return paths
}

func (inv *Inventory) count(f *outcome) {
	inv.Files++
	inv.Bytes += f.stamp.size
	if f.read {
		inv.Read++
	}
	if f.parsed {
		inv.Parsed++
	}
}

// collect joins the reports in the order of their paths.
func (inv *Inventory) collect(reports map[string]*detectors.Report, paths []string) {
	var pins, skips, facts, links, findings int
	for _, r := range reports {
		pins += len(r.Pins)
		skips += len(r.Skips)
		facts += len(r.Facts)
		links += len(r.Links)
		findings += len(r.Findings)
	}
	inv.Pins = slices.Grow(inv.Pins, pins)
	inv.Skips = slices.Grow(inv.Skips, skips)
	inv.Facts = slices.Grow(inv.Facts, facts)
	inv.Links = slices.Grow(inv.Links, links)
	inv.Findings = slices.Grow(inv.Findings, findings)
	for _, path := range paths {
		r := reports[path]
		for i := range r.Pins {
			inv.Pins = append(inv.Pins, r.Pins[i].Pin)
		}
		inv.Skips = append(inv.Skips, r.Skips...)
		inv.Facts = append(inv.Facts, r.Facts...)
		inv.Links = append(inv.Links, r.Links...)
		inv.Findings = append(inv.Findings, r.Findings...)
		inv.Problems = append(inv.Problems, r.Errors...)
	}
	// A linker may have put what it found in one file into another's report.
	sortStable(inv.Pins, func(a, b *promoter.Pin) int { return comparePlaces(&a.Place, &b.Place) })
	sortStable(inv.Skips, func(a, b *detectors.Skip) int { return comparePlaces(&a.Place, &b.Place) })
	sortStable(inv.Facts, func(a, b *detectors.Fact) int { return comparePlaces(&a.Place, &b.Place) })
	sortStable(inv.Links, func(a, b *detectors.Link) int { return comparePlaces(&a.From, &b.From) })
	sortStable(inv.Findings, func(a, b *promoter.Finding) int { return comparePlaces(&a.Place, &b.Place) })
	sortStable(inv.Problems, func(a, b *detectors.Problem) int { return comparePlaces(&a.Place, &b.Place) })
	inv.References = len(inv.Pins) + len(inv.Skips)
}
