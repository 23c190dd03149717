package scan

import (
	"encoding/binary"
	"hash/maphash"
	"maps"
	"slices"
	"strings"

	"promoter/detectors"
	"promoter/promoter"
)

// coder goes through a Report field by field, each named once for all of its
// three uses: to encode it, to decode it, and to give it strings of its own.
// A field that is forgotten here fails TestCodecKnowsEveryField.
type coder struct {
	use use
	// When encoding, out grows; strings are indexes into order.
	out   []byte
	texts map[string]uint64 // each string's index
	order []string
	keys  []string // scratch space of fields
	// When owning, recent holds copies that may serve again.
	recent *recent
	// When decoding, in shrinks.
	in    string
	table []string
	bad   bool
}

type use uint8

const (
	encode use = iota
	decode
	own // replace each string by a copy that shares no memory with others' texts
)

func (c *coder) report(r *detectors.Report) {
	each(c, &r.Pins, (*coder).pin)
	each(c, &r.Skips, (*coder).skip)
	each(c, &r.Facts, (*coder).fact)
	each(c, &r.Links, (*coder).link)
	each(c, &r.Findings, (*coder).finding)
	each(c, &r.Errors, (*coder).problem)
}

func (c *coder) pin(p *detectors.Pin) {
	c.artifact(&p.Artifact)
	c.str(&p.Version)
	c.str(&p.Digest)
	c.word((*string)(&p.Form))
	c.word((*string)(&p.Consumer))
	c.place(&p.Place)
	optional(c, &p.DigestPlace, (*coder).place)
	c.str(&p.App)
	c.str(&p.Environment)
	c.str(&p.Cluster)
	c.str(&p.Tenant)
	c.word(&p.Detector)
	optional(c, &p.SourceRef, (*coder).ref)
}

func (c *coder) artifact(a *promoter.Artifact) {
	c.str((*string)(&a.Kind))
	c.str(&a.Name)
	c.str(&a.Source)
}

func (c *coder) place(p *promoter.Place) {
	c.word(&p.File)
	c.int(&p.Line)
	c.int(&p.Doc)
	c.str(&p.Path)
	c.int(&p.Start)
	c.int(&p.End)
	c.str(&p.Written)
}

func (c *coder) ref(r *detectors.Ref) {
	c.str(&r.Kind)
	c.str(&r.Namespace)
	c.str(&r.Name)
}

func (c *coder) skip(s *detectors.Skip) {
	c.place(&s.Place)
	c.word(&s.Detector)
	c.str(&s.Reason)
}

func (c *coder) fact(f *detectors.Fact) {
	c.str(&f.Kind)
	c.str(&f.Namespace)
	c.str(&f.Name)
	c.fields(&f.Fields)
	c.place(&f.Place)
}

func (c *coder) link(l *detectors.Link) {
	c.place(&l.From)
	c.str(&l.App)
	c.str(&l.To)
	c.str(&l.Repo)
	c.str(&l.Via)
}

func (c *coder) finding(f *promoter.Finding) {
	c.word(&f.Rule)
	c.word((*string)(&f.Severity))
	c.artifact(&f.Artifact)
	c.place(&f.Place)
	each(c, &f.Also, (*coder).place)
	c.str(&f.Evidence)
	c.str(&f.Remedy)
	c.str(&f.Source)
}

func (c *coder) problem(p *detectors.Problem) {
	c.place(&p.Place)
	c.str(&p.Message)
}

// each goes through a slice. A decoded length is bounded by the bytes left:
// no element takes less than one.
func each[T any](c *coder, s *[]T, do func(*coder, *T)) {
	n := len(*s)
	c.int(&n)
	if c.use == decode {
		if n < 0 || n > len(c.in) {
			c.bad = true
			return
		}
		*s = nil
		if n > 0 {
			*s = make([]T, n)
		}
	}
	for i := range *s {
		if c.bad {
			return
		}
		do(c, &(*s)[i])
	}
}

func optional[T any](c *coder, p **T, do func(*coder, *T)) {
	n := 0
	if *p != nil {
		n = 1
	}
	c.int(&n)
	if c.use == decode {
		*p = nil
		if n == 1 {
			*p = new(T)
		}
	}
	if *p != nil {
		do(c, *p)
	}
}

