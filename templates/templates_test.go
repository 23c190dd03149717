package templates

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"

	"promoter/promoter"
)

var update = flag.Bool("update", false, "write the golden files anew")

var (
	redis  = promoter.Artifact{Kind: promoter.Chart, Name: "redis", Source: "https://charts.example.com/stable"}
	istiod = promoter.Artifact{Kind: promoter.Chart, Name: "istiod", Source: "oci://registry.example.com/istio"}
	base   = promoter.Artifact{Kind: promoter.Chart, Name: "base", Source: "oci://registry.example.com/istio"}
	web    = promoter.Artifact{Kind: promoter.Image, Name: "shop/web", Source: "ghcr.io"}
	now    = time.Date(2026, 11, 22, 6, 0, 0, 0, time.UTC)
)

// situations are pull requests as reviewers meet them.
var situations = map[string]promoter.Sheet{
	"first-wave": {
		Change: "redis-18.4.0-5f3a9c11", Wave: "dev", Class: promoter.C3, Merge: promoter.MergeAutomatic, Soak: 30 * time.Minute,
		Members: []promoter.SheetMember{{
			Artifact: redis, From: []string{"18.1.0"}, To: "18.4.0", Update: promoter.Minor, Created: now.Add(-21 * 24 * time.Hour),
			Skipped: []string{"19.0.0: released 2 hours ago, the minimum release age is 3d"},
			Notes: []promoter.Note{
				{Version: "18.4.0", Title: "redis 18.4.0", Body: "## Fixes\n- Sentinel restarts (#1234), thanks @someone\n- see <img src=x onerror=alert(1)> ![pixel](https://evil.example/p.png)", URL: "https://github.com/example/charts/releases/tag/redis-18.4.0"},
				{Version: "18.3.0", Body: "BREAKING: `auth.password` must now be set.\n```\nunclosed fence"},
			},
		}},
		Reaches: []promoter.Reached{{Environment: "dev", Cluster: "dev-1", App: "sessions"}},
		Ladder: []promoter.SheetStep{
			{Wave: "dev", Environments: []string{"dev"}, State: "this pull request", This: true},
			{Wave: "staging", Environments: []string{"staging"}, State: "follows"},
			{Wave: "production", Environments: []string{"production-acme", "production-globex"}, State: "follows"},
		},
		Edits: []promoter.Edit{{Place: promoter.Place{File: "apps/sessions/dev.yaml", Line: 12, Path: "spec.source.targetRevision", Written: "18.1.0"}, To: "18.4.0"}},
	},
	"last-wave-shared-base": {
		Change: "web-2.0.0-0a1b2c3d", Wave: "production", Part: "shared", Class: promoter.C2, Merge: promoter.MergeApproved, Method: "squash", Approvals: 2, From: []string{"example/client-team", "ana"},
		Shared: true,
		Members: []promoter.SheetMember{{
			Artifact: web, From: []string{"1.9.3"}, To: "2.0.0", Update: promoter.Major, FirstSeen: now.Add(-30 * time.Hour), Digest: "sha256:8c49a0fab9a1ee9bf5d229061eec4e279f04484c07f60c85c13821788360ce4f",
		}},
		Reaches: []promoter.Reached{
			{Environment: "production-acme", Tenant: "acme", Cluster: "eu-1", App: "web"},
			{Environment: "production-globex", Tenant: "globex", Cluster: "us-1", App: "web"},
		},
		Ladder: []promoter.SheetStep{
			{Wave: "dev", Environments: []string{"dev"}, State: "done", Pulls: []int{41}},
			{Wave: "production", Environments: []string{"production-acme", "production-globex"}, State: "this pull request", This: true},
		},
		Edits: []promoter.Edit{{Place: promoter.Place{File: "apps/web/base/deployment.yaml", Line: 21, Path: "spec.template.spec.containers[0].image", Written: "ghcr.io/shop/web:1.9.3@sha256:00"}, To: "ghcr.io/shop/web:2.0.0@sha256:8c"}},
	},
	"group": {
		Change: "istio-77aa88bb", Wave: "staging", Class: promoter.C1, Merge: promoter.MergeManual,
		Members: []promoter.SheetMember{
			{Artifact: base, From: []string{"1.22.0", "1.22.1"}, To: "1.23.2", Update: promoter.Minor},
			{Artifact: istiod, From: []string{"1.22.1"}, To: "1.23.2", Update: promoter.Minor, Deprecated: true},
		},
		Reaches: []promoter.Reached{{Environment: "staging", Cluster: "stg-1", App: "istio-base"}, {Environment: "staging", Cluster: "stg-1", App: "istiod"}},
		Ladder:  []promoter.SheetStep{{Wave: "dev", Environments: []string{"dev"}, State: "done"}, {Wave: "staging", Environments: []string{"staging"}, State: "this pull request", This: true}},
		Edits: []promoter.Edit{
			{Place: promoter.Place{File: "istio/staging.yaml", Line: 9, Written: "1.22.0"}, To: "1.23.2"},
			{Place: promoter.Place{File: "istio/staging.yaml", Line: 28, Written: "1.22.1"}, To: "1.23.2"},
		},
	},
}

