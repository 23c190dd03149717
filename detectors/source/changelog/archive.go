package changelog

import (
	"archive/tar"
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"
)

// The bounds of what is read for a few lines of text.
const (
	// MaxArchive bounds a chart's archive as it is fetched.
	MaxArchive = 20 << 20
	// maxUnpacked bounds what is unpacked of it.
	maxUnpacked = 100 << 20
	// MaxFile bounds a changelog: what is longer is cut at its end, where the
	// oldest versions are.
	MaxFile = 2 << 20
)

// ErrNone says that an archive holds no changelog.
var ErrNone = errors.New("no changelog in it")

var errTooLarge = fmt.Errorf("it unpacks to more than %d MB", maxUnpacked>>20)

// InArchive returns the changelog of the chart in an archive, not those of the
// charts that it carries along. The archive is a tar file, compressed with gzip
// or not (servers that say so in a header have it unpacked on the way). It is
// ErrNone where there is no such file.
func InArchive(archive io.Reader) ([]byte, error) {
	in := bufio.NewReader(archive)
	var unpacked io.Reader = in
	if magic, err := in.Peek(2); err == nil && magic[0] == 0x1f && magic[1] == 0x8b {
		if unpacked, err = gzip.NewReader(in); err != nil {
			return nil, fmt.Errorf("read archive: %w", err)
		}
	}
	files := tar.NewReader(&bounded{r: unpacked, left: maxUnpacked})
	var found []byte
	best := 0
	for best < len(names) {
		h, err := files.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("read archive: %w", err)
		}
		rank := rankOf(h.Name)
		if h.Typeflag != tar.TypeReg || rank <= best {
			continue
		}
		if found, err = head(files); err != nil {
			return nil, fmt.Errorf("read archive: %w", err)
		}
		best = rank
	}
	if best == 0 {
		return nil, ErrNone
	}
	return found, nil
}

// names are those of a changelog, the best last.
var names = [...]string{"changes.md", "changelog", "changelog.txt", "changelog.rst", "changelog.markdown", "changelog.md"}

// rankOf is the place of a file's name among names, from 1; 0 for one that is
// not a changelog of the chart itself.
func rankOf(file string) int {
	dir, base := path.Split(path.Clean(file))
	if dir = strings.TrimSuffix(dir, "/"); dir == "" || dir == ".." || strings.Contains(dir, "/") {
		return 0
	}
	for i, n := range names {
		if strings.EqualFold(base, n) {
			return i + 1
		}
	}
	return 0
}

// head reads a file up to MaxFile, and then up to its last whole line.
func head(r io.Reader) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(r, MaxFile+1))
	if err != nil {
		return nil, err
	}
	return Head(data), nil
}

// Head cuts a changelog that is longer than MaxFile at the end of a line.
func Head(data []byte) []byte {
	if len(data) <= MaxFile {
		return data
	}
	data = data[:MaxFile]
	return data[:bytes.LastIndexByte(data, '\n')+1]
}

// bounded fails a read beyond its bytes: to end there would look like the
// archive's own end.
type bounded struct {
	r    io.Reader
	left int64
}

func (b *bounded) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, errTooLarge
	}
	n, err := b.r.Read(p[:min(int64(len(p)), b.left)])
	b.left -= int64(n)
	return n, err
}
