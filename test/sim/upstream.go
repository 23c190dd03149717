package sim

import (
	"slices"
	"time"

	"promoter/promoter"
)

// What publishers do.

// catalog is what a slot's source lists now.
func (w *world) catalog(s *slot) *promoter.Catalog {
	a, list := s.artifact, w.offered[s.artifact]
	switch {
	case w.in("unlisted", a.Name) || w.in("dim", s.key()):
		return promoter.Read(promoter.Listing{Artifact: a, Unknown: "429 from upstream"})
	case w.in("partial list", a.Name): // a mirror that lags
		return promoter.Read(promoter.Listing{Artifact: a, Releases: list[:max(len(list)-1, 1)]})
	}
	if c := w.catalogs[a]; c != nil {
		return c
	}
	c := promoter.Read(promoter.Listing{Artifact: a, Releases: list})
	w.catalogs[a] = c
	return c
}

func (w *world) release(a promoter.Artifact, version string) {
	if slices.ContainsFunc(w.offered[a], func(r promoter.Release) bool { return r.Version == version }) {
		return
	}
	w.offered[a] = append(slices.Clone(w.offered[a]), w.published(a, version, w.now))
	delete(w.catalogs, a)
}

// published is a release of ours. One that was published anew, and withdrawn, is
// built once more.
func (w *world) published(a promoter.Artifact, version string, at time.Time) promoter.Release {
	r := promoter.Release{Version: version, Created: at, FirstSeen: at}
	if a.Kind == promoter.Image {
		n := 0
		for w.retagged[contents(a, version, n+1)[7:19]] > 0 {
			n++
		}
		if n > 0 {
			n++
			w.retagged[contents(a, version, n)[7:19]] = n
		}
		r.Digest = contents(a, version, n)
	}
	return r
}

// retag publishes something else under the newest version.
func (w *world) retag(a promoter.Artifact) bool {
	list := slices.Clone(w.offered[a])
	last := &list[len(list)-1]
	if last.Digest == "" {
		return false
	}
	n := w.retagged[last.Digest[7:19]] + 1
	last.Digest = contents(a, last.Version, n)
	w.retagged[last.Digest[7:19]] = n
	w.offered[a] = list
	delete(w.catalogs, a)
	return true
}

// artifacts are all there are, in order.
func (w *world) artifacts() []promoter.Artifact {
	var out []promoter.Artifact
	for _, s := range w.slots {
		if !slices.Contains(out, s.artifact) {
			out = append(out, s.artifact)
		}
	}
	return out
}
