package detectortest

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"promoter/detectors"
	"promoter/promoter"
)

// Cases reads testdata/*.txtar: the comment says what the case is about (and,
// after "remote:", where the repository was cloned from), the file want what
// must be found, the others are the repository. With update set, what is found
// is written into the cases instead of compared.
func Cases(t *testing.T, d detectors.Linker, update bool) {
	t.Helper()
	cases, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(cases) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	for _, name := range cases {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar"), func(t *testing.T) {
			t.Parallel()
			archive, err := txtar.ParseFile(name)
			if err != nil {
				t.Fatal(err)
			}
			files := map[string][]byte{}
			var want string
			wantAt := -1
			for i, f := range archive.Files {
				if f.Name == "want" {
					want, wantAt = string(f.Data), i
					continue
				}
				files[f.Name] = f.Data
			}
			remote := ""
			for line := range strings.SplitSeq(string(archive.Comment), "\n") {
				if rest, ok := strings.CutPrefix(line, "remote: "); ok {
					remote = rest
				}
			}
			repo := Scan(d, files, remote)
			if err := placed(repo, files); err != nil {
				t.Error(err)
			}
			got := strings.Join(Lines(repo), "\n") + "\n"
			if update {
				if wantAt < 0 {
					archive.Files = append(archive.Files, txtar.File{Name: "want"})
					wantAt = len(archive.Files) - 1
				}
				archive.Files[wantAt].Data = []byte(got)
				if err := os.WriteFile(name, txtar.Format(archive), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if diff := cmp.Diff(strings.Split(want, "\n"), strings.Split(got, "\n")); diff != "" {
				t.Errorf("found (-want +got):\n%s", diff)
			}
		})
	}
}

// Scan reads files as the engine does: every file on its own, then Link. What
// does not parse is read as far as it goes, so that it can be fuzzed.
func Scan(d detectors.Linker, files map[string][]byte, remote string) *detectors.Repository {
	repo := &detectors.Repository{
		Reports: map[string]*detectors.Report{}, Paths: slices.Sorted(maps.Keys(files)), Remote: remote,
		Read: func(p string) ([]byte, error) {
			if data, ok := files[p]; ok {
				return data, nil
			}
			return nil, fmt.Errorf("read %q: %w", p, fs.ErrNotExist)
		},
	}
	for p, data := range files {
		r := &detectors.Report{}
		f, _ := detectors.Open(p, data)
		d.Detect(f, r)
		repo.Reports[p] = r
	}
	d.Link(repo)
	return repo
}

// Lines prints what was found in a repository, one line each, sorted and
// without repetition. Of facts, only Applications are printed.
func Lines(repo *detectors.Repository) []string {
	var out []string
	for _, file := range repo.Paths {
		r := repo.Reports[file]
		if r == nil {
			continue
		}
		for _, p := range r.Pins {
			line := fmt.Sprintf("pin %s %s %s %q %s", p.Place, p.Place.Path, p.Form, p.Version, p.Artifact)
			line += digest(p.Pin) + note("app", p.App) + note("cluster", p.Cluster) + note("env", p.Environment)
			out = append(out, line)
		}
		for _, s := range r.Skips {
			out = append(out, fmt.Sprintf("skip %s %s: %s", s.Place, s.Place.Path, s.Reason))
		}
		for _, l := range r.Links {
			out = append(out, fmt.Sprintf("link %s %s -> %s %s", l.Via, l.App, l.Repo, l.To))
		}
		for _, f := range r.Facts {
			if f.Kind == "Application" {
				out = append(out, fmt.Sprintf("fact %s %s %s/%s", f.Kind, f.Name, detectors.ArgoCluster(f.Fields), f.Fields["destination.namespace"]))
			}
		}
		for _, e := range r.Errors {
			out = append(out, fmt.Sprintf("error %s: %s", e.Place, e.Message))
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func digest(p promoter.Pin) string {
	if p.DigestPlace != nil {
		return fmt.Sprintf(" digest@%s", p.DigestPlace)
	}
	return note("digest", p.Digest)
}

func note(key, value string) string {
	if value == "" {
		return ""
	}
	return " " + key + "=" + value
}

// placed checks that every pin's range holds what it says.
func placed(repo *detectors.Repository, files map[string][]byte) error {
	for _, r := range repo.Reports {
		for _, p := range r.Pins {
			data := files[p.Place.File]
			if p.Place.Start < 0 || p.Place.End > len(data) {
				return fmt.Errorf("%s: range outside the file", p.Place)
			}
			raw := string(data[p.Place.Start:p.Place.End])
			if strings.Trim(raw, `"'`) != p.Place.Written && !strings.Contains(raw, "\\") && p.Place.Start < p.Place.End {
				return fmt.Errorf("%s: %q stands there, not %q", p.Place, raw, p.Place.Written)
			}
			if p.Form == promoter.Missing {
				continue
			}
			if _, err := p.Rewrite("9.9.9", p.Digest); err != nil && p.Version != "" {
				return errors.Join(fmt.Errorf("%s: not rewritable", p.Place), err)
			}
		}
	}
	return nil
}
