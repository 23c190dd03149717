package forge_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"promoter/test/world/forge"
)

// TestPublishedLimits: what is too much is refused, with the time after which
// it is not, by the forge's own clock.
func TestPublishedLimits(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
	s, r := start(t, forge.Options{
		Now: func() time.Time { return now }, Hourly: 1 << 20,
		ContentPerMinute: forge.PublishedContentPerMinute, ContentPerHour: forge.PublishedContentPerHour, PointsPerMinute: forge.PublishedPointsPerMinute,
	})
	head := commit(t, r, "x", "main", map[string][]byte{"x": []byte("1\n")})
	n := open(t, r, "x")
	write := func() (int, http.Header, string) {
		return ask(t, s, "POST", fmt.Sprintf("repos/acme/fleet/issues/%d/comments", n), "secret", `{"body":"x"}`)
	}
	refused := func(after string) {
		t.Helper()
		status, h, body := write()
		if status != 403 || h.Get("Retry-After") != after || !strings.Contains(body, "secondary rate limit") {
			t.Fatalf("got %d, Retry-After %q, %s; want 403 after %s", status, h.Get("Retry-After"), body, after)
		}
	}
	for range 40 {
		if status, _, body := write(); status != 201 {
			t.Fatal(status, body)
		}
	}
	now = now.Add(20 * time.Second)
	for range 40 {
		write()
	}
	refused("40")
	// What creates no content is not refused by that.
	if status, _, _ := ask(t, s, "POST", "repos/acme/fleet/statuses/"+head, "secret", `{"state":"success","context":"c"}`); status != 201 {
		t.Errorf("a status: got %d", status)
	}
	if status, _, _ := ask(t, s, "GET", "repos/acme/fleet/pulls", "secret", ""); status != 200 {
		t.Errorf("a read: got %d", status)
	}
	now = now.Add(40 * time.Second)
	for range 40 {
		if status, _, body := write(); status != 201 {
			t.Fatal(status, body)
		}
	}
	now = now.Add(20 * time.Second)
	for i := range 380 {
		now = now.Add(time.Second)
		if status, _, body := write(); status != 201 {
			t.Fatal(i, status, body)
		}
	}
	refused(fmt.Sprint(3600 - 380 - 80))
	if c := s.Counts(); c.Content != 500 || c.Statuses != 1 || c.Refused != 2 || c.BusiestHour != 500 || c.BusiestMinute != 80 {
		t.Errorf("got %+v", c)
	}
	s.Forget()
	if c := s.Counts(); c != (forge.Counts{}) {
		t.Errorf("after Forget: got %+v", c)
	}
	refused(fmt.Sprint(3600 - 380 - 80)) // Forget does not forgive
}

func TestPoints(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
	s, r := start(t, forge.Options{Now: func() time.Time { return now }, PointsPerMinute: 20})
	head := commit(t, r, "x", "main", map[string][]byte{"x": []byte("1\n")})
	get := func() int { status, _, _ := ask(t, s, "GET", "repos/acme/fleet/pulls", "secret", ""); return status }
	set := func() (int, string) {
		status, h, _ := ask(t, s, "POST", "repos/acme/fleet/statuses/"+head, "secret", `{"state":"success","context":"c"}`)
		return status, h.Get("Retry-After")
	}
	for range 6 {
		if got := get(); got != 200 {
			t.Fatal(got)
		}
	}
	now = now.Add(10 * time.Second)
	for range 2 { // 6 + 10 points
		if got, _ := set(); got != 201 {
			t.Fatal(got)
		}
	}
	if got, after := set(); got != 403 || after != "50" { // till the six are a minute old
		t.Errorf("got %d, Retry-After %q", got, after)
	}
	for range 4 {
		if got := get(); got != 200 {
			t.Errorf("a read: got %d", got)
		}
	}
	if got := get(); got != 403 {
		t.Errorf("one read too many: got %d", got)
	}
	if c := s.Counts(); c.Points != 20 || c.Refused != 2 || c.Statuses != 2 || c.Content != 0 {
		t.Errorf("got %+v", c)
	}
	now = now.Add(51 * time.Second)
	if got, _ := set(); got != 201 {
		t.Errorf("later: got %d", got)
	}
}
