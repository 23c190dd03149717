package forge_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"promoter/test/world/forge"
)

// TestNumbersAreShared: issues and pulls are counted together.
func TestNumbersAreShared(t *testing.T) {
	t.Parallel()
	s, r := start(t, forge.Options{})
	commit(t, r, "x", "main", map[string][]byte{"x": []byte("1\n")})
	i := r.OpenIssue("ana", "Slow", "Since `x`.", "incident")
	p := open(t, r, "x")
	if i != 1 || p != 2 || len(r.Pulls()) != 1 || r.Pulls()[0].Number != 2 || len(r.Issues()) != 1 {
		t.Fatalf("got issue #%d, pull #%d", i, p)
	}
	for path, want := range map[string]int{"pulls/1": 404, "pulls/2": 200, "issues/1": 200, "issues/2": 200, "issues/3": 404, "issues/0": 404, "issues/x": 404} {
		if got, _, _ := ask(t, s, "GET", "repos/acme/fleet/"+path, "secret", ""); got != want {
			t.Errorf("%s: got %d, want %d", path, got, want)
		}
	}
	if _, err := r.Merge(i, "ana", "merge"); err == nil {
		t.Error("an issue was merged")
	}
	for _, err := range []error{r.Comment(i, "ben", "Yes."), r.EditComment(i, 0, "ben", "No."), r.Close(i, "ben"), r.Label(p, "ben", "hold")} {
		if err != nil {
			t.Fatal(err)
		}
	}
	if got := r.Issues()[0]; got.State != "closed" || got.ClosedBy != "ben" || got.Comments[0].Text != "No." || got.Comments[0].By != "ben" {
		t.Errorf("got %+v", got)
	}
	for path, wants := range map[string][]string{"/acme/fleet": {"Slow", "Update x", "hold"}, "/acme/fleet/issues/1": {"Slow", "No.", "closed", "ben"}, "/acme/fleet/pull/2": {"Update x"}} {
		_, page := get(t, s.URL+path)
		for _, want := range wants {
			if !strings.Contains(page, want) {
				t.Errorf("%s lacks %q", path, want)
			}
		}
	}
	if status, _ := get(t, s.URL+"/acme/fleet/issues/2"); status != 404 {
		t.Errorf("the page of a pull as an issue: got %d", status)
	}
}

func TestPersonsAreHeld(t *testing.T) {
	t.Parallel()
	_, r := start(t, forge.Options{})
	commit(t, r, "x", "main", map[string][]byte{"x": []byte("1\n")})
	p := open(t, r, "x")
	for what, err := range map[string]error{
		"review of one's own":   r.Review(p, "bot", "APPROVED"),
		"no such verdict":       r.Review(p, "ana", "approved"),
		"dismissal of nothing":  r.Dismiss(p, "ana", "ben"),
		"comment on nothing":    r.Comment(9, "ana", "x"),
		"edit of no comment":    r.EditComment(p, 0, "ana", "x"),
		"a role that is not":    r.Allow("ana", "owner"),
		"a close of nothing":    r.Close(0, "ana"),
		"a review of an absent": r.Review(9, "ana", "APPROVED"),
	} {
		if err == nil {
			t.Errorf("%s is let pass", what)
		}
	}
}

// get reads a page.
func get(t testing.TB, url string) (int, string) {
	t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(data)
}

// nodeOf returns a pull's name in GraphQL.
func nodeOf(t testing.TB, s *forge.Server, number int) string {
	t.Helper()
	_, _, body := ask(t, s, "GET", fmt.Sprintf("repos/acme/fleet/pulls/%d", number), "secret", "")
	var p struct {
		Node string `json:"node_id"`
	}
	if err := json.Unmarshal([]byte(body), &p); err != nil {
		t.Fatal(err)
	}
	return p.Node
}

func TestQueue(t *testing.T) {
	t.Parallel()
	s, r := start(t, forge.Options{})
	r.Rules, r.QueueAfter = []string{"merge_queue"}, -1
	for i, b := range []string{"x", "y"} {
		commit(t, r, b, "main", map[string][]byte{b: []byte("1\n")})
		open(t, r, b)
		node := fmt.Sprintf(`{"query":"mutation($input:EnqueuePullRequestInput!){enqueuePullRequest(input:$input){clientMutationId}}","variables":{"input":{"pullRequestId":%q}}}`, nodeOf(t, s, i+1))
		if _, _, body := ask(t, s, "POST", "../graphql", "secret", node); strings.Contains(body, "errors") {
			t.Fatal(body)
		}
	}
	if got := r.Queued(); !slices.Equal(got, []int{1, 2}) {
		t.Fatalf("got queue %v", got)
	}
	commit(t, r, "x", "", map[string][]byte{"x": []byte("2\n")}) // who pushes leaves the queue
	r.QueueAfter = 2
	// Each stands first for two calls: the third puts one out, the sixth
	// merges the other.
	for call, want := range []string{"[1 2] open", "[1 2] open", "[2] open", "[2] open", "[2] open", "[] merged"} {
		if status, _, _ := ask(t, s, "GET", "repos/acme/fleet/pulls", "secret", ""); status != 200 {
			t.Fatal(status)
		}
		if got := fmt.Sprint(r.Queued(), " ", r.Pulls()[1].State); got != want || r.Pulls()[0].State != "open" {
			t.Errorf("call %d: got %s, want %s", call+1, got, want)
		}
	}
	if got := r.Pulls()[1]; got.Merge != r.Heads()["main"] || got.ClosedBy != "github-merge-queue[bot]" {
		t.Errorf("got %+v", got)
	}
	if n, c, err := r.Advance(); n != 0 || c != "" || err != nil {
		t.Errorf("an empty queue: got %d, %q, %v", n, c, err)
	}
}
