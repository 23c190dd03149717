package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"promoter/gitops"
	"promoter/promoter"
	"promoter/promoter/report"
	"promoter/templates"
)

// talk reads the comments and issues of the time looked at.
func (g *gathering) talk(ctx context.Context) {
	talker, ok := g.w.forge.(gitops.Talker)
	if !ok {
		g.facts.TalkUnknown = "this forge takes no comments for us"
	} else if comments, err := talker.Comments(ctx, g.facts.Since); err != nil {
		g.facts.TalkUnknown = err.Error()
		g.gap("comments could not be read, so that commands, approvals by comment and evidence are missing: %v", err)
	} else {
		g.comments(comments)
	}
	desk, ok := g.w.forge.(gitops.Desk)
	if !ok {
		g.facts.IssuesUnknown = "this forge keeps no issues for us"
		return
	}
	seen := map[int]bool{}
	for _, label := range []string{promoter.TicketLabel, promoter.StopLabel} {
		issues, err := desk.Issues(ctx, label)
		if err != nil {
			g.facts.IssuesUnknown = "issues could not be read: " + err.Error()
			g.gap("%s", g.facts.IssuesUnknown)
			return
		}
		for _, i := range issues {
			if seen[i.Number] {
				continue
			}
			seen[i.Number] = true
			g.facts.Issues = append(g.facts.Issues, report.Issue{
				Number: i.Number, Stop: slices.Contains(i.Labels, promoter.StopLabel), Incident: strings.HasPrefix(templates.TicketKeyOf(i.Body), "incident "),
				Opened: i.At, Open: i.Open, Closed: i.ClosedAt,
			})
		}
	}
}

// comments sorts comments into commands, approvals and our evidence.
func (g *gathering) comments(comments []gitops.Comment) {
	var selves []string
	byNumber, byBranch := map[int]*report.Pull{}, map[string]*report.Pull{}
	for i, p := range g.pulls {
		if p.Author != "" && !slices.Contains(selves, p.Author) {
			selves = append(selves, p.Author)
		}
		byNumber[p.Number], byBranch[p.Branch] = &g.facts.Pulls[i], &g.facts.Pulls[i]
	}
	for _, c := range comments {
		if slices.Contains(selves, c.Author) {
			if r, ok := templates.RecordOf(c.Body); ok && byBranch[r.Branch] != nil {
				byBranch[r.Branch].Evidence = r.Lines
			}
			continue
		}
		command, ok := promoter.ParseCommand(c.Body)
		if !ok || command.Wrong != "" {
			continue
		}
		g.facts.Commands = append(g.facts.Commands, report.Command{Pull: c.Number, Verb: command.Verb, By: c.Author, At: c.At})
		if p := byNumber[c.Number]; p != nil && command.Verb == promoter.VerbApprove {
			p.Approvers = append(p.Approvers, c.Author)
		}
	}
}

// reportAtOnce is how many calls are made at the same time.
const reportAtOnce = 8

// ask reads the statuses on the merges that the report is about, and who
// approved them, the newest first.
func (g *gathering) ask(ctx context.Context, relevant []int) {
	var merged []int
	for _, i := range relevant {
		if p := &g.facts.Pulls[i]; p.State == promoter.PullMerged && p.Chosen {
			merged = append(merged, i)
		}
	}
	slices.SortFunc(merged, func(a, b int) int { return g.facts.Pulls[b].Merged.Compare(g.facts.Pulls[a].Merged) })
	if n := len(merged) - g.most; n > 0 {
		g.gap("of %d merges the newest %d were asked about (--most)", len(merged), g.most)
		merged = merged[:g.most]
	}
	var tasks errgroup.Group
	tasks.SetLimit(reportAtOnce)
	var failed failures
	for _, i := range merged {
		tasks.Go(func() error {
			p := &g.facts.Pulls[i] // one task's alone
			if why := failed.stopped(); why != "" {
				p.Unread, p.ApprovalsUnread = why, why
				return nil
			}
			var err error
			if p.Seals, err = g.seals(ctx, g.pulls[i].Merge); err != nil {
				p.Unread = failed.note(fmt.Sprintf("statuses of #%d", p.Number), err)
			} else {
				p.Unread = ""
			}
			if p.Approvers, err = g.approvers(ctx, p, g.pulls[i].Author); err != nil {
				p.ApprovalsUnread = failed.note(fmt.Sprintf("reviews of #%d", p.Number), err)
			} else {
				p.ApprovalsUnread = ""
			}
			return nil
		})
	}
	_ = tasks.Wait() // what failed is noted
	if failed.n > 0 {
		g.gap("%s could not be read, the first: %s", countOf(failed.n, "answer"), failed.first)
	}
}

// failures are what could not be asked. A forge that asks for patience is not
// asked any more.
type failures struct {
	mu    sync.Mutex
	n     int
	first string
	end   string
}

func (f *failures) note(what string, err error) string {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.n++
	if f.first == "" {
		f.first = what + ": " + err.Error()
	}
	var limited *gitops.RateLimited
	if errors.As(err, &limited) {
		f.end = err.Error()
	}
	return err.Error()
}

