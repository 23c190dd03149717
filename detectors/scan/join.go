package scan

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"promoter/detectors"
	"promoter/detectors/layout"
)

// link lets every Linker complete the reports.
func link(ctx context.Context, root string, paths []string, reports map[string]*detectors.Report, o Options) error {
	var linkers []detectors.Linker
	for _, d := range o.Detectors {
		if l, ok := d.(detectors.Linker); ok {
			linkers = append(linkers, l)
		}
	}
	if len(linkers) == 0 {
		return nil
	}
	// Paths come from other files' text: the system holds them inside.
	inside, err := os.OpenRoot(root)
	if err != nil {
		return fmt.Errorf("open repository: %w", err)
	}
	defer inside.Close()
	repo := &detectors.Repository{
		Reports: reports, Paths: paths, Remote: o.Remote,
		Read: func(path string) ([]byte, error) { return readInside(inside, path, o.MaxFileBytes) },
	}
	for _, l := range linkers {
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("scan repository: %w", err)
		}
		runLinker(l, repo)
	}
	c := newClaims(o.Detectors)
	for _, r := range reports {
		c.settle(r)
	}
	return nil
}

// runLinker runs one linker. Text that breaks it must not end the scan.
func runLinker(l detectors.Linker, repo *detectors.Repository) {
	defer func() {
		if cause := recover(); cause != nil {
			p := problem("", 0, fmt.Sprintf("detector %s broke down while joining files: %v", l.Name(), cause))
			if repo.Reports[""] == nil {
				repo.Reports[""] = &detectors.Report{}
			}
			repo.Reports[""].Errors = append(repo.Reports[""].Errors, p)
		}
	}()
	l.Link(repo)
}

func readInside(inside *os.Root, path string, limit int64) ([]byte, error) {
	f, err := inside.Open(filepath.FromSlash(path))
	if err != nil {
		return nil, fmt.Errorf("read %q: %w", path, reason(err))
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("read %q: %w", path, reason(err))
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("read %q: not a regular file", path)
	}
	data, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil {
		return nil, fmt.Errorf("read %q: %w", path, reason(err))
	}
	if int64(len(data)) > limit {
		return nil, errors.New(tooLarge(path, info.Size(), limit).Message)
	}
	return data, nil
}

// place fills in where pins are deployed, as far as the repository says.
func place(reports map[string]*detectors.Report) {
	var places layout.Reader
	for path, r := range reports {
		units := unitsOf(r)
		var last layout.Unit // most pins of a file are of one unit
		var at layout.Placement
		for i := range r.Pins {
			p := &r.Pins[i]
			u := units.find(p.App)
			u.Name = p.App
			if p.Cluster != "" {
				u.Cluster = p.Cluster
			}
			if p.Environment != "" {
				u.Environment = p.Environment
			}
			if p.Tenant != "" {
				u.Tenant = p.Tenant
			}
			if i == 0 || u != last {
				at, last = places.Place(path, u), u
			}
			p.Environment, p.Cluster, p.Tenant = at.Environment, at.Cluster, at.Tenant
		}
	}
}

// units are what a file's facts say of the units that it declares.
type units struct {
	facts  []detectors.Fact
	byName map[string]*detectors.Fact // made for many pins and many facts
}

func unitsOf(r *detectors.Report) units {
	u := units{facts: r.Facts}
	const few = 64
	if len(r.Facts)*len(r.Pins) > few {
		u.byName = make(map[string]*detectors.Fact, len(r.Facts))
		for i := range r.Facts {
			f := &r.Facts[i]
			if _, ok := u.byName[f.Name]; !ok && deploys(f) {
				u.byName[f.Name] = f
			}
		}
	}
	return u
}

func (u units) find(name string) layout.Unit {
	if name == "" {
		return layout.Unit{}
	}
	if u.byName != nil {
		if f := u.byName[name]; f != nil {
			return unitOf(f)
		}
		return layout.Unit{}
	}
	for i := range u.facts {
		if f := &u.facts[i]; f.Name == name && deploys(f) {
			return unitOf(f)
		}
	}
	return layout.Unit{}
}

// deploys reports whether a fact is one of a unit that deploys something.
func deploys(f *detectors.Fact) bool {
	return f.Kind == "Application" || f.Kind == "HelmRelease" || f.Kind == "Kustomization"
}

func unitOf(f *detectors.Fact) layout.Unit {
	u := layout.Unit{
		Namespace: f.Fields["destination.namespace"],
		Cluster:   f.Fields["destination.name"],
		Server:    f.Fields["destination.server"],
	}
	if u.Namespace == "" {
		u.Namespace = f.Fields["targetNamespace"]
	}
	return u
}
