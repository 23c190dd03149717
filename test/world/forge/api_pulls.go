package forge

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

func (c *request) pull() (*pull, error) {
	n, err := strconv.Atoi(c.PathValue("number"))
	if err != nil {
		return nil, notFound()
	}
	p := c.repo.find(n)
	if p == nil {
		return nil, notFound()
	}
	return p, nil
}

func (s *Server) listPulls(c *request) (int, any, error) {
	q := c.URL.Query()
	state := cmp.Or(q.Get("state"), "open")
	var found []*pull
	for _, p := range c.repo.pulls {
		owner, branch, qualified := strings.Cut(q.Get("head"), ":")
		switch {
		case state != "all" && state != p.state():
		case q.Get("base") != "" && q.Get("base") != p.base:
		case qualified && (owner != c.repo.Owner || branch != p.branch): // without an owner GitHub ignores it, and so do we
		default:
			found = append(found, p)
		}
	}
	newest := q.Get("direction") == "desc" || q.Get("direction") == "" && cmp.Or(q.Get("sort"), "created") == "created"
	slices.SortStableFunc(found, func(a, b *pull) int {
		order := cmp.Compare(a.number, b.number)
		if q.Get("sort") == "updated" {
			order = cmp.Or(a.updated.Compare(b.updated), order)
		}
		if newest {
			return -order
		}
		return order
	})
	all := []object{}
	for _, p := range page(c, found) {
		all = append(all, c.repo.pullShape(p))
	}
	return 200, all, nil
}

func (s *Server) createPull(c *request) (int, any, error) {
	var in struct {
		Title, Head, Base, Body string
		Draft                   bool
	}
	if err := c.decode(&in); err != nil {
		return 0, nil, err
	}
	if owner, branch, ok := strings.Cut(in.Head, ":"); ok && owner == c.repo.Owner {
		in.Head = branch
	}
	if err := fits(in.Title, in.Body); err != nil {
		return 0, nil, err
	}
	p, err := c.repo.open(c.login, in.Head, in.Base, in.Title, in.Body, in.Draft)
	if err != nil {
		return 0, nil, err
	}
	o, err := c.repo.wholePull(p)
	return 201, o, err
}

// fits holds a title and a body to GitHub's limits.
func fits(title, body string) error {
	switch {
	case title == "":
		return &refusal{422, object{"message": "Validation Failed", "documentation_url": docs, "status": "422", "errors": []object{{"resource": "PullRequest", "field": "title", "code": "missing_field"}}}}
	case len([]rune(title)) > 256:
		return custom("PullRequest", "title is too long (maximum is 256 characters)")
	case len([]rune(body)) > 65536:
		return custom("PullRequest", "body is too long (maximum is 65536 characters)")
	}
	return nil
}

func (s *Server) getPull(c *request) (int, any, error) {
	p, err := c.pull()
	if err != nil {
		return 0, nil, err
	}
	o, err := c.repo.wholePull(p)
	return 200, o, err
}

func (s *Server) editPull(c *request) (int, any, error) {
	p, err := c.pull()
	if err != nil {
		return 0, nil, err
	}
	var in struct {
		Title, Body, State, Base *string
	}
	if err := c.decode(&in); err != nil {
		return 0, nil, err
	}
	title, body := p.title, p.body
	if in.Title != nil {
		title = *in.Title
	}
	if in.Body != nil {
		body = *in.Body
	}
	if err := fits(title, body); err != nil {
		return 0, nil, err
	}
	if title != p.title || body != p.body {
		c.repo.retitle(p.issue, title, body, c.login)
	}
	if in.Base != nil && *in.Base != p.base {
		at, ok := c.repo.seen[*in.Base]
		if !ok {
			return 0, nil, invalid("PullRequest", "base", "invalid")
		}
		p.base, p.baseAt, p.asked = *in.Base, at, 0
		c.repo.touch(p.issue)
	}
	if in.State != nil {
		if err := c.repo.setState(p.issue, *in.State, c.login); err != nil {
			return 0, nil, err
		}
	}
	o, err := c.repo.wholePull(p)
	return 200, o, err
}

func (s *Server) mergePull(c *request) (int, any, error) {
	p, err := c.pull()
	if err != nil {
		return 0, nil, err
	}
	var in struct {
		SHA     string `json:"sha"`
		Method  string `json:"merge_method"`
		Title   string `json:"commit_title"`
		Message string `json:"commit_message"`
	}
	if len(c.body) > 0 {
		if err := c.decode(&in); err != nil {
			return 0, nil, err
		}
	}
	if c.repo.hasQueue() {
		return 0, nil, refuse(405, "Repository rule violations found\n\nChanges must be made through the merge queue")
	}
	sha, err := c.repo.land(p, cmp.Or(in.Method, "merge"), in.SHA, in.Title, in.Message, c.login)
	if err != nil {
		return 0, nil, err
	}
	return http.StatusOK, object{"sha": sha, "merged": true, "message": "Pull Request successfully merged"}, nil
}

func (s *Server) requestReviewers(c *request) (int, any, error) {
	p, err := c.pull()
	if err != nil {
		return 0, nil, err
	}
	var in struct {
		Reviewers []string `json:"reviewers"`
		Teams     []string `json:"team_reviewers"`
	}
	if err := c.decode(&in); err != nil {
		return 0, nil, err
	}
	if slices.Contains(in.Reviewers, p.author) {
		return 0, nil, refuse(422, "Review cannot be requested from pull request author.")
	}
	p.reviewers, p.teams = union(p.reviewers, in.Reviewers), union(p.teams, in.Teams)
	c.repo.touch(p.issue)
	c.repo.emit("pull_request", c.repo.event(p, "review_requested", c.login))
	return 201, c.repo.pullShape(p), nil
}

func (s *Server) listReviews(c *request) (int, any, error) {
	p, err := c.pull()
	if err != nil {
		return 0, nil, err
	}
	all := []object{}
	for _, v := range page(c, p.reviews) {
		all = append(all, c.repo.reviewShape(p, v))
	}
	return 200, all, nil
}

func (r *Repo) reviewShape(p *pull, v review) object {
	html := fmt.Sprintf("%s#pullrequestreview-%d", r.page(p), v.id)
	api := fmt.Sprintf("%s/pulls/%d", r.api(), p.number)
	return object{
		"id": v.id, "node_id": fmt.Sprintf("PRR_%d", v.id), "user": r.server.user(v.by), "body": "", "state": v.state, "html_url": html, "commit_id": v.commit,
		"pull_request_url": api, "submitted_at": stamp(v.at), "author_association": "MEMBER",
		"_links": object{"html": object{"href": html}, "pull_request": object{"href": api}},
	}
}

func union(a, b []string) []string {
	for _, x := range b {
		if !slices.Contains(a, x) {
			a = append(a, x)
		}
	}
	return a
}
