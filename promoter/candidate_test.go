package promoter

import (
	"strings"
	"testing"
	"time"
)

var noon = time.Date(2026, time.March, 10, 12, 0, 0, 0, time.UTC)

func ago(d time.Duration) time.Time { return noon.Add(-d) }

func listingOf(kind Kind, versions ...string) Listing {
	l := Listing{Artifact: Artifact{Kind: kind, Name: "app", Source: "https://example.com"}}
	for _, v := range versions {
		l.Releases = append(l.Releases, Release{Version: v})
	}
	return l
}

func pinOf(kind Kind, consumer Consumer, version string) Pin {
	return Pin{Artifact: Artifact{Kind: kind, Name: "app", Source: "https://example.com"}, Version: version, Consumer: consumer, Form: Classify(kind, consumer, version)}
}

func versionsOf(rs []Release) string {
	var out []string
	for _, r := range rs {
		out = append(out, r.Version)
	}
	return strings.Join(out, " ")
}

func heldOf(hs []HeldRelease) string {
	var out []string
	for _, h := range hs {
		out = append(out, h.Release.Version+": "+h.Why)
	}
	return strings.Join(out, "; ")
}

func versionOf(r *Release) string {
	if r == nil {
		return ""
	}
	return r.Version
}

func TestCandidates(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name     string
		pin      Pin
		versions string
		want     Wanted
		current  string
		latest   string
		updates  string
		held     string
	}{
		{
			name: "newest first, never lower", pin: pinOf(Chart, ByHelm, "1.2.0"),
			versions: "1.1.9 1.10.0 1.2.0 2.0.0 1.2.1",
			current:  "1.2.0", latest: "2.0.0", updates: "2.0.0 1.10.0 1.2.1",
		},
		{
			name: "up to date", pin: pinOf(Chart, ByHelm, "2.0.0"), versions: "1.0.0 2.0.0",
			current: "2.0.0", latest: "2.0.0",
		},
		{
			name: "minor at most", pin: pinOf(Chart, ByHelm, "1.2.0"), versions: "1.2.0 1.3.0 2.0.0",
			want: Wanted{Allow: Minor}, current: "1.2.0", latest: "2.0.0", updates: "1.3.0",
			held: "2.0.0: a major update, at most minor is allowed",
		},
		{
			name: "constraint and ignore", pin: pinOf(Chart, ByHelm, "1.2.0"), versions: "1.2.0 1.2.1 1.3.0 1.3.1 2.0.0",
			want: Wanted{Constraint: "<2", Ignore: []string{"1.3.0", "~1.2.1"}}, current: "1.2.0", latest: "2.0.0", updates: "1.3.1",
			held: `2.0.0: outside of constraint "<2"; 1.3.0: ignored by "1.3.0"; 1.2.1: ignored by "~1.2.1"`,
		},
		{
			name: "pre-releases are not for a release", pin: pinOf(Chart, ByHelm, "1.2.0"), versions: "1.2.0 1.3.0-rc.1",
			current: "1.2.0", latest: "1.2.0", held: "1.3.0-rc.1: a pre-release",
		},
		{
			name: "unless they are wanted", pin: pinOf(Chart, ByHelm, "1.2.0"), versions: "1.2.0 1.3.0-rc.1",
			want: Wanted{PreRelease: true}, current: "1.2.0", latest: "1.3.0-rc.1", updates: "1.3.0-rc.1",
		},
		{
			name: "or of the version that is waited for", pin: pinOf(Chart, ByHelm, "1.3.0-rc.1"),
			versions: "1.2.0 1.3.0-rc.1 1.3.0-rc.2 1.4.0-rc.1",
			current:  "1.3.0-rc.1", latest: "1.3.0-rc.2", updates: "1.3.0-rc.2", held: "1.4.0-rc.1: a pre-release",
		},
		{
			name: "an ignored version's pre-releases are ignored", pin: pinOf(Chart, ByHelm, "1.2.0"), versions: "1.2.0 2.0.0-rc.1",
			want: Wanted{PreRelease: true, Ignore: []string{">=2.0.0-0"}}, current: "1.2.0", latest: "2.0.0-rc.1",
			held: `2.0.0-rc.1: ignored by ">=2.0.0-0"`,
		},
		{
			name: "a v more or less", pin: pinOf(Chart, ByHelm, "v1.2.0"), versions: "1.2.0 1.3.0 v1.3.0",
			current: "1.2.0", latest: "1.3.0", updates: "1.3.0",
		},
		{
			name: "the same style of two", pin: pinOf(Chart, ByHelm, "v1.2.0"), versions: "v1.2.0 1.3.0 v1.3.0",
			current: "v1.2.0", latest: "v1.3.0", updates: "v1.3.0",
		},
		{
			name: "numbered builds", pin: pinOf(Chart, ByHelm, "1.2.0+up9"), versions: "1.2.0+up10 1.2.0+up9 1.2.0+up8",
			current: "1.2.0+up9", latest: "1.2.0+up10", updates: "1.2.0+up10",
		},
		{
			name: "hashes have no order", pin: pinOf(Chart, ByHelm, "0.1.1889+ca96506"), versions: "0.1.1889+ca96506 0.1.1889+d865e45",
			current: "0.1.1889+ca96506", latest: "0.1.1889+ca96506",
		},
		{
			name: "Argo CD's pin of two numbers", pin: pinOf(Chart, ByArgoCD, "1.2"), versions: "1.2.0 1.3.0",
			current: "1.2.0", latest: "1.3.0", updates: "1.3.0",
		},
		{
			name: "range takes what is inside", pin: pinOf(Chart, ByHelm, "1.x"), versions: "1.2.0 1.9.0 2.0.0 2.1.0-rc.1",
			current: "1.9.0", latest: "2.0.0", updates: "2.0.0", held: "2.1.0-rc.1: a pre-release",
		},
		{
			name: "exact match before constraint", pin: pinOf(Chart, ByHelm, "1.2"), versions: "1.2 1.2.5",
			current: "1.2", latest: "1.2.5",
		},
		{
			name: "range that cannot be rewritten", pin: pinOf(Chart, ByHelm, "1.x"), versions: "1.0.0 2.0.0-rc.1",
			want: Wanted{PreRelease: true}, current: "1.0.0", latest: "2.0.0-rc.1",
			held: `2.0.0-rc.1: "1.x" cannot be rewritten to admit it`,
		},
		{
			name: "image of the same shape", pin: pinOf(Image, ByContainer, "1.25.3-alpine3.18"),
			versions: "latest 1.25.3-alpine3.18 1.27.0 1.27.0-alpine 1.27.0-alpine3.19 1.27 1.27.1-alpine3.17 20240801 1.26.0-alpine3.18",
			current:  "1.25.3-alpine3.18", latest: "1.27.0-alpine3.19", updates: "1.27.0-alpine3.19 1.26.0-alpine3.18",
		},
		{
			name: "the base it stands on before a newer base", pin: pinOf(Image, ByContainer, "3.12.4-alpine3.19"),
			versions: "3.12.4-alpine3.19 3.12.5-alpine3.19 3.12.5-alpine3.20 3.12.4-alpine3.20",
			current:  "3.12.4-alpine3.19", latest: "3.12.5-alpine3.19",
			updates: "3.12.5-alpine3.19 3.12.5-alpine3.20 3.12.4-alpine3.20",
		},
		{
			name: "revisions", pin: pinOf(Image, ByContainer, "16.2-9"), versions: "16.2-8 16.2-9 16.2-12 16.2 16.2-20240801",
			want: Wanted{Allow: Revision}, current: "16.2-9", latest: "16.2-12", updates: "16.2-12",
		},
		{
			name: "calendar", pin: pinOf(Image, ByContainer, "2024.6.4"), versions: "2024.6.4 2024.12.1 9.9.9 20250101",
			current: "2024.6.4", latest: "2024.12.1", updates: "2024.12.1",
		},
		{
			name: "tags of one chart in a repository of many", pin: pinOf(Git, ByGit, "redis-1.2.0"), versions: "redis-1.2.0 redis-1.3.0 kafka-9.0.0 v2.0.0",
			current: "redis-1.2.0", latest: "redis-1.3.0", updates: "redis-1.3.0",
		},
		{
			name: "a tag written in full", pin: pinOf(Git, ByGit, "refs/tags/v1.2.0"), versions: "v1.2.0 v1.3.0",
			current: "v1.2.0", latest: "v1.3.0", updates: "v1.3.0",
		},
		{
			name: "Git tags in a range", pin: pinOf(Git, ByArgoCD, "v1.*"), versions: "v1.2.0 v1.9.0 v2.0.0 other-v3.0.0",
			current: "v1.9.0", latest: "v2.0.0", updates: "v2.0.0",
		},
		{
			name: "galaxy", pin: pinOf(Galaxy, ByGalaxy, "==1.2.0"), versions: "1.2.0 1.3.0",
			current: "1.2.0", latest: "1.3.0", updates: "1.3.0",
		},
		{
			name: "floating", pin: pinOf(Image, ByContainer, "latest"), versions: "latest 1.0.0", current: "latest",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			l := listingOf(tt.pin.Artifact.Kind, strings.Fields(tt.versions)...)
			got := Candidates(tt.pin, l, tt.want, noon)
			if got.Unknown != "" {
				t.Fatalf("unknown: %s", got.Unknown)
			}
			if c := versionOf(got.Current); c != tt.current {
				t.Errorf("current %q, want %q", c, tt.current)
			}
			if c := versionOf(got.Latest); c != tt.latest {
				t.Errorf("latest %q, want %q", c, tt.latest)
			}
			if u := versionsOf(got.Updates); u != tt.updates {
				t.Errorf("updates %q, want %q", u, tt.updates)
			}
			if h := heldOf(got.Held); h != tt.held {
				t.Errorf("held %q, want %q", h, tt.held)
			}
			if got.Current != nil && got.NewestAllowed != nil && got.Update != UpdateTypeOf(tt.pin.Artifact.Kind, got.Current.Version, got.NewestAllowed.Version) {
				t.Errorf("update %q to %q", got.Update, versionOf(got.NewestAllowed))
			}
			if first, _, _ := strings.Cut(tt.updates, " "); versionOf(got.NewestAllowed) != first {
				t.Errorf("newest allowed %q, want %q", versionOf(got.NewestAllowed), first)
			}
		})
	}
}

