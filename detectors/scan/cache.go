package scan

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"reflect"

	"promoter/detectors"
)

// stamp is what the file system says about a file without it being read.
type stamp struct {
	size  int64
	mtime int64  // nanoseconds
	ctime int64  // nanoseconds; 0 where the system does not tell
	inode uint64 // 0 where the system does not tell
}

// settled reports whether a file that is read after the moment start must
// show another stamp when it changes again: its times lie in an earlier tick
// of the clock than start. Git's index has the same rule. Times in whole
// seconds come from a file system that counts in seconds or pairs of them.
func (s stamp) settled(start int64) bool {
	const second = int64(1e9)
	for _, t := range [2]int64{s.mtime, s.ctime} {
		if t >= start || t != 0 && t%second == 0 && t+2*second > start {
			return false
		}
	}
	return true
}

type contentHash = [sha256.Size]byte

// entry is what the cache knows about one file.
type entry struct {
	stamp   stamp
	settled bool // the stamp alone vouches for the content
	hash    contentHash
	report  string // encoded
}

// cache is the reports of an earlier scan. What it says of a file holds while
// the file has the same stamp, or else the same content. It is read whole and
// then only looked at, so that readers share it.
type cache struct {
	path    string // of the file; empty without a cache
	version [sha256.Size]byte
	entries map[string]entry
	table   []string // the strings that encoded reports refer to

	start int64    // when this scan began, by the clock of the cache's file system
	next  *os.File // the file that will replace the cache
}

// openCache reads the cache for the repository at root. An error says why no
// cache can be written; one that is damaged, or that another version wrote, is
// as good as none. The cache must be saved or dropped.
func openCache(dir, root string, list []detectors.Detector) (*cache, error) {
	version, err := cacheVersion(list)
	if err != nil {
		return nil, fmt.Errorf("open scan cache: %w", err)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("open scan cache: %w", err)
	}
	next, err := os.CreateTemp(dir, "scan-*.tmp")
	if err != nil {
		return nil, fmt.Errorf("open scan cache: %w", err)
	}
	key := sha256.Sum256([]byte(root))
	c := &cache{
		path:    filepath.Join(dir, "scan-"+hex.EncodeToString(key[:8])+".bin"),
		version: version,
		next:    next,
	}
	info, err := next.Stat()
	if err != nil {
		c.drop()
		return nil, fmt.Errorf("open scan cache: %w", err)
	}
	c.start = info.ModTime().UnixNano()
	if data, err := os.ReadFile(c.path); err == nil {
		c.load(data)
	}
	return c, nil
}

// drop leaves the cache on disk as it is.
func (c *cache) drop() {
	c.next.Close()
	os.Remove(c.next.Name())
}

// decode gives a file's report; ok is false when the entry is damaged.
func (c *cache) decode(e entry) (r *detectors.Report, ok bool) {
	in := coder{use: decode, in: e.report, table: c.table}
	r = &detectors.Report{}
	in.report(r)
	return r, !in.bad && in.in == ""
}

// cacheFormat is raised when the meaning of the file's bytes changes.
const cacheFormat = 1

// cacheVersion changes with everything that a report depends on beside the
// file's content and path: the detectors and their settings, the program that
// holds them, the shape of a Report.
func cacheVersion(list []detectors.Detector) (version [sha256.Size]byte, err error) {
	h := sha256.New()
	fmt.Fprintln(h, cacheFormat)
	for _, d := range list {
		fmt.Fprintf(h, "%q %T", d.Name(), d)
		if f, ok := d.(Fingerprinter); ok {
			fmt.Fprintf(h, " %q", f.Fingerprint())
		} else if hasSettings(d) {
			return version, fmt.Errorf("detector %s has settings and no fingerprint of them", d.Name())
		}
		fmt.Fprintln(h)
	}
	if exe, err := os.Executable(); err == nil {
		if info, err := os.Stat(exe); err == nil {
			fmt.Fprintln(h, info.Size(), info.ModTime().UnixNano())
		}
	}
	writeShape(h, reflect.TypeFor[detectors.Report]())
	return [sha256.Size]byte(h.Sum(nil)), nil
}

// hasSettings reports whether two detectors of d's type may differ.
func hasSettings(d detectors.Detector) bool {
	typ := reflect.TypeOf(d)
	if typ.Kind() == reflect.Pointer {
		typ = typ.Elem()
	}
	return typ.Size() > 0
}

