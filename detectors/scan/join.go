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
	var at layout.Reader
	units := map[string]layout.Unit{}
	for path, r := range reports {
		if len(r.Pins) == 0 {
			continue
		}
		clear(units)
		for i := range r.Facts {
			addUnit(units, &r.Facts[i])
		}
		for i := range r.Pins {
			p := &r.Pins[i]
			u := units[p.App]
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
			found := at.Place(path, u)
			p.Environment, p.Cluster, p.Tenant = found.Environment, found.Cluster, found.Tenant
		}
	}
}

// addUnit notes what a fact says of the unit it names.
func addUnit(units map[string]layout.Unit, f *detectors.Fact) {
	u := layout.Unit{
		Namespace: f.Fields["destination.namespace"],
		Cluster:   f.Fields["destination.name"],
		Server:    f.Fields["destination.server"],
	}
	if u.Namespace == "" {
		u.Namespace = f.Fields["targetNamespace"]
	}
	if u != (layout.Unit{}) && f.Name != "" {
		u.Name = f.Name
		units[f.Name] = u
	}
}