func TestCandidatesFailClosed(t *testing.T) {
	t.Parallel()
	broken := listingOf(Chart)
	broken.Unknown = "429 from example.com"
	gone := listingOf(Chart, "1.0.0", "2.0.0")
	gone.Gone = "404 from https://example.com/index.yaml"
	tests := []struct {
		name string
		pin  Pin
		l    Listing
		want Wanted
		why  string
	}{
		{"unknown listing", pinOf(Chart, ByHelm, "1.0.0"), broken, Wanted{}, "429 from example.com"},
		{"gone", pinOf(Chart, ByHelm, "1.0.0"), gone, Wanted{}, "gone: 404 from https://example.com/index.yaml"},
		{"empty listing", pinOf(Chart, ByHelm, "1.0.0"), listingOf(Chart), Wanted{}, "its source lists no release"},
		{"bad constraint", pinOf(Chart, ByHelm, "1.0.0"), listingOf(Chart, "1.0.0", "2.0.0"), Wanted{Constraint: "newish"}, `read constraint "newish": improper constraint: "newish"`},
		{"bad type", pinOf(Chart, ByHelm, "1.0.0"), listingOf(Chart, "1.0.0", "2.0.0"), Wanted{Allow: "huge"}, `read policy: no update type "huge"`},
		{"a Git branch that reads like a tag", pinOf(Git, ByGit, "release-1.2"), listingOf(Git, "release-1.1", "release-1.3"), Wanted{}, `"release-1.2" is not among the tags of https://example.com`},
		{"nothing in the range", pinOf(Chart, ByHelm, "^9"), listingOf(Chart, "1.0.0", "2.0.0"), Wanted{}, `no release satisfies "^9"`},
		{"a strange version that is listed", Pin{Artifact: Artifact{Kind: Chart, Name: "app"}, Version: "1.2.3.4", Form: Exact}, listingOf(Chart, "1.2.3.4", "2.0.0"), Wanted{}, `"1.2.3.4" cannot be read as a version of app`},
	}
	for _, tt := range tests {
		got := Candidates(tt.pin, tt.l, tt.want, noon)
		if got.Unknown != tt.why || len(got.Updates) != 0 || got.NewestAllowed != nil {
			t.Errorf("%s: unknown %q, updates %q; want %q", tt.name, got.Unknown, versionsOf(got.Updates), tt.why)
		}
	}
}

