package gitea

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"promoter/gitops"
)

// The server pushes what it merges. When a commit of somebody else comes in
// between, it answers as if a hook had refused; what tells them apart is that
// the base has just moved.
func TestMergeWhileTheBaseMoves(t *testing.T) {
	t.Parallel()
	const refused = "PushRejected with remote message: it is not allowed"
	for name, tt := range map[string]struct {
		moved time.Duration // since the base has moved
		want  error
	}{
		"somebody pushes": {time.Second, gitops.ErrStale},
		"a hook refuses":  {time.Hour, gitops.ErrDenied},
	} {
		mux := http.NewServeMux()
		mux.HandleFunc("POST /api/v1/repos/acme/fleet/pulls/7/merge", func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusConflict)
			fmt.Fprintf(w, `{"message":%q}`, refused)
		})
		mux.HandleFunc("GET /api/v1/repos/acme/fleet/pulls/7", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Date", noon.Format(http.TimeFormat))
			fmt.Fprintf(w, `{"number":7,"state":"open","mergeable":true,"updated_at":%q,"head":{"sha":"abc"},"base":{"label":"main","ref":"main"}}`, noon.Add(-time.Hour).Format(time.RFC3339))
		})
		mux.HandleFunc("GET /api/v1/repos/acme/fleet/branches/main", func(w http.ResponseWriter, _ *http.Request) {
			fmt.Fprintf(w, `{"commit":{"timestamp":%q}}`, noon.Add(-tt.moved).Format(time.RFC3339))
		})
		server := httptest.NewServer(mux)
		f, err := New(Options{Owner: "acme", Repo: "fleet", URL: server.URL, Token: func(context.Context) (string, error) { return "t", nil }, Now: func() time.Time { return noon }})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.Merge(t.Context(), 7, "abc", gitops.Merge{Method: "merge"}); !errors.Is(err, tt.want) {
			t.Errorf("%s: %v, want %v", name, err, tt.want)
		}
		server.Close()
	}
}

// "Not mergeable" is all that the server says while it finds out, too. A busy one
// takes its time, but a head that has all of its base conflicts with nothing.
func TestConflictIsNotGuessed(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		updated time.Duration // since the pull has changed
		lacks   string        // answer to how many commits of its base it lacks
		want    error
	}{
		"it has just changed":                {5 * time.Second, `{"total_commits":1}`, gitops.ErrStale},
		"it lacks a commit":                  {time.Minute, `{"total_commits":1}`, gitops.ErrConflict},
		"it lacks none":                      {time.Minute, `{"total_commits":0}`, gitops.ErrStale},
		"it lacks none, and nothing comes":   {time.Hour, `{"total_commits":0}`, gitops.ErrConflict},
		"what it lacks is not known":         {time.Minute, ``, gitops.ErrConflict},
		"what it lacks is not in the answer": {time.Minute, `{}`, gitops.ErrConflict},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			mux := http.NewServeMux()
			mux.HandleFunc("POST /api/v1/repos/acme/fleet/pulls/7/merge", func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(http.StatusMethodNotAllowed)
				fmt.Fprint(w, `{"message":"Please try again later"}`)
			})
			mux.HandleFunc("GET /api/v1/repos/acme/fleet/pulls/7", func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Date", noon.Format(http.TimeFormat))
				fmt.Fprintf(w, `{"number":7,"state":"open","mergeable":false,"updated_at":%q,"head":{"sha":"abc"},"base":{"label":"release/1","ref":"release/1"}}`, noon.Add(-tt.updated).Format(time.RFC3339))
			})
			mux.HandleFunc("GET /api/v1/repos/acme/fleet/branches/release/1", func(w http.ResponseWriter, _ *http.Request) {
				fmt.Fprintf(w, `{"commit":{"timestamp":%q}}`, noon.Add(-time.Hour).Format(time.RFC3339))
			})
			mux.HandleFunc("GET /api/v1/repos/acme/fleet/compare/abc...release/1", func(w http.ResponseWriter, _ *http.Request) {
				if tt.lacks == "" {
					w.WriteHeader(http.StatusNotFound)
				}
				fmt.Fprint(w, tt.lacks)
			})
			server := httptest.NewServer(mux)
			defer server.Close()
			f, err := New(Options{Owner: "acme", Repo: "fleet", URL: server.URL, Token: func(context.Context) (string, error) { return "t", nil }, Now: func() time.Time { return noon }})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := f.Merge(t.Context(), 7, "abc", gitops.Merge{Method: "merge"}); !errors.Is(err, tt.want) {
				t.Errorf("%v, want %v", err, tt.want)
			}
		})
	}
}
