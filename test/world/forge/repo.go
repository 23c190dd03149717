package forge

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// Repo is a repository with its pulls. Its exported fields may be set before
// the first request.
type Repo struct {
	Owner, Name  string
	Base         string   // default branch
	MergeMethods []string // of merge, squash and rebase, those allowed
	DeleteMerged bool     // branches of merged pulls are deleted
	NoDrafts     bool     // as in private repositories of small plans
	Required     []string // contexts that must be a success before a merge
	// Rules are further kinds of rules on every branch: "required_signatures".
	// With "merge_queue" the API merges through a queue only.
	Rules       []string
	QueueMethod string // how the queue merges; "merge" without it
	QueueAfter  int    // how many API calls a pull stands first in the queue before it is merged; negative: until Advance

	server   *Server
	id       int64
	dir      string
	created  time.Time
	issues   []*issue // all of them, by number, from 1
	pulls    []*pull  // those issues that are pulls
	queue    []*queued
	roles    map[string]string // permission by login
	labels   map[string]int64
	statuses map[string][]status // by commit, oldest first
	releases []Release
	hooks    []Hook
	seen     map[string]string // branches as they were when we last looked
}

// Release is a release as a forge has it.
type Release struct {
	Tag, Name, Body string
	At              time.Time
	Prerelease      bool
}

type status struct {
	id                                   int64
	context, state, description, url, by string
	at                                   time.Time
}

type pull struct {
	*issue
	branch, base          string
	head                  string // the branch's commit, as long as the pull is open
	baseAt                string // the base's commit when it was opened, or merged
	draft, merged         bool
	merge, mergedBy       string
	reviewers, teams      []string
	reviews               []review
	asked                 int // how often it was asked for since it last changed
	testedHead, testedOn  string
	test                  string // the commit of the test merge; "" when it conflicts
	commits, files, added int
	removed               int
}

type review struct {
	id        int64
	by, state string // APPROVED, CHANGES_REQUESTED, COMMENTED, DISMISSED
	commit    string
	at        time.Time
}

func (r *Repo) full() string { return r.Owner + "/" + r.Name }

// Dir returns the bare Git repository.
func (r *Repo) Dir() string { return r.dir }

// CloneURL returns where Git clones from and pushes to; with a token it holds
// the credentials.
func (r *Repo) CloneURL(token string) string {
	at := r.server.URL
	if token != "" {
		at = strings.Replace(at, "http://", "http://x-access-token:"+token+"@", 1)
	}
	return at + "/" + r.full() + ".git"
}

// AddRelease publishes a release.
func (r *Repo) AddRelease(rel Release) {
	r.server.mu.Lock()
	defer r.server.mu.Unlock()
	r.releases = append(r.releases, rel)
}

// find returns a pull, or nil.
func (r *Repo) find(number int) *pull {
	if i := r.issue(number); i != nil {
		return i.pull
	}
	return nil
}