func TestCandidatesNotListed(t *testing.T) {
	t.Parallel()
	got := Candidates(pinOf(Image, ByContainer, "1.25.1"), listingOf(Image, "1.25.0", "1.25.2"), Wanted{}, noon)
	if versionsOf(got.Updates) != "1.25.2" || got.Current != nil || len(got.Notes) != 1 || got.Notes[0] != `version "1.25.1" is not in the listing` {
		t.Errorf("got %+v", got)
	}
}

func TestMinimumReleaseAge(t *testing.T) {
	t.Parallel()
	const day = 24 * time.Hour
	tests := []struct {
		name    string
		release Release
		held    string
		until   time.Time
	}{
		{"old enough", Release{Created: ago(4 * day)}, "", time.Time{}},
		{"exactly old enough", Release{Created: ago(3 * day)}, "", time.Time{}},
		{"young", Release{Created: ago(2 * time.Hour)}, "released 2h ago, minimum release age 3d", noon.Add(3*day - 2*time.Hour)},
		{"the publisher's time, not the first scan", Release{Created: ago(400 * day), FirstSeen: ago(time.Minute)}, "", time.Time{}},
		{"first seen", Release{FirstSeen: ago(4 * day)}, "", time.Time{}},
		{"first seen lately", Release{FirstSeen: ago(90 * time.Minute)}, "released 1h30m ago, minimum release age 3d", noon.Add(3*day - 90*time.Minute)},
		{"created in the future", Release{Created: noon.Add(day), FirstSeen: ago(day)}, "released 1d ago, minimum release age 3d", noon.Add(2 * day)},
		{"a reproducible build's time", Release{Created: time.Date(1980, 1, 1, 0, 0, 1, 0, time.UTC), FirstSeen: ago(day)}, "released 1d ago, minimum release age 3d", noon.Add(2 * day)},
		{"neither", Release{}, "its age is not known, minimum release age 3d", time.Time{}},
		{"both in the future", Release{Created: noon.Add(day), FirstSeen: noon.Add(day)}, "its age is not known, minimum release age 3d", time.Time{}},
	}
	for _, tt := range tests {
		l := listingOf(Chart, "1.0.0")
		tt.release.Version = "1.1.0"
		l.Releases = append(l.Releases, tt.release)
		got := Candidates(pinOf(Chart, ByHelm, "1.0.0"), l, Wanted{MinAge: 3 * day}, noon)
		if tt.held == "" {
			if versionsOf(got.Updates) != "1.1.0" {
				t.Errorf("%s: held: %s", tt.name, heldOf(got.Held))
			}
			continue
		}
		if len(got.Updates) != 0 || len(got.Held) != 1 || got.Held[0].Why != tt.held || !got.Held[0].Until.Equal(tt.until) {
			t.Errorf("%s: updates %q, held %+v; want %q until %v", tt.name, versionsOf(got.Updates), got.Held, tt.held, tt.until)
		}
	}
}

