package webhook

import (
	"encoding/json"
	"mime"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"unicode"
)

// What ends up in a hint is bounded, in bytes: it was made up by others, and
// ends up in logs.
const (
	maxName = 100 // GitHub: 39 for an owner, 100 for a repository
	maxRef  = 255
)

// origin says who sent a request, by its headers. They are not signed: what
// they say is as good as a hint.
func origin(header http.Header) (source, kind, delivery string) {
	// Gitea and Forgejo send GitHub's headers too, so they come first.
	for _, sender := range []struct{ source, prefix string }{
		{"gitea", "X-Gitea-"}, {"gitea", "X-Forgejo-"}, {"github", "X-Github-"},
	} {
		if event := header.Get(sender.prefix + "Event"); event != "" {
			return sender.source, plain(event, maxName), plain(header.Get(sender.prefix+"Delivery"), maxName)
		}
	}
	if header.Get("X-Signature") != "" || header.Get("Gotk-Component") != "" {
		return "flux", "", ""
	}
	return "generic", "", ""
}

// payload is what we read of all senders' bodies: their fields do not clash.
type payload struct {
	Ref        string      `json:"ref"`
	RefType    string      `json:"ref_type"`
	Number     int         `json:"number"`
	Repository repository  `json:"repository"`
	Pull       *pull       `json:"pull_request"`
	Issue      *numbered   `json:"issue"`
	CheckRun   *check      `json:"check_run"`
	CheckSuite *check      `json:"check_suite"`
	MergeGroup *mergeGroup `json:"merge_group"`
	Branches   []struct {
		Name string `json:"name"`
	} `json:"branches"`

	Reason   string            `json:"reason"`   // Flux
	Metadata map[string]string `json:"metadata"` // Flux

	App    string            `json:"app"`    // Argo CD, as our template has it
	Alerts []json.RawMessage `json:"alerts"` // Alertmanager
	Status string            `json:"status"` // Alertmanager

	Kind   string `json:"kind"`
	Branch string `json:"branch"`
}

type numbered struct {
	Number int `json:"number"`
}

type pull struct {
	numbered
	Head struct {
		Ref string `json:"ref"`
	} `json:"head"`
}

// check is a check run or a check suite; a run has its suite's branch.
type check struct {
	HeadBranch string     `json:"head_branch"`
	Suite      *check     `json:"check_suite"`
	Pulls      []numbered `json:"pull_requests"`
}

type mergeGroup struct {
	HeadRef string `json:"head_ref"`
	BaseRef string `json:"base_ref"`
}

// repository is a forge's object or, from senders whose bodies are templates,
// a name or an address.
type repository string

// UnmarshalJSON takes either.
func (r *repository) UnmarshalJSON(text []byte) error {
	var object struct {
		FullName string `json:"full_name"`
	}
	if len(text) > 0 && text[0] == '"' {
		var name string
		if err := json.Unmarshal(text, &name); err != nil {
			return err
		}
		*r = repository(nameOf(name))
		return nil
	}
	// A field of a strange type is one we do without: the rest is still read.
	_ = json.Unmarshal(text, &object)
	*r = repository(object.FullName)
	return nil
}

// nameOf cuts an address down to the path that a forge calls a repository's
// full name.
func nameOf(address string) string {
	name := address
	if u, err := url.Parse(address); err == nil && u.Host != "" {
		name = u.Path
	} else if _, path, ok := strings.Cut(address, ":"); ok { // git@host:owner/name
		name = path
	}
	return strings.TrimSuffix(strings.Trim(name, "/"), ".git")
}

// read makes a hint of a body. Not ok says that the body told nothing: the
// hint then still says that something happened.
func read(source, kind, contentType string, body []byte) (hint Hint, ok bool) {
	hint = Hint{Source: source, Kind: kind}
	// GitHub and Gitea can send JSON as a field of a form, GitHub does unless
	// told otherwise.
	if media, _, _ := mime.ParseMediaType(contentType); media == "application/x-www-form-urlencoded" {
		form, err := url.ParseQuery(string(body))
		if err != nil {
			return hint, false
		}
		body = []byte(form.Get("payload"))
	}
	if !json.Valid(body) {
		return hint, false
	}
	var p payload
	// Valid JSON whose fields have other types than we expect is read as far
	// as it goes.
	_ = json.Unmarshal(body, &p)
	hint.Repository = plain(string(p.Repository), 2*maxName+1)
	hint.Number = max(p.number(), 0)
	hint.Branch = plain(p.branch(), maxRef)
	switch {
	case source == "flux":
		hint.Kind = plain(p.Reason, maxName)
		hint.Branch = plain(p.fluxBranch(), maxRef)
	case source != "generic":
	case p.Alerts != nil:
		hint.Source, hint.Kind = "alertmanager", plain(p.Status, maxName)
	case p.App != "":
		hint.Source, hint.Kind = "argocd", plain(p.Kind, maxName)
	default:
		hint.Kind = plain(p.Kind, maxName)
	}
	return hint, true
}

// queued is the branch of a merge group: GitHub names it
// gh-readonly-queue/BASE/pr-NUMBER-SHA.
var queued = regexp.MustCompile(`^refs/heads/gh-readonly-queue/.+/pr-([1-9][0-9]*)-[0-9a-f]+$`)

func (p *payload) number() int {
	switch {
	case p.Pull != nil:
		return p.Pull.Number
	case p.Issue != nil:
		return p.Issue.Number
	case p.CheckRun != nil:
		return only(p.CheckRun.Pulls)
	case p.CheckSuite != nil:
		return only(p.CheckSuite.Pulls)
	case p.MergeGroup != nil:
		if m := queued.FindStringSubmatch(p.MergeGroup.HeadRef); m != nil {
			n, _ := strconv.Atoi(m[1])
			return n
		}
		return 0
	}
	return p.Number
}

// only is the number where there is exactly one.
func only(pulls []numbered) int {
	if len(pulls) == 1 {
		return pulls[0].Number
	}
	return 0
}

func (p *payload) branch() string {
	switch {
	case p.Pull != nil:
		return p.Pull.Head.Ref
	case p.CheckRun != nil && p.CheckRun.Suite != nil:
		return p.CheckRun.Suite.HeadBranch
	case p.CheckSuite != nil:
		return p.CheckSuite.HeadBranch
	case p.MergeGroup != nil:
		return branchOf(p.MergeGroup.BaseRef)
	case len(p.Branches) > 0: // those that hold the commit of a status
		if len(p.Branches) == 1 {
			return p.Branches[0].Name
		}
		return ""
	case p.RefType == "branch": // created or deleted: a bare name
		return branchOf(p.Ref)
	case strings.HasPrefix(p.Ref, "refs/heads/"):
		return branchOf(p.Ref)
	}
	return p.Branch
}

func branchOf(ref string) string { return strings.TrimPrefix(ref, "refs/heads/") }

// fluxBranch is the branch of a Flux revision, "main@sha1:…". The key is
// prefixed with the API group in what some controllers send.
func (p *payload) fluxBranch() string {
	for key, revision := range p.Metadata {
		if key != "revision" && !strings.HasSuffix(key, "/revision") {
			continue
		}
		if branch, _, ok := strings.Cut(revision, "@sha1:"); ok {
			return branchOf(branch)
		}
	}
	return ""
}

// plain returns text that is short and can be printed, else nothing.
func plain(text string, limit int) string {
	if len(text) > limit || strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsGraphic(r) || r == unicode.ReplacementChar }) {
		return ""
	}
	return text
}
