package forge

import (
	"fmt"
	"hash/fnv"
	"slices"
	"strings"
	"time"
)

// The shapes below are those of GitHub's OpenAPI description.

func (s *Server) user(login string) any {
	if login == "" {
		return nil
	}
	h := fnv.New32a()
	_, _ = h.Write([]byte(login)) // a hash takes everything
	api, kind := s.URL+"/api/v3/users/"+login, "User"
	if strings.HasSuffix(login, "[bot]") {
		kind = "Bot"
	}
	o := object{
		"login": login, "id": int64(h.Sum32()), "node_id": "U_" + login, "avatar_url": s.URL + "/avatars/" + login, "gravatar_id": "",
		"url": api, "html_url": s.URL + "/" + login, "type": kind, "site_admin": false,
	}
	for _, name := range []string{"followers", "following", "gists", "starred", "subscriptions", "repos", "events", "received_events"} {
		o[name+"_url"] = api + "/" + name
	}
	o["organizations_url"] = api + "/orgs"
	return o
}

func (s *Server) users(logins []string) []any {
	all := []any{}
	for _, l := range logins {
		all = append(all, s.user(l))
	}
	return all
}

func (r *Repo) api() string { return r.server.URL + "/api/v3/repos/" + r.full() }

// templates are the URLs of a repository: its API's address and these.
var templates = map[string]string{
	"archive_url": "/{archive_format}{/ref}", "assignees_url": "/assignees{/user}", "blobs_url": "/git/blobs{/sha}", "branches_url": "/branches{/branch}",
	"collaborators_url": "/collaborators{/collaborator}", "comments_url": "/comments{/number}", "commits_url": "/commits{/sha}", "compare_url": "/compare/{base}...{head}",
	"contents_url": "/contents/{+path}", "contributors_url": "/contributors", "deployments_url": "/deployments", "downloads_url": "/downloads", "events_url": "/events",
	"forks_url": "/forks", "git_commits_url": "/git/commits{/sha}", "git_refs_url": "/git/refs{/sha}", "git_tags_url": "/git/tags{/sha}", "hooks_url": "/hooks",
	"issue_comment_url": "/issues/comments{/number}", "issue_events_url": "/issues/events{/number}", "issues_url": "/issues{/number}", "keys_url": "/keys{/key_id}",
	"labels_url": "/labels{/name}", "languages_url": "/languages", "merges_url": "/merges", "milestones_url": "/milestones{/number}", "notifications_url": "/notifications{?since,all,participating}",
	"pulls_url": "/pulls{/number}", "releases_url": "/releases{/id}", "stargazers_url": "/stargazers", "statuses_url": "/statuses/{sha}", "subscribers_url": "/subscribers",
	"subscription_url": "/subscription", "tags_url": "/tags", "teams_url": "/teams", "trees_url": "/git/trees{/sha}", "url": "",
}

func (r *Repo) shape() object {
	s, open := r.server, 0
	for _, p := range r.pulls {
		if p.open {
			open++
		}
	}
	html := s.URL + "/" + r.full()
	o := object{
		"id": r.id, "node_id": fmt.Sprintf("R_%d", r.id), "name": r.Name, "full_name": r.full(), "owner": s.user(r.Owner), "private": false, "html_url": html,
		"description": nil, "fork": false, "homepage": nil, "language": nil, "size": 0, "default_branch": r.Base, "visibility": "public", "license": nil, "mirror_url": nil,
		"archived": false, "disabled": false, "has_issues": true, "has_projects": false, "has_wiki": false, "has_pages": false, "has_downloads": false, "has_discussions": false,
		"forks": 0, "forks_count": 0, "watchers": 0, "watchers_count": 0, "stargazers_count": 0, "open_issues": open, "open_issues_count": open, "topics": []string{},
		"is_template": false, "web_commit_signoff_required": false, "allow_forking": true,
		"clone_url": html + ".git", "git_url": strings.Replace(html, "http://", "git://", 1) + ".git", "svn_url": html, "ssh_url": "git@example.com:" + r.full() + ".git",
		"created_at": stamp(r.created), "updated_at": stamp(r.created), "pushed_at": stamp(r.created),
	}
	for name, path := range templates {
		o[name] = r.api() + path
	}
	return o
}

// settings is the repository with what only those see who may write.
func (r *Repo) settings(write bool) object {
	o := r.shape()
	o["network_count"], o["subscribers_count"] = 0, 0
	if write {
		o["permissions"] = object{"admin": false, "maintain": false, "push": true, "triage": true, "pull": true}
		o["allow_merge_commit"] = slices.Contains(r.MergeMethods, "merge")
		o["allow_squash_merge"] = slices.Contains(r.MergeMethods, "squash")
		o["allow_rebase_merge"] = slices.Contains(r.MergeMethods, "rebase")
		o["allow_auto_merge"], o["delete_branch_on_merge"] = false, r.DeleteMerged
	}
	return o
}

func (r *Repo) label(name string) int64 {
	if r.labels[name] == 0 {
		r.labels[name] = r.server.id()
	}
	return r.labels[name]
}

