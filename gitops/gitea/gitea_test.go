package gitea

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"promoter/gitops"
)

// answering returns a forge whose server gives one answer to everything.
func answering(t *testing.T, status int, header map[string]string, body string) *Forge {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		for k, v := range header {
			w.Header().Set(k, v)
		}
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	}))
	t.Cleanup(server.Close)
	f, err := New(Options{Owner: "acme", Repo: "fleet", URL: server.URL + "/", Token: func(context.Context) (string, error) { return "t", nil }, Now: func() time.Time { return noon }})
	if err != nil {
		t.Fatal(err)
	}
	return f
}

var noon = time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)

func TestDraftTitles(t *testing.T) {
	t.Parallel()
	for title, want := range map[string]string{
		"WIP: Update redis": "Update redis", "wip:Update redis": "Update redis", "[WIP] Update redis": "Update redis", "Update WIP: redis": "Update WIP: redis", "WI": "WI", "": "",
	} {
		if got := unwip(title); got != want {
			t.Errorf("%q: got %q, want %q", title, got, want)
		}
	}
	text := gitops.Text{Title: "Update redis", Draft: true}
	if got := unwip(titled(text)); got != text.Title {
		t.Errorf("there and back: got %q", got)
	}
}

// TestBranchesThatAreGone: the server then names the head by its ref.
func TestBranchesThatAreGone(t *testing.T) {
	t.Parallel()
	var p pull
	if err := json.Unmarshal([]byte(`{"number":7,"state":"closed","merged":true,"merge_commit_sha":"abc","head":{"label":"promoter/x","ref":"refs/pull/7/head","sha":"def","repo_id":1},"base":{"label":"main","ref":"main","repo_id":1}}`), &p); err != nil {
		t.Fatal(err)
	}
	if got := p.ours(); got.Branch != "promoter/x" || got.State != "merged" || got.Merge != "abc" {
		t.Errorf("got %+v", got)
	}
}

func TestAnswers(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		status int
		header map[string]string
		body   string
		want   error
		says   string
	}{
		{"denied", 403, nil, `{"message":"token does not have at least one of required scope(s)"}`, gitops.ErrDenied, "required scope"},
		{"not found", 404, nil, `{}`, gitops.ErrNotFound, ""},
		{"token", 401, nil, `{"message":"invalid"}`, nil, "token is not accepted"},
		{"no JSON", 200, map[string]string{"X-Total-Count": "1"}, `<html>`, nil, "not what was expected"},
		{"no count", 200, nil, `[]`, nil, "how many"},
		{"fewer than it says", 200, map[string]string{"X-Total-Count": "3"}, `[]`, nil, "got 0 of 3"},
		{"fault", 500, nil, `{"message":"` + strings.Repeat("x", 1000) + `"}`, nil, "answered 500"},
	} {
		list, err := answering(t, tt.status, tt.header, tt.body).Pulls(t.Context(), "main", "")
		if err == nil || tt.want != nil && !errors.Is(err, tt.want) || !strings.Contains(err.Error(), tt.says) || len(err.Error()) > 600 {
			t.Errorf("%s: got %v, %v", tt.name, list, err)
		}
	}
}

func TestPatience(t *testing.T) {
	t.Parallel()
	for after, want := range map[string]time.Duration{
		"": time.Minute, "20": 20 * time.Second, "999999": time.Hour, "-1": time.Minute, "soon": time.Minute, noon.Add(2 * time.Minute).Format(http.TimeFormat): 2 * time.Minute,
		noon.Add(48 * time.Hour).Format(http.TimeFormat): time.Hour,
	} {
		_, err := answering(t, 429, map[string]string{"Retry-After": after}, "").Pulls(t.Context(), "main", "")
		var l *gitops.RateLimited
		if !errors.As(err, &l) || l.Until.Sub(noon) != want {
			t.Errorf("%q: got %v, want a wait of %s", after, err, want)
		}
	}
}

func TestNew(t *testing.T) {
	t.Parallel()
	token := func(context.Context) (string, error) { return "", nil }
	for name, o := range map[string]Options{
		"no URL": {Owner: "a", Repo: "b", Token: token}, "no scheme": {URL: "gitea.example.com", Owner: "a", Repo: "b", Token: token},
		"no repository": {URL: "https://gitea.example.com", Token: token}, "no token": {URL: "https://gitea.example.com", Owner: "a", Repo: "b"},
	} {
		if _, err := New(o); err == nil {
			t.Errorf("%s: it was taken", name)
		}
	}
}
