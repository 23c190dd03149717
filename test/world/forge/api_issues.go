package forge

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// issue finds the issue or pull that a call is about.
func (c *request) issue() (*issue, error) {
	n, err := strconv.Atoi(c.PathValue("number"))
	if err != nil {
		return nil, notFound()
	}
	if i := c.repo.issue(n); i != nil {
		return i, nil
	}
	return nil, notFound()
}

// since reads the time from which on changes are asked for.
func (c *request) since() (time.Time, error) {
	text := c.URL.Query().Get("since")
	if text == "" {
		return time.Time{}, nil
	}
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return at, refuse(422, "Invalid value for since")
	}
	return at, nil
}

// listIssues answers with issues and pulls alike, as GitHub does.
func (s *Server) listIssues(c *request) (int, any, error) {
	q := c.URL.Query()
	since, err := c.since()
	if err != nil {
		return 0, nil, err
	}
	var labels []string
	if q.Get("labels") != "" {
		labels = strings.Split(q.Get("labels"), ",")
	}
	state := cmp.Or(q.Get("state"), "open")
	var found []*issue
	for _, i := range c.repo.issues {
		if (state == "all" || state == i.state()) && i.carries(labels) && !i.updated.Before(since) {
			found = append(found, i)
		}
	}
	if q.Get("sort") == "updated" {
		slices.SortStableFunc(found, func(a, b *issue) int { return a.updated.Compare(b.updated) })
	}
	if q.Get("direction") != "asc" {
		slices.Reverse(found)
	}
	all := []object{}
	for _, i := range page(c, found) {
		all = append(all, c.repo.issueShape(i))
	}
	return 200, all, nil
}

func (s *Server) createIssue(c *request) (int, any, error) {
	var in struct {
		Title, Body       string
		Labels, Assignees []string
	}
	if err := c.decode(&in); err != nil {
		return 0, nil, err
	}
	if err := fits(in.Title, in.Body); err != nil {
		return 0, nil, err
	}
	return 201, c.repo.issueShape(c.repo.openIssue(c.login, in.Title, in.Body, in.Labels, in.Assignees)), nil
}

func (s *Server) getIssue(c *request) (int, any, error) {
	i, err := c.issue()
	if err != nil {
		return 0, nil, err
	}
	return 200, c.repo.issueShape(i), nil
}

func (s *Server) editIssue(c *request) (int, any, error) {
	i, err := c.issue()
	if err != nil {
		return 0, nil, err
	}
	var in struct {
		Title, Body, State *string
		Labels, Assignees  *[]string
	}
	if err := c.decode(&in); err != nil {
		return 0, nil, err
	}
	if in.Title != nil || in.Body != nil {
		title, body := i.title, i.body
		if in.Title != nil {
			title = *in.Title
		}
		if in.Body != nil {
			body = *in.Body
		}
		if err := fits(title, body); err != nil {
			return 0, nil, err
		}
		c.repo.retitle(i, title, body, c.login)
	}
	if in.Labels != nil {
		c.repo.relabel(i, *in.Labels, c.login)
	}
	if in.Assignees != nil {
		i.assignees = slices.Clone(*in.Assignees)
		c.repo.touch(i)
	}
	if in.State != nil {
		if err := c.repo.setState(i, *in.State, c.login); err != nil {
			return 0, nil, err
		}
	}
	return 200, c.repo.issueShape(i), nil
}

func (s *Server) addLabels(c *request) (int, any, error) {
	i, err := c.issue()
	if err != nil {
		return 0, nil, err
	}
	var in struct{ Labels []string }
	if strings.HasPrefix(strings.TrimSpace(string(c.body)), "[") {
		err = c.decode(&in.Labels)
	} else {
		err = c.decode(&in)
	}
	if err != nil {
		return 0, nil, err
	}
	c.repo.relabel(i, union(slices.Clone(i.labels), in.Labels), c.login)
	return 200, c.repo.labelShapes(i.labels), nil
}

