package forge

import (
	"cmp"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// routes says which calls there are.
func (s *Server) routes() {
	const api = "/api/v3"
	for pattern, h := range map[string]handler{
		"GET ":                                     s.getRepo,
		"GET /rules/branches/{branch...}":          s.listRules,
		"GET /releases":                            s.listReleases,
		"GET /installation":                        s.getInstallation,
		"GET /pulls":                               s.listPulls,
		"POST /pulls":                              s.createPull,
		"GET /pulls/{number}":                      s.getPull,
		"PATCH /pulls/{number}":                    s.editPull,
		"PUT /pulls/{number}/merge":                s.mergePull,
		"POST /pulls/{number}/requested_reviewers": s.requestReviewers,
		"GET /pulls/{number}/reviews":              s.listReviews,
		"GET /issues":                              s.listIssues,
		"POST /issues":                             s.createIssue,
		"GET /issues/comments":                     s.listAllComments,
		"GET /issues/{number}":                     s.getIssue,
		"GET /issues/{number}/events":              s.listEvents,
		"GET /collaborators/{login}/permission":    s.getPermission,
		"PATCH /issues/{number}":                   s.editIssue,
		"POST /issues/{number}/labels":             s.addLabels,
		"DELETE /issues/{number}/labels/{name}":    s.removeLabel,
		"GET /issues/{number}/comments":            s.listComments,
		"POST /issues/{number}/comments":           s.addComment,
		"PATCH /issues/comments/{id}":              s.editComment,
		"DELETE /issues/comments/{id}":             s.deleteComment,
		"GET /git/ref/{ref...}":                    s.getRef,
		"POST /git/refs":                           s.createRef,
		"PATCH /git/refs/{ref...}":                 s.updateRef,
		"DELETE /git/refs/{ref...}":                s.deleteRef,
		"POST /git/blobs":                          s.createBlob,
		"POST /git/trees":                          s.createTree,
		"POST /git/commits":                        s.createCommit,
		"GET /git/commits/{sha}":                   s.getCommit,
		"POST /statuses/{sha}":                     s.createStatus,
		"GET /commits/{sha}/status":                s.combinedStatus,
		"GET /commits/{sha}/statuses":              s.listStatuses,
	} {
		method, path, _ := strings.Cut(pattern, " ")
		s.api.HandleFunc(method+" "+api+"/repos/{owner}/{repo}"+path, s.serve(true, h))
	}
	s.api.HandleFunc("GET "+api+"/user", s.serve(false, s.getUser))
	s.api.HandleFunc("GET "+api+"/orgs/{org}/teams/{slug}", s.serve(false, s.getTeam))
	s.api.HandleFunc("GET "+api+"/orgs/{org}/teams/{slug}/memberships/{login}", s.serve(false, s.getMembership))
	s.api.HandleFunc("POST "+api+"/app/installations/{id}/access_tokens", s.serve(false, s.createToken))
	s.api.HandleFunc("POST /api/graphql", s.serve(false, s.graphql))
	s.api.HandleFunc("/", s.serve(false, func(*request) (int, any, error) { return 0, nil, notFound() }))
	s.web.HandleFunc("GET /{owner}/{repo}/info/refs", s.advertise)
	s.web.HandleFunc("POST /{owner}/{repo}/{service}", s.exchange)
	s.web.HandleFunc("GET /{$}", s.indexPage)
	s.web.HandleFunc("GET /{owner}/{repo}", s.repoPage)
	s.web.HandleFunc("GET /{owner}/{repo}/pulls", s.repoPage)
	s.web.HandleFunc("GET /{owner}/{repo}/pull/{number}", s.pullPage)
	s.web.HandleFunc("GET /{owner}/{repo}/issues/{number}", s.issuePage)
}

// ServeHTTP sends a request to the API, or to the pages and to Git. Answers are
// dated by the forge's own clock.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Date", s.now().Format(http.TimeFormat))
	if strings.HasPrefix(r.URL.Path, "/api/") {
		s.api.ServeHTTP(w, r)
		return
	}
	s.web.ServeHTTP(w, r)
}

func (s *Server) getRepo(c *request) (int, any, error) { return 200, c.repo.settings(c.write), nil }

func (s *Server) getUser(c *request) (int, any, error) {
	if c.login == "" {
		return 0, nil, refuse(401, "Requires authentication")
	}
	return 200, s.user(c.login), nil
}

