package source

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"promoter/promoter"
)

// Sighting is a version's content and when it was first observed.
type Sighting struct {
	Digest string // empty where the listing gave none
	At     time.Time
}

// Seen records that a version with this digest (empty: not known) was
// observed now, and returns when it was observed first, by this or an earlier
// run. For an artifact never looked at before that is now for all of its
// versions. Nobody but this cache can date it back; losing the cache makes
// releases look new, which holds them longer and never promotes them sooner.
func (c *Client) Seen(a promoter.Artifact, version, digest string) time.Time {
	return c.seen.see(a, version, digest, c.now())
}

// Sightings lists what was observed of one version, in order of time. More
// than one digest means that the publisher replaced its content.
func (c *Client) Sightings(a promoter.Artifact, version string) []Sighting {
	return c.seen.of(a, version)
}

// maxDigests bounds what is kept of one version: tags like "latest" change
// their content every night. The first and the newest stay.
const maxDigests = 16

// seen keeps one text file per shelf: a header with its name, then lines of
// Unix time, version and digest, escaped, sorted. Times are in seconds. What is
// listed together stands on one shelf: all charts of a repository, because a
// file each costs more than reading the index; other artifacts one by one.
type seen struct {
	dir string

	mu    sync.Mutex
	files map[promoter.Artifact]*seenFile
}

type seenFile struct {
	versions map[string][]Sighting
	dirty    bool
}

// shelve returns the shelf of an artifact, and what its version is called there.
func shelve(a promoter.Artifact, version string) (promoter.Artifact, string) {
	if a.Kind == promoter.Chart && !a.OCI() {
		return promoter.Artifact{Kind: a.Kind, Source: a.Source}, a.Name + " " + version
	}
	return a, version
}

func newSeen(dir string) *seen {
	return &seen{dir: dir, files: map[promoter.Artifact]*seenFile{}}
}

func (s *seen) see(a promoter.Artifact, version, digest string, now time.Time) time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	now = now.Truncate(time.Second)
	a, version = shelve(a, version)
	f := s.file(a)
	list := f.versions[version]
	for i := range list {
		if list[i].Digest != digest {
			continue
		}
		if list[i].At.After(now) { // the clock was wrong once
			list[i].At, f.dirty = now, true
		}
		return list[i].At
	}
	f.versions[version] = bounded(append(list, Sighting{digest, now}))
	f.dirty = true
	return now
}

func bounded(list []Sighting) []Sighting {
	if len(list) > maxDigests {
		list = slices.Delete(list, 1, 1+len(list)-maxDigests)
	}
	return list
}

func (s *seen) of(a promoter.Artifact, version string) []Sighting {
	s.mu.Lock()
	defer s.mu.Unlock()
	a, version = shelve(a, version)
	return slices.Clone(s.file(a).versions[version])
}

func (s *seen) file(a promoter.Artifact) *seenFile {
	f := s.files[a]
	if f == nil {
		f = &seenFile{versions: readSeen(s.path(a), a)}
		s.files[a] = f
	}
	return f
}

func (s *seen) path(a promoter.Artifact) string {
	sum := sha256.Sum256([]byte(seenHeader(a)))
	return filepath.Join(s.dir, hex.EncodeToString(sum[:16]))
}

func seenHeader(a promoter.Artifact) string {
	return "seen " + url.QueryEscape(string(a.Kind)) + " " + url.QueryEscape(a.Source) + " " + url.QueryEscape(a.Name)
}

// readSeen reads what it can: a damaged line is a sighting forgotten.
func readSeen(path string, a promoter.Artifact) map[string][]Sighting {
	versions := map[string][]Sighting{}
	data, err := os.ReadFile(path)
	if err != nil {
		return versions
	}
	lines := bufio.NewScanner(bytes.NewReader(data))
	if !lines.Scan() || lines.Text() != seenHeader(a) {
		return versions
	}
	for lines.Scan() {
		f := strings.Split(lines.Text(), " ")
		if len(f) != 3 {
			continue
		}
		unix, err1 := strconv.ParseInt(f[0], 10, 64)
		version, err2 := url.QueryUnescape(f[1])
		digest, err3 := url.QueryUnescape(f[2])
		if err1 != nil || err2 != nil || err3 != nil {
			continue
		}
		versions[version] = append(versions[version], Sighting{digest, time.Unix(unix, 0).UTC()})
	}
	return versions
}

// flush writes what is new. Another process may have written meanwhile: of
// the same sighting the earlier time stays.
func (s *seen) flush(now time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var errs []error
	for a, f := range s.files {
		path := s.path(a)
		if !f.dirty {
			_ = os.Chtimes(path, now, now) // it was looked at: prune must know
			continue
		}
		for version, theirs := range readSeen(path, a) {
			f.versions[version] = merge(f.versions[version], theirs)
		}
		var out bytes.Buffer
		fmt.Fprintln(&out, seenHeader(a))
		for _, v := range slices.Sorted(maps.Keys(f.versions)) {
			for _, e := range f.versions[v] {
				fmt.Fprintln(&out, e.At.Unix(), url.QueryEscape(v), url.QueryEscape(e.Digest))
			}
		}
		if err := writeAtomic(path, out.Bytes()); err != nil {
			errs = append(errs, err)
			continue
		}
		f.dirty = false
	}
	return errors.Join(errs...)
}

func merge(ours, theirs []Sighting) []Sighting {
	for _, t := range theirs {
		i := slices.IndexFunc(ours, func(o Sighting) bool { return o.Digest == t.Digest })
		switch {
		case i < 0:
			ours = append(ours, t)
		case t.At.Before(ours[i].At):
			ours[i].At = t.At
		}
	}
	slices.SortStableFunc(ours, func(a, b Sighting) int { return a.At.Compare(b.At) })
	return bounded(ours)
}

// prune forgets artifacts that no run has looked at for a year.
func (s *seen) prune(now time.Time) error {
	entries, err := os.ReadDir(s.dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("prune first-seen times: %w", err)
	}
	for _, e := range entries {
		if info, err := e.Info(); err == nil && now.Sub(info.ModTime()) > 365*24*time.Hour {
			_ = os.Remove(filepath.Join(s.dir, e.Name()))
		}
	}
	return nil
}
