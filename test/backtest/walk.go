package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"promoter/detectors"
	"promoter/detectors/all"
	"promoter/detectors/extractor"
	"promoter/detectors/scan"
	"promoter/promoter"
	"promoter/promoter/config"
)

// walk goes through the history with a copy of the tree, which it scans again
// after each commit: what a pin means may be written in another file.
type walk struct {
	git    *git
	temp   string
	tree   string
	root   *os.Root
	config *config.Config
	scan   scan.Options

	began time.Time
	head  string            // the commit that the copy holds
	files map[string]string // its files' blobs, by path
	start map[string]string // those that it began with
	// origin is where a file stood at the start, for those that were renamed.
	origin map[string]string

	inventory *scan.Inventory
	problems  int // at the start
	pins      tracker
	loose     loose
	seen      snapshot
}

func newWalk(ctx context.Context, g *git, at, configFile string) (*walk, error) {
	temp, err := os.MkdirTemp("", "backtest-")
	if err != nil {
		return nil, err
	}
	w := &walk{git: g, temp: temp, tree: filepath.Join(temp, "tree"), head: empty, files: map[string]string{}, origin: map[string]string{}}
	if err := w.begin(ctx, at, configFile); err != nil {
		w.close()
		return nil, err
	}
	return w, nil
}

func (w *walk) begin(ctx context.Context, at, configFile string) error {
	if err := os.Mkdir(w.tree, 0o755); err != nil {
		return err
	}
	var err error
	if w.root, err = os.OpenRoot(w.tree); err != nil {
		return err
	}
	if w.began, err = w.git.moment(at); err != nil {
		return err
	}
	if _, err := w.advance(at); err != nil {
		return err
	}
	w.start = maps.Clone(w.files)
	if err := w.configure(configFile); err != nil {
		return err
	}
	remote, err := w.git.run("config", "--default", "", "--get", "remote.origin.url")
	if err != nil {
		return err
	}
	w.scan = scan.Options{Root: w.tree, CacheDir: filepath.Join(w.temp, "cache"), Remote: strings.TrimSpace(remote), Ignore: w.config.Ignore}
	if w.scan.Detectors, err = w.detectors(); err != nil {
		return err
	}
	if err := w.look(ctx); err != nil {
		return err
	}
	w.problems = len(w.inventory.Problems)
	w.pins.begin(w.inventory.Pins)
	w.seen.see(w.inventory.Pins, nil)
	return nil
}

func (w *walk) close() {
	if w.root != nil {
		_ = w.root.Close()
	}
	_ = os.RemoveAll(w.temp) // a temporary copy: what is left is the system's to clear
}

// configure reads the repository's promoter.yaml as it stood at the start, or
// the one that was named.
func (w *walk) configure(named string) error {
	name, data, err := named, []byte(nil), error(nil)
	if named != "" {
		data, err = os.ReadFile(named)
	} else {
		name = config.Name
		data, err = w.root.ReadFile(config.Name)
		if errors.Is(err, fs.ErrNotExist) {
			w.config = config.Default()
			return nil
		}
	}
	if err != nil {
		return fmt.Errorf("read configuration: %w", err)
	}
	w.config, err = config.Parse(name, data)
	return err
}

func (w *walk) detectors() ([]detectors.Detector, error) {
	var rules []extractor.Rule
	for _, x := range w.config.Extractors {
		for _, files := range x.Files {
			rules = append(rules, extractor.Rule{Name: x.Name, Files: files, Match: x.Match, Kind: promoter.Kind(x.Kind), Dep: x.Of, Source: x.Source})
		}
	}
	if len(rules) == 0 {
		return all.List(), nil
	}
	own, err := extractor.New(rules)
	if err != nil {
		return nil, err
	}
	return all.List(own), nil
}