func (s *Server) removeLabel(c *request) (int, any, error) {
	i, err := c.issue()
	if err != nil {
		return 0, nil, err
	}
	name := c.PathValue("name")
	if !slices.Contains(i.labels, name) {
		return 0, nil, refuse(404, "Label does not exist")
	}
	c.repo.relabel(i, slices.DeleteFunc(slices.Clone(i.labels), func(l string) bool { return l == name }), c.login)
	return 200, c.repo.labelShapes(i.labels), nil
}

// listEvents answers with who labelled, closed and reopened an issue.
func (s *Server) listEvents(c *request) (int, any, error) {
	i, err := c.issue()
	if err != nil {
		return 0, nil, err
	}
	all := []object{}
	for _, d := range page(c, i.deeds) {
		all = append(all, c.repo.deedShape(d))
	}
	return 200, all, nil
}

func (s *Server) listComments(c *request) (int, any, error) {
	i, err := c.issue()
	if err != nil {
		return 0, nil, err
	}
	all := []object{}
	for _, x := range page(c, i.comments) {
		all = append(all, c.repo.commentShape(i, x))
	}
	return 200, all, nil
}

// listAllComments answers with the comments of all issues and pulls, the
// oldest first unless it is told otherwise.
func (s *Server) listAllComments(c *request) (int, any, error) {
	since, err := c.since()
	if err != nil {
		return 0, nil, err
	}
	type said struct {
		*issue
		comment
	}
	var found []said
	for _, i := range c.repo.issues {
		for _, x := range i.comments {
			if !x.edited.Before(since) {
				found = append(found, said{i, x})
			}
		}
	}
	q := c.URL.Query()
	slices.SortFunc(found, func(a, b said) int {
		if q.Get("sort") == "updated" {
			return cmp.Or(a.edited.Compare(b.edited), cmp.Compare(a.comment.id, b.comment.id))
		}
		return cmp.Compare(a.comment.id, b.comment.id)
	})
	if q.Get("direction") == "desc" {
		slices.Reverse(found)
	}
	all := []object{}
	for _, x := range page(c, found) {
		all = append(all, c.repo.commentShape(x.issue, x.comment))
	}
	return 200, all, nil
}

func (s *Server) addComment(c *request) (int, any, error) {
	i, err := c.issue()
	if err != nil {
		return 0, nil, err
	}
	var in struct{ Body string }
	if err := c.decode(&in); err != nil {
		return 0, nil, err
	}
	switch n := len([]rune(in.Body)); {
	case n == 0:
		return 0, nil, invalid("IssueComment", "body", "missing_field")
	case n > 65536:
		return 0, nil, custom("IssueComment", "body is too long (maximum is 65536 characters)")
	}
	return 201, c.repo.commentShape(i, c.repo.comment(i, c.login, in.Body)), nil
}

func (s *Server) editComment(c *request) (int, any, error) {
	var in struct{ Body string }
	if err := c.decode(&in); err != nil {
		return 0, nil, err
	}
	i, nth, err := c.comment()
	if err != nil {
		return 0, nil, err
	}
	return 200, c.repo.commentShape(i, c.repo.reword(i, nth, in.Body, c.login)), nil
}

func (s *Server) deleteComment(c *request) (int, any, error) {
	i, nth, err := c.comment()
	if err != nil {
		return 0, nil, err
	}
	c.repo.unsay(i, nth, c.login)
	return 204, nil, nil
}

// comment finds the comment that a call is about.
func (c *request) comment() (*issue, int, error) {
	id, err := strconv.ParseInt(c.PathValue("id"), 10, 64)
	if err != nil {
		return nil, 0, notFound()
	}
	for _, i := range c.repo.issues {
		if nth := slices.IndexFunc(i.comments, func(x comment) bool { return x.id == id }); nth >= 0 {
			return i, nth, nil
		}
	}
	return nil, 0, notFound()
}
