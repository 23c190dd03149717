package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"promoter/detectors/scan"
	"promoter/gitops"
	"promoter/promoter"
	"promoter/promoter/config"
	"promoter/promoter/report"
)

func TestMomentOf(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)
	for text, want := range map[string]string{
		"2026-01-05": "2026-01-05T00:00:00Z", "2026-01-05T06:00:00+01:00": "2026-01-05T06:00:00+01:00", "2d": "2026-02-28T12:00:00Z", "90m": "2026-03-02T10:30:00Z",
		"-2d": "", "soon": "", "": "", "2026-13-01": "",
	} {
		got, err := momentOf("--since", text, now)
		if (err == nil) != (want != "") || err == nil && got.Format(time.RFC3339) != want {
			t.Errorf("%q: got %s, %v, want %q", text, got, err, want)
		}
	}
}

const reportConfig = `version: 1
environments:
  - {name: dev, paths: ["dev/**"]}
  - {name: "prod-{tenant}", tenant: "{tenant}", paths: ["prod-{tenant}/**"]}
waves:
  - {name: Dev, environments: [dev]}
  - {name: prod, environments: ["prod-*"]}
updates:
  - match: {tenants: [acme]}
    allow: minor
`

// sightOf is a sight of charts, "prod-acme/redis 1.2.3" each.
func sightOf(t *testing.T, f reportFlags, pins ...string) *sight {
	t.Helper()
	c, err := config.Parse("promoter.yaml", []byte(reportConfig))
	if err != nil {
		t.Fatal(err)
	}
	inv := &scan.Inventory{}
	for _, text := range pins {
		file, version, _ := strings.Cut(text, " ")
		inv.Pins = append(inv.Pins, promoter.Pin{
			Artifact: promoter.Artifact{Kind: promoter.Chart, Name: "redis", Source: "https://charts.example.com"}, Version: version, Form: promoter.Exact,
			Consumer: promoter.ByArgoCD, Place: promoter.Place{File: file, Path: "v", Written: version},
		})
		inv.Paths = append(inv.Paths, file)
	}
	c.Place(inv.Pins)
	f.since = "1d"
	sc, err := f.scope(time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC))
	if err != nil {
		t.Fatal(err)
	}
	v, err := newSight(&surveyed{config: c, inventory: inv}, sc)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestWhereAChangeStands(t *testing.T) {
	t.Parallel()
	to := []string{"chart https://charts.example.com redis = 2.0.0"}
	tests := []struct {
		name  string
		flags reportFlags
		pins  []string
		want  string
	}{
		{"on its way", reportFlags{}, []string{"dev/a.yaml 2.0.0", "prod-globex/a.yaml 1.9.0"}, "first 0 [{0 1 0 0} {1 0 1 0}]"},
		{"past it", reportFlags{}, []string{"dev/a.yaml 2.1.0", "prod-globex/a.yaml 2.0.0"}, "first 0 [{0 0 0 1} {1 1 0 0}]"},
		{"what policy keeps is not behind", reportFlags{}, []string{"dev/a.yaml 2.0.0", "prod-acme/a.yaml 1.9.0"}, "first 0 [{0 1 0 0} {1 0 0 1}]"},
		{"of one tenant", reportFlags{tenants: []string{"globex"}}, []string{"dev/a.yaml 2.0.0", "prod-acme/a.yaml 1.9.0", "prod-globex/a.yaml 1.9.0"}, "first 0 [{1 0 1 0}]"},
		{"of one wave", reportFlags{waves: []string{"D*"}}, []string{"dev/a.yaml 2.0.0", "prod-globex/a.yaml 1.9.0"}, "first 0 [{0 1 0 0}]"},
		{"nowhere that is known", reportFlags{}, []string{"lib/a.yaml 2.0.0"}, "first -1 []"},
	}
	for _, tt := range tests {
		c := sightOf(t, tt.flags, tt.pins...).change(to)
		if got := fmt.Sprintf("first %d %v", c.First, c.Standing); got != tt.want {
			t.Errorf("%s: got %s, want %s", tt.name, got, tt.want)
		}
	}
	v := sightOf(t, reportFlags{}, "dev/a.yaml 1.0.0")
	if w := v.waveOfSlug("dev"); w != 0 {
		t.Errorf("wave Dev is %d by its branch's name", w)
	}
	if w := v.waveOfSlug("gone"); w != -1 {
		t.Errorf("a wave that is gone is %d", w)
	}
}