func (c *coder) fields(m *map[string]string) {
	switch c.use {
	case own:
		// An equal key takes the other one's place, and so its memory.
		for k, v := range *m {
			(*m)[c.owned(k)] = c.owned(v)
		}
	case encode:
		n := len(*m)
		c.int(&n)
		// Sorted, so that the same report gives the same bytes.
		c.keys = slices.AppendSeq(c.keys[:0], maps.Keys(*m))
		slices.Sort(c.keys)
		for _, k := range c.keys {
			v := (*m)[k]
			c.str(&k)
			c.str(&v)
		}
	case decode:
		n := 0
		c.int(&n)
		if n < 0 || n > len(c.in) {
			c.bad = true
		}
		*m = nil
		for range n {
			if c.bad {
				return
			}
			if *m == nil {
				*m = make(map[string]string, n)
			}
			var k, v string
			c.str(&k)
			c.str(&v)
			(*m)[k] = v
		}
	}
}

func (c *coder) int(n *int) {
	switch c.use {
	case encode:
		c.varint64(int64(*n))
	case decode:
		*n = int(c.varint())
	}
}

func (c *coder) varint64(n int64) { c.out = binary.AppendVarint(c.out, n) }

// take is the next n bytes.
func (c *coder) take(n int) string {
	if n > len(c.in) {
		c.bad = true
		return ""
	}
	var s string
	s, c.in = c.in[:n], c.in[n:]
	return s
}

// count is a number of things that take at least a byte each. It is 0 when
// more are promised than bytes are left.
func (c *coder) count() int {
	n := c.uvarint()
	if n > uint64(len(c.in)) {
		c.bad = true
		return 0
	}
	return int(n)
}

// strings reads the table of strings.
func (c *coder) strings() {
	lengths := make([]int, c.count())
	for i := range lengths {
		lengths[i] = c.count()
	}
	c.table = make([]string, len(lengths))
	for i, n := range lengths {
		c.table[i] = c.take(n)
	}
}

func (c *coder) varint() int64 {
	u := c.uvarint()
	v := int64(u >> 1)
	if u&1 != 0 {
		v = ^v
	}
	return v
}

// uvarint reads what binary.AppendUvarint wrote, from a string.
func (c *coder) uvarint() uint64 {
	var u uint64
	for i := 0; i < len(c.in) && i < binary.MaxVarintLen64; i++ {
		b := c.in[i]
		u |= uint64(b&0x7f) << (7 * i)
		if b < 0x80 {
			c.in = c.in[i+1:]
			return u
		}
	}
	c.bad = true
	c.in = ""
	return 0
}

// word is a text that no file's content was cut from: a constant or a path.
func (c *coder) word(s *string) {
	if c.use != own {
		c.str(s)
	}
}

func (c *coder) str(s *string) {
	switch c.use {
	case own:
		*s = c.owned(*s)
	case encode:
		c.out = binary.AppendUvarint(c.out, c.textIndex(*s))
	case decode:
		i := c.uvarint()
		if i >= uint64(len(c.table)) {
			c.bad = true
			return
		}
		*s = c.table[i]
	}
}

// recent are strings that were copied lately, by their hash: charts, sources
// and paths repeat from file to file.
type recent struct {
	seed  maphash.Seed
	slots [1 << 10]string
}

// longestShared bounds what is looked for among recent strings: longer ones
// hardly repeat.
const longestShared = 128

// owned is a copy of s that shares no memory with the file it was read from.
func (c *coder) owned(s string) string {
	if s == "" {
		return ""
	}
	if len(s) > longestShared {
		return strings.Clone(s)
	}
	slot := &c.recent.slots[maphash.String(c.recent.seed, s)%uint64(len(c.recent.slots))]
	if *slot != s {
		*slot = strings.Clone(s)
	}
	return *slot
}

func (c *coder) textIndex(s string) uint64 {
	if i, ok := c.texts[s]; ok {
		return i
	}
	i := uint64(len(c.order))
	c.texts[s] = i
	c.order = append(c.order, s)
	return i
}
