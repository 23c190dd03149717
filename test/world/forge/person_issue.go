package forge

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// What people do to issues and pulls alike, and who they are.

// Issue is what an issue that is no pull is at a moment.
type Issue struct {
	Number                   int
	URL, Title, Body, Author string
	State                    string // open or closed
	Labels, Assignees        []string
	ClosedBy                 string
	Comments                 []Comment
}

// Comment is what somebody wrote.
type Comment struct {
	By, Text string
	At       time.Time
}

// Issues returns all issues that are no pulls, the oldest first.
func (r *Repo) Issues() []Issue {
	r.server.mu.Lock()
	defer r.server.mu.Unlock()
	var all []Issue
	for _, i := range r.issues {
		if i.pull != nil {
			continue
		}
		x := Issue{
			Number: int(i.number), URL: r.issuePage(i), Title: i.title, Body: i.body, Author: i.author, State: i.state(),
			Labels: slices.Clone(i.labels), Assignees: slices.Clone(i.assignees), ClosedBy: i.closedBy,
		}
		for _, c := range i.comments {
			x.Comments = append(x.Comments, Comment{c.by, c.text, c.at})
		}
		all = append(all, x)
	}
	return all
}

// on finds an issue or a pull for a person to act on.
func (r *Repo) on(number int, act func(*issue) error) error {
	r.server.mu.Lock()
	defer r.server.mu.Unlock()
	if err := r.sync(); err != nil {
		return err
	}
	i := r.issue(number)
	if i == nil {
		return fmt.Errorf("find #%d in %s: there is none", number, r.full())
	}
	return act(i)
}

// OpenIssue opens an issue.
func (r *Repo) OpenIssue(login, title, body string, labels ...string) (number int) {
	r.server.mu.Lock()
	defer r.server.mu.Unlock()
	return int(r.openIssue(login, title, body, labels, nil).number)
}

// Close closes an issue, or a pull without merging it.
func (r *Repo) Close(number int, login string) error {
	return r.on(number, func(i *issue) error { return r.setState(i, "closed", login) })
}

// Reopen opens what was closed again.
func (r *Repo) Reopen(number int, login string) error {
	return r.on(number, func(i *issue) error { return r.setState(i, "open", login) })
}

// Comment writes a comment under an issue or a pull.
func (r *Repo) Comment(number int, login, text string) error {
	return r.on(number, func(i *issue) error { r.comment(i, login, text); return nil })
}

// EditComment changes the nth comment under an issue or a pull, from 0.
func (r *Repo) EditComment(number, nth int, login, text string) error {
	return r.on(number, func(i *issue) error {
		if nth < 0 || nth >= len(i.comments) {
			return fmt.Errorf("find comment %d of #%d: there are %d", nth, number, len(i.comments))
		}
		r.reword(i, nth, text, login)
		return nil
	})
}

// Label puts labels on an issue or a pull.
func (r *Repo) Label(number int, login string, labels ...string) error {
	return r.on(number, func(i *issue) error {
		r.relabel(i, union(slices.Clone(i.labels), labels), login)
		return nil
	})
}

// Unlabel takes labels off an issue or a pull.
func (r *Repo) Unlabel(number int, login string, labels ...string) error {
	return r.on(number, func(i *issue) error {
		r.relabel(i, slices.DeleteFunc(slices.Clone(i.labels), func(l string) bool { return slices.Contains(labels, l) }), login)
		return nil
	})
}

// Retitle changes what an issue or a pull says.
func (r *Repo) Retitle(number int, login, title, body string) error {
	return r.on(number, func(i *issue) error { r.retitle(i, title, body, login); return nil })
}

// Review reviews a pull as it is now: state is APPROVED, CHANGES_REQUESTED or
// COMMENTED.
func (r *Repo) Review(number int, login, state string) error {
	if !slices.Contains([]string{"APPROVED", "CHANGES_REQUESTED", "COMMENTED"}, state) {
		return fmt.Errorf("review #%d: %q is no verdict", number, state)
	}
	return r.by(number, func(p *pull) error {
		if login == p.author && state != "COMMENTED" {
			return fmt.Errorf("review #%d: it is %s's own", number, login)
		}
		p.reviews = append(p.reviews, review{id: r.server.id(), by: login, state: state, commit: p.head, at: r.server.now()})
		p.reviewers = slices.DeleteFunc(p.reviewers, func(l string) bool { return l == login })
		r.touch(p.issue)
		r.emit("pull_request_review", r.reviewed(p, len(p.reviews)-1, "submitted", login))
		return nil
	})
}

// Dismiss takes the newest verdict of a reviewer away.
func (r *Repo) Dismiss(number int, login, reviewer string) error {
	return r.by(number, func(p *pull) error {
		for nth, v := range slices.Backward(p.reviews) {
			if v.by == reviewer && (v.state == "APPROVED" || v.state == "CHANGES_REQUESTED") {
				p.reviews[nth].state = "DISMISSED"
				r.touch(p.issue)
				r.emit("pull_request_review", r.reviewed(p, nth, "dismissed", login))
				return nil
			}
		}
		return fmt.Errorf("dismiss the review of %s on #%d: there is none", reviewer, number)
	})
}

func (r *Repo) reviewed(p *pull, nth int, action, by string) object {
	e := r.event(p, action, by)
	shape := r.reviewShape(p, p.reviews[nth])
	shape["state"] = strings.ToLower(p.reviews[nth].state) // as deliveries have it
	e["review"] = shape
	delete(e, "number")
	return e
}

// Allow says what a person may do: none, read, triage, write, maintain or
// admin.
func (r *Repo) Allow(login, role string) error {
	if _, ok := roles[role]; !ok {
		return fmt.Errorf("allow %s %q: there is no such role", login, role)
	}
	r.server.mu.Lock()
	defer r.server.mu.Unlock()
	r.roles[login] = role
	return nil
}

// Join makes people members of a team, "org/team", which is founded where it
// does not exist.
func (s *Server) Join(team string, logins ...string) { s.member(team, "active", logins) }

// Invite asks people to become members of a team. They are not, until they
// join.
func (s *Server) Invite(team string, logins ...string) { s.member(team, "pending", logins) }

// Leave ends people's membership of a team.
func (s *Server) Leave(team string, logins ...string) { s.member(team, "gone", logins) }

func (s *Server) member(team, state string, logins []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.teams[team] == nil {
		s.teams[team] = map[string]string{}
	}
	for _, l := range logins {
		s.teams[team][l] = state
	}
}
