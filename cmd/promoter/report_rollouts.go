package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"promoter/gitops"
	"promoter/promoter"
	"promoter/promoter/config"
	"promoter/promoter/report"
)

// reportRollouts reports on a repository that Promoter works on.
func reportRollouts(ctx context.Context, m machine, a *access, f reportFlags, sc scope, stderr io.Writer) (report.Report, error) {
	w := &workshop{machine: m}
	if err := w.connect(ctx, a); err != nil {
		return report.Report{}, err
	}
	defer w.close()
	heads, err := w.repo.Heads(ctx, w.base, promoter.BranchPrefix)
	if err != nil {
		return report.Report{}, fmt.Errorf("read branches: %w", err)
	}
	commit, ok := heads[w.base]
	if !ok {
		return report.Report{}, fmt.Errorf("read branches: the remote has no branch %q: name the deployed one with --base", w.base)
	}
	dir := w.mirror + ".tree"
	if err := w.repo.Materialize(ctx, commit, dir); err != nil {
		return report.Report{}, err
	}
	s, err := survey(ctx, surveyFlags{root: dir, config: f.config, cache: f.cache, noLookup: true, committed: true, remote: a.remote, now: m.now}, stderr)
	if err != nil {
		return report.Report{}, fmt.Errorf("read %s of %s: %w", w.base, w.remote, err)
	}
	if base := s.config.Pulls.Base; base != "" && base != w.base {
		return report.Report{}, fmt.Errorf("%s on branch %s says that %s is deployed (pulls.base): report with --base %s", config.Name, w.base, base, base)
	}
	v, err := newSight(s, sc)
	if err != nil {
		return report.Report{}, err
	}
	g := &gathering{w: w, sight: v, commit: commit, most: f.most, trailers: map[int]promoter.Trailers{}}
	g.facts = report.Facts{
		Of: a.owner + "/" + a.name + " " + w.base, Filter: sc.text, Since: sc.since, Until: sc.until, Waves: v.waves(), Changes: map[string]report.Change{},
	}
	if err := g.gather(ctx); err != nil {
		return report.Report{}, err
	}
	return report.Rollouts(g.facts), nil
}

// gathering collects the facts of a report: those that cost nothing first, and
// of the others only what the report is about.
type gathering struct {
	w      *workshop
	sight  *sight
	commit string
	most   int

	facts    report.Facts
	pulls    []gitops.Pull // as listed; facts.Pulls are in the same order
	line     []gitops.Commit
	byHash   map[string]gitops.Commit
	trailers map[int]promoter.Trailers // by pull
}

func (g *gathering) gap(format string, args ...any) {
	g.facts.Gaps = append(g.facts.Gaps, fmt.Sprintf(format, args...))
}

func (g *gathering) gather(ctx context.Context) error {
	listed, err := g.w.forge.Pulls(ctx, g.w.base, promoter.BranchPrefix)
	if err != nil {
		return fmt.Errorf("list pull requests: %w", err)
	}
	g.list(listed)
	g.history(ctx)
	relevant := g.relevant()
	g.read(ctx, relevant)
	g.choose(relevant)
	g.standing(relevant)
	g.talk(ctx)
	g.ask(ctx, relevant)
	g.hand()
	return ctx.Err()
}

// list takes the pulls that are ours by their branches' names.
func (g *gathering) list(listed []gitops.Pull) {
	for _, p := range listed {
		b, ok := promoter.ParseBranch(p.Branch)
		if !ok {
			continue
		}
		g.pulls = append(g.pulls, p)
		g.facts.Pulls = append(g.facts.Pulls, report.Pull{
			Number: p.Number, Branch: b, Wave: g.sight.waveOfSlug(b.Wave), State: promoter.PullState(p.State), Opened: p.CreatedAt, Merged: p.MergedAt,
			Labels: p.Labels, Chosen: true, Unread: "not asked", ApprovalsUnread: "not asked",
		})
	}
	unnamed := 0
	for _, p := range g.facts.Pulls {
		if p.Wave < 0 {
			unnamed++
		}
	}
	if unnamed > 0 {
		g.gap("%s of waves that are not in the configuration any more: counted in no wave", countOf(unnamed, "pull request"))
	}
	g.cut(listed)
}

// listLimit is how many pulls of the repository, ours or not, a forge lists.
const listLimit = 1000

// cut tells when the forge may have more pulls of the time looked at than it
// lists. Numbers are shared by all pulls and issues: below the limit all were
// listed.
func (g *gathering) cut(listed []gitops.Pull) {
	var newest, oldest *gitops.Pull
	for i := range listed {
		if p := &listed[i]; newest == nil || p.Number > newest.Number {
			newest = p
		}
		if p := &listed[i]; oldest == nil || p.Number < oldest.Number {
			oldest = p
		}
	}
	if newest != nil && newest.Number > listLimit && oldest.CreatedAt.After(g.sight.scope.since) {
		g.gap("the forge lists the newest %d pull requests of all: of ours the oldest listed is #%d of %s, and older ones may be missing", listLimit, oldest.Number, oldest.CreatedAt.UTC().Format(time.DateOnly))
	}
}

// relevant are the indexes of the pulls of all changes that were merged
// somewhere in the time looked at.
func (g *gathering) relevant() []int {
	in := map[string]bool{}
	for i := range g.facts.Pulls {
		if p := &g.facts.Pulls[i]; p.State == promoter.PullMerged && !p.Merged.Before(g.facts.Since) && !p.Merged.After(g.facts.Until) {
			in[p.Branch.Change] = true
		}
	}
	var out []int
	for i := range g.facts.Pulls {
		if in[g.facts.Pulls[i].Branch.Change] {
			out = append(out, i)
		}
	}
	return out
}

