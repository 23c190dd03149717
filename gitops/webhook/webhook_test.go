package webhook

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const (
	oldSecret = "an old secret of some length"
	newSecret = "a new secret of some length"
	token     = "a token of some length"
)

// inbox is a handler and the hints that it gave.
type inbox struct {
	*Handler
	mu    sync.Mutex
	hints []Hint
}

func open(t testing.TB) *inbox {
	t.Helper()
	in := &inbox{}
	h, err := New(Options{
		Secrets: [][]byte{[]byte(oldSecret), []byte(newSecret)}, Tokens: []string{"another token of some length", token},
		Hint: func(h Hint) { in.mu.Lock(); in.hints = append(in.hints, h); in.mu.Unlock() },
	})
	if err != nil {
		t.Fatal(err)
	}
	in.Handler = h
	return in
}

func (in *inbox) deliver(method string, header map[string]string, body []byte) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, "/webhooks", bytes.NewReader(body))
	for k, v := range header {
		r.Header.Set(k, v)
	}
	w := httptest.NewRecorder()
	in.ServeHTTP(w, r)
	return w
}

func sign(secret string, body []byte) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write(body)
	return hex.EncodeToString(mac.Sum(nil))
}

var pushed = []byte(`{"ref":"refs/heads/main","repository":{"full_name":"acme/deploy"}}`)

func TestRefusesWhatNobodyVouchesFor(t *testing.T) {
	t.Parallel()
	good := sign(newSecret, pushed)
	legacy := hmac.New(sha1.New, []byte(newSecret))
	legacy.Write(pushed)
	tests := []struct {
		name, method string
		header       map[string]string
		want         int
	}{
		{"nothing", "POST", nil, 401},
		{"event without signature", "POST", map[string]string{"X-GitHub-Event": "push"}, 401},
		{"ping without signature", "POST", map[string]string{"X-GitHub-Event": "ping"}, 401},
		{"other secret", "POST", map[string]string{"X-Hub-Signature-256": "sha256=" + sign("a wrong secret of some length", pushed)}, 401},
		{"other body", "POST", map[string]string{"X-Hub-Signature-256": "sha256=" + sign(newSecret, []byte("{}"))}, 401},
		{"SHA-1", "POST", map[string]string{"X-Hub-Signature": "sha1=" + hex.EncodeToString(legacy.Sum(nil))}, 401},
		{"SHA-1 in the place of SHA-256", "POST", map[string]string{"X-Hub-Signature-256": "sha1=" + hex.EncodeToString(legacy.Sum(nil))}, 401},
		{"cut short", "POST", map[string]string{"X-Hub-Signature-256": "sha256=" + good[:62]}, 401},
		{"empty", "POST", map[string]string{"X-Hub-Signature-256": "sha256="}, 401},
		{"not hex", "POST", map[string]string{"X-Gitea-Signature": strings.Repeat("x", 64)}, 401},
		{"token for secret", "POST", map[string]string{"Authorization": "Bearer " + newSecret}, 401},
		{"secret for token", "POST", map[string]string{"X-Signature": "sha256=" + sign(token, pushed)}, 401},
		{"no token", "POST", map[string]string{"Authorization": "Bearer "}, 401},
		{"part of the token", "POST", map[string]string{"Authorization": "Bearer " + token[:10]}, 401},
		{"other scheme", "POST", map[string]string{"Authorization": "Digest " + token}, 401},
		{"GET", "GET", map[string]string{"Authorization": "Bearer " + token}, 405},
		{"PUT", "PUT", map[string]string{"X-Hub-Signature-256": "sha256=" + good}, 405},
	}
	for _, tt := range tests {
		in := open(t)
		w := in.deliver(tt.method, tt.header, pushed)
		if w.Code != tt.want || len(in.hints) != 0 {
			t.Errorf("%s: answered %d with hints %v, want %d and none", tt.name, w.Code, in.hints, tt.want)
		}
		if got := strings.TrimSpace(w.Body.String()); got != http.StatusText(tt.want) {
			t.Errorf("%s: says %q, more than its status", tt.name, got)
		}
		if got := in.Counts(); tt.want == 401 && got != (Counts{Refused: 1}) {
			t.Errorf("%s: counted %+v", tt.name, got)
		}
	}
}

