package scan

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"

	"promoter/detectors"
)

// outcome is one file's part of a scan.
type outcome struct {
	path      string
	format    format
	report    *detectors.Report
	stamp     stamp
	hash      contentHash
	read      bool // its bytes were read
	parsed    bool // detectors ran on it
	cacheable bool // the report follows from path and content alone
}

// maxReaders bounds the files in hand, and with them the memory.
const maxReaders = 4

// progressEvery is the number of files between two calls of Progress.
const progressEvery = 64

// readAll reports on every path that some detector may want, in their order.
// known may be nil.
func readAll(ctx context.Context, root string, paths []string, known *cache, o Options) ([]outcome, error) {
	formats := make([]format, len(paths))
	wanted := 0
	for i, path := range paths {
		if formats[i] = formatFor(path, o.Detectors); formats[i] != unread {
			wanted++
		}
	}
	files := make([]outcome, 0, wanted)
	for i, path := range paths {
		if formats[i] != unread {
			files = append(files, outcome{path: path, format: formats[i]})
		}
	}
	var (
		next, done atomic.Int64
		progress   sync.Mutex
		wait       sync.WaitGroup
	)
	// A few files at a time, so that neither the counter nor a slow file
	// holds the others up.
	const batch = 16
	for range min(runtime.GOMAXPROCS(0), maxReaders) {
		wait.Go(func() {
			r := loader{reader: newReader(o.Detectors, o.MaxFileBytes), root: root + string(filepath.Separator), known: known}
			for ctx.Err() == nil {
				from := int(next.Add(batch)) - batch
				if from >= len(files) {
					return
				}
				to := min(from+batch, len(files))
				for i := from; i < to; i++ {
					r.load(&files[i])
				}
				n := int(done.Add(int64(to - from)))
				if o.Progress != nil && (n/progressEvery != (n-(to-from))/progressEvery || n == len(files)) {
					progress.Lock()
					o.Progress(n, len(files))
					progress.Unlock()
				}
			}
		})
	}
	wait.Wait()
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("scan repository: %w", err)
	}
	return files, nil
}

// loader is one goroutine's way from paths to reports.
type loader struct {
	*reader
	root  string // with a separator at its end
	known *cache
	buf   []byte
}

func (l *loader) load(f *outcome) {
	name := l.root + filepath.FromSlash(f.path)
	var was entry
	var seen bool
	if l.known != nil {
		if was, seen = l.known.entries[f.path]; seen && was.settled {
			if info, err := os.Lstat(name); err == nil && stampOf(info) == was.stamp {
				if report, ok := l.known.decode(was); ok {
					f.report, f.stamp, f.hash, f.cacheable = report, was.stamp, was.hash, true
					return
				}
			}
		}
	}
	f.read = true
	data, err := l.content(f, name)
	if err != nil {
		f.report = &detectors.Report{}
		if !errors.Is(err, errUnwanted) {
			f.report = wrong(problem(f.path, 0, err.Error()))
		}
		return
	}
	if l.known != nil {
		f.cacheable = true
		f.hash = sha256.Sum256(data)
		if seen && f.hash == was.hash {
			if report, ok := l.known.decode(was); ok {
				f.report = report
				return
			}
		}
	}
	f.parsed = true
	f.report = l.reader.read(f.path, data, f.format)
}

// errUnwanted marks a file that is left out without a word.
var errUnwanted = errors.New("not a manifest")

// content reads a file into the loader's buffer, which the next call uses
// again. It notes the file's stamp as it was before the first byte was read.
func (l *loader) content(f *outcome, name string) ([]byte, error) {
	in, err := open(name)
	if err != nil {
		return nil, fmt.Errorf("read file: %w", reason(err))
	}
	defer in.Close()
	var regular bool
	if f.stamp, regular, err = in.stamp(); err != nil {
		return nil, fmt.Errorf("read file: %w", reason(err))
	}
	if !regular {
		return nil, errors.New("read file: no longer a regular file")
	}
	if f.stamp.size > l.maxBytes {
		if !l.manifest(in, f.path, f.format) {
			return nil, errUnwanted
		}
		return nil, errors.New(tooLarge(f.path, f.stamp.size, l.maxBytes).Message)
	}
	if need := int(f.stamp.size) + 1; cap(l.buf) < need {
		l.buf = make([]byte, max(need, 64<<10, 2*cap(l.buf)))
	}
	n := 0
	for n < cap(l.buf) {
		got, err := in.Read(l.buf[n:cap(l.buf)])
		n += got
		if err == io.EOF {
			return l.buf[:n], nil
		}
		if err != nil {
			return nil, fmt.Errorf("read file: %w", reason(err))
		}
		if int64(n) == f.stamp.size {
			// One more read would only say that this is the end. A file that
			// grew meanwhile has another stamp the next time.
			return l.buf[:n], nil
		}
	}
	return nil, errors.New("read file: it grew while it was read")
}

// manifest reports whether the begin of a file that is too large to be read
// looks like something to read: a JSON file mostly is data.
func (l *loader) manifest(in io.Reader, path string, format format) bool {
	if format == yamlText {
		return true
	}
	head := make([]byte, 4<<10)
	n, _ := io.ReadFull(in, head) // a short or failed read leaves less to look at
	return l.plausible(path, head[:n], format)
}