func TestBuildsByCreated(t *testing.T) {
	t.Parallel()
	l := Listing{Artifact: Artifact{Kind: Chart, Name: "app"}, Releases: []Release{
		{Version: "1.0.0+aaaaaa1", Created: ago(3 * time.Hour)},
		{Version: "1.0.0+bbbbbb2", Created: ago(time.Hour)},
		{Version: "1.0.0+cccccc3", Created: ago(2 * time.Hour)},
	}}
	got := Candidates(pinOf(Chart, ByHelm, "1.0.0+aaaaaa1"), l, Wanted{}, noon)
	if want := "1.0.0+bbbbbb2 1.0.0+cccccc3"; versionsOf(got.Updates) != want {
		t.Errorf("updates %q, want %q", versionsOf(got.Updates), want)
	}
	// One without a time, and the times decide nothing.
	l.Releases[2].Created = time.Time{}
	if got := Candidates(pinOf(Chart, ByHelm, "1.0.0+aaaaaa1"), l, Wanted{}, noon); len(got.Updates) != 0 {
		t.Errorf("updates %q, want none", versionsOf(got.Updates))
	}
}

func TestDeprecated(t *testing.T) {
	t.Parallel()
	l := listingOf(Chart, "1.0.0", "1.1.0")
	l.Releases[1].Deprecated = true
	got := Candidates(pinOf(Chart, ByHelm, "1.0.0"), l, Wanted{}, noon)
	if !got.Deprecated || len(got.Updates) != 0 || heldOf(got.Held) != "1.1.0: its publisher marks it as deprecated" {
		t.Errorf("got %+v", got)
	}
	l.Releases[0].Deprecated = true
	if got := Candidates(pinOf(Chart, ByHelm, "1.0.0"), l, Wanted{}, noon); versionsOf(got.Updates) != "1.1.0" {
		t.Errorf("from one deprecated release to the next: %+v", got)
	}
}