func (r *Repo) labelShapes(names []string) []object {
	all := []object{}
	for _, n := range names {
		id := r.label(n)
		all = append(all, object{
			"id": id, "node_id": fmt.Sprintf("LA_%d", id), "url": r.api() + "/labels/" + n, "name": n, "color": "ededed", "default": false, "description": "",
		})
	}
	return all
}

func (r *Repo) page(p *pull) string {
	return r.issuePage(p.issue)
}

func (r *Repo) end(branch, sha string) object {
	return object{"label": r.Owner + ":" + branch, "ref": branch, "sha": sha, "user": r.server.user(r.Owner), "repo": r.shape()}
}

// pullShape is a pull as it stands in lists.
func (r *Repo) pullShape(p *pull) object {
	s, api, html := r.server, fmt.Sprintf("%s/pulls/%d", r.api(), p.number), r.page(p)
	issue := fmt.Sprintf("%s/issues/%d", r.api(), p.number)
	merge, mergedAt := any(nil), time.Time{}
	switch {
	case p.merged:
		merge, mergedAt = p.merge, p.closedAt
	case p.test != "": // the commit of a test merge, which is on no branch
		merge = p.test
	}
	assignee := any(nil)
	if len(p.assignees) > 0 {
		assignee = s.user(p.assignees[0])
	}
	links := object{}
	for name, href := range map[string]string{
		"self": api, "html": html, "issue": issue, "comments": issue + "/comments", "review_comments": api + "/comments",
		"review_comment": r.api() + "/pulls/comments{/number}", "commits": api + "/commits", "statuses": r.api() + "/statuses/" + p.head,
	} {
		links[name] = object{"href": href}
	}
	return object{
		"url": api, "id": p.id, "node_id": fmt.Sprintf("PR_%d_%d", r.id, p.number), "html_url": html, "diff_url": html + ".diff", "patch_url": html + ".patch",
		"issue_url": issue, "comments_url": issue + "/comments", "review_comments_url": api + "/comments", "commits_url": api + "/commits",
		"review_comment_url": r.api() + "/pulls/comments{/number}", "statuses_url": r.api() + "/statuses/" + p.head,
		"number": p.number, "state": p.state(), "locked": false, "title": p.title, "body": nullable(p.body), "user": s.user(p.author),
		"labels": r.labelShapes(p.labels), "milestone": nil, "created_at": stamp(p.created), "updated_at": stamp(p.updated), "closed_at": stamp(p.closedAt), "merged_at": stamp(mergedAt),
		"merge_commit_sha": merge, "assignee": assignee, "assignees": s.users(p.assignees), "requested_reviewers": s.users(p.reviewers), "requested_teams": r.teamShapes(p.teams),
		"head": r.end(p.branch, p.head), "base": r.end(p.base, p.baseAt), "_links": links, "author_association": "MEMBER", "auto_merge": nil, "draft": p.draft, "active_lock_reason": nil,
	}
}

// wholePull is a pull as it is shown alone.
func (r *Repo) wholePull(p *pull) (object, error) {
	known, err := r.probe(p)
	if err != nil {
		return nil, err
	}
	o := r.pullShape(p)
	mergeable, state := any(nil), "unknown"
	switch {
	case !known:
	case p.test == "":
		mergeable, state = false, "dirty"
	case p.draft:
		mergeable, state = true, "draft"
	case len(r.missing(p.head)) > 0:
		mergeable, state = true, "blocked"
	default:
		mergeable, state = true, "clean"
	}
	by := any(nil)
	if p.merged {
		by = r.server.user(p.mergedBy)
	}
	for k, v := range (object{
		"merged": p.merged, "mergeable": mergeable, "rebaseable": mergeable, "mergeable_state": state, "merged_by": by, "comments": len(p.comments), "review_comments": 0,
		"maintainer_can_modify": false, "commits": p.commits, "additions": p.added, "deletions": p.removed, "changed_files": p.files,
	}) {
		o[k] = v
	}
	return o, nil
}

func (r *Repo) teamShapes(slugs []string) []object {
	all := []object{}
	for _, t := range slugs {
		url := fmt.Sprintf("%s/api/v3/orgs/%s/teams/%s", r.server.URL, r.Owner, t)
		id := r.label("team:" + t)
		all = append(all, object{
			"id": id, "node_id": "T_" + t, "name": t, "slug": t, "description": nil, "privacy": "closed", "permission": "push", "url": url, "notification_setting": "notifications_enabled",
			"html_url": fmt.Sprintf("%s/orgs/%s/teams/%s", r.server.URL, r.Owner, t), "members_url": url + "/members{/member}", "repositories_url": url + "/repos", "parent": nil,
			"type": "organization",
		})
	}
	return all
}

func (r *Repo) statusShape(sha string, s status) object {
	return object{
		"id": s.id, "node_id": fmt.Sprintf("SC_%d", s.id), "url": r.api() + "/statuses/" + sha, "avatar_url": r.server.URL + "/avatars/" + s.by, "state": s.state,
		"description": nullable(s.description), "target_url": nullable(s.url), "context": s.context, "created_at": stamp(s.at), "updated_at": stamp(s.at),
	}
}

func nullable(s string) any {
	if s == "" {
		return nil
	}
	return s
}
