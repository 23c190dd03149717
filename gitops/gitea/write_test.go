package gitea

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"promoter/gitops"
)

// Whoever dies while it pushes may leave a branch that Git has and the server
// never noted. It is removed, to be pushed again; what is not surely that one is
// left alone.
func TestBranchThatTheServerHasNotNoted(t *testing.T) {
	t.Parallel()
	const branch = "promoter/web-1.1.0/dev"
	for name, tt := range map[string]struct {
		refs    string // what Git has
		noted   int32  // after so many times that it was asked for; never when 0
		removed bool
		says    string
	}{
		"it was never noted":     {`[{"ref":"refs/heads/promoter/web-1.1.0/dev","object":{"sha":"abc"}}]`, 0, true, "pushed again"},
		"it is noted in a while": {`[{"ref":"refs/heads/promoter/web-1.1.0/dev","object":{"sha":"abc"}}]`, 3, false, "has just come"},
		"it is somewhere else":   {`[{"ref":"refs/heads/promoter/web-1.1.0/dev","object":{"sha":"def"}}]`, 0, false, "is gone"},
		"one begins alike":       {`[{"ref":"refs/heads/promoter/web-1.1.0/dev-2","object":{"sha":"abc"}}]`, 0, false, "is gone"},
		"it is not there":        {``, 0, false, "is gone"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var asked atomic.Int32
			var removed atomic.Bool
			mux := http.NewServeMux()
			mux.HandleFunc("GET /api/v1/repos/acme/fleet/branches/"+branch, func(w http.ResponseWriter, _ *http.Request) {
				if n := asked.Add(1); tt.noted == 0 || n < tt.noted {
					w.WriteHeader(http.StatusNotFound)
					return
				}
				fmt.Fprint(w, `{"commit":{"id":"abc"}}`)
			})
			mux.HandleFunc("DELETE /api/v1/repos/acme/fleet/branches/"+branch, func(w http.ResponseWriter, _ *http.Request) {
				removed.Store(true)
				w.WriteHeader(http.StatusNoContent)
			})
			mux.HandleFunc("GET /api/v1/repos/acme/fleet/git/refs/heads/"+branch, func(w http.ResponseWriter, _ *http.Request) {
				if tt.refs == "" {
					w.WriteHeader(http.StatusNotFound)
				}
				fmt.Fprint(w, tt.refs)
			})
			server := httptest.NewServer(mux)
			defer server.Close()
			f, err := New(Options{Owner: "acme", Repo: "fleet", URL: server.URL, Token: func(context.Context) (string, error) { return "t", nil }, Now: func() time.Time { return noon }})
			if err != nil {
				t.Fatal(err)
			}
			_, err = f.Open(t.Context(), gitops.NewPull{Branch: branch, Head: "abc", Base: "main"})
			if !errors.Is(err, gitops.ErrStale) || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("%v, want one that says %q", err, tt.says)
			}
			if removed.Load() != tt.removed {
				t.Errorf("removed: %t", removed.Load())
			}
		})
	}
}