// Fingerprinter is a Detector with settings. Its fingerprint differs whenever
// they do, so that reports made with others are not taken for its own.
type Fingerprinter interface {
	detectors.Detector
	Fingerprint() string
}

func writeShape(w io.Writer, t reflect.Type) {
	fmt.Fprintln(w, t)
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Map:
		writeShape(w, t.Elem())
	case reflect.Struct:
		for i := range t.NumField() {
			fmt.Fprint(w, t.Field(i).Name, " ")
			writeShape(w, t.Field(i).Type)
		}
	}
}

// The file is: magic; version (32 bytes); CRC-32 of all that follows (4
// bytes); start of the scan; count of strings, their lengths, their text;
// count of files, and per file: path, stamp, content hash, length of its
// report, its report. Numbers are varints; paths, as the strings in reports,
// are indexes of strings.
const cacheMagic = "promoter scan\n"

const headerSize = len(cacheMagic) + sha256.Size + 4

func (c *cache) load(data []byte) {
	if len(data) < headerSize || string(data[:len(cacheMagic)]) != cacheMagic {
		return
	}
	version, data := data[len(cacheMagic):][:sha256.Size], data[len(cacheMagic)+sha256.Size:]
	if string(version) != string(c.version[:]) {
		return
	}
	sum, data := binary.LittleEndian.Uint32(data), data[4:]
	if crc32.Checksum(data, crc32.MakeTable(crc32.Castagnoli)) != sum {
		return
	}
	in := coder{use: decode, in: string(data)}
	start := in.varint()
	in.strings()
	n := in.count()
	entries := make(map[string]entry, n)
	for range n {
		var e entry
		var path string
		in.str(&path)
		e.stamp = stamp{size: in.varint(), mtime: in.varint(), ctime: in.varint(), inode: in.uvarint()}
		copy(e.hash[:], in.take(sha256.Size))
		e.report = in.take(in.count())
		e.settled = e.stamp.settled(start)
		entries[path] = e
	}
	if !in.bad {
		c.entries, c.table = entries, in.table
	}
}

// keep ends the cache's use: it is saved unless nothing in it has changed.
func (c *cache) keep(files []outcome, read int) error {
	if read == 0 && len(files) == len(c.entries) {
		c.drop()
		return nil
	}
	return c.save(files)
}

// save replaces the cache on disk by what this scan found, whole or not at
// all.
func (c *cache) save(files []outcome) (err error) {
	defer func() {
		if err != nil {
			c.drop()
			err = fmt.Errorf("write scan cache: %w", err)
		}
	}()
	// Of a file there are at least its path and name, and about so many bytes.
	body := coder{use: encode, texts: make(map[string]uint64, 2*len(files)), out: make([]byte, 0, 160*len(files))}
	one := coder{use: encode, texts: body.texts}
	n := 0
	for i := range files {
		f := &files[i]
		if !f.cacheable {
			continue
		}
		n++
		body.str(&f.path)
		body.varint64(f.stamp.size)
		body.varint64(f.stamp.mtime)
		body.varint64(f.stamp.ctime)
		body.out = binary.AppendUvarint(body.out, f.stamp.inode)
		body.out = append(body.out, f.hash[:]...)
		// Both coders write one table of strings.
		one.out, one.order = one.out[:0], body.order
		one.report(f.report)
		body.order = one.order
		body.out = binary.AppendUvarint(body.out, uint64(len(one.out)))
		body.out = append(body.out, one.out...)
	}
	head := coder{use: encode}
	head.varint64(c.start)
	head.out = binary.AppendUvarint(head.out, uint64(len(body.order)))
	for _, s := range body.order {
		head.out = binary.AppendUvarint(head.out, uint64(len(s)))
	}
	for _, s := range body.order {
		head.out = append(head.out, s...)
	}
	head.out = binary.AppendUvarint(head.out, uint64(n))

	table := crc32.MakeTable(crc32.Castagnoli)
	sum := crc32.Update(crc32.Checksum(head.out, table), table, body.out)
	begin := append([]byte(cacheMagic), c.version[:]...)
	begin = binary.LittleEndian.AppendUint32(begin, sum)
	for _, part := range [][]byte{begin, head.out, body.out} {
		if _, err := c.next.Write(part); err != nil {
			return err
		}
	}
	if err := errors.Join(c.next.Close(), os.Rename(c.next.Name(), c.path)); err != nil {
		return err
	}
	return nil
}
