package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os/exec"
	"slices"
	"strings"
)

// led is who holds the lease of which repository.
func (e *estate) led() map[string]string {
	holders, out := e.leases.holders(), map[string]string{}
	for _, r := range e.repos {
		if h := holders[leaseOf(r)]; h != "" {
			out[r.Name] = h
		}
	}
	return out
}

// spread is how many repositories each replica leads.
func (e *estate) spread() map[string]int {
	out := map[string]int{}
	for _, h := range e.led() {
		out[h]++
	}
	return out
}

// merged is how many pulls are merged.
func (e *estate) merged() (n int) {
	for _, r := range e.repos {
		for _, p := range r.Pulls() {
			if p.State == "merged" {
				n++
			}
		}
	}
	return n
}

// unfinished are the repositories whose release has not passed in all waves,
// as the forge's statuses say: asked only where everything is merged.
func (e *estate) unfinished() (out []string) {
	for _, r := range e.repos {
		merged := 0
		for _, p := range r.Pulls() {
			if p.State == "merged" {
				merged++
			}
		}
		if merged < len(environments) {
			out = append(out, r.Name)
			continue
		}
		verdicts := 0
		for _, hash := range history(r.Dir(), r.Base) {
			for _, context := range e.statuses(r.Name, hash) {
				if context == "promoter/verdict" {
					verdicts++
				}
			}
		}
		if verdicts < len(environments) {
			out = append(out, r.Name)
		}
	}
	return out
}

// history is the first parents of a branch.
func history(dir, branch string) []string {
	out, err := exec.Command("git", "-C", dir, "log", "--first-parent", "--format=%H", branch).Output()
	if err != nil {
		return nil
	}
	return strings.Fields(string(out))
}

// statuses are the contexts of all statuses that were ever put on a commit.
func (e *estate) statuses(repository, hash string) (out []string) {
	req, err := http.NewRequest(http.MethodGet, fmt.Sprintf("%srepos/shop/%s/commits/%s/statuses?per_page=100", e.forge.API(), repository, hash), nil)
	if err != nil {
		return nil
	}
	req.Header.Set("Authorization", "Bearer judge"+tokenTail)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil
	}
	defer resp.Body.Close()
	var list []struct{ Context string }
	if json.NewDecoder(resp.Body).Decode(&list) != nil {
		return nil
	}
	for _, s := range list {
		out = append(out, s.Context)
	}
	return out
}

func (r *result) broken(format string, args ...any) {
	r.breaches = append(r.breaches, fmt.Errorf(format, args...))
}

// judge sees whether anything was done twice, or by two at once.
func (r *result) judge() {
	for _, repo := range r.estate.repos {
		branches := map[string]int{}
		for _, p := range repo.Pulls() {
			branches[p.Branch]++
			comments := slices.Sorted(slices.Values(p.Comments))
			if n := len(comments); len(slices.Compact(comments)) < n {
				r.broken("%s: a comment stands twice under #%d", repo.Name, p.Number)
			}
		}
		for branch, n := range branches {
			if n > 1 {
				r.broken("%s: %d pulls for %s", repo.Name, n, branch)
			}
		}
		commits := history(repo.Dir(), repo.Base)
		if len(branches) != len(environments) || len(commits) != len(environments)+1 {
			r.broken("%s: %d pulls and %d commits for one release in %d waves", repo.Name, len(branches), len(commits), len(environments))
		}
		for _, hash := range commits {
			said := map[string]int{}
			for _, c := range r.estate.statuses(repo.Name, hash) {
				if said[c]++; said[c] == 2 && c != "promoter" && c != "promoter/ready" {
					r.broken("%s: %s twice on %.10s", repo.Name, c, hash)
				}
			}
		}
		r.turns(repo.Name)
	}
}

// turns holds that replicas worked on a repository one after the other.
func (r *result) turns(repository string) {
	var order []string
	for _, d := range r.estate.deeds.since(r.released) {
		if d.repository == repository && d.effect && d.replica != "" && (len(order) == 0 || order[len(order)-1] != d.replica) {
			order = append(order, d.replica)
		}
	}
	distinct := slices.Compact(slices.Sorted(slices.Values(order)))
	if len(distinct) < len(order) {
		r.broken("%s: replicas worked on it in turns: %v", repository, order)
	}
	r.handed += len(order) - min(1, len(order))
}