func (s *Server) listRules(c *request) (int, any, error) {
	all := []object{}
	for _, kind := range c.repo.Rules {
		rule := object{"type": kind, "ruleset_source_type": "Repository", "ruleset_source": c.repo.full(), "ruleset_id": c.repo.id}
		if kind == "merge_queue" {
			rule["parameters"] = object{
				"check_response_timeout_minutes": 60, "grouping_strategy": "ALLGREEN", "max_entries_to_build": 5, "max_entries_to_merge": 5,
				"merge_method": strings.ToUpper(cmp.Or(c.repo.QueueMethod, "merge")), "min_entries_to_merge": 1, "min_entries_to_merge_wait_minutes": 5,
			}
		}
		all = append(all, rule)
	}
	return 200, page(c, all), nil
}

func (s *Server) listReleases(c *request) (int, any, error) {
	all := []object{}
	for i := len(c.repo.releases) - 1; i >= 0; i-- {
		rel := c.repo.releases[i]
		id, html, api := int64(i+1), s.URL+"/"+c.repo.full()+"/releases/tag/"+rel.Tag, fmt.Sprintf("%s/releases/%d", c.repo.api(), i+1)
		all = append(all, object{
			"id": id, "node_id": fmt.Sprintf("RE_%d", id), "url": api, "html_url": html, "assets_url": api + "/assets", "upload_url": api + "/assets{?name,label}",
			"tarball_url": nil, "zipball_url": nil, "tag_name": rel.Tag, "target_commitish": c.repo.Base, "name": nullable(rel.Name), "body": nullable(rel.Body), "draft": false,
			"prerelease": rel.Prerelease, "created_at": stamp(rel.At), "published_at": stamp(rel.At), "author": s.user(c.repo.Owner), "assets": []object{},
		})
	}
	return 200, page(c, all), nil
}

// appOf checks a JWT as GitHub does and returns whose it is.
func (s *Server) appOf(token string) (*app, error) {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return nil, refuse(401, "A JSON web token could not be decoded")
	}
	var claims struct {
		Issuer  json.RawMessage `json:"iss"`
		Issued  int64           `json:"iat"`
		Expires int64           `json:"exp"`
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil || json.Unmarshal(payload, &claims) != nil {
		return nil, refuse(401, "A JSON web token could not be decoded")
	}
	id, err := strconv.ParseInt(strings.Trim(string(claims.Issuer), `"`), 10, 64)
	a := s.apps[id]
	if err != nil || a == nil {
		return nil, refuse(404, "Integration not found")
	}
	signed, err := base64.RawURLEncoding.DecodeString(parts[2])
	sum := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
	if err != nil || rsa.VerifyPKCS1v15(a.key, crypto.SHA256, sum[:], signed) != nil {
		return nil, refuse(401, "A JSON web token could not be decoded")
	}
	now := s.opts.Now().Unix()
	switch {
	case claims.Issued > now:
		return nil, refuse(401, "'Issued at' claim ('iat') must be an Integer representing the time that the assertion was issued")
	case claims.Expires <= now || claims.Expires > now+600:
		return nil, refuse(401, "'Expiration time' claim ('exp') is too far in the future")
	}
	return a, nil
}

func (s *Server) getInstallation(c *request) (int, any, error) {
	a, err := s.appOf(c.token)
	if err != nil {
		return 0, nil, err
	}
	return 200, object{
		"id": a.installation, "app_id": a.id, "app_slug": strings.TrimSuffix(a.login, "[bot]"), "account": s.user(c.repo.Owner), "target_id": 1, "target_type": "User", "repository_selection": "all",
		"access_tokens_url": fmt.Sprintf("%s/api/v3/app/installations/%d/access_tokens", s.URL, a.installation), "repositories_url": s.URL + "/api/v3/installation/repositories",
		"html_url": s.URL + "/settings/installations", "permissions": object{"contents": "write", "pull_requests": "write"}, "events": []string{}, "single_file_name": nil,
		"created_at": stamp(s.now()), "updated_at": stamp(s.now()), "suspended_by": nil, "suspended_at": nil,
	}, nil
}

// createToken gives out a token. It is refused at first where the options say so, as
// happens on GitHub, whose servers do not all hear of it at once.
func (s *Server) createToken(c *request) (int, any, error) {
	a, err := s.appOf(c.token)
	if err != nil {
		return 0, nil, err
	}
	if c.PathValue("id") != strconv.FormatInt(a.installation, 10) {
		return 0, nil, notFound()
	}
	token, until := "ghs_"+rand.Text(), s.now().Add(time.Hour)
	s.tokens[token] = grant{login: a.login, write: true, until: until, refusals: s.opts.TokenRefusals}
	return 201, object{"token": token, "expires_at": stamp(until), "permissions": object{"contents": "write", "pull_requests": "write"}, "repository_selection": "all"}, nil
}
