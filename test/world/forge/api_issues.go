package forge

import (
	"slices"
	"strconv"
	"strings"
)

func (s *Server) getIssue(c *request) (int, any, error) {
	p, err := c.pull()
	if err != nil {
		return 0, nil, err
	}
	return 200, c.repo.issueShape(p), nil
}

func (s *Server) editIssue(c *request) (int, any, error) {
	p, err := c.pull()
	if err != nil {
		return 0, nil, err
	}
	var in struct {
		State     *string
		Labels    *[]string
		Assignees *[]string
	}
	if err := c.decode(&in); err != nil {
		return 0, nil, err
	}
	if in.Labels != nil {
		c.repo.relabel(p, *in.Labels, c.login)
	}
	if in.Assignees != nil {
		p.assignees = slices.Clone(*in.Assignees)
		c.repo.touch(p)
	}
	if in.State != nil {
		if err := c.repo.setState(p, *in.State, c.login); err != nil {
			return 0, nil, err
		}
	}
	return 200, c.repo.issueShape(p), nil
}

// relabel gives a pull these labels, makes those that there are not, and says
// which came and went.
func (r *Repo) relabel(p *pull, labels []string, by string) {
	before := p.labels
	p.labels = union(nil, labels)
	for _, l := range p.labels {
		if !slices.Contains(before, l) {
			r.touch(p)
			e := r.event(p, "labeled", by)
			e["label"] = r.labelShapes([]string{l})[0]
			r.emit("pull_request", e)
		}
	}
	for _, l := range before {
		if !slices.Contains(p.labels, l) {
			r.touch(p)
			e := r.event(p, "unlabeled", by)
			e["label"] = r.labelShapes([]string{l})[0]
			r.emit("pull_request", e)
		}
	}
}

func (s *Server) addLabels(c *request) (int, any, error) {
	p, err := c.pull()
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
	c.repo.relabel(p, union(slices.Clone(p.labels), in.Labels), c.login)
	return 200, c.repo.labelShapes(p.labels), nil
}

func (s *Server) removeLabel(c *request) (int, any, error) {
	p, err := c.pull()
	if err != nil {
		return 0, nil, err
	}
	name := c.PathValue("name")
	if !slices.Contains(p.labels, name) {
		return 0, nil, refuse(404, "Label does not exist")
	}
	c.repo.relabel(p, slices.DeleteFunc(slices.Clone(p.labels), func(l string) bool { return l == name }), c.login)
	return 200, c.repo.labelShapes(p.labels), nil
}

func (s *Server) listComments(c *request) (int, any, error) {
	p, err := c.pull()
	if err != nil {
		return 0, nil, err
	}
	all := []object{}
	for _, x := range page(c, p.comments) {
		all = append(all, c.repo.commentShape(p, x))
	}
	return 200, all, nil
}

func (s *Server) addComment(c *request) (int, any, error) {
	p, err := c.pull()
	if err != nil {
		return 0, nil, err
	}
	var in struct{ Body string }
	if err := c.decode(&in); err != nil {
		return 0, nil, err
	}
	if in.Body == "" {
		return 0, nil, invalid("IssueComment", "body", "missing_field")
	}
	return 201, c.repo.commentShape(p, c.repo.comment(p, c.login, in.Body)), nil
}

func (r *Repo) comment(p *pull, by, text string) comment {
	x := comment{id: r.server.id(), by: by, text: text, at: r.server.now()}
	p.comments = append(p.comments, x)
	r.touch(p)
	r.emit("issue_comment", object{
		"action": "created", "issue": r.issueShape(p), "comment": r.commentShape(p, x), "repository": r.shape(), "sender": r.server.user(by),
	})
	return x
}

func (s *Server) editComment(c *request) (int, any, error) {
	var in struct{ Body string }
	if err := c.decode(&in); err != nil {
		return 0, nil, err
	}
	id, err := strconv.ParseInt(c.PathValue("id"), 10, 64)
	if err != nil {
		return 0, nil, notFound()
	}
	for _, p := range c.repo.pulls {
		for i := range p.comments {
			if p.comments[i].id == id {
				p.comments[i].text = in.Body
				return 200, c.repo.commentShape(p, p.comments[i]), nil
			}
		}
	}
	return 0, nil, notFound()
}