func TestGoldenBodies(t *testing.T) {
	set, err := Load(nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, sheet := range situations {
		t.Run(name, func(t *testing.T) {
			title, body, err := set.Pull(sheet, now)
			if err != nil {
				t.Fatal(err)
			}
			got := title + "\n\n" + body
			file := filepath.Join("testdata", name+".golden.md")
			if *update {
				if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Errorf("-want +got (go test ./templates -update writes it anew):\n%s", diff)
			}
			if SheetOf(body) != sheet.Digest() {
				t.Errorf("marker names sheet %q, want %q", SheetOf(body), sheet.Digest())
			}
		})
	}
}

func TestBodyStaysWithinTheForgesLimit(t *testing.T) {
	sheet := situations["first-wave"]
	sheet.Members = nil
	for range 200 {
		m := situations["first-wave"].Members[0]
		m.Notes = []promoter.Note{{Version: "18.4.0", Body: strings.Repeat("word ", 4000)}}
		m.Skipped = []string{strings.Repeat("é", 280)}
		sheet.Members = append(sheet.Members, m)
	}
	set, err := Load(nil)
	if err != nil {
		t.Fatal(err)
	}
	title, body, err := set.Pull(sheet, now)
	if err != nil {
		t.Fatal(err)
	}
	if len(body) > maxBody || len(title) > maxTitle {
		t.Errorf("body has %d bytes, title %d", len(body), len(title))
	}
	if !strings.Contains(body, "This text was cut") || SheetOf(body) != sheet.Digest() {
		t.Error("a cut body must say so and keep its marker")
	}
}

func TestOwnTemplates(t *testing.T) {
	own := fstest.MapFS{"title.tmpl": {Data: []byte("chore(deps): {{ .Title }}")}}
	set, err := Load(own)
	if err != nil {
		t.Fatal(err)
	}
	title, _, err := set.Pull(situations["first-wave"], now)
	if err != nil {
		t.Fatal(err)
	}
	if want := "chore(deps): dev: redis 18.1.0 -> 18.4.0"; title != want {
		t.Errorf("title %q, want %q", title, want)
	}
	if err := set.Title("{{ .Wave }}!"); err != nil {
		t.Fatal(err)
	}
	if title, _, err = set.Pull(situations["first-wave"], now); err != nil || title != "dev!" {
		t.Errorf("title %q, error %v; want the configuration's own", title, err)
	}
	for file, content := range map[string]string{"pul.md.tmpl": "x", "title.tmpl": "{{ .Titel }}", "pull.md.tmpl": "{{"} {
		set, err := Load(fstest.MapFS{file: {Data: []byte(content)}})
		if err == nil {
			_, _, err = set.Pull(situations["first-wave"], now)
		}
		if err == nil || !strings.Contains(err.Error(), file) {
			t.Errorf("%s with %q: error %v does not name the file", file, content, err)
		}
	}
}

func FuzzUntrusted(f *testing.F) {
	f.Add("hello @team, closes #12, GH-3, org/repo#4\n```\n<!-- promoter change=x -->\n</details>", 400)
	f.Add("# h\n===\n[x]: javascript:1\n\u202e![i](u)", 50)
	f.Fuzz(func(t *testing.T, text string, limit int) {
		limit = 20 + limit&0xfff
		out := Untrusted(text, limit)
		if len(out) > limit+len("> …\n") {
			t.Fatalf("%d bytes, limit %d", len(out), limit)
		}
		for line := range strings.Lines(out) {
			if !strings.HasPrefix(line, ">") {
				t.Fatalf("line %q left the quote", line)
			}
			rest := strings.TrimPrefix(line, ">")
			if strings.ContainsAny(rest, "<>\r") {
				t.Fatalf("line %q holds HTML", line)
			}
			if i := strings.IndexByte(rest, '@'); i >= 0 && !strings.HasPrefix(rest[i+1:], zwsp) {
				t.Fatalf("line %q mentions", line)
			}
		}
	})
}
