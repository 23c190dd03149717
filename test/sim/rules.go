package sim

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"

	"promoter/promoter"
)

// What follows is what policy means, read anew: not the core's own answers.

func sortedKeys[K cmp.Ordered, V any](m map[K]V) []K { return slices.Sorted(maps.Keys(m)) }

// like reports whether a name fits a pattern in which * stands for any text.
func like(pattern, name string) bool {
	head, tail, star := strings.Cut(pattern, "*")
	if !star {
		return pattern == name
	}
	if !strings.HasPrefix(name, head) {
		return false
	}
	for i := len(head); i <= len(name); i++ {
		if like(tail, name[i:]) {
			return true
		}
	}
	return false
}

func about(patterns []string, name string) bool {
	return len(patterns) == 0 || slices.ContainsFunc(patterns, func(p string) bool { return like(p, name) })
}

func (w *world) frozen(r promoter.Reached) bool {
	return slices.ContainsFunc(w.policy.Freezes, func(f promoter.Freeze) bool {
		return about(f.Environments, r.Environment) && about(f.Tenants, r.Tenant) && !w.now.Before(f.From) && w.now.Before(f.To)
	})
}

// open reports whether a place's windows are open now.
func (w *world) open(r promoter.Reached) bool {
	some := false
	for _, x := range w.policy.Windows {
		if !about(x.Environments, r.Environment) || !about(x.Tenants, r.Tenant) {
			continue
		}
		some = true
		zone := x.Zone
		if zone == nil {
			zone = time.UTC
		}
		now := w.now.In(zone)
		clock := time.Duration(now.Hour())*time.Hour + time.Duration(now.Minute())*time.Minute
		today := len(x.Days) == 0 || slices.Contains(x.Days, now.Weekday())
		before := len(x.Days) == 0 || slices.Contains(x.Days, now.AddDate(0, 0, -1).Weekday())
		if x.From < x.To && today && clock >= x.From && clock < x.To ||
			x.From >= x.To && (today && clock >= x.From || before && clock < x.To) {
			return true
		}
	}
	return !some
}

// precedes reports whether one wave must have passed before another.
func (w *world) precedes(a, b int) bool {
	return b >= 0 && slices.ContainsFunc(w.policy.Waves[b].After, func(x int) bool { return x == a || w.precedes(a, x) })
}

// stopped reports whether an open issue stops what reaches a place.
func (w *world) stopped(f *forge, r promoter.Reached) bool {
	if w.silent {
		return false // nobody could have said it
	}
	for _, i := range f.issues {
		if !i.Open || !slices.Contains(i.Labels, promoter.StopLabel) {
			continue
		}
		env, tenant := "", ""
		for _, word := range strings.Fields(i.Title) {
			if key, value, ok := strings.Cut(word, "="); ok {
				switch key {
				case "environment":
					env = value
				case "tenant":
					tenant = value
				default:
					return true
				}
			}
		}
		if (env == "" || like(env, r.Environment)) && (tenant == "" || like(tenant, r.Tenant)) {
			return true
		}
	}
	return false
}

// ready reports whether a fresh seal says that what a head reaches is well.
func (w *world) ready(f *forge, head string) bool {
	s, ok := sealed(f, head, promoter.StageReady)
	return ok && s.State == "success" && w.stamp().Sub(s.At) < 16*time.Minute
}

// inFlight are the merged pulls of a wave that are not proven.
func (w *world) inFlight(v *view, wave int, besides *pull) int {
	n := 0
	for _, o := range v.shown.pulls {
		ob, ok := promoter.ParseBranch(o.Branch)
		if !ok || ob.Revert || o.State != "merged" || w.waveOf(ob) != wave || o == besides || v.at.Sub(o.MergedAt) > 71*time.Hour {
			continue
		}
		c := w.repo.objects[o.Merge]
		if c == nil || w.rewrote && !w.asClaimed(o) || verdictOn(v.shown, o.Merge) != "" || w.retried(v.shown, ob) || slices.Contains(o.Labels, promoter.RevertLabel) {
			continue
		}
		stands := false
		for _, s := range w.edited(o) {
			stands = stands || w.says(s, v.head) && w.reads(s, v.head) == w.reads(s, o.Merge) && w.writer(s, v.head) == o.Merge
		}
		if stands && w.edits(o) != nil && (o.mergedBy == bot || w.asClaimed(o)) {
			n++
		}
	}
	return n
}

// writer is the commit by which a slot got what it reads.
func (w *world) writer(s *slot, head string) string {
	for h := head; ; {
		c := w.repo.objects[h]
		if len(c.parents) == 0 || w.reads(s, h) != w.reads(s, c.parents[0]) {
			return h
		}
		h = c.parents[0]
	}
}

// edits are what a merged pull's own commit said that it changes; nil where
// people had a hand in it.
func (w *world) edits(p *pull) []promoter.Edit {
	c := w.repo.objects[p.Head]
	if c == nil || !c.ours {
		return nil
	}
	return promoter.ParseTrailers(c.message).Edits
}

// asClaimed reports whether a merge brought what its head's message says, and
// nothing else: whoever wrote that, it is what we would have written, wherever
// in the file it stands by now.
func (w *world) asClaimed(p *pull) bool {
	head, before, merged := w.repo.objects[p.Head], w.repo.objects[p.before], w.repo.objects[p.Merge]
	if head == nil || before == nil || merged == nil {
		return false
	}
	edits := promoter.ParseTrailers(head.message).Edits
	files, err := makes(func(path string) ([]byte, bool, error) {
		text, ok := before.files[path]
		return []byte(text), ok, nil
	}, edits, before.at)
	if err == nil && maps.Equal(before.files.with(files), merged.files) {
		return true
	}
	joined := maps.Clone(before.files)
	for _, e := range edits {
		text := joined[e.Place.File]
		if e.Image != "" || e.Insert != (promoter.Insert{}) || strings.Count(text, e.Place.Written) != 1 {
			return false
		}
		joined[e.Place.File] = strings.Replace(text, e.Place.Written, e.To, 1)
	}
	return maps.Equal(joined, merged.files)
}

// gatesOf are the gates that are about a place.
func (w *world) gatesOf(class promoter.Class, r promoter.Reached) []promoter.Gate {
	return slices.DeleteFunc(slices.Clone(w.policy.Gates), func(g promoter.Gate) bool {
		return !about(g.Environments, r.Environment) || !about(g.Tenants, r.Tenant) || !about(g.Apps, r.App) || len(g.Classes) > 0 && !slices.Contains(g.Classes, class)
	})
}

// perOf is a place as a gate tells it apart.
func (w *world) perOf(g promoter.Gate, r promoter.Reached) promoter.Reached {
	var at promoter.Reached
	for _, part := range g.Per {
		switch part {
		case "environment":
			at.Environment = r.Environment
		case "tenant":
			at.Tenant = r.Tenant
		case "cluster":
			at.Cluster = r.Cluster
		case "app":
			at.App = r.App
		}
	}
	return at
}

// soak is how long a change must be healthy in a wave.
func (w *world) soak(wave int, class promoter.Class) time.Duration {
	return max(w.policy.Waves[wave].Soak, w.policy.Classes[class].Soak)
}