func TestReadsGoal(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		version, digest, goal string
		want                  bool
	}{
		{"1.2.3", "", "1.2.3", true},
		{"1.2.4", "", "1.2.3", false},
		{"1.2.3", "sha256:0123456789", "1.2.3", true},
		{"1.2.3", "sha256:0123456789", "1.2.3@01234567", true},
		{"1.2.3", "sha256:9999999999", "1.2.3@01234567", false},
		{"1.2.3", "", "1.2.3@01234567", false},
	} {
		if got := readsGoal(promoter.Pin{Version: tt.version, Digest: tt.digest}, tt.goal); got != tt.want {
			t.Errorf("%s %s: %v for %s", tt.version, tt.digest, got, tt.goal)
		}
	}
}

// sulky is a forge that answers a number of times.
type sulky struct {
	gitops.Forge
	gitops.Talker
	mu    sync.Mutex
	left  int
	asked []string
	err   error
}

func (s *sulky) Statuses(_ context.Context, commit string) ([]gitops.Status, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked = append(s.asked, commit)
	if s.left--; s.left < 0 {
		return nil, s.err
	}
	return []gitops.Status{
		{Context: "promoter/verdict", State: "success", Description: "1 application converged"}, {Context: "promoter/verdict/other", State: "failure"},
		{Context: "promoter/converged", State: "pending"}, {Context: "build", State: "failure"},
	}, nil
}

func (s *sulky) Reviews(context.Context, int) ([]gitops.Review, error) {
	return []gitops.Review{{Author: "bot", State: "approved"}, {Author: "ana", State: "approved"}, {Author: "ben", State: "changes_requested"}}, nil
}

func TestForgeThatStopsAnswering(t *testing.T) {
	t.Parallel()
	limited := &gitops.RateLimited{Until: time.Unix(0, 0), Why: "primary limit"}
	for _, tt := range []struct {
		err        error
		most, left int
		calls      int // at least and, where the forge asks for patience, not all
		read       int
	}{
		{nil, 50, 100, 40, 40},
		{nil, 10, 100, 10, 10},
		{errors.New("502"), 50, 5, 40, 5},
		{limited, 50, 5, 6, 5},
	} {
		f := &sulky{left: tt.left, err: tt.err}
		g := &gathering{w: &workshop{forge: f}, most: tt.most}
		var relevant []int
		for i := range 40 {
			g.pulls = append(g.pulls, gitops.Pull{Number: i + 1, Merge: fmt.Sprint("c", i), Author: "bot"})
			g.facts.Pulls = append(g.facts.Pulls, report.Pull{Number: i + 1, State: promoter.PullMerged, Merged: time.Unix(int64(i), 0), Chosen: true, Unread: "not asked", ApprovalsUnread: "not asked"})
			relevant = append(relevant, i)
		}
		g.ask(t.Context(), relevant)
		read := 0
		for _, p := range g.facts.Pulls {
			if p.Unread == "" {
				read++
				if len(p.Seals) != 2 || p.Seals[0].Verdict != promoter.Pass || p.Seals[1].Of != "other" {
					t.Errorf("seals of #%d: %+v", p.Number, p.Seals)
				}
				if !slices.Equal(p.Approvers, []string{"ana"}) {
					t.Errorf("approvers of #%d: %q", p.Number, p.Approvers)
				}
			}
		}
		patient := tt.err == error(limited)
		if read != tt.read || len(f.asked) < tt.calls || patient && len(f.asked) > tt.calls+reportAtOnce || !patient && len(f.asked) != tt.calls {
			t.Errorf("%v, at most %d: %d read in %d calls, want %d in %d", tt.err, tt.most, read, len(f.asked), tt.read, tt.calls)
		}
		if (len(g.facts.Gaps) > 0) != (tt.read < 40) {
			t.Errorf("%v, at most %d: gaps %q", tt.err, tt.most, g.facts.Gaps)
		}
		if tt.most == 10 && slices.Contains(f.asked, "c0") {
			t.Error("the oldest was asked about before the newest")
		}
	}
}

