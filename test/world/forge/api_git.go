package forge

import (
	"encoding/base64"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

func (r *Repo) refShape(ref, sha string) object {
	return object{
		"ref": ref, "node_id": "REF_" + base64.RawURLEncoding.EncodeToString([]byte(ref)), "url": r.api() + "/git/" + ref,
		"object": object{"type": "commit", "sha": sha, "url": r.api() + "/git/commits/" + sha},
	}
}

func (s *Server) getRef(c *request) (int, any, error) {
	name, ok := strings.CutPrefix(c.PathValue("ref"), "heads/")
	if sha := c.repo.seen[name]; ok && sha != "" {
		return 200, c.repo.refShape("refs/heads/"+name, sha), nil
	}
	return 0, nil, notFound()
}

func (s *Server) createRef(c *request) (int, any, error) {
	var in struct{ Ref, SHA string }
	if err := c.decode(&in); err != nil {
		return 0, nil, err
	}
	name, ok := strings.CutPrefix(in.Ref, "refs/heads/")
	switch {
	case !ok:
		return 0, nil, refuse(422, "Reference name must start with 'refs/' and name a branch here")
	case !c.repo.knows(in.SHA):
		return 0, nil, refuse(422, "Object does not exist")
	case c.repo.seen[name] != "" || c.repo.setRef(in.Ref, in.SHA, "") != nil:
		return 0, nil, refuse(422, "Reference already exists")
	}
	return 201, c.repo.refShape(in.Ref, in.SHA), c.repo.sync()
}

func (s *Server) updateRef(c *request) (int, any, error) {
	var in struct {
		SHA   string
		Force bool
	}
	if err := c.decode(&in); err != nil {
		return 0, nil, err
	}
	ref := "refs/" + c.PathValue("ref")
	at := c.repo.seen[strings.TrimPrefix(ref, "refs/heads/")]
	switch {
	case at == "":
		return 0, nil, refuse(422, "Reference does not exist")
	case !c.repo.knows(in.SHA):
		return 0, nil, refuse(422, "Object does not exist")
	case !in.Force && !c.repo.ancestor(at, in.SHA):
		return 0, nil, refuse(422, "Update is not a fast forward")
	}
	if err := c.repo.setRef(ref, in.SHA, at); err != nil {
		return 0, nil, err
	}
	return 200, c.repo.refShape(ref, in.SHA), c.repo.sync()
}

func (s *Server) deleteRef(c *request) (int, any, error) {
	ref := "refs/" + c.PathValue("ref")
	at := c.repo.seen[strings.TrimPrefix(ref, "refs/heads/")]
	if at == "" {
		return 0, nil, refuse(422, "Reference does not exist")
	}
	if err := c.repo.setRef(ref, "", at); err != nil {
		return 0, nil, err
	}
	return 204, nil, c.repo.sync()
}

func (s *Server) createBlob(c *request) (int, any, error) {
	var in struct{ Content, Encoding string }
	if err := c.decode(&in); err != nil {
		return 0, nil, err
	}
	data := []byte(in.Content)
	if in.Encoding == "base64" {
		var err error
		if data, err = base64.StdEncoding.DecodeString(in.Content); err != nil {
			return 0, nil, refuse(422, "content is not valid Base64")
		}
	}
	sha, err := c.repo.blob(data)
	return 201, object{"sha": sha, "url": c.repo.api() + "/git/blobs/" + sha}, err
}

func (s *Server) createTree(c *request) (int, any, error) {
	var in struct {
		Base string `json:"base_tree"`
		Tree []struct {
			Path, Mode, Type string
			SHA, Content     *string
		}
	}
	if err := c.decode(&in); err != nil {
		return 0, nil, err
	}
	changed := map[string]change{}
	for _, e := range in.Tree {
		switch {
		case !slices.Contains([]string{"100644", "100755", "120000"}, e.Mode):
			return 0, nil, refuse(422, "tree.mode is not one of 100644, 100755, 120000")
		case e.Content != nil && !utf8.ValidString(*e.Content):
			return 0, nil, refuse(422, "content is not UTF-8")
		case e.Content != nil:
			sha, err := c.repo.blob([]byte(*e.Content))
			if err != nil {
				return 0, nil, err
			}
			changed[e.Path] = change{e.Mode, sha}
		case e.SHA != nil:
			changed[e.Path] = change{e.Mode, *e.SHA}
		default:
			changed[e.Path] = change{mode: "0"}
		}
	}
	tree, err := c.repo.splice(in.Base, changed)
	if err != nil {
		return 0, nil, refuse(422, "GitRPC::BadObjectState")
	}
	list, err := c.repo.git(nil, nil, "ls-tree", "-z", tree)
	if err != nil {
		return 0, nil, err
	}
	entries := []object{}
	for line := range strings.SplitSeq(strings.TrimSuffix(list, "\x00"), "\x00") {
		if meta, path, ok := strings.Cut(line, "\t"); ok {
			f := strings.Fields(meta)
			entries = append(entries, object{"path": path, "mode": f[0], "type": f[1], "sha": f[2], "url": c.repo.api() + "/git/" + f[1] + "s/" + f[2]})
		}
	}
	return 201, object{"sha": tree, "url": c.repo.api() + "/git/trees/" + tree, "truncated": false, "tree": entries}, nil
}

func (s *Server) createCommit(c *request) (int, any, error) {
	var in struct {
		Message, Tree string
		Parents       []string
		Author        *struct{ Name, Email string }
		Committer     *struct{ Name, Email string }
	}
	if err := c.decode(&in); err != nil {
		return 0, nil, err
	}
	for _, p := range in.Parents {
		if !c.repo.knows(p) {
			return 0, nil, refuse(422, "Parent does not exist")
		}
	}
	author, committer := s.signature(c.login), s.machine()
	verified := in.Author == nil && in.Committer == nil // what the forge signs itself
	if in.Author != nil {
		author.name, author.email = in.Author.Name, in.Author.Email
		committer = author
	}
	if in.Committer != nil {
		committer.name, committer.email = in.Committer.Name, in.Committer.Email
	}
	sha, err := c.repo.commit(in.Tree, in.Message, author, committer, in.Parents...)
	if err != nil {
		return 0, nil, refuse(422, "Tree SHA does not exist")
	}
	o, err := c.repo.commitShape(sha)
	if err == nil && verified {
		o["verification"] = object{"verified": true, "reason": "valid", "signature": "-", "payload": "-", "verified_at": stamp(s.now())}
	}
	return 201, o, err
}

func (s *Server) getCommit(c *request) (int, any, error) {
	if !c.repo.knows(c.PathValue("sha")) {
		return 0, nil, notFound()
	}
	o, err := c.repo.commitShape(c.PathValue("sha"))
	return 200, o, err
}

func (r *Repo) commitShape(sha string) (object, error) {
	said, err := r.git(nil, nil, "show", "-s", "--format=%T%x00%P%x00%an%x00%ae%x00%aI%x00%cn%x00%ce%x00%cI%x00%B", sha)
	if err != nil {
		return nil, err
	}
	f := strings.SplitN(said, "\x00", 9)
	if len(f) != 9 {
		return nil, fmt.Errorf("read commit %s: %q", sha, said)
	}
	url := func(kind, sha string) string { return r.api() + "/git/" + kind + "/" + sha }
	parents := []object{}
	for _, p := range strings.Fields(f[1]) {
		parents = append(parents, object{"sha": p, "url": url("commits", p), "html_url": r.server.URL + "/" + r.full() + "/commit/" + p})
	}
	return object{
		"sha": sha, "node_id": "C_" + sha, "url": url("commits", sha), "html_url": r.server.URL + "/" + r.full() + "/commit/" + sha, "message": strings.TrimRight(f[8], "\n"),
		"tree": object{"sha": f[0], "url": url("trees", f[0])}, "parents": parents,
		"author": object{"name": f[2], "email": f[3], "date": f[4]}, "committer": object{"name": f[5], "email": f[6], "date": f[7]},
		"verification": object{"verified": false, "reason": "unsigned", "signature": nil, "payload": nil, "verified_at": nil},
	}, nil
}

var states = regexp.MustCompile(`^(error|failure|pending|success)$`)

func (s *Server) createStatus(c *request) (int, any, error) {
	var in struct {
		State, Context, Description string
		URL                         string `json:"target_url"`
	}
	if err := c.decode(&in); err != nil {
		return 0, nil, err
	}
	sha := c.PathValue("sha")
	switch {
	case !c.repo.knows(sha):
		return 0, nil, refuse(422, "No commit found for SHA: "+sha)
	case !states.MatchString(in.State):
		return 0, nil, custom("Status", "State is not included in the list")
	case len([]rune(in.Description)) > 140:
		return 0, nil, custom("Status", "Description is too long (maximum is 140 characters)")
	}
	st := c.repo.addStatus(sha, status{context: in.Context, state: in.State, description: in.Description, url: in.URL, by: c.login})
	o := c.repo.statusShape(sha, st)
	o["creator"] = s.user(c.login)
	return 201, o, nil
}

func (r *Repo) addStatus(sha string, st status) status {
	st.id, st.at = r.server.id(), r.server.now()
	if st.context == "" {
		st.context = "default"
	}
	r.statuses[sha] = append(r.statuses[sha], st)
	r.emit("status", object{
		"id": st.id, "sha": sha, "state": st.state, "context": st.context, "description": nullable(st.description), "target_url": nullable(st.url),
		"repository": r.shape(), "sender": r.server.user(st.by), "created_at": stamp(st.at), "updated_at": stamp(st.at),
	})
	return st
}

// listStatuses answers with all that ever were, the newest first.
func (s *Server) listStatuses(c *request) (int, any, error) {
	sha := c.PathValue("sha")
	if !c.repo.knows(sha) {
		return 0, nil, refuse(422, "No commit found for SHA: "+sha)
	}
	list := []object{}
	for _, st := range page(c, newestFirst(c.repo.statuses[sha])) {
		o := c.repo.statusShape(sha, st)
		o["creator"] = s.user(st.by)
		list = append(list, o)
	}
	return 200, list, nil
}

func newestFirst(all []status) []status {
	all = slices.Clone(all)
	slices.Reverse(all)
	return all
}

// combinedStatus answers with the newest status of each context.
func (s *Server) combinedStatus(c *request) (int, any, error) {
	sha := c.PathValue("sha")
	if !c.repo.knows(sha) {
		return 0, nil, refuse(422, "No commit found for SHA: "+sha)
	}
	var newest []status
	for _, st := range slices.Backward(c.repo.statuses[sha]) {
		if !slices.ContainsFunc(newest, func(n status) bool { return n.context == st.context }) {
			newest = append(newest, st)
		}
	}
	overall := "success"
	if len(newest) == 0 {
		overall = "pending"
	}
	list := []object{}
	for _, st := range newest {
		switch {
		case st.state == "error" || st.state == "failure":
			overall = "failure"
		case st.state == "pending" && overall == "success":
			overall = "pending"
		}
	}
	for _, st := range page(c, newest) {
		list = append(list, c.repo.statusShape(sha, st))
	}
	return 200, object{
		"state": overall, "sha": sha, "total_count": len(newest), "statuses": list, "repository": c.repo.shape(),
		"commit_url": c.repo.api() + "/commits/" + sha, "url": c.repo.api() + "/commits/" + sha + "/status",
	}, nil
}
