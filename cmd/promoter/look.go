package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"time"

	"promoter/gitops"
	"promoter/promoter"
	"promoter/promoter/config"
	"promoter/templates"
)

// maxRounds bounds how often one look asks what its decision lacks. What was
// merged is asked for its seals, then for its delivery, and what follows from
// that for its readiness and the seals of its head.
const maxRounds = 8

// maxTorn bounds how often one look reads branches and pulls until the two
// belong together. They are answers of two servers, and somebody may push or
// merge in between.
const maxTorn = 3

// follow keeps a survey of the base branch as the remote has it.
type follow struct {
	flags  surveyFlags
	dir    string // of the branch's files
	fresh  time.Duration
	at     string // commit that was surveyed
	when   time.Time
	wake   time.Time // when the survey's answers change by waiting
	stderr io.Writer
}

// openWorkshop wires a workshop that follows the base branch, wherever it is
// run.
func openWorkshop(ctx context.Context, a *access, f surveyFlags, stderr io.Writer) (*workshop, error) {
	return openWorkshopOn(ctx, thisMachine(), a, f, stderr)
}

func openWorkshopOn(ctx context.Context, m machine, a *access, f surveyFlags, stderr io.Writer) (*workshop, error) {
	w := &workshop{machine: m, ledger: &gitops.Ledger{}, refusals: refusals{}}
	if err := w.connect(ctx, a); err != nil {
		return nil, err
	}
	f.remote, f.committed, f.root, f.now = a.remote, true, w.mirror+".tree", m.now
	w.follow = &follow{flags: f, dir: f.root, fresh: time.Hour, stderr: stderr}
	return w, nil
}

// keepUp surveys the base branch's commit, unless that was done and is fresh.
func (w *workshop) keepUp(ctx context.Context, commit string) error {
	f := w.follow
	now := w.now()
	if f.at == commit && now.Sub(f.when) < f.fresh && (f.wake.IsZero() || now.Before(f.wake)) {
		return nil
	}
	if err := w.repo.Materialize(ctx, commit, f.dir); err != nil {
		return err
	}
	s, err := survey(ctx, f.flags, f.stderr)
	if err != nil {
		return fmt.Errorf("read %s of %s: %w", w.base, w.remote, err)
	}
	if base := s.config.Pulls.Base; base != "" && base != w.base {
		return fmt.Errorf("%s on branch %s says that %s is deployed (pulls.base): run with --base %s", config.Name, w.base, base, base)
	}
	if f.at != commit {
		s.sayProblems(f.stderr)
	}
	if err := w.adopt(s); err != nil {
		return err
	}
	f.at, f.when = commit, now
	f.wake = s.nextRelease(now)
	return nil
}

// nextRelease is the earliest moment at which a release that is held back for
// its age may be taken.
func (s *surveyed) nextRelease(now time.Time) time.Time {
	var first time.Time
	for _, c := range s.choices {
		for _, h := range c.Held {
			if h.Until.After(now) && (first.IsZero() || h.Until.Before(first)) {
				first = h.Until
			}
		}
	}
	return first
}

// look gathers one observation, but for the answers to questions.
func (w *workshop) look(ctx context.Context) (promoter.Observation, gitops.Talk, error) {
	var obs promoter.Observation
	if w.repo == nil {
		return w.sight(promoter.Observation{Base: w.base}), gitops.Talk{}, nil
	}
	o := gitops.Observer{
		Forge: w.forge, Repo: w.repo, Base: w.base, Make: makeEdits, SheetOf: templates.SheetOf, SaidOf: templates.SaidOf,
		Ledger: w.ledger, Now: w.now,
	}
	commit, branches, err := o.Branches(ctx)
	for range maxTorn {
		if err != nil {
			return obs, gitops.Talk{}, err
		}
		if err := w.readBase(ctx, commit); err != nil {
			return obs, gitops.Talk{}, err
		}
		obs = w.sight(promoter.Observation{Base: w.base, Commit: commit, Merging: promoter.Merging{Methods: w.settings.MergeMethods, Queue: w.settings.MergeQueue}})
		o.Delivers = w.policy.Delivers
		if obs.Pulls, obs.PullsUnknown = o.Pulls(ctx, commit, branches); obs.PullsUnknown == "" {
			break
		}
		// The branches may have moved while the pulls were read.
		was, had := commit, branches
		if commit, branches, err = o.Branches(ctx); err == nil && commit == was && maps.Equal(branches, had) {
			break
		}
	}
	if err != nil {
		return obs, gitops.Talk{}, err
	}
	w.seen = obs.Pulls
	w.refusals.tell(obs.Pulls, w.now())
	talk := gitops.Talk{Silent: true}
	if w.policy.Delivers {
		talk = w.listener().Listen(ctx, authors(obs.Pulls))
		w.twice = talk.Duplicates
	}
	if w.silencer != nil {
		if obs.Silences, err = w.silencer.Silences(ctx); err != nil {
			obs.SilencesUnknown = "silences could not be read: " + err.Error()
		}
	}
	obs.Remarks, obs.Tickets, obs.Records = talk.Remarks, talk.Tickets, slices.Concat(talk.Records, w.written)
	obs.TalkUnknown, obs.Merging.Silent = talk.Unknown, talk.Silent
	w.answers.Listener = w.listener()
	if w.answers.Origins == nil {
		w.answers.Origins = &gitops.Origins{Repo: w.repo, Make: makeEdits}
	}
	w.answers.History = &gitops.Trunk{Repo: w.repo, At: obs.Commit, Name: w.base, URL: w.remote}
	return obs, talk, nil
}

// readBase surveys the base branch's commit, or sees that the checkout is of it.
func (w *workshop) readBase(ctx context.Context, commit string) error {
	if w.follow != nil {
		return w.keepUp(ctx, commit)
	}
	if head := headCommit(ctx, w.survey.root); head != commit {
		return fmt.Errorf("%s is at %.10s and %s at %.10s on the remote: plan in a fresh checkout of it", w.survey.root, head, w.base, commit)
	}
	return nil
}

func (w *workshop) sight(obs promoter.Observation) promoter.Observation {
	obs.Targets, obs.Unread = targets(w.survey, w.policy, w.reached), w.survey.unread(w.policy)
	return obs
}

func (w *workshop) listener() *gitops.Listener {
	return &gitops.Listener{Forge: w.forge, Words: forgeWords(), Now: w.now}
}

// authors are the logins that our pulls were opened by: ours.
func authors(pulls []promoter.Pull) []string {
	var out []string
	for _, p := range pulls {
		if p.Author != "" && !slices.Contains(out, p.Author) {
			out = append(out, p.Author)
		}
	}
	return out
}

// plan decides, and answers what the decision lacks until it lacks nothing.
func (w *workshop) plan(ctx context.Context, now time.Time) (promoter.Decision, error) {
	obs, talk, err := w.look(ctx)
	if err != nil {
		return promoter.Decision{}, err
	}
	d := promoter.Plan(obs, w.policy, now)
	for range maxRounds {
		if len(d.Questions) == 0 || w.answers == nil {
			break
		}
		w.answers.Answer(ctx, &obs, talk, d.Questions)
		d = promoter.Plan(obs, w.policy, now)
	}
	return d, ctx.Err()
}

// forgeWords are the templates' texts in the words of gitops.
func forgeWords() gitops.Words {
	return gitops.Words{
		Record: templates.Record, RecordOf: templates.RecordOf, Reply: templates.Reply, RepliesTo: templates.RepliesTo,
		Ticket: templates.Ticket, TicketKey: templates.TicketKeyOf, Closing: templates.Closing, Superseded: templates.Superseded,
	}
}