func TestTakesWhatIsVouchedFor(t *testing.T) {
	t.Parallel()
	for name, header := range map[string]map[string]string{
		"new secret":     {"X-Hub-Signature-256": "sha256=" + sign(newSecret, pushed)},
		"old secret":     {"X-Hub-Signature-256": "sha256=" + sign(oldSecret, pushed)},
		"one of two":     {"X-Hub-Signature-256": "sha256=" + sign("something else entirely", pushed), "X-Gitea-Signature": sign(newSecret, pushed)},
		"Flux":           {"X-Signature": "sha256=" + sign(newSecret, pushed)},
		"token":          {"Authorization": "Bearer " + token},
		"lower case":     {"Authorization": "bearer " + token},
		"basic":          {"Authorization": "Basic YW55Ym9keTphIHRva2VuIG9mIHNvbWUgbGVuZ3Ro"},
		"token and junk": {"Authorization": "Bearer " + token, "X-Signature": "sha256=00"},
	} {
		in := open(t)
		if w := in.deliver("POST", header, pushed); w.Code != http.StatusAccepted || len(in.hints) != 1 {
			t.Errorf("%s: answered %d with hints %v", name, w.Code, in.hints)
		}
	}
}

// TestReplay: twice the same is twice a hint, and no harm.
func TestReplay(t *testing.T) {
	t.Parallel()
	in := open(t)
	header := map[string]string{"X-GitHub-Event": "push", "X-GitHub-Delivery": "72d3162e", "X-Hub-Signature-256": "sha256=" + sign(newSecret, pushed)}
	for range 2 {
		if w := in.deliver("POST", header, pushed); w.Code != http.StatusAccepted {
			t.Fatalf("answered %d", w.Code)
		}
	}
	want := Hint{Source: "github", Repository: "acme/deploy", Kind: "push", Branch: "main", Delivery: "72d3162e"}
	if diff := cmp.Diff([]Hint{want, want}, in.hints); diff != "" {
		t.Error(diff)
	}
}

func TestPing(t *testing.T) {
	t.Parallel()
	in := open(t)
	body := []byte(`{"zen":"Design for failure.","hook_id":1}`)
	w := in.deliver("POST", map[string]string{"X-GitHub-Event": "ping", "X-Hub-Signature-256": "sha256=" + sign(newSecret, body)}, body)
	if w.Code != http.StatusOK || len(in.hints) != 0 {
		t.Errorf("answered %d with hints %v", w.Code, in.hints)
	}
}

