package helmrepo

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"sigs.k8s.io/yaml"
)

// maxHead bounds what an index may hold beside its entries.
const maxHead = 1 << 20

// scanner carves the entries of the charts asked for out of an index in block
// style.
type scanner struct {
	structure
	lines *lineReader
	asked map[string]bool
	index *Index
	each  func(raw []byte) // or nil

	head    []byte // the root's lines but the entries', for a full parse
	started bool   // a line of the document was seen

	inEntries   bool
	hasEntries  bool
	chartColumn int // of the chart names; 0 before the first
	underChart  bool

	chart   string // the chart being carved, or ""
	column  int    // of its dashes; -1 before the first
	listed  bool   // its list ended on the chart's own line
	kept    int    // size of what is kept
	entries []Entry
	entry   entryReader
}

// scanIndex reads an index line by line. A *layoutError says that this cannot
// be done.
func scanIndex(src io.ReaderAt, size int64, charts []string, each func([]byte)) (*Index, error) {
	s := &scanner{
		lines: newLineReader(src, size), each: each,
		asked: make(map[string]bool, len(charts)),
		index: &Index{Charts: make(map[string][]Entry, len(charts)), Unread: map[string]error{}},
	}
	for _, c := range charts {
		s.asked[c] = true
	}
	for {
		text, err := s.lines.next()
		if err == io.EOF {
			return s.finish()
		}
		if err != nil {
			return nil, err
		}
		if err := s.take(text); err != nil {
			return nil, err
		}
	}
}

// take reads one line.
func (s *scanner) take(text []byte) error {
	if err := s.read(text); err != nil {
		return err
	}
	switch s.kind {
	case blank:
		return nil
	case marker:
		if s.started || text[0] != '-' || !onlyComment(text[3:]) {
			return s.odd("a document marker")
		}
		s.started = true
		return nil
	case inside:
		return s.takeInside()
	}
	s.started = true
	switch {
	case s.indent == 0:
		return s.takeRoot()
	case !s.inEntries:
		return s.keepHead()
	case s.chartColumn == 0:
		if s.dash >= 0 {
			return s.odd("entries is a list")
		}
		s.chartColumn = s.indent
		return s.takeChart()
	case s.indent == s.chartColumn && s.dash < 0:
		return s.takeChart()
	case s.indent < s.chartColumn || !s.underChart:
		return s.odd("indentation that fits nothing above it")
	case s.chart != "":
		return s.takeEntry()
	}
	return nil
}

// takeInside reads a further line of a scalar.
func (s *scanner) takeInside() error {
	switch {
	case !s.inEntries:
		return s.keepHead()
	case s.chart == "":
		return nil
	case s.column < 0:
		if s.indent == len(s.text) {
			return nil
		}
		return s.odd("a chart whose value is a scalar")
	}
	return s.entry.inside(&s.line)
}

// takeRoot reads a key of the index itself.
func (s *scanner) takeRoot() error {
	if s.key == nil || s.dash >= 0 || s.oddKey {
		return s.odd("a root that is not a plain mapping")
	}
	if s.inEntries {
		if s.chartColumn == 0 {
			return errNoEntries
		}
		if err := s.endChart(); err != nil {
			return err
		}
		s.inEntries = false
		s.index.Whole = true
	}
	if !bytes.EqualFold(s.key, []byte("entries")) {
		return s.keepHead()
	}
	if s.hasEntries || string(s.key) != "entries" {
		return s.odd("entries is there twice, or in capitals")
	}
	switch {
	case s.style == absent:
		s.inEntries = true
	case s.style == flow && string(s.value) == "{}":
		s.index.Whole = true
	default:
		return s.odd("entries is not a block mapping")
	}
	s.hasEntries = true
	return nil
}

func (s *scanner) keepHead() error {
	if len(s.head)+len(s.text) > maxHead {
		return fmt.Errorf("read index: more than %d MB beside the entries", maxHead>>20)
	}
	s.head = append(append(s.head, s.text...), '\n')
	return nil
}

