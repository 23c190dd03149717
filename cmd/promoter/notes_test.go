package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"promoter/detectors/source"
	"promoter/gitops"
	"promoter/promoter"
)

// project is what a forge has of a project: releases, and files by
// "path@ref".
type project struct {
	releases []gitops.Release
	files    map[string]string
	err      error
	asked    []string
}

func (p *project) Releases(_ context.Context, owner, repo string) ([]gitops.Release, error) {
	p.asked = append(p.asked, "releases of "+owner+"/"+repo)
	return p.releases, p.err
}

func (p *project) ReadFile(_ context.Context, owner, repo, path, ref string) ([]byte, error) {
	p.asked = append(p.asked, path+"@"+ref)
	text, ok := p.files[path+"@"+ref]
	if p.err == nil && !ok {
		return nil, gitops.ErrNotFound
	}
	return []byte(text), p.err
}

// chartArchive is a chart's archive with a changelog in it.
func chartArchive(t *testing.T, text string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	w := tar.NewWriter(z)
	if text != "" {
		if err := w.WriteHeader(&tar.Header{Name: "web/CHANGELOG.md", Mode: 0o644, Size: int64(len(text))}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(w.Close(), z.Close()); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestNotesComeFromTheFirstThatHasAny(t *testing.T) {
	t.Parallel()
	const home = "https://github.com/org/charts"
	const log = "## Unreleased\nx\n## v1.2.0\n- two\n## 1.1.0\n- one\n## 1.0.9\n- no such release\n## 1.0.0\n- old\n"
	for name, c := range map[string]struct {
		annotation string // of 1.2.0
		appVersion string // of it
		forge      project
		archive    string
		status     int // of the archive; 200 without it
		home       string
		want       []string
		asked      []string // of the forge
		fetched    int      // archives
		log        string   // a part of it; empty: nothing is said
	}{
		"annotations": {
			annotation: "- annotated\n", archive: log, home: home, forge: project{releases: []gitops.Release{{Tag: "v1.2.0", Notes: "released"}}},
			want: []string{"1.2.0 - annotated\n"},
		},
		"releases": {
			archive: log, home: home, forge: project{releases: []gitops.Release{{Tag: "web-1.2.0", Notes: "released"}, {Tag: "other-1.1.0", Notes: "theirs"}}},
			want: []string{"1.2.0 released"}, asked: []string{"releases of org/charts"},
		},
		"the chart's archive": {
			archive: log, home: home, want: []string{"1.2.0 - two", "1.1.0 - one"}, asked: []string{"releases of org/charts"}, fetched: 1,
		},
		"the archive of a chart without a project": {archive: log, want: []string{"1.2.0 - two", "1.1.0 - one"}, fetched: 1},
		"the repository, where it tags charts": {
			home: home, forge: project{releases: []gitops.Release{{Tag: "web-1.2.0"}}, files: map[string]string{"charts/web/CHANGELOG.md@web-1.2.0": log}},
			want: []string{"1.2.0 - two", "1.1.0 - one"}, asked: []string{"releases of org/charts", "charts/web/CHANGELOG.md@web-1.2.0"}, fetched: 1,
		},
		"the repository, where it tags versions": {
			home: home + ".git", forge: project{releases: []gitops.Release{{Tag: "v1.2.0"}}, files: map[string]string{"CHANGELOG.md@v1.2.0": log}},
			want: []string{"1.2.0 - two", "1.1.0 - one"}, asked: []string{"releases of org/charts", "CHANGELOG.md@v1.2.0"}, fetched: 1,
		},
		"the repository without releases, where chart and application are one": {
			home: home, appVersion: "v1.2.0", forge: project{files: map[string]string{"CHANGELOG.md@": log}},
			want: []string{"1.2.0 - two", "1.1.0 - one"}, asked: []string{"releases of org/charts", "CHANGELOG.md@"}, fetched: 1,
		},
		"not the application's changelog": {home: home, appVersion: "27.1.0", asked: []string{"releases of org/charts"}, fetched: 1},
		"no changelog of these versions":  {archive: "## 0.9.0\n- older\n", fetched: 1},
		"nothing can be had": {
			home: home, appVersion: "1.2.0", status: http.StatusForbidden, forge: project{err: errors.New("not today")},
			asked: []string{"releases of org/charts", "CHANGELOG.md@"}, fetched: 1, log: "promoter: chart SERVER web: no release notes from the releases of org/charts: not today\n",
		},
		"another forge": {home: "https://gitlab.example.com/org/charts", fetched: 1},
		"an odd page":   {home: "https://github.com/../orgs%3Fx", fetched: 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var fetched atomic.Int32
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				switch r.URL.Path {
				case "/index.yaml":
					fmt.Fprint(w, "apiVersion: v1\nentries:\n  web:\n  - {apiVersion: v2, name: web, version: 1.2.0, urls: [web-1.2.0.tgz]}\n")
				case "/web-1.2.0.tgz":
					fetched.Add(1)
					if c.status != 0 {
						w.WriteHeader(c.status)
						return
					}
					w.Write(chartArchive(t, c.archive))
				default:
					t.Errorf("asked for %s", r.URL)
				}
			}))
			t.Cleanup(server.Close)
			a := promoter.Artifact{Kind: promoter.Chart, Name: "web", Source: server.URL}
			listing := promoter.Listing{Artifact: a, Releases: []promoter.Release{
				{Version: "1.2.0", AppVersion: c.appVersion, Notes: c.annotation, Home: c.home}, {Version: "1.1.0"}, {Version: "1.0.0"},
			}}
			n := newNotebook(&surveyed{
				listings: map[promoter.Artifact]promoter.Listing{a: listing},
				asking:   source.Options{AllowPrivate: []string{"*"}},
			})
			defer n.close()
			var said strings.Builder
			n.log, n.releases, n.files = &said, &c.forge, &c.forge
			sheet := promoter.Sheet{Members: []promoter.SheetMember{{Artifact: a, From: []string{"1.0.0"}, Version: "1.2.0"}}}
			for range 2 { // the second time nothing is asked again
				var got []string
				for _, note := range n.fill(t.Context(), sheet).Members[0].Notes {
					got = append(got, note.Version+" "+note.Body)
				}
				if diff := cmp.Diff(c.want, got); diff != "" {
					t.Errorf("notes, -want +got:\n%s", diff)
				}
			}
			if diff := cmp.Diff(c.asked, c.forge.asked); diff != "" {
				t.Errorf("asked of the forge, -want +got:\n%s", diff)
			}
			if got := int(fetched.Load()); got != c.fetched {
				t.Errorf("%d archives were fetched, want %d", got, c.fetched)
			}
			log := strings.ReplaceAll(said.String(), server.URL, "SERVER")
			if c.log == "" && log != "" || !strings.Contains(log, c.log) {
				t.Errorf("said %q, want %q", log, c.log)
			}
			if len(sheet.Members[0].Notes) > 0 {
				t.Error("the sheet that was given is changed")
			}
		})
	}
}

func TestNotesOfAGitRepositoryAreAtItsTag(t *testing.T) {
	t.Parallel()
	a := promoter.Artifact{Kind: promoter.Git, Name: "org/web", Source: "https://github.com/org/web"}
	forge := project{files: map[string]string{"CHANGELOG.md@v1.1.0": "# 1.1.0 (2024-01-01)\n- new\n# 1.0.0\n- old\n"}}
	n := newNotebook(&surveyed{listings: map[promoter.Artifact]promoter.Listing{
		a: {Artifact: a, Releases: []promoter.Release{{Version: "v1.1.0"}, {Version: "v1.0.0"}}},
	}})
	n.releases, n.files = &forge, &forge
	got := n.between(t.Context(), promoter.SheetMember{Artifact: a, From: []string{"v1.0.0"}, Version: "v1.1.0"})
	if diff := cmp.Diff([]promoter.Note{{Version: "v1.1.0", Body: "- new"}}, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}
