package webhook

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// findRecorded returns the path of the payloads that GitHub really sent, or
// why there are none.
func findRecorded() (path, missing string) {
	path = os.Getenv("PROMOTER_GITHUB_WEBHOOKS")
	if path == "" {
		path = filepath.Join("..", "..", "test", "realforge", "node_modules", "@octokit", "webhooks-examples", "api.github.com", "index.json")
	}
	if _, err := os.Stat(path); err != nil {
		return "", "GitHub's recorded payloads are not installed: run npm ci --ignore-scripts in test/realforge, or name their file in PROMOTER_GITHUB_WEBHOOKS"
	}
	return path, ""
}

// at follows keys and indexes through JSON.
func at(v any, path ...any) any {
	for _, step := range path {
		switch s := step.(type) {
		case string:
			object, _ := v.(map[string]any)
			v = object[s]
		case int:
			list, _ := v.([]any)
			if s >= len(list) {
				return nil
			}
			v = list[s]
		}
	}
	return v
}

// reading says where an event's number and branch stand. A branch's prefix
// refs/heads/ is cut; refs of tags are none.
var reading = map[string]struct{ number, branch []any }{
	"pull_request":        {[]any{"number"}, []any{"pull_request", "head", "ref"}},
	"pull_request_review": {[]any{"pull_request", "number"}, []any{"pull_request", "head", "ref"}},
	"push":                {nil, []any{"ref"}},
	"issue_comment":       {[]any{"issue", "number"}, nil},
	"issues":              {[]any{"issue", "number"}, nil},
	"status":              {nil, []any{"branches", 0, "name"}},
	"check_run":           {[]any{"check_run", "pull_requests", 0, "number"}, []any{"check_run", "check_suite", "head_branch"}},
	"merge_group":         {nil, []any{"merge_group", "base_ref"}},
}

// TestRecorded holds us to what GitHub really sends, of every event there is.
func TestRecorded(t *testing.T) {
	t.Parallel()
	path, missing := findRecorded()
	if missing != "" {
		t.Skip(missing)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var events []struct {
		Name     string
		Examples []json.RawMessage
	}
	if err := json.Unmarshal(text, &events); err != nil {
		t.Fatal(err)
	}
	taken, read := 0, map[string]int{}
	seen := map[Hint]bool{}
	for _, e := range events {
		for i, body := range e.Examples {
			in := open(t)
			w := in.deliver("POST", map[string]string{
				"X-GitHub-Event": e.Name, "X-Hub-Signature-256": "sha256=" + sign(oldSecret, body), "Content-Type": "application/json",
			}, body)
			taken++
			if e.Name == "ping" {
				if w.Code != http.StatusOK || len(in.hints) != 0 {
					t.Errorf("ping %d: answered %d with hints %v", i, w.Code, in.hints)
				}
				continue
			}
			if w.Code != http.StatusAccepted || len(in.hints) != 1 || in.Counts().Unreadable != 0 {
				t.Errorf("%s %d: answered %d with hints %v", e.Name, i, w.Code, in.hints)
				continue
			}
			got := in.hints[0]
			seen[got] = true
			var object map[string]any
			if err := json.Unmarshal(body, &object); err != nil {
				t.Fatal(err)
			}
			if want, _ := at(object, "repository", "full_name").(string); got.Repository != want || got.Source != "github" || got.Kind != e.Name {
				t.Errorf("%s %d: %+v, want repository %q", e.Name, i, got, want)
			}
			where, ok := reading[e.Name]
			if !ok {
				continue
			}
			read[e.Name]++
			number, _ := at(object, where.number...).(float64)
			branch, _ := at(object, where.branch...).(string)
			branch = strings.TrimPrefix(branch, "refs/heads/")
			switch {
			case strings.HasPrefix(branch, "refs/tags/"):
				branch = ""
			case e.Name == "status" && at(object, "branches", 1) != nil:
				branch = "" // which of them is meant, nobody can say
			case e.Name == "merge_group":
				number = 104 // stands in the name of a branch only
			}
			if got.Number != int(number) || got.Branch != branch {
				t.Errorf("%s %d: %+v, want number %d and branch %q", e.Name, i, got, int(number), branch)
			}
		}
	}
	for name := range reading {
		if read[name] == 0 {
			t.Errorf("no recorded %s", name)
		}
	}
	for _, want := range []Hint{
		{Source: "github", Kind: "pull_request", Repository: "Codertocat/Hello-World", Number: 2, Branch: "changes"},
		{Source: "github", Kind: "push", Repository: "Codertocat/Hello-World", Branch: "master"},
		{Source: "github", Kind: "issue_comment", Repository: "Codertocat/Hello-World", Number: 1},
		{Source: "github", Kind: "check_run", Repository: "electron/electron", Number: 26764, Branch: "miniak/event-process-id"},
		{Source: "github", Kind: "merge_group", Repository: "octo-org/octo-repo", Number: 104, Branch: "main"},
	} {
		if !seen[want] {
			t.Errorf("never seen: %+v", want)
		}
	}
	t.Logf("GitHub: %d payloads of %d events taken, number and branch right in %v", taken, len(events), read)
}