// takeChart reads a chart's name.
func (s *scanner) takeChart() error {
	if err := s.endChart(); err != nil {
		return err
	}
	if s.key == nil {
		return s.odd("a chart without a name")
	}
	s.underChart = true
	name, err := s.chartName()
	if err != nil || !s.asked[name] || name == "" {
		return err
	}
	_, unread := s.index.Unread[name]
	if _, twice := s.index.Charts[name]; twice || unread {
		return s.odd("a chart that is listed twice")
	}
	s.chart, s.column, s.listed = name, -1, false
	switch {
	case s.style == absent:
	case s.style == flow && string(s.value) == "[]",
		s.style == plain && (string(s.value) == "null" || string(s.value) == "~"):
		s.listed = true
	default:
		return s.odd("a chart whose value is not a block sequence")
	}
	return nil
}

// chartName returns the key as Helm's loader turns it into a string: an
// unquoted number or boolean is a string as well, though perhaps another one.
func (s *scanner) chartName() (string, error) {
	if !s.oddKey && (s.quotedKey || surelyString(s.key)) {
		// Looked up before it is copied: most charts are not asked for.
		if !s.asked[string(s.key)] {
			return "", nil
		}
		return string(s.key), nil
	}
	var m map[string]bool
	key, _, _ := bytes.Cut(s.text[s.indent:], []byte(": "))
	key = bytes.TrimSuffix(key, []byte(":"))
	if s.quotedKey {
		end, _ := closing(s.text, s.indent+1, s.text[s.indent])
		key = s.text[s.indent : end+1]
	}
	if err := yaml.Unmarshal([]byte(string(key)+": true"), &m); err != nil || len(m) != 1 {
		return "", s.odd("a chart's name that is not a string")
	}
	for name := range m {
		return name, nil
	}
	return "", nil
}

// takeEntry reads a line below a chart that was asked for.
func (s *scanner) takeEntry() error {
	if s.listed {
		return s.odd("a block below a closed list")
	}
	if s.column < 0 {
		if s.dash < 0 {
			return s.odd("a chart whose value is not a sequence")
		}
		s.column = s.dash
	}
	switch {
	case s.dash == s.column:
		if err := s.endEntry(); err != nil {
			return err
		}
		return s.entry.begin(&s.line)
	case s.indent <= s.column:
		return s.odd("indentation that fits nothing above it")
	}
	return s.entry.take(&s.line)
}

// endEntry keeps the entry read so far.
func (s *scanner) endEntry() error {
	if !s.entry.begun {
		return nil
	}
	if s.each != nil {
		s.each(s.entry.raw)
	}
	if s.index.Unread[s.chart] != nil {
		s.entry.begun = false
		return nil
	}
	var last *Entry
	if n := len(s.entries); n > 0 {
		last = &s.entries[n-1]
	}
	before := len(s.entries)
	entries, err := s.entry.end(s.entries, last)
	if err != nil {
		s.index.Unread[s.chart] = err
		return nil
	}
	s.entries = entries
	if len(entries) > before {
		e := &entries[before]
		s.kept += 256 + len(e.Version) + len(e.Digest) + len(e.Changes) + len(e.Home) + len(e.KubeRange) + len(e.AppVersion)
	} else {
		s.kept += 16
	}
	if s.kept > maxKept {
		return fmt.Errorf("read index: the charts asked for hold more than %d MB", maxKept>>20)
	}
	return nil
}

// endChart keeps the chart read so far.
func (s *scanner) endChart() error {
	if s.chart == "" {
		return nil
	}
	if err := s.endEntry(); err != nil {
		return err
	}
	if s.index.Unread[s.chart] == nil {
		s.index.Charts[s.chart] = sorted(append([]Entry(nil), s.entries...))
	}
	s.chart, s.entries = "", s.entries[:0]
	return nil
}

// finish judges the index at its end.
func (s *scanner) finish() (*Index, error) {
	if !s.hasEntries {
		return nil, errNoEntries
	}
	if s.open == single || s.open == double {
		return nil, errTruncated
	}
	if s.inEntries {
		if s.lines.open {
			return nil, errTruncated
		}
		if s.chartColumn == 0 {
			return nil, errNoEntries
		}
		carved := s.chart != "" && s.entry.begun
		if err := s.endChart(); err != nil {
			return nil, err
		}
		if carved && s.entry.unversioned {
			return nil, errors.New("read index: truncated: its last entry has no version and nothing follows it")
		}
	}
	var head indexHead
	if err := yaml.UnmarshalStrict(s.head, &head); err != nil {
		return nil, fmt.Errorf("parse index: %s", oneLine(err))
	}
	if head.APIVersion == "" {
		return nil, errNoAPIVersion
	}
	return s.index, nil
}