// step goes on by one commit.
func (w *walk) step(ctx context.Context, c *commit) error {
	before := w.inventory
	changes, err := w.advance(c.id)
	if err != nil {
		return err
	}
	renamed := map[string]string{}
	for _, ch := range changes {
		c.yaml = c.yaml || w.mayHold(ch)
		if ch.old != "" && ch.path != "" && ch.old != ch.path {
			renamed[ch.old] = ch.path
			w.origin[ch.path] = w.was(ch.old)
		}
	}
	if !c.yaml {
		return nil
	}
	if err := w.look(ctx); err != nil {
		return err
	}
	w.pins.follow(w.inventory.Pins, renamed, func(file string) bool { return w.files[file] != "" }, c)
	w.seen.see(w.inventory.Pins, c)
	if !c.bot {
		return nil
	}
	for _, ch := range changes {
		if err := w.outside(ch, before, c); err != nil {
			return err
		}
	}
	return nil
}

// was is where a file stood at the start, as far as renames tell.
func (w *walk) was(file string) string {
	if old, ok := w.origin[file]; ok {
		return old
	}
	return file
}

// mayHold reports whether a scan may look into what changed.
func (w *walk) mayHold(c change) bool {
	return w.mayRead(c.old) || w.mayRead(c.path)
}

func (w *walk) mayRead(file string) bool {
	return isYAML(file) || slices.ContainsFunc(w.scan.Detectors, func(d detectors.Detector) bool {
		want, ok := d.(scan.Wanter)
		return ok && file != "" && want.Wants(file)
	})
}

func isYAML(file string) bool {
	switch path.Ext(file) {
	case ".yaml", ".yml", ".json", ".tpl", ".gotmpl", ".tmpl":
		return true
	}
	return strings.EqualFold(path.Base(file), "kustomization")
}

func (w *walk) look(ctx context.Context) error {
	inv, err := scan.Run(ctx, w.scan)
	if err != nil {
		return fmt.Errorf("scan commit %s: %w", w.head, err)
	}
	if inv.CacheErr != nil {
		return fmt.Errorf("scan commit %s: keep the cache: %w", w.head, inv.CacheErr)
	}
	w.config.Place(inv.Pins)
	w.inventory = inv
	return nil
}

// advance makes the copy hold a commit.
func (w *walk) advance(to string) ([]change, error) {
	changes, err := w.git.changes(w.head, to)
	if err != nil {
		return nil, err
	}
	// What is gone first: a directory may take a file's place.
	for _, c := range changes {
		if c.old != "" && (c.old != c.path || c.blob == "") {
			w.remove(c.old)
		}
	}
	for _, c := range changes {
		if c.path == "" || c.blob == "" || path.Base(c.path) == ".gitignore" {
			continue // what Git tracks is scanned, ignored or not; there is no index here to say so
		}
		data, err := w.git.blob(c.blob)
		if err != nil {
			return nil, err
		}
		if err := w.root.MkdirAll(filepath.FromSlash(path.Dir(c.path)), 0o755); err != nil {
			return nil, fmt.Errorf("copy %s: %w", c.path, err)
		}
		if err := w.root.WriteFile(filepath.FromSlash(c.path), data, 0o644); err != nil {
			return nil, fmt.Errorf("copy %s: %w", c.path, err)
		}
		w.files[c.path] = c.blob
	}
	w.head = to
	return changes, nil
}

// remove deletes a file and the directories that it leaves empty.
func (w *walk) remove(file string) {
	delete(w.files, file)
	for file != "." && w.root.Remove(filepath.FromSlash(file)) == nil {
		file = path.Dir(file)
	}
}

// pinsIn are the pins of one file, which lie together.
func pinsIn(inv *scan.Inventory, file string) []promoter.Pin {
	from, found := slices.BinarySearchFunc(inv.Pins, file, func(p promoter.Pin, f string) int { return strings.Compare(p.Place.File, f) })
	if !found {
		return nil
	}
	to := from
	for to < len(inv.Pins) && inv.Pins[to].Place.File == file {
		to++
	}
	return inv.Pins[from:to]
}
