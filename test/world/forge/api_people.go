package forge

import (
	"fmt"
	"slices"
	"time"
)

// roles are GitHub's, with what its older field "permission" says of each.
var roles = map[string]string{"none": "none", "read": "read", "triage": "read", "write": "write", "maintain": "write", "admin": "admin"}

// known reports whether somebody of that name was ever heard of.
func (s *Server) known(login string) bool {
	for _, g := range s.tokens {
		if g.login == login {
			return true
		}
	}
	for _, r := range s.repos {
		if r.roles[login] != "" {
			return true
		}
	}
	for _, members := range s.teams {
		if members[login] != "" {
			return true
		}
	}
	return false
}

// getPermission says what a person may do. Whose token may write may write;
// all others who are known may read, as in a public repository.
func (s *Server) getPermission(c *request) (int, any, error) {
	login := c.PathValue("login")
	switch {
	case !c.write:
		return 0, nil, refuse(403, "Must have push access to view collaborator permission.")
	case !s.known(login):
		return 0, nil, refuse(404, login+" is not a user")
	}
	role := c.repo.roles[login]
	if role == "" {
		role = "read"
		for _, g := range s.tokens {
			if g.login == login && g.write {
				role = "write"
			}
		}
	}
	user := s.user(login).(object)
	user["role_name"] = role
	return 200, object{"permission": roles[role], "role_name": role, "user": user}, nil
}

// team finds a team that a call is about.
func (s *Server) team(c *request) (full string, members map[string]string, err error) {
	if c.login == "" {
		return "", nil, refuse(401, "Requires authentication")
	}
	full = c.PathValue("org") + "/" + c.PathValue("slug")
	if members = s.teams[full]; members == nil {
		return "", nil, notFound()
	}
	return full, members, nil
}

func (s *Server) getTeam(c *request) (int, any, error) {
	_, members, err := s.team(c)
	if err != nil {
		return 0, nil, err
	}
	org, slug := c.PathValue("org"), c.PathValue("slug")
	url := fmt.Sprintf("%s/api/v3/orgs/%s", s.URL, org)
	founded := stamp(time.Unix(0, 0))
	return 200, object{
		"id": 1, "node_id": "T_" + slug, "name": slug, "slug": slug, "description": nil, "privacy": "closed", "permission": "push", "type": "organization", "url": url + "/teams/" + slug,
		"html_url": s.URL + "/orgs/" + org + "/teams/" + slug, "members_url": url + "/teams/" + slug + "/members{/member}", "repositories_url": url + "/teams/" + slug + "/repos",
		"created_at": founded, "updated_at": founded, "members_count": len(members), "repos_count": 0,
		"organization": object{
			"login": org, "id": 1, "node_id": "O_" + org, "url": url, "repos_url": url + "/repos", "events_url": url + "/events", "hooks_url": url + "/hooks", "issues_url": url + "/issues",
			"members_url": url + "/members{/member}", "public_members_url": url + "/public_members{/member}", "avatar_url": s.URL + "/avatars/" + org, "description": nil,
			"html_url": s.URL + "/" + org, "has_organization_projects": false, "has_repository_projects": false, "public_repos": 0, "public_gists": 0, "followers": 0, "following": 0,
			"type": "Organization", "created_at": founded, "updated_at": founded, "archived_at": nil, "is_verified": false,
		},
	}, nil
}

func (s *Server) getMembership(c *request) (int, any, error) {
	full, members, err := s.team(c)
	if err != nil {
		return 0, nil, err
	}
	state := members[c.PathValue("login")]
	if !slices.Contains([]string{"active", "pending"}, state) {
		return 0, nil, notFound()
	}
	return 200, object{"state": state, "role": "member", "url": fmt.Sprintf("%s/api/v3/orgs/%s/memberships/%s", s.URL, full, c.PathValue("login"))}, nil
}