// sync takes notice of what was pushed since it last looked: heads of pulls
// move, pulls whose branch is gone are closed, and those whose commits are on
// the base are merged.
func (r *Repo) sync() error {
	now, err := r.heads()
	if err != nil || maps.Equal(now, r.seen) {
		return err
	}
	before := r.seen
	r.seen = now
	for _, name := range slices.Sorted(maps.Keys(now)) {
		if before[name] != now[name] {
			r.emit("push", pushed(r, name, before[name], now[name]))
		}
	}
	for _, p := range r.pulls {
		if !p.open {
			continue
		}
		head, exists := now[p.branch]
		switch {
		case !exists:
			r.close(p.issue, "")
			continue
		case head != p.head:
			p.head, p.asked = head, 0
			r.touch(p.issue)
			if err := r.keep(p); err != nil {
				return err
			}
			r.emit("pull_request", r.event(p, "synchronize", ""))
		}
		if before[p.base] != now[p.base] {
			p.asked = 0
			if r.ancestor(p.head, now[p.base]) {
				if err := r.landed(p, before[p.base], now[p.base]); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// keep holds a pull's commits when its branch is gone.
func (r *Repo) keep(p *pull) error {
	_, err := r.git(nil, nil, "update-ref", fmt.Sprintf("refs/pull/%d/head", p.number), p.head)
	return err
}

// landed marks a pull merged whose head someone pushed onto the base.
func (r *Repo) landed(p *pull, from, to string) error {
	list, err := r.git(nil, nil, "rev-list", "--first-parent", "--reverse", to, "^"+from)
	if err != nil {
		return err
	}
	for _, c := range strings.Fields(list) {
		if r.ancestor(p.head, c) {
			p.baseAt = to
			r.merged(p, c, "")
			return nil
		}
	}
	return nil
}

func (r *Repo) merged(p *pull, commit, by string) {
	p.merged, p.merge, p.mergedBy = true, commit, by
	r.close(p.issue, by)
}

// open opens a pull.
func (r *Repo) open(author, branch, base, title, body string, draft bool) (*pull, error) {
	head, ok := r.seen[branch]
	if !ok {
		return nil, invalid("PullRequest", "head", "invalid")
	}
	at, ok := r.seen[base]
	if !ok {
		return nil, invalid("PullRequest", "base", "invalid")
	}
	for _, p := range r.pulls {
		if p.open && p.branch == branch && p.base == base {
			return nil, custom("PullRequest", fmt.Sprintf("A pull request already exists for %s:%s.", r.Owner, branch))
		}
	}
	if r.ancestor(head, at) {
		return nil, custom("PullRequest", fmt.Sprintf("No commits between %s and %s", base, branch))
	}
	if draft && r.NoDrafts {
		return nil, custom("PullRequest", "Draft pull requests are not supported in this repository.")
	}
	p := &pull{issue: r.newIssue(author, title, body), branch: branch, base: base, head: head, baseAt: at, draft: draft}
	if err := r.keep(p); err != nil {
		return nil, err
	}
	p.issue.pull = p
	r.issues = append(r.issues, p.issue)
	r.pulls = append(r.pulls, p)
	r.emit("pull_request", r.event(p, "opened", author))
	return p, nil
}

// probe finds out whether a pull can be merged, when it was asked often
// enough. It reports whether it knows.
func (r *Repo) probe(p *pull) (known bool, err error) {
	if !p.open {
		return false, nil
	}
	if p.asked++; p.asked <= r.server.opts.MergeableAfter {
		return false, nil
	}
	on := r.seen[p.base]
	if p.testedHead == p.head && p.testedOn == on {
		return true, nil
	}
	p.test, err = r.join("merge", on, p.head, fmt.Sprintf("Merge %s into %s", p.head, on), "", p.author)
	var c conflict
	if errors.As(err, &c) {
		err = nil
	}
	if err == nil {
		p.testedHead, p.testedOn = p.head, on
		err = r.measure(p, on)
	}
	return err == nil, err
}

// measure counts what a pull changes.
func (r *Repo) measure(p *pull, on string) error {
	common, err := r.mergeBase(on, p.head)
	if err != nil {
		return err
	}
	n, err := r.git(nil, nil, "rev-list", "--count", common+".."+p.head)
	if err != nil {
		return err
	}
	_, _ = fmt.Sscan(n, &p.commits) // Git prints a number
	stat, err := r.git(nil, nil, "diff-tree", "-r", "--numstat", common, p.head)
	if err != nil {
		return err
	}
	p.files, p.added, p.removed = 0, 0, 0
	for line := range strings.Lines(stat) {
		var plus, minus int
		_, _ = fmt.Sscan(line, &plus, &minus) // "-" for binary files: nothing to count
		p.files, p.added, p.removed = p.files+1, p.added+plus, p.removed+minus
	}
	return nil
}

// missing returns the required contexts that are no success on a commit.
func (r *Repo) missing(commit string) []string {
	state := map[string]string{}
	for _, s := range r.statuses[commit] {
		state[s.context] = s.state
	}
	return slices.DeleteFunc(slices.Clone(r.Required), func(c string) bool { return state[c] == "success" })
}

// land merges a pull as its page or its API would. Its error is a *refusal.
func (r *Repo) land(p *pull, method, head, title, message, by string) (string, error) {
	switch {
	case p.merged || !p.open:
		return "", refuse(405, "Pull Request is not mergeable")
	case p.draft:
		return "", refuse(405, "Pull Request is still a draft")
	case by == queueBot: // which goes by its own method
	case !slices.Contains(r.MergeMethods, method):
		return "", refuse(405, map[string]string{
			"merge": "Merge commits are not allowed on this repository.", "squash": "Squash merges are not allowed on this repository.",
			"rebase": "Rebase merges are not allowed on this repository.",
		}[method])
	case head != "" && head != p.head:
		return "", refuse(409, "Head branch was modified. Review and try the merge again.")
	}
	if missing := r.missing(p.head); len(missing) > 0 {
		return "", refuse(405, fmt.Sprintf("Required status check %q is expected.", missing[0]))
	}
	if title == "" {
		title = map[string]string{
			"merge": fmt.Sprintf("Merge pull request #%d from %s/%s", p.number, r.Owner, p.branch), "squash": fmt.Sprintf("%s (#%d)", p.title, p.number),
		}[method]
	}
	on := r.seen[p.base]
	commit, err := r.join(method, on, p.head, title, message, by)
	var c conflict
	if errors.As(err, &c) {
		return "", refuse(405, "Pull Request is not mergeable")
	}
	if err != nil {
		return "", err
	}
	if err := r.setRef("refs/heads/"+p.base, commit, on); err != nil {
		return "", refuse(405, "Base branch was modified. Review and try the merge again.")
	}
	p.baseAt = on
	r.merged(p, commit, by)
	if r.DeleteMerged {
		if err := r.setRef("refs/heads/"+p.branch, "", p.head); err != nil {
			return "", err
		}
	}
	return commit, r.sync()
}
