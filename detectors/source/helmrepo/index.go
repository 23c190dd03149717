package helmrepo

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"time"
)

// changesKey is the annotation in which a chart's publisher lists changes.
const changesKey = "artifacthub.io/changes"

// maxKept bounds the text kept of one index, and what its entries take.
const maxKept = 128 << 20

// Entry is one version of a chart in an index.
type Entry struct {
	Name       string
	Version    string
	AppVersion string
	Digest     string
	Created    time.Time // zero when the index does not say
	Deprecated bool
	KubeRange  string // kubeVersion, a constraint
	Home       string
	Changes    string // annotation artifacthub.io/changes
}

// Index is what was carved out of a repository's index.
type Index struct {
	// Charts are the entries of each chart that was asked for and is in the
	// index, in Helm's order: newest first.
	Charts map[string][]Entry
	// Unread are charts that are in the index with an entry that Helm's
	// loader would refuse to parse.
	Unread map[string]error
	// Whole is positive evidence that the list of charts was not cut off:
	// something follows it. Only then does a chart's absence mean anything.
	Whole bool
	// Full says why the whole index had to be parsed; nil when it was not.
	Full error
}

var (
	errTruncated = errors.New("read index: truncated: it ends within a line")
	errNoEntries = errors.New("read index: no entries: it is truncated, or not a chart repository's index")
)

// ReadIndex reads the entries of the given charts from the first size bytes of
// src, an index.yaml, which may also be JSON. For what Helm's loader accepts,
// the answer is Helm's, with these exceptions, which are errors: an index
// without entries, one that ends without a line break within its entries, and
// one whose last entry has no version and is followed by nothing.
//
// Entries of other charts are stepped over, not judged: an index that Helm
// refuses because of one of them can still be read.
func ReadIndex(src io.ReaderAt, size int64, charts []string) (*Index, error) {
	return readIndex(src, size, charts, nil)
}

// readIndex is ReadIndex that shows each entry's own text, before it is judged.
func readIndex(src io.ReaderAt, size int64, charts []string, each func(raw []byte)) (*Index, error) {
	var head [512]byte
	n, err := src.ReadAt(head[:min(size, int64(len(head)))], 0)
	if n == 0 {
		if err == nil || err == io.EOF {
			return nil, errors.New("read index: it is empty")
		}
		return nil, fmt.Errorf("read index: %w", err)
	}
	start := bytes.TrimLeft(head[:n], " \t\r\n")
	switch {
	case bytes.HasPrefix(start, []byte("<")):
		return nil, errors.New("read index: it is an HTML or XML page, not an index")
	case bytes.HasPrefix(head[:n], []byte{0x1f, 0x8b}):
		return nil, errors.New("read index: it is compressed")
	case bytes.HasPrefix(start, []byte("{")):
		x, err := readJSON(src, size, charts, each)
		var odd *layoutError
		if errors.As(err, &odd) {
			return readFull(src, size, charts, each, err)
		}
		return x, err
	}
	x, err := scanIndex(src, size, charts, each)
	var odd *layoutError
	if errors.As(err, &odd) {
		return readFull(src, size, charts, each, err)
	}
	return x, err
}