func (f *failures) stopped() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.end != "" {
		f.n++
	}
	return f.end
}

// seals are those on a merge commit.
func (g *gathering) seals(ctx context.Context, commit string) ([]promoter.Seal, error) {
	if commit == "" {
		return nil, errors.New("the forge does not say which commit it was merged as")
	}
	statuses, err := g.w.forge.Statuses(ctx, commit)
	if err != nil {
		return nil, err
	}
	var out []promoter.Seal
	for _, s := range statuses {
		stage, of, ok := promoter.ParseSeal(s.Context)
		level := map[string]promoter.Level{"success": promoter.Pass, "failure": promoter.Fail}
		if verdict, final := level[s.State]; ok && final {
			out = append(out, promoter.Seal{Commit: commit, Stage: stage, Of: of, Verdict: verdict, Reason: s.Description, At: s.At})
		}
	}
	return out, nil
}

// approvers are the people who approved a pull by a review, or by a label, to
// those who did so by a comment.
func (g *gathering) approvers(ctx context.Context, p *report.Pull, author string) ([]string, error) {
	who := p.Approvers
	if slices.Contains(p.Labels, promoter.ApprovedLabel) {
		who = append(who, "label "+promoter.ApprovedLabel)
	}
	talker, ok := g.w.forge.(gitops.Talker)
	if !ok {
		return who, errors.New("this forge tells of no reviews")
	}
	reviews, err := talker.Reviews(ctx, p.Number)
	if err != nil {
		return who, err
	}
	for _, r := range reviews {
		if r.State == "approved" && r.Author != author && !slices.Contains(who, r.Author) {
			who = append(who, r.Author)
		}
	}
	return who, nil
}

// history reads the branch's first parents of the time looked at.
func (g *gathering) history(ctx context.Context) {
	g.byHash = map[string]gitops.Commit{}
	for limit := 100; ; limit *= 4 {
		line, err := g.w.repo.FirstParents(ctx, g.commit, limit)
		if err != nil {
			g.facts.HandUnknown = "the branch's history could not be read: " + err.Error()
			g.gap("%s", g.facts.HandUnknown)
			return
		}
		if len(line) < limit || line[len(line)-1].At.Before(g.facts.Since) {
			g.line = line
			break
		}
	}
	for _, c := range g.line {
		g.byHash[c.Hash] = c
	}
}

// hand counts the branch's moves by where they came from.
func (g *gathering) hand() {
	if g.facts.HandUnknown != "" {
		return
	}
	ours, unlisted, unread := map[string]bool{}, 0, 0
	for _, p := range g.pulls {
		if p.Merge != "" {
			ours[p.Merge] = true
		}
	}
	t := report.Tracker{Where: g.sight.where}
	for i := len(g.line) - 2; i >= 0; i-- {
		c := g.line[i]
		if c.At.Before(g.facts.Since) || c.At.After(g.facts.Until) {
			continue
		}
		if promoter.ParseTrailers(c.Message).Change != "" && !ours[c.Hash] {
			ours[c.Hash] = true
			unlisted++
		}
		changes, err := g.w.repo.Changes(g.line[i+1].Hash, c.Hash)
		if err != nil {
			unread++
			continue
		}
		t.Step(report.Commit{Hash: c.Hash, At: c.At}, g.files(&t, changes))
	}
	for _, m := range t.Moves(time.Time{}, g.facts.Until.Add(time.Hour)) {
		g.facts.Hand.Moves++
		switch {
		case ours[m.Commit.Hash]:
			g.facts.Hand.Ours++
		case m.Back:
			g.facts.Hand.Back++
		}
	}
	if unlisted > 0 {
		g.gap("%s on the branch are ours by what they say, and no listed pull request is theirs: they count as ours, and in nothing else", countOf(unlisted, "commit"))
	}
	if unread > 0 {
		g.gap("%s could not be compared with the one before: the versions that they moved are missing", countOf(unread, "commit"))
	}
	if t.Broken > 0 {
		g.gap("%s of commits could not be read: the versions that they moved are missing", countOf(t.Broken, "file"))
	}
}

// files are a commit's, as far as they may pin anything.
func (g *gathering) files(t *report.Tracker, changes []gitops.Change) []report.File {
	byPath := map[string]*report.File{}
	var order []*report.File
	for _, c := range changes {
		if !g.sight.mayRead(c.Path) {
			continue
		}
		f := byPath[c.Path]
		if f == nil { // one whose mode changed is listed twice
			f = &report.File{}
			byPath[c.Path] = f
			order = append(order, f)
		}
		if c.Before != nil {
			f.Old = c.Path
			if pins, ok := g.sight.pins(c.Path, c.Before); ok && !t.Knows(c.Path) {
				t.Start(c.Path, pins)
			}
		}
		if c.After != nil {
			pins, ok := g.sight.pins(c.Path, c.After)
			f.New, f.Pins, f.Broken = c.Path, pins, !ok
		}
	}
	out := make([]report.File, len(order))
	for i, f := range order {
		out[i] = *f
	}
	return out
}