func TestHints(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		header map[string]string
		body   string
		want   Hint
	}{
		{
			"Gitea sends GitHub's headers too",
			map[string]string{"X-Gitea-Event": "pull_request", "X-GitHub-Event": "pull_request", "X-Gitea-Delivery": "f6266f16", "X-GitHub-Delivery": "f6266f16"},
			`{"action":"opened","number":7,"pull_request":{"number":7,"head":{"ref":"promoter/nginx"},"base":{"ref":"main"}},"repository":{"full_name":"acme/deploy"}}`,
			Hint{Source: "gitea", Repository: "acme/deploy", Kind: "pull_request", Number: 7, Branch: "promoter/nginx", Delivery: "f6266f16"},
		},
		{
			"Forgejo alone", map[string]string{"X-Forgejo-Event": "push", "X-Forgejo-Delivery": "1"}, string(pushed),
			Hint{Source: "gitea", Repository: "acme/deploy", Kind: "push", Branch: "main", Delivery: "1"},
		},
		{
			"GitHub as a form", map[string]string{"X-GitHub-Event": "push", "Content-Type": "application/x-www-form-urlencoded"}, "payload=" + url.QueryEscape(string(pushed)),
			Hint{Source: "github", Repository: "acme/deploy", Kind: "push", Branch: "main"},
		},
		{
			"a branch is made", map[string]string{"X-GitHub-Event": "create"}, `{"ref":"team/fix","ref_type":"branch","repository":{"full_name":"acme/deploy"}}`,
			Hint{Source: "github", Repository: "acme/deploy", Kind: "create", Branch: "team/fix"},
		},
		{
			"a tag is no branch", map[string]string{"X-GitHub-Event": "create"}, `{"ref":"v1","ref_type":"tag","repository":{"full_name":"acme/deploy"}}`,
			Hint{Source: "github", Repository: "acme/deploy", Kind: "create"},
		},
		{
			"a check of several pulls", map[string]string{"X-GitHub-Event": "check_run"},
			`{"check_run":{"pull_requests":[{"number":1},{"number":2}],"check_suite":{"head_branch":null}},"repository":{"full_name":"acme/deploy"}}`,
			Hint{Source: "github", Repository: "acme/deploy", Kind: "check_run"},
		},
		{
			"fields of strange types", map[string]string{"X-GitHub-Event": "issues"},
			`{"number":"x","ref":3,"branches":7,"metadata":{"a":1},"issue":{"number":4},"repository":{"full_name":"acme/deploy"}}`,
			Hint{Source: "github", Repository: "acme/deploy", Kind: "issues", Number: 4},
		},
		{
			"a queue for a branch with a slash", map[string]string{"X-GitHub-Event": "merge_group"},
			`{"merge_group":{"head_ref":"refs/heads/gh-readonly-queue/release/1.2/pr-31-00ff","base_ref":"refs/heads/release/1.2"}}`,
			Hint{Source: "github", Kind: "merge_group", Number: 31, Branch: "release/1.2"},
		},
		{"no JSON", map[string]string{"X-GitHub-Event": "push"}, `{"ref":`, Hint{Source: "github", Kind: "push"}},
		{"nothing", map[string]string{"X-GitHub-Event": "push"}, "", Hint{Source: "github", Kind: "push"}},
		{"a form without payload", map[string]string{"X-GitHub-Event": "push", "Content-Type": "application/x-www-form-urlencoded"}, "a=b", Hint{Source: "github", Kind: "push"}},
		{"a list", map[string]string{"X-GitHub-Event": "push"}, `[1]`, Hint{Source: "github", Kind: "push"}},
		{
			"text that would upset a log", map[string]string{"X-GitHub-Event": "push", "X-GitHub-Delivery": strings.Repeat("x", 101)},
			`{"ref":"refs/heads/a\nlevel=ERROR","repository":{"full_name":"` + strings.Repeat("x", 300) + `"}}`,
			Hint{Source: "github", Kind: "push"},
		},
		{
			"Flux", map[string]string{"Gotk-Component": "kustomize-controller"},
			`{"involvedObject":{"kind":"Kustomization","namespace":"flux-system","name":"apps"},"severity":"info","reason":"ReconciliationSucceeded",
			  "message":"done","metadata":{"kustomize.toolkit.fluxcd.io/revision":"main@sha1:4cf1b5f5a1c1e5b1a1c1e5b1a1c1e5b1a1c1e5b1"},"reportingController":"kustomize-controller"}`,
			Hint{Source: "flux", Kind: "ReconciliationSucceeded", Branch: "main"},
		},
		{
			"Flux of a chart", map[string]string{"Gotk-Component": "helm-controller"},
			`{"involvedObject":{"kind":"HelmRelease"},"reason":"UpgradeFailed","metadata":{"revision":"4.12.1"}}`,
			Hint{Source: "flux", Kind: "UpgradeFailed"},
		},
		{
			"Argo CD", nil, `{"app":"shop-production","kind":"Succeeded","repository":"https://git.example.com/acme/deploy.git"}`,
			Hint{Source: "argocd", Kind: "Succeeded", Repository: "acme/deploy"},
		},
		{"Argo CD without a repository", nil, `{"app":"shop","kind":"Failed","repository":null}`, Hint{Source: "argocd", Kind: "Failed"}},
		{"over SSH", nil, `{"app":"shop","repository":"git@git.example.com:acme/deploy.git"}`, Hint{Source: "argocd", Repository: "acme/deploy"}},
		{
			"Alertmanager", nil, `{"version":"4","status":"firing","receiver":"promoter","groupKey":"{}","alerts":[{"status":"firing"}]}`,
			Hint{Source: "alertmanager", Kind: "firing"},
		},
		{"somebody", nil, `{"repository":"acme/deploy","kind":"nightly","number":3,"branch":"main"}`, Hint{Source: "generic", Repository: "acme/deploy", Kind: "nightly", Number: 3, Branch: "main"}},
	}
	for _, tt := range tests {
		in := open(t)
		header := map[string]string{"Authorization": "Bearer " + token}
		for k, v := range tt.header {
			header[k] = v
		}
		if w := in.deliver("POST", header, []byte(tt.body)); w.Code != http.StatusAccepted {
			t.Errorf("%s: answered %d", tt.name, w.Code)
		}
		if diff := cmp.Diff([]Hint{tt.want}, in.hints); diff != "" {
			t.Errorf("%s: %s", tt.name, diff)
		}
	}
}