func TestDigestUpdates(t *testing.T) {
	t.Parallel()
	pin := pinOf(Image, ByContainer, "1.2.3")
	pin.Digest = "sha256:aa"
	l := listingOf(Image, "1.2.3", "1.2.4", "latest")
	l.Releases[0].Digest, l.Releases[0].Created, l.Releases[0].FirstSeen = "sha256:bb", ago(900*time.Hour), ago(time.Hour)
	l.Releases[1].Created = ago(900 * time.Hour)
	l.Releases[2].Digest = "sha256:cc"

	got := Candidates(pin, l, Wanted{}, noon)
	if versionsOf(got.Updates) != "1.2.4 1.2.3" || got.Updates[1].Digest != "sha256:bb" {
		t.Errorf("updates %q", versionsOf(got.Updates))
	}
	got = Candidates(pin, l, Wanted{MinAge: 2 * time.Hour}, noon)
	if versionsOf(got.Updates) != "1.2.4" || heldOf(got.Held) != "1.2.3: new digest: released 1h ago, minimum release age 2h" {
		t.Errorf("updates %q, held %q", versionsOf(got.Updates), heldOf(got.Held))
	}
	got = Candidates(pin, l, Wanted{Allow: DigestUpdate}, noon)
	if versionsOf(got.Updates) != "1.2.3" || got.Update != DigestUpdate {
		t.Errorf("digests only: updates %q", versionsOf(got.Updates))
	}
	pin.Digest = "sha256:bb"
	if got := Candidates(pin, l, Wanted{Allow: DigestUpdate}, noon); len(got.Updates) != 0 {
		t.Errorf("same digest: updates %q", versionsOf(got.Updates))
	}
	floating := pinOf(Image, ByContainer, "latest")
	floating.Digest = "sha256:aa"
	got = Candidates(floating, l, Wanted{}, noon)
	if versionsOf(got.Updates) != "latest" {
		t.Fatalf("floating: updates %q", versionsOf(got.Updates))
	}
	if text, ok := floating.WrittenFor(got.Updates[0]); !ok || text != "latest" {
		t.Errorf("written %q, %t", text, ok)
	}
}

func TestWrittenFor(t *testing.T) {
	t.Parallel()
	tests := []struct {
		pin  Pin
		to   string
		want string
	}{
		{pinOf(Chart, ByHelm, "1.2.3"), "1.3.0", "1.3.0"},
		{pinOf(Chart, ByHelm, "^1.2"), "2.0.1", "^2.0"},
		{pinOf(Git, ByGit, "refs/tags/v1.2.0"), "v1.3.0", "refs/tags/v1.3.0"},
		{pinOf(Image, ByContainer, "latest"), "latest", ""},
		{pinOf(Git, ByGit, "4f2c9ab"), "v1.0.0", ""},
	}
	for _, tt := range tests {
		if got, ok := tt.pin.WrittenFor(Release{Version: tt.to}); ok != (tt.want != "") || ok && got != tt.want {
			t.Errorf("%q to %q: %q, %t, want %q", tt.pin.Version, tt.to, got, ok, tt.want)
		}
	}
}

func TestSpan(t *testing.T) {
	t.Parallel()
	for d, want := range map[time.Duration]string{
		0: "0s", time.Second: "1s", 90 * time.Second: "1m30s", 2 * time.Hour: "2h", 72 * time.Hour: "3d",
		75*time.Hour + 5*time.Minute: "3d3h", 72*time.Hour + time.Minute: "3d", -time.Minute: "-1m", time.Millisecond: "0s",
	} {
		if got := Span(d); got != want {
			t.Errorf("Span(%v) = %q, want %q", d, got, want)
		}
	}
}
