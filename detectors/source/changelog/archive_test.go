package changelog

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"strings"
	"testing"
)

type file struct {
	name, text string
	kind       byte
}

func packed(t testing.TB, files ...file) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, f := range files {
		h := &tar.Header{Name: f.name, Mode: 0o644, Size: int64(len(f.text)), Typeflag: tar.TypeReg}
		if f.kind != 0 {
			h.Typeflag, h.Size, h.Linkname = f.kind, 0, "elsewhere"
		}
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if h.Size > 0 {
			if _, err := io.WriteString(w, f.text); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func zipped(t testing.TB, data []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write(data); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestInArchive(t *testing.T) {
	t.Parallel()
	chart := file{name: "redis/Chart.yaml", text: "name: redis\n"}
	for name, c := range map[string]struct {
		files []file
		want  string
		err   error
	}{
		"beside Chart.yaml":         {[]file{chart, {name: "redis/CHANGELOG.md", text: "ours"}}, "ours", nil},
		"in other letters":          {[]file{chart, {name: "./redis/Changelog", text: "ours"}}, "ours", nil},
		"the best of several":       {[]file{{name: "redis/CHANGES.md", text: "no"}, {name: "redis/CHANGELOG.md", text: "ours"}, {name: "redis/changelog.txt", text: "no"}}, "ours", nil},
		"not a subchart's":          {[]file{chart, {name: "redis/charts/common/CHANGELOG.md", text: "theirs"}}, "", ErrNone},
		"not beside the chart":      {[]file{chart, {name: "CHANGELOG.md", text: "whose"}}, "", ErrNone},
		"not a way out of it":       {[]file{chart, {name: "redis/../CHANGELOG.md", text: "whose"}, {name: "../CHANGELOG.md", text: "whose"}, {name: "/CHANGELOG.md", text: "whose"}}, "", ErrNone},
		"not a link":                {[]file{chart, {name: "redis/CHANGELOG.md", kind: tar.TypeSymlink}}, "", ErrNone},
		"cut where it is too long":  {[]file{{name: "redis/CHANGELOG.md", text: strings.Repeat("a line\n", MaxFile)}}, strings.Repeat("a line\n", MaxFile/7), nil},
		"an archive with no file":   {nil, "", ErrNone},
		"an empty one is no reason": {[]file{{name: "redis/CHANGELOG.md"}}, "", nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			plain := packed(t, c.files...)
			for _, data := range [][]byte{plain, zipped(t, plain)} {
				got, err := InArchive(bytes.NewReader(data))
				if string(got) != c.want || !errors.Is(err, c.err) {
					t.Errorf("got %.40q, %v; want %.40q, %v", got, err, c.want, c.err)
				}
			}
		})
	}
}

func TestBrokenArchives(t *testing.T) {
	t.Parallel()
	whole := zipped(t, packed(t, file{name: "redis/Chart.yaml", text: strings.Repeat("x", 4096)}, file{name: "redis/CHANGELOG.md", text: strings.Repeat("y", 4096)}))
	for name, data := range map[string][]byte{
		"cut":      whole[:len(whole)/2],
		"a page":   []byte("<html>" + strings.Repeat(" ", 600) + "</html>"),
		"not gzip": {0x1f, 0x8b, 0, 0},
	} {
		if got, err := InArchive(bytes.NewReader(data)); err == nil || errors.Is(err, ErrNone) {
			t.Errorf("%s: got %q, %v", name, got, err)
		}
	}
	// 100 MB of nothing are 100 kB of archive.
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	w := tar.NewWriter(z)
	if err := w.WriteHeader(&tar.Header{Name: "redis/big", Mode: 0o644, Size: maxUnpacked, Typeflag: tar.TypeReg}); err != nil {
		t.Fatal(err)
	}
	zeros := make([]byte, 1<<20)
	for range maxUnpacked >> 20 {
		if _, err := w.Write(zeros); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(w.WriteHeader(&tar.Header{Name: "redis/CHANGELOG.md", Mode: 0o644, Typeflag: tar.TypeReg}), w.Close(), z.Close()); err != nil {
		t.Fatal(err)
	}
	if got, err := InArchive(&b); !errors.Is(err, errTooLarge) {
		t.Errorf("a bomb: got %q, %v", got, err)
	}
}

func FuzzInArchive(f *testing.F) {
	plain := packed(f, file{name: "redis/Chart.yaml", text: "a"}, file{name: "redis/CHANGELOG.md", text: "b"})
	f.Add(plain)
	f.Add(zipped(f, plain))
	f.Fuzz(func(t *testing.T, data []byte) {
		got, err := InArchive(bytes.NewReader(data))
		if len(got) > MaxFile || err != nil && got != nil {
			t.Errorf("%d bytes, %v", len(got), err)
		}
	})
}
