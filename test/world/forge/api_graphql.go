package forge

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"
)

var mutation = regexp.MustCompile(`(?s)^\s*mutation\b[^{]*\{\s*(\w+)`)

// graphql knows the mutations that REST has no words for. It reads the name
// of the mutation and its variable "input", and no more of the language; of
// queries, what it is to say of one pull.
func (s *Server) graphql(c *request) (int, any, error) {
	if c.login == "" {
		return 0, nil, refuse(401, "This endpoint requires you to be authenticated.")
	}
	var in struct {
		Query     string
		Variables struct {
			ID    string
			Input struct {
				PullRequest string `json:"pullRequestId"`
				Expected    string `json:"expectedHeadOid"`
				Repository  string `json:"repositoryId"`
				Updates     []struct {
					Name   string
					Before string `json:"beforeOid"`
					After  string `json:"afterOid"`
					Force  bool
				} `json:"refUpdates"`
			}
		}
	}
	if err := c.decode(&in); err != nil {
		return 0, nil, err
	}
	m := mutation.FindStringSubmatch(in.Query)
	if m == nil {
		return s.node(in.Query, in.Variables.ID)
	}
	if !c.write {
		return complain("FORBIDDEN", "Resource not accessible by integration")
	}
	for _, r := range s.sorted() {
		if err := r.sync(); err != nil {
			return 0, nil, err
		}
		for _, p := range r.pulls {
			if in.Variables.Input.PullRequest != fmt.Sprintf("PR_%d_%d", r.id, p.number) {
				continue
			}
			switch m[1] {
			case "convertPullRequestToDraft", "markPullRequestReadyForReview":
				return r.convert(p, m[1], c.login)
			case "enqueuePullRequest":
				if why := r.enqueue(p, in.Variables.Input.Expected, c.login); why != "" {
					return complain("UNPROCESSABLE", why)
				}
				return 200, object{"data": object{m[1]: object{"clientMutationId": nil}}}, nil
			}
		}
		if m[1] == "updateRefs" && in.Variables.Input.Repository == fmt.Sprintf("R_%d", r.id) {
			var script bytes.Buffer
			for _, u := range in.Variables.Input.Updates {
				if !u.Force && u.Before != "" && u.Before != zero && !r.ancestor(u.Before, u.After) {
					return complain("UNPROCESSABLE", "Update is not a fast forward")
				}
				fmt.Fprintf(&script, "update %s %s %s\n", u.Name, u.After, u.Before)
			}
			if _, err := r.git(script.Bytes(), nil, "update-ref", "--stdin"); err != nil {
				return complain("UNPROCESSABLE", "A ref is not where it was expected to be")
			}
			return 200, object{"data": object{m[1]: object{"clientMutationId": nil}}}, r.sync()
		}
	}
	return complain("NOT_FOUND", "Could not resolve to a node with the global id of '"+strings.TrimSpace(in.Variables.Input.PullRequest+in.Variables.Input.Repository)+"'")
}

// node answers a query for one pull.
func (s *Server) node(query, id string) (int, any, error) {
	if !strings.Contains(query, "node(") {
		return complain("UNKNOWN", "of queries only that of a node is known here")
	}
	for _, r := range s.sorted() {
		if err := r.sync(); err != nil {
			return 0, nil, err
		}
		for _, p := range r.pulls {
			if id != fmt.Sprintf("PR_%d_%d", r.id, p.number) {
				continue
			}
			known, err := r.probe(p)
			if err != nil {
				return 0, nil, err
			}
			all := object{"isInMergeQueue": r.queuedAt(p) >= 0, "headRefOid": p.head, "state": strings.ToUpper(p.state()), "mergeable": "UNKNOWN"}
			switch {
			case p.merged:
				all["state"] = "MERGED"
			case known && p.test == "":
				all["mergeable"] = "CONFLICTING"
			case known:
				all["mergeable"] = "MERGEABLE"
			}
			asked := object{}
			for field, value := range all {
				if strings.Contains(query, field) {
					asked[field] = value
				}
			}
			return 200, object{"data": object{"node": asked}}, nil
		}
	}
	return complain("NOT_FOUND", "Could not resolve to a node with the global id of '"+id+"'")
}

func (r *Repo) convert(p *pull, mutation, by string) (int, any, error) {
	draft, action := mutation == "convertPullRequestToDraft", "ready_for_review"
	if draft {
		action = "converted_to_draft"
	}
	switch {
	case !p.open:
		return complain("UNPROCESSABLE", "Pull request is closed")
	case draft && r.NoDrafts:
		return complain("UNPROCESSABLE", "Draft pull requests are not supported in this repository.")
	case p.draft != draft:
		p.draft = draft
		r.touch(p.issue)
		r.emit("pull_request", r.event(p, action, by))
	}
	return 200, object{"data": object{mutation: object{"clientMutationId": nil, "pullRequest": object{"isDraft": draft}}}}, nil
}

// complain is how GraphQL refuses: with a 200.
func complain(kind, message string) (int, any, error) {
	return 200, object{"data": nil, "errors": []object{{"type": kind, "message": message}}}, nil
}
