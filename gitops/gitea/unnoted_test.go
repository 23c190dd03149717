package gitea

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"
)

// Who is cut off while the server merges leaves a merge that was pushed and
// never noted. It is the pull's once that is closed; what only looks alike is
// not.
func TestMergeThatTheServerHasNotNoted(t *testing.T) {
	t.Parallel()
	const ours = `[{"sha":"later","created":"2026-03-04T12:00:00Z","parents":[{"sha":"merge"}]},{"sha":"merge","created":"2026-03-04T11:00:00Z","parents":[{"sha":"base"},{"sha":"head"}]},{"sha":"base","parents":[]}]`
	for name, tt := range map[string]struct {
		state, mergeBase, commits string
		want                      string // state and merge
		searches                  int    // in two looks
	}{
		"it stays open":                  {"open", "head", ours, "open ", 0},
		"it is closed":                   {"closed", "head", ours, "merged merge", 1},
		"it has something of its own":    {"closed", "base", ours, "closed ", 0},
		"what it has came another way":   {"closed", "head", `[{"sha":"head","created":"2026-03-04T11:00:00Z","parents":[{"sha":"base"}]}]`, "closed ", 1},
		"it brought the base up to date": {"closed", "head", `[{"sha":"x","created":"2026-03-04T11:00:00Z","parents":[{"sha":"head"},{"sha":"base"}]}]`, "closed ", 1},
		"another's merge, from before":   {"closed", "head", `[{"sha":"merge","created":"2026-03-04T09:00:00Z","parents":[{"sha":"base"},{"sha":"head"}]}]`, "closed ", 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			searches := 0
			mux := http.NewServeMux()
			mux.HandleFunc("GET /api/v1/repos/acme/fleet/pulls", func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("X-Total-Count", "1")
				fmt.Fprintf(w, `[{"number":7,"state":%q,"created_at":"2026-03-04T10:00:00Z","merge_base":%q,"head":{"label":"promoter/a","sha":"head"},"base":{"label":"main","sha":"base"}}]`, tt.state, tt.mergeBase)
			})
			mux.HandleFunc("GET /api/v1/repos/acme/fleet/commits", func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Query().Get("sha") != "main" {
					t.Errorf("asked for %s", r.URL)
				}
				if r.URL.Query().Get("page") != "1" {
					fmt.Fprint(w, "[]")
					return
				}
				searches++
				fmt.Fprint(w, tt.commits)
			})
			server := httptest.NewServer(mux)
			defer server.Close()
			f, err := New(Options{Owner: "acme", Repo: "fleet", URL: server.URL, Token: func(context.Context) (string, error) { return "t", nil }, Now: func() time.Time { return noon }})
			if err != nil {
				t.Fatal(err)
			}
			for range 2 {
				pulls, err := f.Pulls(t.Context(), "main", "promoter/")
				if err != nil || len(pulls) != 1 {
					t.Fatalf("%v, %v", pulls, err)
				}
				if got := pulls[0].State + " " + pulls[0].Merge; got != tt.want {
					t.Errorf("%q, want %q", got, tt.want)
				}
				if pulls[0].State == "merged" && !pulls[0].MergedAt.Equal(time.Date(2026, 3, 4, 11, 0, 0, 0, time.UTC)) {
					t.Errorf("merged at %s", pulls[0].MergedAt)
				}
			}
			if searches != tt.searches {
				t.Errorf("%d searches in two looks, want %d", searches, tt.searches)
			}
		})
	}
}