func TestConcerns(t *testing.T) {
	t.Parallel()
	for repository, want := range map[string]bool{"": true, "Acme/Deploy": true, "acme/other": false} {
		if got := (Hint{Repository: repository}).Concerns("acme/deploy"); got != want {
			t.Errorf("%q: %v", repository, got)
		}
	}
}

func TestSecretsThatAreNone(t *testing.T) {
	t.Parallel()
	ignore := func(Hint) {}
	for _, tt := range []struct {
		o    Options
		want string
	}{
		{Options{Hint: ignore}, "no secret and no token"},
		{Options{Hint: ignore, Secrets: [][]byte{nil}}, "0 bytes"},
		{Options{Hint: ignore, Secrets: [][]byte{[]byte(newSecret), []byte("short")}}, "secret 2 of 2"},
		{Options{Hint: ignore, Secrets: [][]byte{[]byte(newSecret + "\n")}}, "white space"},
		{Options{Hint: ignore, Tokens: []string{""}}, "token 1 of 1"},
		{Options{Tokens: []string{token}}, "nobody to tell"},
	} {
		if _, err := New(tt.o); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%+v: got %v, want %q", tt.o, err, tt.want)
		}
	}
}

func TestSizes(t *testing.T) {
	t.Parallel()
	pad := func(size int) []byte {
		body := append([]byte(`{"ref":"refs/heads/main","pad":"`), bytes.Repeat([]byte("x"), size)...)
		return append(body[:size-2], '"', '}')
	}
	for size, want := range map[int]int{smallBody - 1: 202, smallBody: 202, smallBody + 1: 202, MaxBody: 202, MaxBody + 1: 413} {
		for _, known := range []bool{true, false} {
			in := open(t)
			r := httptest.NewRequest("POST", "/", bytes.NewReader(pad(size)))
			r.Header.Set("Authorization", "Bearer "+token)
			if !known {
				r.ContentLength = -1
			}
			w := httptest.NewRecorder()
			in.ServeHTTP(w, r)
			if w.Code != want {
				t.Errorf("%d bytes, length known %v: answered %d, want %d", size, known, w.Code, want)
			}
			if want == 202 && (len(in.hints) != 1 || in.hints[0].Branch != "main") {
				t.Errorf("%d bytes: %v", size, in.hints)
			}
			if got := in.Counts(); want == 413 && got.TooLarge != 1 {
				t.Errorf("%d bytes: counted %+v", size, got)
			}
			if len(in.small) != 0 || len(in.large) != 0 {
				t.Errorf("%d bytes: slots are still taken", size)
			}
		}
	}
}

