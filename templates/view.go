package templates

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"promoter/promoter"
)

// View is what the templates see: words, ready to be placed. Every text that
// comes from outside is harmless already.
type View struct {
	Title    string // plain text
	Headline string // one sentence: what moves where
	Change   string
	Wave     string
	Members  []Member
	Ladder   []Step
	Edits    []Row
	MoreRows int // edits beyond those in Edits
	Reach    []Place
	ReachSum string // "3 applications on 2 clusters, for tenants acme and globex"
	Shared   bool
	Status   string // what it waits for, as the commit status on its head says
	// Delivers is set where Promoter merges and watches; else a person merges,
	// and nobody looks at what becomes of it.
	Delivers bool
	Approves bool     // people's approval is asked for
	Gates    []string // what the merge waits for
	After    []string // what must hold after it before the next wave
	Failure  []string // what happens if it does not
	Revert   *Revert  // of a revert: what it takes back, and why
	Rollback []Row
	Notes    []Note
	NotesCut bool
	Breaking bool
	Marker   string
}

// Revert is what a pull that reverts says beyond its edits.
type Revert struct {
	Pull, FailedPull int    // what it takes back, and what failed: often the same
	FailedIn         string // wave
	Reason           string
	Evidence         string // a code block, or empty
	Left             string // the versions that are left: "`18.2.0`"
}

// Member is one artifact's move.
type Member struct {
	Name, Ref, From, To string
	Step                string // "minor"
	Age                 string // "released 2026-11-01, 21 days ago"
	Digest              string
	Warnings            []string
}

// Step is a wave of the ladder.
type Step struct {
	Wave, Environments, State string
	This                      bool
}

// Row is one scalar: where it is, and what it reads before and after.
type Row struct{ Place, From, To string }

// Place is what an edit reaches.
type Place struct{ Environment, Tenant, Cluster, Apps string }

// Note is the notes of one release, quoted.
type Note struct {
	Version, Title, URL, Body string
	Breaking                  bool
}

const maxRows = 40

func view(s promoter.Sheet, now time.Time) View {
	v := View{Title: s.Title(), Change: s.Change, Wave: s.Wave, Shared: s.Shared, Marker: Marker(s)}
	for _, m := range s.Members {
		v.Members = append(v.Members, member(m, now))
	}
	v.Headline = headline(v.Members, s)
	for _, st := range s.Ladder {
		if s.Delivers && st.State == "done" {
			st.State = "has it" // whether it is proven there, the status says
		}
		v.Ladder = append(v.Ladder, step(st))
	}
	for i, e := range s.Edits {
		if i == maxRows {
			v.MoreRows = len(s.Edits) - maxRows
			break
		}
		from := Code(e.Place.Written)
		if e.Image != "" {
			from = "the shared file's tag of " + Code(e.Image)
		}
		v.Edits = append(v.Edits, Row{Code(e.Place.String()), from, Code(e.To)})
		v.Rollback = append(v.Rollback, Row{Code(e.Place.String()), Code(e.To), from})
	}
	v.Reach, v.ReachSum = reach(s.Reaches)
	if s.Delivers || s.Revert != nil { // only what we watch is ever reverted
		v.Delivers, v.Status = true, status(s.Notice)
	}
	v.Approves = s.Merge == promoter.MergeApproved
	v.Gates, v.After, v.Failure = gates(s), after(s), failure(s)
	v.Revert = revert(s, v.Members)
	v.Notes, v.NotesCut = notes(s)
	v.Breaking = slices.ContainsFunc(v.Notes, func(n Note) bool { return n.Breaking })
	return v
}

func member(m promoter.SheetMember, now time.Time) Member {
	out := Member{
		Name: Inline(strings.TrimPrefix(m.Artifact.Name, "library/")), Ref: Code(m.Artifact.Ref()), From: Code(strings.Join(m.From, ", ")), To: Code(m.To),
		Step: string(m.Update), Digest: Code(m.Digest),
	}
	switch {
	case !m.Created.IsZero():
		out.Age = "released " + dated(m.Created, now)
	case !m.FirstSeen.IsZero():
		out.Age = "first seen " + dated(m.FirstSeen, now) + " (its publisher gives no date)"
	default:
		out.Age = "of unknown age"
	}
	if m.Security {
		out.Warnings = append(out.Warnings, "in the **security lane**: no release age is asked for, and it comes before everything else")
	}
	if m.Deprecated {
		out.Warnings = append(out.Warnings, "its publisher marks it as **deprecated**")
	}
	if m.Update == promoter.Major {
		out.Warnings = append(out.Warnings, "a **major** version: expect changes that need work")
	}
	for _, held := range m.Skipped {
		out.Warnings = append(out.Warnings, "newer, and not taken: "+Inline(held))
	}
	return out
}

