package source

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// cache keeps answers in files: for each key KEY.json, which names the file
// that holds the body. Both appear by renaming, so a reader in this or
// another process sees an answer whole or not at all. It is only ever an
// aid: what cannot be read is as good as absent.
type cache struct{ dir string }

// entry is what KEY.json holds.
type entry struct {
	URL          string    `json:"url"` // for people who look into the cache
	ETag         string    `json:"etag,omitempty"`
	LastModified string    `json:"lastModified,omitempty"`
	ContentType  string    `json:"contentType,omitempty"`
	Link         []string  `json:"link,omitempty"`
	At           time.Time `json:"at"`
	Body         string    `json:"body"` // file name beside this one
	Size         int64     `json:"size"`
}

// orphanAge is how long a body that no entry names is left alone: somebody
// may still be reading it.
const orphanAge = time.Hour

func cacheKey(url, accept string) string {
	sum := sha256.Sum256([]byte("GET " + url + "\nAccept: " + accept))
	return hex.EncodeToString(sum[:16])
}

func (c *cache) path(key string) string { return filepath.Join(c.dir, key[:2], key+".json") }

// load returns the entry of a key if it and its body are there.
func (c *cache) load(key string) (entry, bool) {
	data, err := os.ReadFile(c.path(key))
	if err != nil {
		return entry{}, false
	}
	var e entry
	if json.Unmarshal(data, &e) != nil || e.Body == "" || e.Body != filepath.Base(e.Body) {
		return entry{}, false
	}
	info, err := os.Stat(filepath.Join(c.dir, e.Body[:min(2, len(e.Body))], e.Body))
	if err != nil || info.Size() != e.Size {
		return entry{}, false
	}
	return e, true
}

func (c *cache) body(e entry, fromCache bool) *Body {
	u, err := url.Parse(e.URL)
	if err != nil {
		u = &url.URL{}
	}
	return &Body{
		Path: filepath.Join(c.dir, e.Body[:2], e.Body), Size: e.Size, FromCache: fromCache,
		At: e.At, ContentType: e.ContentType, Link: e.Link, URL: u,
	}
}

// receive writes a body to a file of its own and returns the file's name.
func (c *cache) receive(key string, fill func(io.Writer) (int64, error)) (name string, size int64, err error) {
	dir := filepath.Join(c.dir, key[:2])
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", 0, fmt.Errorf("make cache: %w", err)
	}
	f, err := os.CreateTemp(dir, key+"-*.part")
	if err != nil {
		return "", 0, fmt.Errorf("write cache: %w", err)
	}
	defer func() {
		if err != nil {
			_ = os.Remove(f.Name())
		}
	}()
	size, err = fill(f)
	if cerr := f.Close(); err == nil && cerr != nil {
		err = fmt.Errorf("write cache: %w", cerr)
	}
	if err != nil {
		return "", 0, err
	}
	whole := strings.TrimSuffix(f.Name(), ".part") + ".body"
	if err = os.Rename(f.Name(), whole); err != nil {
		return "", 0, fmt.Errorf("write cache: %w", err)
	}
	return filepath.Base(whole), size, nil
}

func (c *cache) store(key string, e entry) error {
	data, err := json.Marshal(e)
	if err != nil {
		return fmt.Errorf("write cache: %w", err)
	}
	return writeAtomic(c.path(key), data)
}

// touch remembers that an entry was used, for prune.
func (c *cache) touch(key string, now time.Time) { _ = os.Chtimes(c.path(key), now, now) }

// writeAtomic replaces a file by renaming a complete one over it.
func writeAtomic(path string, data []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("make cache: %w", err)
	}
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+"-*.part")
	if err != nil {
		return fmt.Errorf("write cache: %w", err)
	}
	_, err = io.Copy(f, bytes.NewReader(data))
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		_ = os.Remove(f.Name())
		return fmt.Errorf("write cache: %w", err)
	}
	return nil
}

// prune removes bodies that no entry names and, beyond max bytes, the entries
// that were used longest ago.
func (c *cache) prune(max int64, now time.Time) error {
	type kept struct {
		meta, body string
		size       int64
		used       time.Time
	}
	var entries []kept
	named := map[string]bool{}
	files := map[string]fs.FileInfo{}
	err := filepath.WalkDir(c.dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return nil // what cannot be read cannot be pruned either
		}
		info, err := d.Info()
		if err != nil {
			return nil
		}
		key, isMeta := strings.CutSuffix(d.Name(), ".json")
		if !isMeta {
			files[path] = info
			return nil
		}
		e, ok := entry{}, len(key) > 2
		if ok {
			e, ok = c.load(key)
		}
		if !ok {
			if now.Sub(info.ModTime()) > orphanAge {
				_ = os.Remove(path)
			}
			return nil
		}
		body := filepath.Join(c.dir, e.Body[:2], e.Body)
		named[body] = true
		entries = append(entries, kept{path, body, e.Size + info.Size(), info.ModTime()})
		return nil
	})
	if err != nil {
		return fmt.Errorf("prune cache: %w", err)
	}
	for path, info := range files {
		if !named[path] && now.Sub(info.ModTime()) > orphanAge {
			_ = os.Remove(path)
		}
	}
	slices.SortFunc(entries, func(a, b kept) int {
		return cmp.Or(b.used.Compare(a.used), strings.Compare(a.meta, b.meta))
	})
	var total int64
	for _, e := range entries {
		if total += e.size; total > max {
			_ = os.Remove(e.meta)
			_ = os.Remove(e.body)
		}
	}
	return nil
}
