package promoter

import (
	"slices"
	"strings"
)

// content is what a target has written: the version, and the digest beside it.
func (t *Target) content() goal { return goal{t.Pin.Version, t.Pin.Digest} }

// leftBy is what targets had before edits, each of which is of the target with
// its index. A digest in a scalar of its own is an edit of its own.
func leftBy(targets []*Target, edits []Edit) map[*Target]goal {
	out := make(map[*Target]goal, len(targets))
	for i, t := range targets {
		was, ok := out[t]
		if !ok {
			was = t.content()
		}
		out[t] = was.before(t, edits[i])
	}
	return out
}

// before is what a target had before an edit of one of its scalars, as far as
// that can be told apart from what is written around it.
func (g goal) before(t *Target, e Edit) goal {
	was, to := e.Place.Written, e.To
	if d := t.Pin.DigestPlace; d != nil && scalarOf(e) == (scalar{d.File, d.Doc, d.Path}) {
		g.digest = was
		return g
	}
	if t.Pin.Digest != "" && t.Pin.DigestPlace == nil {
		to = strings.TrimSuffix(to, "@"+t.Pin.Digest)
		g.digest = ""
		if i := strings.LastIndex(was, "@"); i >= 0 {
			was, g.digest = was[:i], was[i+1:]
		}
	}
	if t.Pin.Version == "" {
		return g
	}
	if pre, post, ok := strings.Cut(to, t.Pin.Version); ok {
		was = strings.TrimSuffix(strings.TrimPrefix(was, pre), post)
	}
	g.version = was
	return g
}

// beside is how people tell it from another: by the version, by the content
// where that is all that parts them.
func (g goal) beside(other goal) string {
	switch {
	case g.version == "":
		return shortDigest(g.digest)
	case g.version == other.version && g.digest != "" && g.digest != other.digest:
		return g.version + "@" + shortDigest(g.digest)
	}
	return g.version
}

// places are the targets, each once.
func places(ts []*Target) []*Target {
	seen := make(map[*Target]bool, len(ts))
	var out []*Target
	for _, t := range ts {
		if !seen[t] {
			seen[t] = true
			out = append(out, t)
		}
	}
	return out
}

// alike reports whether two edits brought their targets the same way: almost all
// of a pull did.
func alike(a *Target, ae Edit, b *Target, be Edit) bool {
	return a.Pin.DigestPlace == nil && b.Pin.DigestPlace == nil && a.content() == b.content() && ae.Place.Written == be.Place.Written && ae.To == be.To
}

// way is from where to where a trial brought an environment.
func (t *trial) way(environment string) (from, to string) {
	var there []*Target
	var edits []Edit
	for i, x := range t.targets {
		if n := len(there) - 1; x.Pin.Environment == environment && (n < 0 || !alike(there[n], edits[n], x, t.edits[i])) {
			there, edits = append(there, x), append(edits, t.edits[i])
		}
	}
	left := leftBy(there, edits)
	var was, is []string
	for _, x := range places(there) {
		now, then := x.content(), left[x]
		is = append(is, now.beside(then))
		if text := then.beside(now); text != "" { // it is new in an overlay
			was = append(was, text)
		}
	}
	slices.Sort(was)
	slices.Sort(is)
	return strings.Join(slices.Compact(was), ", "), strings.Join(slices.Compact(is), ", ")
}

// failedAt is what failed at one of the trial's targets: what stands, or what a
// revert has taken back.
func (t *trial) failedAt(target *Target) goal {
	g := goal{target.current(), target.Pin.Digest}
	if !t.branch.Revert {
		return g
	}
	for i, x := range t.targets {
		if x == target {
			g = g.before(x, t.edits[i])
		}
	}
	return g
}

// like reports whether two are the same, as far as is known of both.
func (g goal) like(other goal) bool {
	return g.version == other.version && (g.digest == "" || other.digest == "" || g.digest == other.digest)
}
