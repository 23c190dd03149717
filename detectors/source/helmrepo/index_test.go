package helmrepo

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"helm.sh/helm/v3/pkg/repo"
)

// loadWithHelm reads an index with Helm's own loader, which panics on some.
func loadWithHelm(t testing.TB, data []byte) (f *repo.IndexFile, err error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "index.yaml")
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("helm panics: %v", p)
		}
	}()
	return repo.LoadIndexFile(path)
}

func entriesOf(list repo.ChartVersions) []Entry {
	entries := []Entry{}
	for _, v := range list {
		if v == nil {
			continue
		}
		entries = append(entries, Entry{Name: v.Name, Version: v.Version, AppVersion: v.AppVersion, Digest: v.Digest, Created: v.Created,
			Deprecated: v.Deprecated, KubeRange: v.KubeVersion, Home: v.Home, Changes: v.Annotations[changesKey]})
	}
	return entries
}

func readBytes(data []byte, charts []string) (*Index, error) {
	return ReadIndex(bytes.NewReader(data), int64(len(data)), charts)
}

// agree compares the reader with Helm's loader, for all charts and for one
// alone, and returns whether Helm accepts the index and whether it was carved.
func agree(t testing.TB, data []byte) (accepted, carved bool) {
	t.Helper()
	want, err := loadWithHelm(t, data)
	if err != nil {
		// What Helm refuses may be refused or read, but not crash.
		_, _ = readBytes(data, []string{"c0", "c1", "c2", "c3"})
		return false, false
	}
	var names []string
	for name := range want.Entries {
		names = append(names, name)
	}
	asked := append([]string{"no such chart"}, names...)
	got, err := readBytes(data, asked)
	if err != nil {
		if errors.Is(err, errTruncated) || errors.Is(err, errNoEntries) || strings.Contains(err.Error(), "truncated") {
			return true, false // stricter on purpose
		}
		t.Fatalf("helm reads it, and ReadIndex fails: %v\n%s", err, data)
	}
	if len(got.Unread) > 0 {
		t.Fatalf("helm reads it, and ReadIndex refuses charts: %v\n%s", got.Unread, data)
	}
	if len(got.Charts) != len(names) {
		t.Fatalf("ReadIndex has %d charts, helm %d\n%s", len(got.Charts), len(names), data)
	}
	for _, name := range names {
		if d := cmp.Diff(entriesOf(want.Entries[name]), got.Charts[name]); d != "" {
			t.Fatalf("chart %q (-helm +ReadIndex):\n%s\n%s", name, d, data)
		}
		one, err := readBytes(data, []string{name})
		if err != nil && !strings.Contains(err.Error(), "truncated") {
			t.Fatalf("chart %q alone: %v\n%s", name, err, data)
		}
		if err == nil && (len(one.Charts) != 1 || cmp.Diff(got.Charts[name], one.Charts[name]) != "") {
			t.Fatalf("chart %q alone: %v\n%s", name, one.Charts, data)
		}
	}
	return true, got.Full == nil
}

func TestMain(m *testing.M) {
	log.SetOutput(io.Discard) // Helm's loader logs every entry it skips
	if helperMain() {
		return
	}
	os.Exit(m.Run())
}

func TestReadIndexAgreesWithHelm(t *testing.T) {
	t.Parallel()
	for _, odd := range []int{1000, 60, 12, 4} {
		t.Run(fmt.Sprintf("one in %d is odd", odd), func(t *testing.T) {
			t.Parallel()
			var accepted, carved int
			const n = 400
			for seed := range uint64(n) {
				ok, fast := agree(t, writeIndex(seed+uint64(odd)<<32, odd))
				if ok {
					accepted++
				}
				if fast {
					carved++
				}
			}
			t.Logf("of %d indexes helm accepts %d; carved without a full parse: %d", n, accepted, carved)
			if odd == 1000 && (accepted < n/2 || carved < accepted*9/10) {
				t.Errorf("of %d indexes helm accepts %d, %d were carved: the test says too little", n, accepted, carved)
			}
		})
	}
}

func FuzzReadIndex(f *testing.F) {
	for seed := range uint64(40) {
		f.Add(writeIndex(seed, 5))
	}
	for _, c := range layouts {
		f.Add([]byte(c.index))
	}
	f.Fuzz(func(t *testing.T, data []byte) { agree(t, data) })
}
