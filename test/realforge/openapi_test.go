package realforge

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// TestJudgeBites shows the judge what is wrong: if it were content with that,
// its contentment with us would mean nothing.
func TestJudgeBites(t *testing.T) {
	path, missing := FindOpenAPI()
	if missing != "" {
		t.Skip(missing)
	}
	const ref = `{"ref":"refs/heads/a","node_id":"x","url":"https://example.com/a","object":{"type":"commit","sha":"1234567890123456789012345678901234567890","url":"https://example.com/a"}}`
	tests := []struct {
		name, method, path, body string
		status                   int
		answer, want             string
	}{
		{"right", "GET", "/repos/o/r/git/ref/heads/a/b", "", 200, ref, ""},
		{"answer lacks a field", "GET", "/repos/o/r/git/ref/heads/a", "", 200, `{"ref":"refs/heads/a"}`, "missing properties"},
		{"answer of a wrong type", "GET", "/repos/o/r/git/ref/heads/a", "", 200, strings.Replace(ref, `"x"`, "1", 1), "got number, want string"},
		{"null where none may be", "GET", "/repos/o/r/git/ref/heads/a", "", 200, strings.Replace(ref, `"x"`, "null", 1), "got null, want string"},
		{"no such operation", "GET", "/repos/o/r/git/reff/heads/a", "", 200, ref, "no such operation"},
		{"no such parameter", "GET", "/repos/o/r/pulls?stat=open", "", 200, "[]", `no parameter "stat"`},
		{"no such value", "GET", "/repos/o/r/pulls?state=opened", "", 200, "[]", "not one of"},
		{"no such answer", "GET", "/repos/o/r/pulls", "", 418, "[]", "no such answer"},
		{"no such field", "POST", "/repos/o/r/git/refs", `{"ref":"refs/heads/a","sha":"1","forced":true}`, 201, ref, `no field "forced"`},
		{"request lacks a field", "POST", "/repos/o/r/git/refs", `{"ref":"refs/heads/a"}`, 201, ref, "missing property"},
	}
	judge, err := NewJudge(path, "")
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range tests {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(tt.status)
			_, _ = io.WriteString(w, tt.answer)
		}))
		req, err := http.NewRequestWithContext(t.Context(), tt.method, server.URL+tt.path, strings.NewReader(tt.body))
		if err != nil {
			t.Fatal(err)
		}
		before := len(judge.Complaints())
		resp, err := judge.Over(http.DefaultTransport).RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		server.Close()
		got := strings.Join(judge.Complaints()[before:], "\n")
		if (tt.want == "") != (got == "") || !strings.Contains(got, tt.want) {
			t.Errorf("%s: got %q, want %q", tt.name, got, tt.want)
		}
	}
}
