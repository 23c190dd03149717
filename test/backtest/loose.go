package main

import (
	"bytes"
	"path"
	"strconv"
	"strings"

	"promoter/detectors"
	"promoter/detectors/scan"
	"promoter/promoter"
	"promoter/promoter/yamltree"
)

// loose are values that the bot updated and that are no pins: where the
// detectors' view ends.
type loose map[spot]*looseUpdate

type spot struct{ file, path string }

type looseUpdate struct {
	spot     spot // at the start
	from, to string
	why      string
	steps    int
	last     *commit
}

// text is a value of a file: a scalar, or a line of a block scalar.
type text struct {
	value      string
	start, end int
}

// outside notes what the bot changed in a file beside its pins.
func (w *walk) outside(ch change, before *scan.Inventory, c *commit) error {
	was := w.was(ch.path)
	began, ok := w.start[was]
	if !ok || ch.was == "" || ch.blob == "" || !isYAML(ch.path) {
		return nil
	}
	old, err := w.git.blob(ch.was)
	if err != nil {
		return err
	}
	now, err := w.git.blob(ch.blob)
	if err != nil {
		return err
	}
	first, err := w.git.blob(began)
	if err != nil {
		return err
	}
	a, b, start := texts(old), texts(now), texts(first)
	pins := pinsIn(before, ch.old)
	for p, x := range a {
		y, ok := b[p]
		if _, there := start[p]; !ok || !there || !versionLike(x.value, y.value) || pinned(pins, x) {
			continue
		}
		if w.loose == nil {
			w.loose = loose{}
		}
		at := spot{was, p}
		u := w.loose[at]
		if u == nil {
			u = &looseUpdate{spot: at, from: x.value, why: whyLoose(ch.old, p, x, before.Skips)}
			w.loose[at] = u
		}
		u.to, u.last = y.value, c
		u.steps++
	}
	return nil
}

// texts are a file's values by document and path.
func texts(data []byte) map[string]text {
	masked, _ := yamltree.MaskTemplates(data)
	docs, _ := yamltree.Parse(masked)
	out := map[string]text{}
	for i, d := range docs {
		prefix := ""
		if i > 0 {
			prefix = strconv.Itoa(i) + ":"
		}
		collect(data, d.Root, prefix, out)
	}
	return out
}

func collect(data []byte, n *yamltree.Node, at string, out map[string]text) {
	if n == nil {
		return
	}
	switch n.Kind {
	case yamltree.Mapping:
		n.Pairs(func(key, value *yamltree.Node) { collect(data, value, detectors.JoinKey(at, key.Value), out) })
	case yamltree.Sequence:
		for i, item := range n.Content {
			collect(data, item, detectors.JoinItem(at, i), out)
		}
	case yamltree.Scalar:
		if n.Style != yamltree.Literal && n.Style != yamltree.Folded {
			out[at] = text{n.Value, n.Start, n.End}
			return
		}
		for i, start := 0, n.Start; start < n.End; i++ {
			end := n.End
			if nl := bytes.IndexByte(data[start:n.End], '\n'); nl >= 0 {
				end = start + nl
			}
			out[at+"|"+strconv.Itoa(i)] = text{strings.TrimSpace(string(data[start:end])), start, end}
			start = end + 1
		}
	}
}

// versionLike reports whether one value may be another's successor: both hold
// digits, and are the same without them and the letters of hashes.
func versionLike(a, b string) bool {
	const longest = 1024
	if a == b || len(a) > longest || len(b) > longest || !strings.ContainsAny(a, "0123456789") || !strings.ContainsAny(b, "0123456789") {
		return false
	}
	same := 0
	for same < min(len(a), len(b)) && a[same] == b[same] {
		same++
	}
	// What they begin with is a name, or both begin with the version itself.
	return same > 0 || isDigit(a[0]) && isDigit(b[0]) || len(a) == len(b)
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

func pinned(pins []promoter.Pin, x text) bool {
	overlaps := func(p promoter.Place) bool { return p.Start < x.end && x.start < p.End }
	for _, p := range pins {
		if overlaps(p.Place) || p.DigestPlace != nil && overlaps(*p.DigestPlace) {
			return true
		}
	}
	return false
}

// whyLoose says why a value is no pin: the detector that saw it, or what it is
// called and where.
func whyLoose(file, at string, x text, skips []detectors.Skip) string {
	for _, s := range skips {
		if s.Place.File == file && s.Place.Start < x.end && x.start < s.Place.End {
			return "skipped: " + s.Reason
		}
	}
	key, inText, _ := strings.Cut(at, "|")
	if i := strings.LastIndexByte(key, '.'); i >= 0 {
		key = key[i+1:]
	}
	if i := strings.IndexByte(key, '['); i > 0 {
		key = key[:i]
	}
	if inText != "" {
		key += " (a line of a text)"
	}
	if strings.HasPrefix(file, ".github/") {
		return "GitHub's own files: " + key
	}
	return "nothing reads " + key + " of " + path.Base(file)
}