func TestCutList(t *testing.T) {
	t.Parallel()
	old, young := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(2026, 3, 2, 11, 0, 0, 0, time.UTC)
	for _, tt := range []struct {
		pulls []gitops.Pull
		want  bool
	}{
		{nil, false},
		{[]gitops.Pull{{Number: 900, CreatedAt: young}, {Number: 2, CreatedAt: young}}, false},
		{[]gitops.Pull{{Number: 5000, CreatedAt: young}, {Number: 4100, CreatedAt: young}}, true},
		{[]gitops.Pull{{Number: 5000, CreatedAt: young}, {Number: 4100, CreatedAt: old}}, false},
	} {
		g := &gathering{sight: sightOf(t, reportFlags{}, "dev/a.yaml 1.0.0")}
		g.cut(tt.pulls)
		if got := len(g.facts.Gaps) > 0; got != tt.want {
			t.Errorf("%+v: %q", tt.pulls, g.facts.Gaps)
		}
	}
}

func TestIsMachine(t *testing.T) {
	t.Parallel()
	for author, want := range map[string]bool{
		"renovate[bot] <29139614+renovate[bot]@users.noreply.example.com>": true, "bot-ross[bot] <x@example.com>": true, "Renovate Bot <bot@example.com>": true,
		"fluxcdbot <flux@example.com>": true, "release-bot <ci@example.com>": true, "Dependabot <support@example.com>": true,
		"Ana Abbott <ana@example.com>": false, "Bob Botha <bob@example.com>": false, "": false, "Robot Miller <r@example.com>": false,
	} {
		if got := isMachine(author); got != want {
			t.Errorf("%q: %v", author, got)
		}
	}
}

func TestParseRaw(t *testing.T) {
	t.Parallel()
	const mode = ":100644 100644 aaaa bbbb "
	for _, tt := range []struct {
		head string
		rest []string
		n    int
		want pastChange
		ok   bool
	}{
		{mode + "M", []string{"a", "x"}, 1, pastChange{"a", "a", "bbbb"}, true},
		{":000000 100644 0000 bbbb A", []string{"a"}, 1, pastChange{"", "a", "bbbb"}, true},
		{":100644 000000 aaaa 0000 D", []string{"a"}, 1, pastChange{"a", "", ""}, true},
		{mode + "R087", []string{"a", "b"}, 2, pastChange{"a", "b", "bbbb"}, true},
		{":100644 120000 aaaa bbbb T", []string{"a"}, 1, pastChange{"a", "a", ""}, true},
		{":160000 160000 aaaa bbbb M", []string{"sub"}, 1, pastChange{"sub", "sub", ""}, true},
		{mode + "R087", []string{"a"}, 0, pastChange{}, false},
		{mode, nil, 0, pastChange{}, false},
		{":", []string{"a"}, 0, pastChange{}, false},
	} {
		n, got, err := parseRaw(tt.head, tt.rest)
		if (err == nil) != tt.ok || tt.ok && (n != tt.n || got != tt.want) {
			t.Errorf("%q %q: got %d %+v %v", tt.head, tt.rest, n, got, err)
		}
	}
}