// TestTooManyAtOnce fills all places with senders that never end, and shows
// that the next is turned away and that leaving makes room.
func TestTooManyAtOnce(t *testing.T) {
	t.Parallel()
	in := open(t)
	var group sync.WaitGroup
	var pipes []*io.PipeWriter
	for range smallBodies {
		reader, writer := io.Pipe()
		pipes = append(pipes, writer)
		group.Go(func() {
			r := httptest.NewRequest("POST", "/", reader)
			r.Header.Set("X-Signature", "sha256="+strings.Repeat("0", 64))
			in.ServeHTTP(httptest.NewRecorder(), r)
		})
		_, _ = writer.Write([]byte("{")) // taken: the body is being read
	}
	header := map[string]string{"Authorization": "Bearer " + token}
	w := in.deliver("POST", header, pushed)
	if w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") == "" {
		t.Errorf("answered %d %v", w.Code, w.Header())
	}
	for _, p := range pipes {
		_ = p.Close()
	}
	group.Wait()
	if w := in.deliver("POST", header, pushed); w.Code != http.StatusAccepted {
		t.Errorf("afterwards: answered %d", w.Code)
	}
	if got, want := in.Counts(), (Counts{Accepted: 1, Refused: smallBodies, Busy: 1}); got != want {
		t.Errorf("counted %+v, want %+v", got, want)
	}
}

// FuzzRead: whatever a sender writes, the hint is one that a log can take.
func FuzzRead(f *testing.F) {
	f.Add("github", "push", "application/json", pushed)
	f.Add("github", "status", "application/x-www-form-urlencoded", []byte("payload="+url.QueryEscape(`{"branches":[{"name":"main"}],"repository":{"full_name":"a/b"}}`)))
	f.Add("flux", "", "application/json", []byte(`{"reason":"x","metadata":{"revision":"main@sha1:0"}}`))
	f.Add("generic", "", "", []byte(`{"alerts":[{}],"status":"firing","repository":"git@h:a/b.git"}`))
	f.Add("github", "merge_group", "", []byte(`{"merge_group":{"head_ref":"refs/heads/gh-readonly-queue/m/pr-99999999999999999999-0"},"check_run":{"check_suite":{"check_suite":{}}}}`))
	f.Fuzz(func(t *testing.T, source, kind, contentType string, body []byte) {
		h, ok := read(source, plain(kind, maxName), contentType, body)
		if h.Number < 0 {
			t.Errorf("number %d", h.Number)
		}
		for _, text := range []string{h.Repository, h.Kind, h.Branch} {
			if plain(text, maxRef) != text {
				t.Errorf("%q", text)
			}
		}
		if !ok && (h.Repository != "" || h.Number != 0 || h.Branch != "") {
			t.Errorf("unreadable, and yet %+v", h)
		}
	})
}

func BenchmarkDelivery(b *testing.B) {
	h, err := New(Options{Secrets: [][]byte{[]byte(newSecret)}, Hint: func(Hint) {}})
	if err != nil {
		b.Fatal(err)
	}
	body := []byte(`{"ref":"refs/heads/main","repository":{"full_name":"acme/deploy"},"commits":[` + strings.Repeat(`{"id":"4cf1b5f5a1c1e5b1","message":"m"},`, 500) + `{}]}`)
	signature := "sha256=" + sign(newSecret, body)
	b.SetBytes(int64(len(body)))
	for b.Loop() {
		r := httptest.NewRequest("POST", "/", bytes.NewReader(body))
		r.Header.Set("X-Hub-Signature-256", signature)
		h.ServeHTTP(httptest.NewRecorder(), r)
	}
}
