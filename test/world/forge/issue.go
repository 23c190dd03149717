package forge

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// issue is what an issue and a pull have in common.
type issue struct {
	id, number          int64
	title, body, author string
	open                bool
	closedBy            string
	created, updated    time.Time
	closedAt            time.Time
	labels, assignees   []string
	comments            []comment
	deeds               []deed
	pull                *pull // nil of a mere issue
}

type comment struct {
	id         int64
	by, text   string
	at, edited time.Time
}

// deed is what somebody did to an issue: labeled, unlabeled, closed or
// reopened.
type deed struct {
	id              int64
	kind, by, label string
	at              time.Time
}

// newIssue makes an issue with the next number. The caller appends it.
func (r *Repo) newIssue(author, title, body string) *issue {
	now := r.server.now()
	return &issue{id: r.server.id(), number: int64(len(r.issues) + 1), title: title, body: body, author: author, open: true, created: now, updated: now}
}

// issue returns an issue or a pull, or nil.
func (r *Repo) issue(number int) *issue {
	if number < 1 || number > len(r.issues) {
		return nil
	}
	return r.issues[number-1]
}

func (r *Repo) touch(i *issue) { i.updated = r.server.now() }

// openIssue opens an issue.
func (r *Repo) openIssue(author, title, body string, labels, assignees []string) *issue {
	i := r.newIssue(author, title, body)
	i.assignees = slices.Clone(assignees)
	r.issues = append(r.issues, i)
	r.tell(i, "opened", author, nil)
	r.relabel(i, labels, author)
	return i
}

// tell delivers what happened to an issue or a pull.
func (r *Repo) tell(i *issue, action, by string, more object) {
	kind, e := "issues", object(nil)
	if i.pull != nil {
		kind, e = "pull_request", r.event(i.pull, action, by)
	} else {
		e = object{"action": action, "issue": r.issueShape(i), "repository": r.shape(), "sender": r.server.user(by)}
	}
	for k, v := range more {
		e[k] = v
	}
	r.emit(kind, e)
}

func (r *Repo) did(i *issue, kind, by, label string) {
	r.touch(i)
	i.deeds = append(i.deeds, deed{id: r.server.id(), kind: kind, by: by, label: label, at: r.server.now()})
}

// close closes an issue, or a pull that is merged or is not to be.
func (r *Repo) close(i *issue, by string) {
	i.open, i.closedBy, i.closedAt = false, by, r.server.now()
	r.did(i, "closed", by, "")
	r.tell(i, "closed", by, nil)
}

func (r *Repo) setState(i *issue, state, by string) error {
	p := i.pull
	switch {
	case state == i.state():
		return nil
	case state == "closed":
		r.close(i, by)
		return nil
	case state != "open":
		return invalid("Issue", "state", "invalid")
	case p != nil && (p.merged || r.seen[p.branch] == ""):
		return invalid("PullRequest", "state", "invalid")
	case p != nil:
		p.head, p.asked = r.seen[p.branch], 0
	}
	i.open, i.closedBy, i.closedAt = true, "", time.Time{}
	r.did(i, "reopened", by, "")
	r.tell(i, "reopened", by, nil)
	return nil
}

func (i *issue) state() string {
	if i.open {
		return "open"
	}
	return "closed"
}

func (r *Repo) retitle(i *issue, title, body, by string) {
	i.title, i.body = title, body
	r.touch(i)
	r.tell(i, "edited", by, nil)
}

// relabel gives an issue these labels, makes those that there are not, and
// says which came and went.
func (r *Repo) relabel(i *issue, labels []string, by string) {
	before := i.labels
	i.labels = union(nil, labels)
	for _, l := range i.labels {
		if !slices.Contains(before, l) {
			r.did(i, "labeled", by, l)
			r.tell(i, "labeled", by, object{"label": r.labelShapes([]string{l})[0]})
		}
	}
	for _, l := range before {
		if !slices.Contains(i.labels, l) {
			r.did(i, "unlabeled", by, l)
			r.tell(i, "unlabeled", by, object{"label": r.labelShapes([]string{l})[0]})
		}
	}
}

// comment writes a comment.
func (r *Repo) comment(i *issue, by, text string) comment {
	now := r.server.now()
	x := comment{id: r.server.id(), by: by, text: text, at: now, edited: now}
	i.comments = append(i.comments, x)
	r.touch(i)
	r.remark(i, x, "created", by)
	return x
}

