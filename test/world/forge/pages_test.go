package forge_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"promoter/test/world/forge"
)

func TestHooks(t *testing.T) {
	t.Parallel()
	s, r := start(t, forge.Options{})
	var mu sync.Mutex
	var got []string
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		body, err := io.ReadAll(req.Body)
		mac := hmac.New(sha256.New, []byte("hush"))
		mac.Write(body)
		if want := "sha256=" + hex.EncodeToString(mac.Sum(nil)); err != nil || req.Header.Get("X-Hub-Signature-256") != want {
			t.Errorf("got signature %q, %v, want %q", req.Header.Get("X-Hub-Signature-256"), err, want)
		}
		var e struct {
			Action string
			Ref    string
			State  string
		}
		if err := json.Unmarshal(body, &e); err != nil {
			t.Error(err)
		}
		mu.Lock()
		defer mu.Unlock()
		got = append(got, strings.TrimSpace(req.Header.Get("X-GitHub-Event")+" "+e.Action+e.Ref+e.State))
	}))
	t.Cleanup(receiver.Close)
	r.AddHook(forge.Hook{URL: receiver.URL, Secret: "hush"})
	commit(t, r, "x", "main", map[string][]byte{"x": []byte("1\n")})
	n := open(t, r, "x")
	for _, err := range []error{r.Label(n, "ana", "hold"), r.Comment(n, "ana", "promoter retry"), r.Unlabel(n, "ana", "hold"), r.Close(n, "ana"), r.Reopen(n, "ana")} {
		if err != nil {
			t.Fatal(err)
		}
	}
	head := commit(t, r, "x", "", map[string][]byte{"x": []byte("2\n")})
	r.Status(head, "ci", "build", "success")
	if _, err := r.Merge(n, "ana", "squash"); err != nil {
		t.Fatal(err)
	}
	s.Delivered()
	want := []string{
		"push refs/heads/x", "pull_request opened", "pull_request labeled", "issue_comment created", "pull_request unlabeled", "pull_request closed", "pull_request reopened",
		"push refs/heads/x", "pull_request synchronize", "status success", "pull_request closed", "push refs/heads/main",
	}
	mu.Lock()
	defer mu.Unlock()
	if !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

func TestPages(t *testing.T) {
	t.Parallel()
	s, r := start(t, forge.Options{})
	commit(t, r, "x", "main", map[string][]byte{"b": []byte("<script>alert(1)</script>\n")})
	n, err := r.Open("bot", "x", "main", "<script>alert(2)</script>", "## What\n\n| a | b |\n|---|---|\n| `<i>` | [c](https://example.com/?a=\"b) |\n\n<script>alert(3)</script>\n\n[x](javascript:alert(4))\n\n<details>\n<summary>More</summary>\n\n- [ ] **bold** <img src=x onerror=alert(5)>\n</details>\n")
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Comment(n, "<b>ana</b>", "<script>alert(6)</script>"); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string][]string{
		"/":                  {"acme/fleet", "1 open"},
		"/acme/fleet":        {"&lt;script&gt;alert(2)", "/acme/fleet/pull/1"},
		"/acme/fleet/pull/1": {"<h2>What</h2>", "<th>a", "<code>&lt;i&gt;</code>", "<summary>More</summary>", "☐ <b>bold</b>", "alert(6)", `<span class="add">&#43;&lt;script&gt;alert(1)`},
	} {
		resp, err := http.Get(s.URL + path)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		if err != nil || resp.StatusCode != http.StatusOK {
			t.Fatalf("%s: %d, %v", path, resp.StatusCode, err)
		}
		for _, w := range want {
			if !strings.Contains(string(body), w) {
				t.Errorf("%s: want %q in %s", path, w, body)
			}
		}
		for _, evil := range []string{"<script", "<img", `href="javascript:`, "<b>ana"} {
			if strings.Contains(string(body), evil) {
				t.Errorf("%s holds %q", path, evil)
			}
		}
	}
}