// read finds what the pulls' commits say of themselves.
func (g *gathering) read(ctx context.Context, relevant []int) {
	lost := 0
	for _, i := range relevant {
		p := &g.pulls[i]
		t, err := g.said(ctx, p)
		if err != nil && p.State == "merged" {
			lost++
		}
		g.trailers[p.Number] = t
	}
	if lost > 0 {
		g.gap("what %s brought is not said in Git: the commits are not in the branch's history, or lost their last lines", countOf(lost, "merged pull request"))
	}
}

var errUnsaid = errors.New("no commit says what it changes")

// said are the trailers of a pull's merge commit, or of its head.
func (g *gathering) said(ctx context.Context, p *gitops.Pull) (promoter.Trailers, error) {
	var places []string
	if p.Merge != "" {
		if c, ok := g.byHash[p.Merge]; ok {
			if t := promoter.ParseTrailers(c.Message); len(t.To) > 0 {
				return t, nil
			}
		} else if g.w.repo.Reach(ctx, p.Merge) == nil {
			places = append(places, p.Merge)
		}
	}
	for _, commit := range append(places, p.Head) {
		line, err := g.w.repo.FirstParents(ctx, commit, 1)
		if err != nil || len(line) == 0 {
			continue
		}
		if t := promoter.ParseTrailers(line[0].Message); len(t.To) > 0 {
			return t, nil
		}
	}
	return promoter.Trailers{}, errUnsaid
}

// choose drops what the scope leaves out.
func (g *gathering) choose(relevant []int) {
	sc, v := g.sight.scope, g.sight
	read := map[int]bool{}
	for _, i := range relevant {
		read[i] = true
	}
	unsure := 0
	for i := range g.facts.Pulls {
		p := &g.facts.Pulls[i]
		if p.Wave < 0 {
			p.Chosen = len(sc.waves) == 0
		} else {
			p.Chosen = sc.wave(v.policy.Waves[p.Wave].Name)
		}
		if !p.Chosen || sc.everywhere() {
			continue
		}
		edits := g.trailers[p.Number].Edits
		p.Chosen = slices.ContainsFunc(edits, func(e promoter.Edit) bool {
			return slices.ContainsFunc(v.reaches(e.Place.File, "", ""), func(r promoter.Reached) bool { return sc.placed(r.Environment, r.Tenant) })
		})
		if len(edits) == 0 && read[i] {
			unsure++
		}
	}
	if unsure > 0 {
		g.gap("%s left out, because nothing says which places they change", countOf(unsure, "pull request"))
	}
}

// standing finds where the places of the changes' artifacts are now.
func (g *gathering) standing(relevant []int) {
	for _, i := range relevant {
		p := &g.facts.Pulls[i]
		if _, done := g.facts.Changes[p.Branch.Change]; done || p.Branch.Revert {
			continue
		}
		if to := g.trailers[p.Number].To; len(to) > 0 {
			g.facts.Changes[p.Branch.Change] = g.sight.change(to)
		}
	}
}

// change is where the places of artifacts are that go to versions: lines of
// trailers, "chart https://charts.example.com redis = 18.4.0".
func (v *sight) change(to []string) report.Change {
	goals := map[string]string{}
	c := report.Change{First: -1, Subject: strings.Join(to, ", ")}
	for _, line := range to {
		if i := strings.LastIndex(line, " = "); i > 0 {
			goals[line[:i]] = line[i+len(" = "):]
		}
	}
	byWave := map[int]*report.Standing{}
	for i := range v.targets {
		t := &v.targets[i]
		goal, ok := goals[t.Pin.Artifact.String()]
		w := lastOf(*t)
		if !ok || !v.ranked(w) {
			continue
		}
		if c.First < 0 || w < c.First {
			c.First = w
		}
		if !v.inScope(t) {
			continue
		}
		s := byWave[w]
		if s == nil {
			s = &report.Standing{Wave: w}
			byWave[w] = s
		}
		switch {
		case readsGoal(t.Pin, goal):
			s.Reads++
		case wouldTake(t, goal):
			s.Behind++
		default:
			s.Other++
		}
	}
	for w := range v.policy.Waves {
		if s := byWave[w]; s != nil {
			c.Standing = append(c.Standing, *s)
		}
	}
	return c
}

// readsGoal reports whether a pin is where a change goes: to a version, and
// where only that moves, to a digest of which the beginning is told.
func readsGoal(p promoter.Pin, goal string) bool {
	version, digest, _ := strings.Cut(goal, "@")
	_, hex, _ := strings.Cut(p.Digest, ":")
	return p.Version == version && (digest == "" || strings.HasPrefix(hex, digest))
}

// wouldTake reports whether a target could still go to a version, by what is
// configured for it.
func wouldTake(t *promoter.Target, goal string) bool {
	version, _, _ := strings.Cut(goal, "@")
	wanted := t.Wanted
	wanted.MinAge = 0
	choice := promoter.Candidates(t.Pin, promoter.Listing{Artifact: t.Pin.Artifact, Releases: []promoter.Release{{Version: version}}}, wanted, time.Time{})
	return slices.ContainsFunc(choice.Updates, func(r promoter.Release) bool { return r.Version == version })
}