// reword changes what a comment says.
func (r *Repo) reword(i *issue, nth int, text, by string) comment {
	x := &i.comments[nth]
	x.text, x.edited = text, r.server.now()
	r.touch(i)
	r.remark(i, *x, "edited", by)
	return *x
}

// unsay deletes a comment.
func (r *Repo) unsay(i *issue, nth int, by string) {
	x := i.comments[nth]
	i.comments = slices.Delete(i.comments, nth, nth+1)
	r.touch(i)
	r.remark(i, x, "deleted", by)
}

func (r *Repo) remark(i *issue, x comment, action, by string) {
	r.emit("issue_comment", object{
		"action": action, "issue": r.issueShape(i), "comment": r.commentShape(i, x), "repository": r.shape(), "sender": r.server.user(by),
	})
}

func (r *Repo) issuePage(i *issue) string {
	kind := "issues"
	if i.pull != nil {
		kind = "pull"
	}
	return fmt.Sprintf("%s/%s/%s/%d", r.server.URL, r.full(), kind, i.number)
}

// issueShape is an issue, or a pull as an issue.
func (r *Repo) issueShape(i *issue) object {
	s, api, html := r.server, fmt.Sprintf("%s/issues/%d", r.api(), i.number), r.issuePage(i)
	assignee, reason := any(nil), any(nil)
	if len(i.assignees) > 0 {
		assignee = s.user(i.assignees[0])
	}
	if !i.open && i.pull == nil {
		reason = "completed"
	}
	o := object{
		"url": api, "repository_url": r.api(), "labels_url": api + "/labels{/name}", "comments_url": api + "/comments", "events_url": api + "/events", "html_url": html,
		"id": i.id, "node_id": fmt.Sprintf("I_%d_%d", r.id, i.number), "number": i.number, "title": i.title, "body": nullable(i.body), "user": s.user(i.author), "labels": r.labelShapes(i.labels),
		"state": i.state(), "state_reason": reason, "locked": false, "assignee": assignee, "assignees": s.users(i.assignees), "milestone": nil, "comments": len(i.comments),
		"created_at": stamp(i.created), "updated_at": stamp(i.updated), "closed_at": stamp(i.closedAt), "closed_by": s.user(i.closedBy), "author_association": "MEMBER",
	}
	if p := i.pull; p != nil {
		mergedAt := time.Time{}
		if p.merged {
			mergedAt = p.closedAt
		}
		o["node_id"], o["draft"] = fmt.Sprintf("PR_%d_%d", r.id, i.number), p.draft
		o["pull_request"] = object{"url": fmt.Sprintf("%s/pulls/%d", r.api(), i.number), "html_url": html, "diff_url": html + ".diff", "patch_url": html + ".patch", "merged_at": stamp(mergedAt)}
	}
	return o
}

func (r *Repo) commentShape(i *issue, c comment) object {
	return object{
		"id": c.id, "node_id": fmt.Sprintf("IC_%d", c.id), "url": fmt.Sprintf("%s/issues/comments/%d", r.api(), c.id), "html_url": fmt.Sprintf("%s#issuecomment-%d", r.issuePage(i), c.id),
		"issue_url": fmt.Sprintf("%s/issues/%d", r.api(), i.number), "user": r.server.user(c.by), "body": c.text, "author_association": "MEMBER",
		"created_at": stamp(c.at), "updated_at": stamp(c.edited),
	}
}

func (r *Repo) deedShape(d deed) object {
	o := object{
		"id": d.id, "node_id": fmt.Sprintf("E_%d", d.id), "url": fmt.Sprintf("%s/issues/events/%d", r.api(), d.id), "actor": r.server.user(d.by), "event": d.kind,
		"commit_id": nil, "commit_url": nil, "created_at": stamp(d.at), "performed_via_github_app": nil,
	}
	if d.label != "" {
		o["label"] = object{"name": d.label, "color": "ededed"}
	}
	return o
}

// carries reports whether an issue has all the labels. GitHub takes no notice
// of their case.
func (i *issue) carries(labels []string) bool {
	for _, want := range labels {
		if !slices.ContainsFunc(i.labels, func(l string) bool { return strings.EqualFold(l, want) }) {
			return false
		}
	}
	return true
}
