// Package edit changes versions in files without touching any other byte: it
// splices the new text of a scalar into the old file, in the scalar's own
// quoting, and reads the result again to see that exactly the intended values
// differ.
//
// Where a file says nothing yet, lines can be added (Add, InsertImage).
//
// It refuses to encode YAML again, to remove anything, to edit an alias
// (the anchor is the place to edit), a value that a template writes, or a
// value that no longer stands where it was seen. All edits of a file are made
// or none. Chart.lock is the one file that it writes whole, because Helm does.
package edit

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"promoter/promoter"
	"promoter/promoter/yamltree"
)

// Set says what a scalar shall be: the one at Place must decode to
// Place.Written now, and decodes to To afterwards.
type Set struct {
	Place promoter.Place
	To    string
}

// ErrMoved says that the file does not hold at a place what was seen there:
// look at it again and decide anew.
var ErrMoved = errors.New("the file has changed: look again")

// Apply returns data with all sets applied, or an error that names the file
// and line of the first set that cannot be: ErrMoved when the file is not the
// one that was looked at, any other when the edit cannot be made safely. Sets
// may come in any order; two of them for one place must agree.
//
// A place without a path, or with one that begins with "#", is text rather
// than a YAML scalar (a comment, a file of another language): its bytes must
// be Written, and become To.
func Apply(data []byte, sets []Set) ([]byte, error) {
	e := &editing{data: data}
	var err error
	if e.targets, err = targetsOf(data, sets); err != nil {
		return nil, err
	}
	if len(e.targets) == 0 {
		return bytes.Clone(data), nil
	}
	e.masked, _ = yamltree.MaskTemplates(data)
	if slices.ContainsFunc(e.targets, func(t *target) bool { return !t.text() }) {
		e.parsed = true
		e.docs, e.errs = yamltree.Parse(e.masked)
	}
	for _, t := range e.targets {
		if err := e.locate(t); err != nil {
			return nil, err
		}
	}
	out := splice(data, e.targets)
	if err := e.verify(out); err != nil {
		return nil, err
	}
	return out, nil
}

// editing is one file with what shall change in it.
type editing struct {
	data, masked []byte
	parsed       bool                 // false if all targets are text
	docs         []*yamltree.Document // of masked
	errs         []*yamltree.Error
	targets      []*target // sorted by place, not overlapping
}

// target is a set with the bytes to write for it.
type target struct {
	Set
	node     *yamltree.Node // the scalar, or nil for text
	flow     bool           // within { } or [ ]
	within   byte           // quote of the scalar that the YAML is embedded in, or 0
	from, to int            // bytes to replace, within the place
	with     string
}

// text reports whether the place is text in a file that is not YAML.
func (t *target) text() bool { return t.raw() && !isYAML(t.Place.File) }

// raw reports whether the place was found by its bytes alone.
func (t *target) raw() bool { return t.Place.Path == "" || t.Place.Path[0] == '#' }

// isYAML reports whether a file's name says that it is read as YAML, perhaps
// after templates were rendered.
func isYAML(name string) bool {
	switch path.Ext(name) {
	case ".yaml", ".yml", ".json", ".tpl", ".gotmpl", ".lock":
		return true
	}
	return path.Base(name) == "Kustomization"
}

func (t *target) refuse(format string, args ...any) error {
	return fmt.Errorf("edit %s: %s", t.Place, fmt.Sprintf(format, args...))
}

func (t *target) moved(format string, args ...any) error {
	return fmt.Errorf("edit %s: %w: %s", t.Place, ErrMoved, fmt.Sprintf(format, args...))
}

// targetsOf sorts the sets and checks what can be checked without the file's
// structure.
func targetsOf(data []byte, sets []Set) ([]*target, error) {
	targets := make([]*target, 0, len(sets))
	for _, s := range sets {
		t := &target{Set: s}
		p := s.Place
		switch {
		case p.Start < 0 || p.Start > p.End || p.End > len(data):
			return nil, t.moved("it has no bytes %d to %d", p.Start, p.End)
		case p.Written == "":
			return nil, t.refuse("nothing is written there that could be replaced")
		case s.To == "":
			return nil, t.refuse("the new value is empty")
		case p.File != sets[0].Place.File:
			return nil, t.refuse("the edits are of several files: %q is another", sets[0].Place.File)
		case p.Line > 0 && p.Line != 1+bytes.Count(data[:p.Start], []byte{'\n'}):
			return nil, t.moved("%q stood on this line", p.Written)
		}
		if err := writable(p.Written, s.To); err != nil && p.Written != s.To {
			return nil, t.refuse("%v", err)
		}
		targets = append(targets, t)
	}
	slices.SortStableFunc(targets, func(a, b *target) int {
		return cmp.Or(a.Place.Start-b.Place.Start, a.Place.End-b.Place.End)
	})
	kept := targets[:0]
	for _, t := range targets {
		if len(kept) > 0 {
			last := kept[len(kept)-1]
			if last.Set.same(t.Set) {
				continue
			}
			if t.Place.Start < last.Place.End {
				return nil, t.refuse("two edits overlap: %q to %q and %q to %q",
					last.Place.Written, last.To, t.Place.Written, t.To)
			}
		}
		kept = append(kept, t)
	}
	return kept, nil
}

func (s Set) same(o Set) bool {
	return s.Place.Start == o.Place.Start && s.Place.End == o.Place.End && s.Place.Written == o.Place.Written && s.To == o.To
}

// writable refuses what no version, reference or digest holds, and what would
// change the file's structure or its templates. A text of several lines may
// stay one.
func writable(old, s string) error {
	if i := strings.IndexFunc(s, func(r rune) bool {
		if r == '\n' || r == '\t' {
			return !strings.ContainsRune(old, r)
		}
		return r < ' ' || r >= 0x7f && r < 0xa0 || r == 0x2028 || r == 0x2029 || r == 0xfeff || r == 0xfffd || r == 0xfffe || r == 0xffff
	}); i >= 0 {
		return fmt.Errorf("the new value %q holds a character that is not text", s)
	}
	if strings.Contains(s, "{{") || strings.Contains(s, "}}") {
		return fmt.Errorf("the new value %q would be a template", s)
	}
	return nil
}

// splice replaces the bytes of each target; data itself is untouched.
func splice(data []byte, targets []*target) []byte {
	size := len(data)
	for _, t := range targets {
		size += len(t.with) - (t.to - t.from)
	}
	out := make([]byte, 0, size)
	at := 0
	for _, t := range targets {
		out = append(out, data[at:t.from]...)
		out = append(out, t.with...)
		at = t.to
	}
	return append(out, data[at:]...)
}
