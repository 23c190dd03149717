package github_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"promoter/gitops"
	"promoter/gitops/github"
)

func TestReadFile(t *testing.T) {
	t.Parallel()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if got := r.Header.Get("Accept"); got != "application/vnd.github.raw+json" {
			t.Errorf("asked for %q", got)
		}
		raw := func(text string) {
			w.Header().Set("Content-Type", "application/vnd.github.raw+json; charset=utf-8")
			w.Write([]byte(text))
		}
		switch r.URL.EscapedPath() + "?" + r.URL.RawQuery {
		case "/api/v3/repos/org/web/contents/charts/a%20b/CHANGELOG.md?ref=web-1.0.0%2B1":
			raw("at the tag")
		case "/api/v3/repos/org/web/contents/CHANGELOG.md?":
			raw(`{"at": "HEAD"}`)
		case "/api/v3/repos/org/web/contents/long?":
			raw(strings.Repeat("x", 4<<20+1))
		case "/api/v3/repos/org/web/contents/docs?":
			w.Header().Set("Content-Type", "application/json; charset=utf-8")
			w.Write([]byte(`[]`))
		case "/api/v3/repos/org/web/contents/secret?":
			w.WriteHeader(http.StatusForbidden)
			w.Write([]byte(`{"message": "Resource not accessible"}`))
		default:
			w.WriteHeader(http.StatusNotFound)
			w.Write([]byte(`{"message": "Not Found"}`))
		}
	}))
	t.Cleanup(s.Close)
	f, err := github.New(github.Options{
		Owner: "acme", Repo: "gitops", BaseURL: s.URL + "/api/v3",
		Token: func(context.Context) (string, error) { return "t", nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ path, ref, want string }{
		{"charts/a b/CHANGELOG.md", "web-1.0.0+1", "at the tag"},
		{"CHANGELOG.md", "", `{"at": "HEAD"}`},
	} {
		got, err := f.ReadFile(t.Context(), "org", "web", c.path, c.ref)
		if err != nil || string(got) != c.want {
			t.Errorf("%s at %q: got %q, %v", c.path, c.ref, got, err)
		}
	}
	for path, is := range map[string]error{
		"nothing": gitops.ErrNotFound, "secret": gitops.ErrDenied, "long": nil, "docs": nil, "../../x/y": nil, "": nil, "/CHANGELOG.md": nil,
	} {
		got, err := f.ReadFile(t.Context(), "org", "web", path, "")
		if err == nil || got != nil || is != nil && !errors.Is(err, is) || err != nil && !strings.Contains(err.Error(), "org/web") {
			t.Errorf("%q: got %d bytes, %v", path, len(got), err)
		}
	}
	if _, err := f.ReadFile(t.Context(), "..", "web", "CHANGELOG.md", ""); err == nil {
		t.Error("an owner that is no name was asked for")
	}
}
