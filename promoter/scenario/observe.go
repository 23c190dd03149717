package scenario

import (
	"slices"

	"promoter/promoter"
	"promoter/promoter/config"
)

// observe is one look at the world, by somebody who knows nothing else.
func (w *world) observe() promoter.Observation {
	o := promoter.Observation{
		Base: "main", Commit: w.head(), PullsUnknown: w.fails["pulls"], TalkUnknown: w.fails["talk"],
		Sealings: map[string]promoter.Sealing{}, Deliveries: map[string]promoter.Delivery{}, Approvals: map[string]promoter.Approvals{},
		Origins: map[string]promoter.Origin{},
		Merging: promoter.Merging{Methods: []string{"merge", "squash", "rebase"}, Queue: w.queue, Silent: w.silent},
		Unread:  make([][]string, len(w.policy.Waves)),
	}
	w.observeTargets(&o)
	if o.PullsUnknown == "" {
		for _, p := range w.pulls {
			o.Pulls = append(o.Pulls, w.seen(p))
		}
	}
	if o.TalkUnknown == "" && !w.silent {
		w.observeTalk(&o)
	}
	return o
}

// observeTargets joins pins with what the configuration and their sources say.
func (w *world) observeTargets(o *promoter.Observation) {
	pins, catalogs := w.pins(), map[promoter.Artifact]*promoter.Catalog{}
	for i, s := range w.scalars() {
		p := pins[i]
		wave := w.waveOfPin(p)
		if w.unread[p.Place.File] {
			if wave >= 0 && !slices.Contains(o.Unread[wave], p.Place.File) {
				o.Unread[wave] = append(o.Unread[wave], p.Place.File)
			}
			continue
		}
		if catalogs[p.Artifact] == nil {
			l := promoter.Listing{Artifact: p.Artifact, Unknown: w.unlisted[p.Artifact]}
			if l.Unknown == "" {
				l.Releases = w.offered[p.Artifact]
			}
			catalogs[p.Artifact] = promoter.Read(l)
		}
		t := promoter.Target{Pin: p, Wave: wave}
		t.Wanted, _ = w.cfg.Wanted(p)
		t.Class, t.Group, t.Rank = w.cfg.Classify(p)
		t.Choice = catalogs[p.Artifact].Choose(p, t.Wanted, w.now)
		for _, env := range s.reaches {
			t.Reach = append(t.Reach, promoter.Reached{Environment: env, Tenant: p.Tenant, App: p.App, Wave: w.waveOf(env)})
		}
		o.Targets = append(o.Targets, t)
	}
}

func (w *world) waveOfPin(p promoter.Pin) int {
	l, ok := w.cfg.Locate(p.Place.File, p.App, p.Cluster)
	if !ok {
		l = config.Located{Name: p.Environment, Tenant: p.Tenant, Cluster: p.Cluster}
	}
	return w.cfg.WaveOf(l, w.policy.Waves)
}

func (w *world) waveOf(environment string) int {
	return w.cfg.WaveOf(config.Located{Name: environment}, w.policy.Waves)
}

// seen is a pull as an observer makes it out: of a branch with a person's
// commits it does not say which edits are ours.
func (w *world) seen(p *pull) promoter.Pull {
	out := p.Pull
	out.Labels, out.Edits = slices.Clone(p.Labels), slices.Clone(p.Edits)
	if p.Foreign {
		out.Edits, out.Ours, out.Obscure = nil, false, p.State == promoter.PullMerged
	}
	if p.State == promoter.PullOpen || p.State == promoter.PullBranch {
		n := 0
		for w.commit(n) != p.Parent {
			n++
		}
		for _, e := range out.Edits {
			out.Moved = out.Moved || w.commits[n].texts[e.Place.File] != w.text(e.Place.File)
		}
	}
	return out
}

func (w *world) observeTalk(o *promoter.Observation) {
	for _, p := range w.pulls {
		for _, c := range p.comments {
			if cmd, ok := promoter.ParseCommand(c.body); ok && !c.ours {
				o.Remarks = append(o.Remarks, promoter.Remark{Comment: c.id, Pull: p.Number, By: c.by, At: c.at, Command: cmd, Denied: c.denied, Answered: c.answered})
			}
		}
		o.Records = append(o.Records, p.records...)
	}
	for _, i := range w.issues {
		o.Tickets = append(o.Tickets, i.Ticket)
	}
}
