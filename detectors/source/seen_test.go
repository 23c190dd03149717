package source

import (
	"os"
	"testing"
	"time"

	"promoter/promoter"
)

func TestFirstSeenAcrossRuns(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	day := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	run := func(now time.Time, f func(*Client)) {
		t.Helper()
		c, err := NewClient(Options{CacheDir: dir, Now: func() time.Time { return now }})
		if err != nil {
			t.Fatal(err)
		}
		f(c)
		if err := c.Close(); err != nil {
			t.Fatal(err)
		}
	}
	nginx := promoter.Artifact{Kind: promoter.Image, Source: "docker.io", Name: "library/nginx"}
	redis := promoter.Artifact{Kind: promoter.Image, Source: "docker.io", Name: "library/redis"}
	want := func(c *Client, a promoter.Artifact, version, digest string, at time.Time) {
		t.Helper()
		if got := c.Seen(a, version, digest); !got.Equal(at) {
			t.Errorf("%s %s %s seen %s, want %s", a.Name, version, digest, got, at)
		}
	}
	run(day, func(c *Client) {
		want(c, nginx, "1.0", "", day)
		want(c, nginx, "1.0", "sha256:aa", day)
		want(c, nginx, "odd version\n%", "", day)
	})
	later := day.Add(72 * time.Hour)
	run(later, func(c *Client) {
		want(c, nginx, "1.0", "", day)
		want(c, nginx, "odd version\n%", "", day)
		want(c, nginx, "1.1", "", later)
		want(c, nginx, "1.0", "sha256:bb", later) // the tag was moved
		want(c, redis, "1.0", "", later)          // never looked at before
	})
	run(later.Add(time.Hour), func(c *Client) {
		var digests []string
		for _, s := range c.Sightings(nginx, "1.0") {
			digests = append(digests, s.Digest)
		}
		if len(digests) != 3 || digests[1] != "sha256:aa" || digests[2] != "sha256:bb" {
			t.Errorf("sightings %q", digests)
		}
	})
	// A clock that ran ahead must not hold a version for years.
	run(day.Add(-time.Hour), func(c *Client) { want(c, redis, "1.0", "", day.Add(-time.Hour)) })
}

func TestFirstSeenOfTwoRunsAtOnce(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	a := promoter.Artifact{Kind: promoter.Image, Source: "ghcr.io", Name: "x/y"}
	day := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	open := func(now time.Time) *Client {
		c, err := NewClient(Options{CacheDir: dir, Now: func() time.Time { return now }})
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	early, late := open(day), open(day.Add(time.Hour))
	late.Seen(a, "1", "")
	late.Seen(a, "2", "")
	early.Seen(a, "1", "")
	early.Seen(a, "3", "")
	for _, c := range []*Client{early, late} {
		if err := c.Close(); err != nil {
			t.Fatal(err)
		}
	}
	c := open(day.Add(24 * time.Hour))
	for version, want := range map[string]time.Time{"1": day, "2": day.Add(time.Hour), "3": day} {
		if got := c.Seen(a, version, ""); !got.Equal(want) {
			t.Errorf("%s seen %s, want %s", version, got, want)
		}
	}
}

func TestFloatingTagsAreBounded(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC)
	c, err := NewClient(Options{CacheDir: t.TempDir(), Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	a := promoter.Artifact{Kind: promoter.Image, Source: "ghcr.io", Name: "x/y"}
	for i := range 100 {
		now = now.Add(24 * time.Hour)
		c.Seen(a, "latest", string(rune('A'+i)))
	}
	list := c.Sightings(a, "latest")
	if len(list) != maxDigests || list[0].Digest != "A" || list[maxDigests-1].Digest != string(rune('A'+99)) {
		t.Errorf("%d sightings, from %q to %q", len(list), list[0].Digest, list[len(list)-1].Digest)
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestDamagedFirstSeenFileForgetsOnlyItsLines(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	a := promoter.Artifact{Kind: promoter.Image, Source: "ghcr.io", Name: "x/y"}
	s := newSeen(dir)
	text := seenHeader(a) + "\n100 1.0 \nnonsense\n200 %zz x\nabc 1.1 \n300 1.2 sha256%3Aaa"
	if err := os.WriteFile(s.path(a), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	now := time.Unix(1000, 0)
	for version, want := range map[string]int64{"1.0": 100, "1.1": 1000} {
		if got := s.see(a, version, "", now).Unix(); got != want {
			t.Errorf("%s seen %d, want %d", version, got, want)
		}
	}
	if got := s.see(a, "1.2", "sha256:aa", now).Unix(); got != 300 {
		t.Errorf("1.2 seen %d, want 300", got)
	}
}
