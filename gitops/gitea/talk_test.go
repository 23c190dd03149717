package gitea

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"promoter/gitops"
)

// telling returns a forge whose server answers each path with a text.
func telling(t *testing.T, answers map[string]string) *Forge {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		text, ok := answers[r.Method+" "+strings.TrimPrefix(r.URL.Path, "/api/v1/")]
		if !ok {
			http.Error(w, `{"message":"not found"}`, http.StatusNotFound)
			return
		}
		w.Header().Set("X-Total-Count", fmt.Sprint(strings.Count(text, `"id"`)))
		_, _ = w.Write([]byte(text))
	}))
	t.Cleanup(server.Close)
	f, err := New(Options{Owner: "acme", Repo: "fleet", URL: server.URL, Token: func(context.Context) (string, error) { return "t", nil }})
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func at(minute int) time.Time { return time.Date(2026, 11, 1, 12, minute, 0, 0, time.UTC) }

// TestGhostsSayNothing: who is gone approves nothing and commands nothing.
func TestGhostsSayNothing(t *testing.T) {
	t.Parallel()
	f := telling(t, map[string]string{
		"GET repos/acme/fleet/pulls/7/reviews": `[
			{"id":1,"user":{"login":"Ghost"},"state":"APPROVED","commit_id":"a","submitted_at":"2026-11-01T12:01:00Z"},
			{"id":2,"user":{"login":"ben"},"state":"APPROVED","commit_id":"a","submitted_at":"2026-11-01T12:02:00Z"},
			{"id":3,"user":{"login":"cleo"},"state":"REQUEST_CHANGES","dismissed":true,"commit_id":"a","submitted_at":"2026-11-01T12:03:00Z"},
			{"id":4,"user":{"login":"ben"},"state":"COMMENT","commit_id":"b","submitted_at":"2026-11-01T12:04:00Z"},
			{"id":5,"user":{"login":"ben"},"state":"REQUEST_REVIEW","commit_id":"","submitted_at":"2026-11-01T12:05:00Z"},
			{"id":6,"user":{"login":"ben"},"state":"PENDING","commit_id":"b","submitted_at":"2026-11-01T12:06:00Z"},
			{"id":7,"user":null,"team":{"name":"platform"},"state":"REQUEST_REVIEW","submitted_at":"2026-11-01T12:07:00Z"},
			{"id":8,"user":{"login":"dora"},"state":"A_STATE_OF_THE_FUTURE","submitted_at":"2026-11-01T12:08:00Z"}]`,
		"GET repos/acme/fleet/issues/comments": `[
			{"id":1,"user":{"login":"Ghost"},"body":"/promoter stop","issue_url":"https://x/acme/fleet/issues/3","created_at":"2026-11-01T12:01:00Z","updated_at":"2026-11-01T12:01:00Z"},
			{"id":2,"user":{"login":"ben"},"body":"/promoter hold","pull_request_url":"https://x/acme/fleet/pulls/7","created_at":"2026-11-01T12:02:00Z","updated_at":"2026-11-01T12:03:00Z"}]`,
	})
	reviews, err := f.Reviews(t.Context(), 7)
	if diff := cmp.Diff([]gitops.Review{{Author: "ben", State: "approved", Commit: "a", At: at(2)}, {Author: "cleo", State: "dismissed", Commit: "a", At: at(3)}}, reviews); err != nil || diff != "" {
		t.Error(err, diff)
	}
	comments, err := f.Comments(t.Context(), at(0))
	want := []gitops.Comment{{ID: 1, Number: 3, Body: "/promoter stop", At: at(1), Edited: at(1)}, {ID: 2, Number: 7, Author: "ben", Body: "/promoter hold", At: at(2), Edited: at(3)}}
	if diff := cmp.Diff(want, comments); err != nil || diff != "" {
		t.Error(err, diff)
	}
}

