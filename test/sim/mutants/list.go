package mutants

// List is all there are.
var List = []Mutant{
	// A merge goes forward although something is in the way.
	{"promoter/merge.go", `if x.draft {
		return blocker{why: "earlier waves come first"}
	}
	if b := p.queued(x); b.why != "" {
		return b
	}`, `if b := p.queued(x); b.why != "" {
		return b
	}`, "a draft is not held back", ""},
	{"promoter/merge.go", `if p.obs.TalkUnknown != "" {`, `if false {`, "comments that cannot be read are taken for none", ""},
	{"promoter/merge.go", `if why := p.stopped(x.sheet.Reaches); why != "" {`, `if why := ""; why != "" {`, "a stop is not heard", ""},
	{"promoter/merge.go", `if n := p.obscure[x.sheet.Change]; n > 0 {`, `if n := 0; n > 0 {`, "what a person merged with something else counts as proven", ""},
	{"promoter/merge.go", `if t.unread && t.branch.Change == x.sheet.Change {`, `if false && t.branch.Change == x.sheet.Change {`, "a wave whose seals cannot be read holds nothing", ""},
	{"promoter/merge.go", `if b := p.behindUs(x); b.why != "" {`, `if b := p.behindUs(x); false {`, "the proof of the wave before is not waited for", ""},
	{"promoter/behind.go", `if t != nil && t.standing != proven && !x.excuses(t, target) {`, `if t != nil && t.standing == broken && !x.excuses(t, target) {`, "what is being verified counts as proven", ""},
	{"promoter/behind.go", `if !p.pol.precedes(w, x.wave) {
			continue
		}
		for _, target`, `if !slices.Contains(p.pol.Waves[x.wave].After, w) {
			continue
		}
		for _, target`, "what left a wave before it had passed there goes on", ""},
	{"promoter/behind.go", `if t == nil || !t.branch.Revert || !p.standsFor(x, target) || p.passedAt(target, w, x.sheet.Change) {`, `if true {`, "what a revert brought back counts as proven", ""},
	{"promoter/behind.go", `if !t.excused || t.sealing {
		return false // what is not written down yet excuses nothing
	}
	return t.branch.Change == x.sheet.Change`, `if true {
		return t.excused
	}
	return t.branch.Change == x.sheet.Change`, "one version's failure excuses another", "since what came back by a revert is no proof (the mistake above), this is only about the minutes until that revert is verified, for what a person had brought before"},
	{"promoter/merge.go", `if why, until := p.pol.closed(x.sheet.Reaches, x.sheet.security(), p.now); why != "" {`, `if why, until := p.pol.closed(x.sheet.Reaches, true, p.now); why != "" {`, "windows hold for nobody", ""},
	{"promoter/merge.go", `most > 0 && p.inFlight[x.wave] >= most {`, `most > 0 && p.inFlight[x.wave] > most {`, "one more than maxConcurrent", ""},
	{"promoter/merge.go", `case len(a.Against) > 0:`, `case false:`, "an objection does not count", ""},
	{"promoter/merge.go", `case len(a.Allowed) >= need:`, `case len(a.By) >= need:`, "anybody's approval counts", ""},
	{"promoter/merge.go", `need := max(x.sheet.Approvals, 1)`, `need := 1`, "one approval is always enough", ""},
	{"promoter/merge.go", `case a.Unknown != "":
		return blocker{why: "its approvals cannot be read: " + a.Unknown}`, `case a.Unknown != "":
		return blocker{}`, "approvals that cannot be read are taken for granted", ""},
	{"promoter/merge.go", `case MergeAutomatic:
		return blocker{}
	case MergeApproved:
	default:`, `case MergeAutomatic, MergeManual:
		return blocker{}
	case MergeApproved:
	default:`, "what a person merges is merged by us", ""},
	{"promoter/merge.go", `case d.Unknown != "":
		return blocker{why: d.Unknown}
	case len(d.Against) > 0:`, `case len(d.Against) > 0:`, "an engine that does not answer is no hindrance", ""},
	{"promoter/merge.go", `case len(d.Against) > 0:
		return blocker{why: d.Against[0]}`, `case false:
		return blocker{why: d.Against[0]}`, "a closed sync window is no hindrance", ""},
	{"promoter/merge.go", `if why := unanswered(q.Reached, d.Apps); why != "" {
		return blocker{why: why}
	}`, ``, "an application that nobody speaks of is well", ""},
	{"promoter/merge.go", `if a.Outcome == Converged {
			continue
		}
		if w, ok := wave[at]`, `if a.Outcome == Converged || a.Outcome == Blind {
			continue
		}
		if w, ok := wave[at]`, "a cluster that cannot be reached is well", ""},
	{"promoter/merge.go", `if b := p.unwell(x, q, d.Apps); b.why != "" {`, `if b := p.unwell(x, q, nil); b.why != "" {`, "what is ill before the merge is no hindrance", ""},
	{"promoter/merge.go", `v = Verdict{Level: Unknown, Reason: "nothing was said of it"}
		}
		if v.Level != Pass {`, `v = Verdict{Level: Unknown, Reason: "nothing was said of it"}
		}
		if v.Level == Fail {`, "a gate that cannot see is no hindrance", ""},
	{"promoter/merge.go", `if ready == nil || ready.Verdict != Pass || p.now.Sub(seals.ours(ready.At, p.now)) >= readyFor {`, `if ready == nil || ready.Verdict != Pass {`, "that all was well once is enough", ""},
	{"promoter/merge.go", `if n := p.holds[x.sheet.Change]; n > 0 && !x.revert {`, `if n := 0; n > 0 && !x.revert {`, "a hold is not heard", ""},
	{"promoter/merge.go", `if x.revert && slices.Contains(pull.Labels, HoldLabel) {`, `if false {`, "a hold of a revert is not heard", ""},

	// Who a policy is about, and when.
	{"promoter/calendar.go", `!now.Before(f.From) && now.Before(f.To) {
				return`, `now.After(f.From) && now.After(f.To) {
				return`, "a freeze is over before it begins", ""},
	{"promoter/calendar.go", `if security {
		return "", time.Time{}
	}
	for _, r := range reached {
		open`, `if !security {
		return "", time.Time{}
	}
	for _, r := range reached {
		open`, "windows hold for the security lane alone", ""},
	{"promoter/calendar.go", `return fits(envs, r.Environment) && fits(tenants, r.Tenant)`, `return fits(envs, r.Environment) || fits(tenants, r.Tenant)`, "a rule for one place is about others, too", ""},
	{"promoter/policy.go", `if before == a || p.precedes(a, before) {`, `if before == a {`, "only the wave just before must have passed", ""},
	{"promoter/policy.go", `w = max(w, r.Wave)
	}
	return w`, `w = min(w, r.Wave)
	}
	return w`, "a shared file moves with the first wave that it reaches", ""},

	// What passed, and what failed.
	{"promoter/weigh.go", `if c.failed != nil && c.failed.Attributable && !t.branch.Revert {`, `if c.failed != nil && !t.branch.Revert {`, "whoever is ill is blamed on the change", ""},
	{"promoter/weigh.go", `if c.failed != nil && c.failed.Attributable && !t.branch.Revert {`, `if false {`, "no application's failure is the change's fault", ""},
	{"promoter/weigh.go", `if gates[i].Level == Fail {`, `if gates[i].Level >= Unknown {`, "a gate that cannot see takes a change back", ""},
	{"promoter/weigh.go", `if g := failedGate(d.Gates); g != nil && !t.branch.Revert {`, `if g := failedGate(d.Gates); false {`, "a gate that fails is only waited for", ""},
	{"promoter/weigh.go", `if d.Unknown != "" {
		t.why, t.unread = d.Unknown, true
		return
	}`, ``, "an engine that does not answer has nothing against it", ""},
	{"promoter/weigh.go", `if why := unanswered(q.Reached, d.Apps); why != "" {
		t.why = why
		return
	}`, ``, "an application that nobody speaks of has converged", ""},
	{"promoter/weigh.go", `if t.converged.IsZero() {
		t.why`, `if false {
		t.why`, "convergence is not sealed", ""},
	{"promoter/weigh.go", `case v.Level != Pass:
			if waits == "" {`, `case v.Level == Fail:
			if waits == "" {`, "a gate that is still looking has passed", ""},
	{"promoter/weigh.go", `if end := t.converged.Add(p.soakOf(t)); p.now.Before(end) {`, `if end := t.converged.Add(p.soakOf(t)); false {`, "nothing soaks", ""},
	{"promoter/weigh.go", `return max(soak, p.pol.Classes[t.class].Soak)`, `return min(soak, p.pol.Classes[t.class].Soak)`, "the shorter soak counts", ""},
	{"promoter/weigh.go", `case setAside && blind[place{a.Environment, a.Tenant, a.Cluster}] && a.Outcome == Blind:`, `case setAside:`, "with a quorum, what is ill is set aside with what cannot be reached", ""},
	{"promoter/weigh.go", `return quorum > 0 && (all-blind)*100 >= quorum*all && p.now.Sub(t.pull.MergedAt) >= p.patience()`, `return quorum > 0 && p.now.Sub(t.pull.MergedAt) >= p.patience()`, "any number of places is a quorum", ""},
	{"promoter/weigh.go", `return quorum > 0 && (all-blind)*100 >= quorum*all && p.now.Sub(t.pull.MergedAt) >= p.patience()`, `return quorum > 0 && (all-blind)*100 >= quorum*all`, "a place is set aside as soon as it cannot be reached", ""},
	{"promoter/weigh.go", `t.person = "unproven since " + stamp(t.pull.MergedAt) + ": " + t.why`, `t.person = ""`, "nobody is asked about what never ends", ""},
	{"promoter/weigh.go", `if !t.byHand && p.recorded(t.pull.Branch) == nil && !p.obs.Merging.Silent {`, `if false {`, "no evidence is written down", ""},
	{"promoter/weigh.go", `if a.Stuck != "" {`, `if a.Stuck == "" {`, "the wrong operations are ended", ""},

	// Seals.
	{"promoter/trial.go", `case verdict != nil && verdict.Verdict == Fail:
		t.standing`, `case verdict != nil && verdict.Verdict == Fail && len(t.edits) < len(t.pull.Edits):
		t.standing`, "a sealed failure is judged anew", ""},
	{"promoter/trial.go", `case asked && known:`, `case asked && known && false:`, "nobody's wish to take it back is heard", ""},
	{"promoter/trial.go", `case !known:
		return // its why says so`, `case false:
		return // its why says so`, "seals that cannot be read are none", ""},
	{"promoter/seals.go", `if s.Stage != stage || s.Of != of {`, `if s.Stage != stage && s.Stage != StageConverged || s.Of != of {`, "any seal is taken for a verdict", ""},
	{"promoter/seals.go", `case final && s.Verdict != Fail:`, `case false:`, "a pass that another process wrote over a failure counts", ""},
	{"promoter/trial.go", `q.Healthy = r.Verdict == Pass && t.pull.MergedAt.Sub(r.At) < readyFor+time.Hour`, `q.Healthy = r.Verdict == Fail`, "nothing can be blamed on a change", ""},
	{"promoter/trial.go", `if written(target, e) != e.To {
					continue
				}`, ``, "what a person changed since is still taken for ours", ""},
	{"promoter/trial.go", `cmp.Or(b.MergedAt.Compare(a.MergedAt), b.Number-a.Number)`, `cmp.Or(a.MergedAt.Compare(b.MergedAt), a.Number-b.Number)`, "the oldest merge speaks for what a newer one wrote", ""},

	// Failures and reverts.
	{"promoter/revert.go", `if t.standing == broken && !t.branch.Revert {
			k`, `if false {
			k`, "a failure freezes nothing", ""},
	{"promoter/revert.go", `	return least, of(slices.Concat(u.steps[w], u.blind[w]))`, `	return least, least`, "the budget is a share of what can be listed now", "two stories in ten thousand find it; a scenario holds it"},
	{"promoter/revert.go", `return least, math.MaxInt`, `return least, min(least, math.MaxInt)`, "the budget is a share of what can be read now", "the same, with a file that cannot be read; a scenario holds it"},
	{"promoter/revert.go", `case n <= least:`, `case n <= least+1:`, "one more failure than the budget allows", ""},
	{"promoter/revert.go", `if p.reverted(pull, b) != nil && pull.Number > reverts[b.Change] {`, `if false {`, "a change that was taken back is forgotten", ""},
	{"promoter/revert.go", `if slices.Contains(u.trials, failed) && !failed.branch.Revert && !p.decidedBack(failed) {`, `if false {`, "what failed is not taken back by itself", ""},
	{"promoter/revert.go", `wide := p.pol.RevertScope == RevertWave && t.wave >= failed.wave`, `wide := p.pol.RevertScope == RevertWave && t.wave > failed.wave`, "the wave that failed keeps what has not failed yet", ""},
	{"promoter/revert.go", `wide := p.pol.RevertScope == RevertWave && t.wave >= failed.wave`, `wide := t.wave >= failed.wave`, "the scope of reverts that policy names is not asked for", ""},
	{"promoter/revert.go", `if mode == MergeNever {`, `if false {`, "what is never to be taken back is", ""},
	{"promoter/revert.go", `mode := cmp.Or(p.pol.Classes[t.class].Revert, p.pol.Reverts, MergeApproved)`, `mode := MergeAutomatic`, "a revert needs nobody's word", ""},
	{"promoter/revert.go", `to := e.Place.Written
	if e.Image`, `to := e.To
	if e.Image`, "a revert brings back what failed", ""},
	{"promoter/revert.go", `inverse := Edit{Place: at, To: to}`, `at = e.Place
	inverse := Edit{Place: at, To: to}`, "a revert expects what stood before", ""},
	{"promoter/revert.go", `if pull != nil && pull.State == PullClosed {
		t.person`, `if false {
		t.person`, "a revert that a person closed is opened again", ""},

	// What is proposed.
	{"promoter/propose.go", `case pull != nil && pull.State == PullClosed:
		p.hold(`, `case false:
		p.hold(`, "a refused version is proposed again", ""},
	{"promoter/propose.go", `if !pull.Ours {
			p.say(x, Left`, `if false {
			p.say(x, Left`, "a person's commits are overwritten", ""},
	{"promoter/propose.go", `Expect: pull.Head, Edits: x.edits`, `Expect: p.obs.Commit, Edits: x.edits`, "a branch is guarded by another commit", ""},
	{"promoter/propose.go", `case p.obs.PullsUnknown != "":
			p.say`, `case false:
			p.say`, "pulls that cannot be read are none", ""},
	{"promoter/propose.go", `case fresh && p.pol.MaxOpen > 0 &&`, `case false &&`, "any number of pull requests is opened", ""},
	{"promoter/propose.go", `case fresh && limit > 0 && inWave[x.wave] >= limit:`, `case fresh && limit < 0 && inWave[x.wave] >= limit:`, "any number is opened in a wave", ""},
	{"promoter/supersede.go", `case pull.State == PullOpen && pull.Ours:
			p.act(Close`, `case pull.State == PullOpen:
			p.act(Close`, "a pull request with a person's commits is closed", ""},
	{"promoter/supersede.go", `case pull.State == PullBranch && pull.Ours:`, `case pull.State == PullBranch:`, "a branch with a person's commits is deleted", ""},
	{"promoter/supersede.go", `if why := cmp.Or(t.Choice.Unknown, p.held[seat], t.waitsAgain(e)); why != "" {`, `if why := t.waitsAgain(e); why != "" {`, "what cannot be looked up is closed", ""},
	{"promoter/propose.go", `again = again || pull != nil && (pull.State == PullClosed || pull.State == PullMerged) && p.askedAgain(pull, b)`, `again = again || pull != nil && (pull.State == PullClosed || pull.State == PullMerged)`, "every attempt is followed by another", ""},

	// The conveyor.
	{"promoter/plan.go", `if why := p.frozen[id]; why != "" {
		p.hold(u, w, id, goals, moving, Left, why+quarantined)
		return
	}`, ``, "a frozen change is proposed", ""},
	{"promoter/plan.go", `g, ok := passed(p.proofs(u.of(a, b)))`, `g, ok := first.at(a), true`, "a later wave goes where the first one goes", ""},
	{"promoter/plan.go", `if len(u.blind[b]) > 0 && p.pol.precedes(b, w) {`, `if false {`, "a wave that says nothing has passed", ""},
	{"promoter/plan.go", `case a.digest == first.digest:
		return b
	}
	a.digest = ""
	return a`, `}
	return a`, "what was published anew under a version passes with the first of several waves", ""},
	{"promoter/forward.go", `if r.Version == g.version {`, `if r.Version != "" {`, "a target goes where its own policy does not let it", ""},
	{"promoter/plan.go", `if why := cmp.Or(p.unread(w), p.unproven(u, w)); why != "" {`, `if why := p.unproven(u, w); why != "" {`, "a file that cannot be read holds nothing", ""},
	{"promoter/unit.go", `case n < 0:
			low = g`, `case n > 0:
			low = g`, "a wave has passed what its foremost target is at", ""},
	{"promoter/plan.go", `p.held[seatOf(t)] = dark`, `_ = t`, "a pull is closed while nobody can list what it waits for", ""},
	{"promoter/plan.go", `goals = u.next[w]`, `goals = first`, "what is on its way makes room ahead for what comes after it", ""},
	{"promoter/forward.go", `return !t.contentOnly(g) || t.published() || p.older(g.digest, t.Pin.Digest)`, `return true`, "what is published anew under a version is not seen", ""},
	{"promoter/unit.go", `if p.DigestPlace != nil && p.DigestPlace.Written != digest && p.Digest != "" {`, `if false {`, "a version moves, and the digest beside it stays", ""},
	{"promoter/override.go", `if !ok || o.Wave < 0 || o.Wave >= last || written[k] {`, `if !ok || o.Wave < 0 || o.Wave > last || written[k] {`, "an overlay of the shared file's own wave is split off, too", ""},
	{"gitops/answerer.go", `if s, failed, ok := a.LastWords.get(commit); ok && (failed || !fresh) {`, `if s, _, ok := a.LastWords.get(commit); ok {`, "a pass is remembered although a person unmade it", ""},
	{"promoter/forward.go", `return n > 0
	}
	return !t.contentOnly`, `return n < 0
	}
	return !t.contentOnly`, "what is newer is brought down", ""},

	// What is said, and to whom.
	{"promoter/steer.go", `if r.Answered {
			continue
		}`, ``, "an answered command is obeyed again", ""},
	{"promoter/steer.go", `case r.Denied != "":
			p.reply`, `case false:
			p.reply`, "a guest is obeyed", ""},
	{"promoter/steer.go", `if pull.State != PullMerged {
			p.reply`, `if false {
			p.reply`, "what is not merged is taken back", ""},
	{"promoter/explain.go", `if known[key] {
			continue
		}`, ``, "an issue that a person closed is opened again", ""},
	{"promoter/explain.go", `if unsure {
		return // what`, `if false {
		return // what`, "an issue is closed because nothing can be read", ""},
	{"promoter/explain.go", `p.keepUnseen(open)
`, ``, "an issue is closed because its file cannot be read", ""},
	{"promoter/explain.go", `if pull.Obscure {
				delete(open`, `if false && pull.Obscure {
				delete(open`, "an issue about what cannot be proven is closed because seals cannot be read", ""},
	{"promoter/origin.go", `case o.Unknown != "":
		t.why, t.unread =`, `case o.Unknown != "-":
		t.why, t.unread =`, "what a person brought is never looked at", ""},
	{"promoter/origin.go", `if v := newestSeal(s.Seals, StageVerdict, ""); v != nil && v.Verdict == Fail {`, `if v := newestSeal(s.Seals, StageVerdict, ""); false && v != nil {`, "a failure that a person took back by hand is forgotten", "since a wish to take back is read off its label, only a failure that was seen is left to this; in a thousand stories none goes on from it, and a scenario holds it"},

	// The edges.
	{"gitops/deliver.go", `case a.Seal.Stage == promoter.StageVerdict && state != "failure" && said("failure"):`, `case false:`, "a sealed failure is overwritten", ""},
	{"gitops/deliver.go", `state == "failure" && !a.Asked && said("success") && !said("failure"):`, `false:`, "a sealed pass is overwritten by one who had not seen it", "it takes a failure that heals by itself while the one who saw it is held up; TestAVerdictStands of gitops holds it"},
	{"gitops/deliver.go", `case !a.Stop: // whoever`, `case false: // whoever`, "an issue that was closed meanwhile is opened again", ""},
	{"gitops/once.go", `	return e.unsay(ctx, said[1:])`, `	return e.unsay(ctx, said)`, "of two who say the same, both are taken back", "what both have taken back is said again at the next look, so that a story ends as it should; TestTwoSayItOnce of gitops holds that one of them stays"},
	{"gitops/observe.go", `pull.Foreign = !o.Ledger.holds(own) && !o.makes(ctx, parent, t.Edits, changes)`, `pull.Foreign = len(t.Edits) == 0`, "what a commit claims is believed", ""},
	{"gitops/observe.go", `if len(commits) != 1 {`, `if len(commits) == 0 {`, "a second commit on a branch of ours is not seen", ""},
	{"gitops/observe.go", `if !ok || !bytes.Equal(now, c.Before) {`, `if !ok && !bytes.Equal(now, c.Before) {`, "a base that has moved under a branch is not seen", ""},
	{"gitops/execute.go", `Closing{Label: promoter.SupersededLabel, `, `Closing{`, "what we close looks like a person's refusal", ""},
	{"gitops/talk_observe.go", `case r.State == "approved" && r.Commit == q.Head:`, `case r.State == "approved":`, "an approval of another head counts", ""},
	{"gitops/talk_observe.go", `return at.Add(max(now.Sub(l.Now()), 0))`, `_ = now
	return at`, "an approval is dated by a clock that is ahead of ours", ""},
	{"gitops/talk_observe.go", `if right != "write" && right != "admin" {`, `if right == "" {`, "a guest's commands count", ""},
	{"gitops/merged.go", `if o.makes(ctx, before, edits, changes) {`, `if true || o.makes(ctx, before, edits, changes) {`, "what a merge claims is believed", ""},
	{"gitops/merged.go", `return o.beside(ctx, before, edits, changes), nil`, `return nil, nil`, "what a person wrote just before a merge hides what the merge did", ""},
	{"gitops/merged.go", `if len(left) > 0 {`, `if false && len(left) > 0 {`, "half of what a merge claims is enough", "it takes a person who takes something out of a pull in the second before its merge; TestAMergeBesideOthers of gitops holds it"},
	{"promoter/propose.go", `if x.revert || !people {`, `if people || !people {`, "what people have approved is written again because a place cannot be listed", ""},
	{"promoter/revert.go", `if !ok || !b.Revert || !p.unsure[b.Change] || p.wanted[pull.Branch] || p.pulls[pull.Branch] != pull {`, `if true || !ok {`, "a revert is closed while nobody can say what failed", ""},
}
