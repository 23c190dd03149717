package webhook_test

import (
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"os"
	"testing"
	"time"

	"promoter/gitops/webhook"
	"promoter/test/realforge"
)

// TestGitea takes what a real Gitea sends.
func TestGitea(t *testing.T) {
	if os.Getenv("PROMOTER_REAL_FORGES") == "" {
		t.Skip("set PROMOTER_REAL_FORGES to start a real Gitea")
	}
	binary, static, missing := realforge.FindGitea()
	if missing != "" {
		t.Skip(missing)
	}
	g, err := realforge.StartGitea(t.Context(), t.TempDir(), binary, static)
	if err != nil {
		t.Fatal(err)
	}
	defer g.Close()

	const secret = "a secret of some length"
	hints := make(chan webhook.Hint, 100)
	handler, err := webhook.New(webhook.Options{Secrets: [][]byte{[]byte(secret)}, Hint: func(h webhook.Hint) { hints <- h }})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(handler)
	defer server.Close()

	call := func(method, path string, in any) {
		t.Helper()
		if err := g.Call(t.Context(), method, path, in, nil); err != nil {
			t.Fatal(err)
		}
	}
	repo := "repos/" + g.Owner + "/deploy"
	hook := func(secret string) {
		t.Helper()
		call(http.MethodPost, repo+"/hooks", map[string]any{
			"type": "gitea", "active": true, "config": map[string]string{"url": server.URL, "content_type": "json", "secret": secret},
			"events": []string{"push", "pull_request", "pull_request_review", "issue_comment", "issues", "create", "status"},
		})
	}
	call(http.MethodPost, "user/repos", map[string]any{"name": "deploy", "auto_init": true, "default_branch": "main"})
	hook("a wrong secret of some length")
	hook(secret)
	call(http.MethodPost, repo+"/contents/app.yaml", map[string]any{
		"content": base64.StdEncoding.EncodeToString([]byte("version: 2\n")), "branch": "main", "new_branch": "promoter/app", "message": "change",
	})
	call(http.MethodPost, repo+"/pulls", map[string]any{"title": "change", "head": "promoter/app", "base": "main"})
	call(http.MethodPost, repo+"/issues/1/comments", map[string]any{"body": "/promoter hold"})
	call(http.MethodPost, repo+"/pulls/1/reviews", map[string]any{"body": "fine", "event": "COMMENT"})
	call(http.MethodPost, repo+"/issues", map[string]any{"title": "trouble"})

	want := map[webhook.Hint]bool{}
	full := g.Owner + "/deploy"
	for _, h := range []webhook.Hint{
		{Kind: "push", Branch: "promoter/app"},
		{Kind: "create", Branch: "promoter/app"},
		{Kind: "pull_request", Number: 1, Branch: "promoter/app"},
		{Kind: "issue_comment", Number: 1, Branch: "promoter/app"}, // unlike GitHub, with the pull
		{Kind: "issues", Number: 2},
	} {
		h.Source, h.Repository = "gitea", full
		want[h] = true
	}
	reviewed := false
	deadline := time.After(time.Minute)
	for len(want) > 0 || !reviewed {
		select {
		case h := <-hints:
			t.Logf("%+v", h)
			if h.Delivery == "" {
				t.Errorf("no delivery: %+v", h)
			}
			h.Delivery = ""
			delete(want, h)
			// Releases differ in what they call it.
			reviewed = reviewed || h.Kind != "pull_request" && h.Number == 1 && h.Branch == "promoter/app"
		case <-deadline:
			t.Fatalf("not seen: %v, reviewed %v, counts %+v", want, reviewed, handler.Counts())
		}
	}
	if got := handler.Counts(); got.Refused == 0 || got.Unreadable != 0 {
		t.Errorf("%+v", got)
	}
}