// dated is a day and how long ago it was, as of the writing.
func dated(t, now time.Time) string {
	day := t.UTC().Format("2006-01-02")
	days := int(now.Sub(t).Hours() / 24)
	switch {
	case days < 0:
		return day + ", which is in the future"
	case days == 0:
		return day + ", less than a day ago"
	case days == 1:
		return day + ", a day ago"
	}
	return fmt.Sprintf("%s, %d days ago", day, days)
}

func headline(members []Member, s promoter.Sheet) string {
	var parts []string
	for _, m := range members {
		how := "moves from %s to %s"
		if s.Revert != nil {
			how = "goes from %s back to %s"
		}
		parts = append(parts, fmt.Sprintf("**%s** "+how, m.Name, m.From, m.To))
	}
	where := "wave **" + Inline(s.Wave) + "**"
	if s.Part != "" {
		where += " (" + Inline(s.Part) + ")"
	}
	what := ""
	if s.Revert != nil {
		what = fmt.Sprintf("Takes back #%d: ", s.Revert.Pull)
	}
	return what + join(parts, " and ") + " in " + where + "."
}

func join(parts []string, and string) string {
	if len(parts) < 2 {
		return strings.Join(parts, "")
	}
	return strings.Join(parts[:len(parts)-1], ", ") + and + parts[len(parts)-1]
}

func step(st promoter.SheetStep) Step {
	envs := st.Environments
	more := ""
	if len(envs) > 8 {
		more = fmt.Sprintf(" and %d more", len(envs)-8)
		envs = envs[:8]
	}
	var pulls []string
	for _, n := range st.Pulls {
		pulls = append(pulls, fmt.Sprintf("#%d", n))
	}
	out := Step{Wave: Inline(st.Wave), Environments: Inline(strings.Join(envs, ", ") + more), State: st.State, This: st.This}
	if len(pulls) > 0 && !st.This {
		out.State += ": " + strings.Join(pulls, ", ")
	}
	return out
}

// reach groups what is reached by environment, tenant and cluster.
func reach(reached []promoter.Reached) ([]Place, string) {
	type key struct{ env, tenant, cluster string }
	apps := map[key][]string{}
	var keys []key
	var envs, all, clusters, tenants []string
	for _, r := range reached {
		k := key{r.Environment, r.Tenant, r.Cluster}
		if _, ok := apps[k]; !ok {
			keys = append(keys, k)
		}
		apps[k] = append(apps[k], r.App)
		if r.App != "" {
			all = append(all, k.env+"\x00"+k.cluster+"\x00"+r.App)
		}
		envs = append(envs, r.Environment)
		clusters, tenants = append(clusters, r.Cluster), append(tenants, r.Tenant)
	}
	var rows []Place
	for _, k := range keys {
		names := sorted(apps[k])
		if len(names) > 12 {
			names = append(names[:12], fmt.Sprintf("and %d more", len(names)-12))
		}
		rows = append(rows, Place{Inline(k.env), Inline(k.tenant), Inline(k.cluster), Inline(strings.Join(names, ", "))})
	}
	sum := plural(len(sorted(envs)), "environment")
	if n := len(sorted(all)); n > 0 {
		sum += " with " + plural(n, "application")
	}
	if n := len(sorted(clusters)); n > 0 {
		sum += " on " + plural(n, "cluster")
	}
	if ts := sorted(tenants); len(ts) > 0 && len(ts) <= 5 {
		sum += ", for " + Inline(join(ts, " and "))
	} else if len(ts) > 5 {
		sum += ", for " + plural(len(ts), "tenant")
	}
	return rows, sum
}

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// notes quotes the release notes: those that speak of breaking changes first,
// then newest first, within the limits.
func notes(s promoter.Sheet) ([]Note, bool) {
	var all []Note
	for _, m := range s.Members {
		for _, n := range m.Notes {
			label := n.Version
			if len(s.Members) > 1 {
				label = m.Artifact.Name + " " + n.Version
			}
			all = append(all, Note{
				Version: Inline(label), Title: Inline(n.Title), URL: safeURL(n.URL), Body: n.Body,
				Breaking: breaking(n.Title + "\n" + n.Body),
			})
		}
	}
	slices.SortStableFunc(all, func(a, b Note) int { return rank(a) - rank(b) })
	left := maxNotes
	for i := range all {
		body := Untrusted(all[i].Body, min(maxNote, left))
		if left -= len(body) + 200; left <= 0 {
			return all[:i], true
		}
		all[i].Body = body
	}
	return all, false
}

func rank(n Note) int {
	if n.Breaking {
		return 0
	}
	return 1
}

// safeURL keeps a link that can only be a link, and goes through a redirect
// where the forge would leave a trace on the other side.
func safeURL(u string) string {
	if !strings.HasPrefix(u, "https://") || strings.ContainsAny(u, " <>()[]\"'`\\|\n\r\t@") || len(u) > 500 {
		return ""
	}
	return forgeLink.ReplaceAllString(u, "https://redirect.github.com/")
}