func TestWhoLabelled(t *testing.T) {
	t.Parallel()
	event := func(label int, user, body string, minute int) string {
		return fmt.Sprintf(`{"type":"label","user":{"login":%q},"body":%q,"label":{"id":%d,"name":"as it was called"},"created_at":%q}`, user, body, label, at(minute).Format(time.RFC3339))
	}
	f := telling(t, map[string]string{
		"GET repos/acme/fleet/issues/7": `{"number":7,"labels":[{"id":1,"name":"hold"},{"id":2,"name":"promoter"},{"id":3,"name":"old"},{"id":4,"name":"off"}]}`,
		"GET repos/acme/fleet/issues/7/timeline": "[" + strings.Join([]string{
			event(1, "ben", "1", 1), `{"type":"comment","user":{"login":"ben"},"body":"1"}`, event(2, "bot", "1", 2), event(1, "bot", "", 3), event(1, "cleo", "1", 4),
			event(4, "ben", "1", 5), event(4, "ben", "", 6), `{"type":"label","user":{"login":"ben"},"body":"1","label":null}`, event(5, "ben", "1", 7),
		}, ",") + "]",
	})
	got, err := f.Labelings(t.Context(), 7)
	want := []gitops.Labeling{{Label: "hold", By: "cleo", At: at(4)}, {Label: "promoter", By: "bot", At: at(2)}, {Label: "old"}} // of old nothing is known, off was taken off since
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Error(err, diff)
	}
}

func TestPermissions(t *testing.T) {
	t.Parallel()
	for answer, want := range map[string]string{"none": "none", "read": "read", "write": "write", "admin": "admin", "owner": "admin", "emperor": "", "": ""} {
		f := telling(t, map[string]string{"GET repos/acme/fleet/collaborators/ben/permission": fmt.Sprintf(`{"permission":%q}`, answer)})
		if got, err := f.Permission(t.Context(), "ben"); got != want || (err != nil) != (want == "") {
			t.Errorf("%q: got %q, %v, want %q", answer, got, err, want)
		}
	}
	f := answering(t, 403, nil, `{"message":"Only admins can query all permissions"}`)
	if got, err := f.Permission(t.Context(), "ben"); !errors.Is(err, gitops.ErrDenied) || got != "" {
		t.Errorf("a permission that is not told: got %q, %v", got, err)
	}
}

// TestTeamsByTheirName: a search finds others too.
func TestTeamsByTheirName(t *testing.T) {
	t.Parallel()
	f := telling(t, map[string]string{
		"GET orgs/crew/teams/search":  `{"ok":true,"data":[{"id":1,"name":"platform-guests"},{"id":2,"name":"Platform"}]}`,
		"GET teams/1/members/mallory": `{"login":"mallory"}`, "GET teams/2/members/ben": `{"login":"ben"}`,
	})
	for login, want := range map[string]bool{"ben": true, "mallory": false} {
		if got, err := f.Member(t.Context(), "crew/platform", login); err != nil || got != want {
			t.Errorf("%s: got %v, %v, want %v", login, got, err, want)
		}
	}
}

// TestLabelsThatDoNotExist: the server then answers with all issues.
func TestLabelsThatDoNotExist(t *testing.T) {
	t.Parallel()
	f := telling(t, map[string]string{"GET repos/acme/fleet/issues": `[{"id":1,"number":1,"state":"open","title":"Of another kind","labels":[]},
		{"id":2,"number":2,"state":"open","labels":[{"name":"promoter/incident"}],"pull_request":{}},{"id":3,"number":3,"state":"open","labels":[{"name":"promoter/incident"}]}]`})
	f.page = 300 // one page of closed ones
	got, err := f.Issues(t.Context(), "promoter/incident")
	if err != nil || len(got) != 1 || got[0].Number != 3 {
		t.Errorf("got %+v, %v, want #3 alone", got, err)
	}
	for _, label := range []string{"", "a,b"} {
		if got, err := f.Issues(t.Context(), label); err == nil {
			t.Errorf("%q: got %+v", label, got)
		}
	}
}
