package forge

import (
	"fmt"
	"slices"
)

// What people do, by the pages that this forge does not have buttons on.

// Pull is what a pull is at a moment.
type Pull struct {
	Number                     int
	URL, Branch, Base, Head    string
	Title, Body, Author, State string // state is open, merged or closed
	Draft                      bool
	Merge, ClosedBy            string
	Labels, Assignees          []string
	Reviewers, Teams, Comments []string
}

// Pulls returns all pulls, the oldest first.
func (r *Repo) Pulls() []Pull {
	r.server.mu.Lock()
	defer r.server.mu.Unlock()
	_ = r.sync() // then they are as of the last look
	var all []Pull
	for _, p := range r.pulls {
		x := Pull{
			Number: int(p.number), URL: r.page(p), Branch: p.branch, Base: p.base, Head: p.head, Title: p.title, Body: p.body, Author: p.author, State: p.state(), Draft: p.draft,
			Merge: p.merge, ClosedBy: p.closedBy, Labels: slices.Clone(p.labels), Assignees: slices.Clone(p.assignees), Reviewers: slices.Clone(p.reviewers), Teams: slices.Clone(p.teams),
		}
		if p.merged {
			x.State = "merged"
		}
		for _, c := range p.comments {
			x.Comments = append(x.Comments, c.text)
		}
		all = append(all, x)
	}
	return all
}

// by finds a pull for a person to act on.
func (r *Repo) by(number int, act func(*pull) error) error {
	r.server.mu.Lock()
	defer r.server.mu.Unlock()
	if err := r.sync(); err != nil {
		return err
	}
	p := r.find(number)
	if p == nil {
		return fmt.Errorf("find pull #%d in %s: there is none", number, r.full())
	}
	return act(p)
}

// Open opens a pull.
func (r *Repo) Open(login, branch, base, title, body string) (number int, err error) {
	r.server.mu.Lock()
	defer r.server.mu.Unlock()
	if err := r.sync(); err != nil {
		return 0, err
	}
	p, err := r.open(login, branch, base, title, body, false)
	if err != nil {
		return 0, err
	}
	return int(p.number), nil
}

// Merge merges a pull: method is merge, squash or rebase. A person's hands are
// not bound by a merge queue.
func (r *Repo) Merge(number int, login, method string) (commit string, err error) {
	err = r.by(number, func(p *pull) error {
		commit, err = r.land(p, method, "", "", "", login)
		return err
	})
	return commit, err
}

// Status puts a status on a commit, as a build does.
func (r *Repo) Status(commit, login, context, state string) {
	r.server.mu.Lock()
	defer r.server.mu.Unlock()
	r.addStatus(commit, status{context: context, state: state, by: login})
}

// Commit puts a commit onto a branch and returns it. A branch that does not
// exist begins at from, a branch or a commit; an empty repository has none. A
// file with nil bytes is deleted.
func (r *Repo) Commit(login, branch, from, message string, files map[string][]byte) (string, error) {
	r.server.mu.Lock()
	defer r.server.mu.Unlock()
	if err := r.sync(); err != nil {
		return "", err
	}
	at := r.seen[branch]
	parent := at
	if parent == "" {
		parent = from
		if sha := r.seen[from]; sha != "" {
			parent = sha
		}
	}
	changed := map[string]change{}
	for path, data := range files {
		if data == nil {
			changed[path] = change{mode: "0"}
			continue
		}
		sha, err := r.blob(data)
		if err != nil {
			return "", err
		}
		changed[path] = change{"100644", sha}
	}
	tree, err := r.splice(parent, changed)
	if err != nil {
		return "", err
	}
	var parents []string
	if parent != "" {
		parents = []string{parent}
	}
	who := r.server.signature(login)
	commit, err := r.commit(tree, message, who, who, parents...)
	if err != nil {
		return "", err
	}
	if err := r.setRef("refs/heads/"+branch, commit, at); err != nil {
		return "", err
	}
	return commit, r.sync()
}

// Delete deletes a branch.
func (r *Repo) Delete(branch string) error {
	r.server.mu.Lock()
	defer r.server.mu.Unlock()
	if err := r.sync(); err != nil {
		return err
	}
	if err := r.setRef("refs/heads/"+branch, "", r.seen[branch]); err != nil {
		return err
	}
	return r.sync()
}

// Heads returns the branches and their commits.
func (r *Repo) Heads() map[string]string {
	r.server.mu.Lock()
	defer r.server.mu.Unlock()
	all, err := r.heads()
	if err != nil {
		return nil
	}
	return all
}

// Read returns a file at a branch or commit.
func (r *Repo) Read(at, path string) ([]byte, error) {
	return r.run(nil, nil, "cat-file", "blob", at+":"+path)
}
