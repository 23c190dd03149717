package helmrepo

import (
	"bytes"
	"fmt"

	"sigs.k8s.io/yaml"
)

// maxEntry bounds the text of one entry.
const maxEntry = 4 << 20

// field is a key of an entry. The order is of no meaning.
type field uint8

const (
	noField field = iota
	// Read.
	fName
	fVersion
	fAppVersion
	fAPIVersion
	fDigest
	fCreated
	fDeprecated
	fKubeVersion
	fHome
	fType
	lastRead
	// Looked into.
	fAnnotations
	fDependencies
	fMaintainers
	// Known, and stepped over.
	fSources
	fDescription
	fKeywords
	fIcon
	fCondition
	fTags
	fURLs
	fRemoved
	fChecksum
	fEngine
	fTiller
	fURL
)

// fieldOf returns the field of a key, or noField.
func fieldOf(key []byte) field {
	switch string(key) {
	case "name":
		return fName
	case "version":
		return fVersion
	case "appVersion":
		return fAppVersion
	case "apiVersion":
		return fAPIVersion
	case "digest":
		return fDigest
	case "created":
		return fCreated
	case "deprecated":
		return fDeprecated
	case "kubeVersion":
		return fKubeVersion
	case "home":
		return fHome
	case "type":
		return fType
	case "annotations":
		return fAnnotations
	case "dependencies":
		return fDependencies
	case "maintainers":
		return fMaintainers
	case "sources":
		return fSources
	case "description":
		return fDescription
	case "keywords":
		return fKeywords
	case "icon":
		return fIcon
	case "condition":
		return fCondition
	case "tags":
		return fTags
	case "urls":
		return fURLs
	case "removed":
		return fRemoved
	case "checksum":
		return fChecksum
	case "engine":
		return fEngine
	case "tillerVersion":
		return fTiller
	case "url":
		return fURL
	}
	return noField
}

// entryReader reads one entry line by line. What it is not certain of makes it
// slow: the entry's lines are then parsed as Helm parses them.
type entryReader struct {
	begun bool
	// unversioned says of the entry that ended last that it has no version.
	unversioned bool
	// parsed is how much text of all entries needed a full parse.
	parsed int

	raw    []byte // the entry's lines
	slow   bool
	column int // of the entry's keys; -1 before the first
	seen   uint32
	at     field
	below  int    // column of what stands below the field; -1 before the first
	values []byte // the texts that vals are ranges of
	vals   [lastRead]span

	hasChanges bool
	atChanges  bool // the annotation read last is the changes
	changes    span // of values; a block scalar's lines while inBlock
	inBlock    bool
	header     []byte // of that block
}

// span is a range of entryReader.values.
type span struct{ from, to int }

// begin starts an entry at the line with its dash.
func (e *entryReader) begin(l *line) error {
	*e = entryReader{begun: true, parsed: e.parsed, raw: e.raw[:0], values: e.values[:0], header: e.header[:0], column: -1, below: -1}
	if err := e.keep(l.text); err != nil {
		return err
	}
	switch {
	case l.dashes > 1:
		e.slow = true
	case l.key != nil:
		e.column = l.col
		e.field(l)
	case l.style != absent:
		e.slow = true
	}
	return nil
}

func (e *entryReader) keep(text []byte) error {
	if len(e.raw)+len(text) > maxEntry {
		return fmt.Errorf("read index: an entry is larger than %d MB", maxEntry>>20)
	}
	e.raw = append(append(e.raw, text...), '\n')
	return nil
}

// take reads a further line of the entry that is not inside a scalar.
func (e *entryReader) take(l *line) error {
	if err := e.keep(l.text); err != nil || e.slow {
		return err
	}
	e.endChanges()
	if e.column < 0 {
		e.column = l.indent
	}
	switch {
	case l.indent < e.column:
		e.slow = true
	case l.indent == e.column && l.dash < 0:
		e.field(l)
	default:
		e.nested(l)
	}
	return nil
}

// field reads a key of the entry.
func (e *entryReader) field(l *line) {
	f := fieldOf(l.key)
	if f == noField || l.oddKey || e.seen&(1<<f) != 0 {
		e.slow = true
		return
	}
	e.seen |= 1 << f
	e.at, e.below, e.atChanges = f, -1, false
	switch {
	case f < lastRead:
		e.vals[f] = e.scalar(l)
	case l.style == absent:
	case f >= fSources:
	default: // the ones that are looked into
		if l.style != flow || len(l.value) != 2 {
			e.slow = true
		}
	}
}

// scalar reads a value that is certainly a string as far as it can be told
// from this line, and returns where its text is kept.
func (e *entryReader) scalar(l *line) span {
	switch l.style {
	case absent:
		return span{}
	case plain:
		if e.at == fDeprecated || surelyString(l.value) {
			break
		}
		e.slow = true
		return span{}
	case single, double:
		if l.closed && !l.escaped {
			break
		}
		fallthrough
	default:
		e.slow = true
		return span{}
	}
	if !printable(l.value) || l.style == plain && looksLikeKey(l.value) {
		e.slow = true
		return span{}
	}
	// "Deprecated" is a boolean, and only unquoted.
	if e.at == fDeprecated && l.style != plain {
		e.slow = true
	}
	return e.store(l.value)
}

func (e *entryReader) store(b []byte) span {
	from := len(e.values)
	e.values = append(e.values, b...)
	return span{from, len(e.values)}
}

// nested reads a line below one of the entry's keys.
func (e *entryReader) nested(l *line) {
	if e.below < 0 {
		e.below = l.indent
	}
	switch {
	case e.at == fAnnotations:
		e.annotation(l)
	case e.at == fMaintainers:
		// A null among them makes Helm drop the entry.
		e.slow = l.key == nil || l.dashes > 1
	case e.at == fDependencies:
		// A null or an alias with odd characters makes Helm drop the entry.
		e.slow = l.dashes > 1 || l.oddKey ||
			l.key == nil && l.indent <= e.below ||
			bytes.EqualFold(l.key, []byte("alias")) && !aliasLike(l)
	case e.at < lastRead:
		e.slow = true
	}
}

// annotation reads a line below "annotations".
func (e *entryReader) annotation(l *line) {
	e.atChanges = false
	switch {
	case l.indent != e.below || l.dash >= 0 || l.oddKey:
		e.slow = true
		return
	case string(l.key) != changesKey:
		return
	case e.hasChanges:
		e.slow = true
		return
	}
	e.hasChanges, e.atChanges = true, true
	if l.style != block {
		e.changes = e.scalar(l)
		return
	}
	e.inBlock = true
	e.header = append(e.header[:0], l.value...)
	e.changes = span{len(e.values), len(e.values)}
}

// inside reads a further line of a scalar.
func (e *entryReader) inside(l *line) error {
	if err := e.keep(l.text); err != nil || e.slow {
		return err
	}
	switch {
	case e.inBlock:
		e.values = append(append(e.values, l.text...), '\n')
	case l.indent == len(l.text):
		// A blank line after a plain scalar says nothing unless it goes on.
	case e.at < lastRead, e.at == fDependencies, e.at == fAnnotations && e.atChanges:
		e.slow = true
	}
	return nil
}

// endChanges turns the lines of the changes' block scalar into its text.
func (e *entryReader) endChanges() {
	if !e.inBlock {
		return
	}
	e.inBlock = false
	from := e.changes.from
	text, ok := literal(e.values[from:], e.header)
	if !ok {
		e.slow = true
		return
	}
	e.values = e.values[:from+len(text)]
	e.changes.to = len(e.values)
}

// end appends the entry to entries if Helm's loader keeps it. An error is an
// entry that Helm's loader cannot parse.
func (e *entryReader) end(entries []Entry, last *Entry) ([]Entry, error) {
	e.begun = false
	e.endChanges()
	if !e.slow {
		if e.column < 0 { // null
			e.unversioned = true
			return entries, nil
		}
		if entry, ok := e.build(last); ok {
			e.unversioned = false
			return append(entries, entry), nil
		}
	}
	e.parsed += max(len(e.raw), 1<<10) // a parse costs as much, however small
	if e.parsed > maxFull {
		return entries, fmt.Errorf("more than %d MB of its entries are written so that they need a full parse", maxFull>>20)
	}
	var list []*chartVersion
	if err := yaml.UnmarshalStrict(e.raw, &list); err != nil {
		return entries, fmt.Errorf("parse entry: %s", oneLine(err))
	}
	if len(list) != 1 {
		return entries, fmt.Errorf("parse entry: %d entries where one is expected", len(list))
	}
	kept := keepValid(entries, list)
	e.unversioned = list[0] == nil || list[0].Version == ""
	return kept, nil
}

// build makes the entry from what was read, and refuses what Helm might drop.
func (e *entryReader) build(last *Entry) (Entry, bool) {
	text := func(f field) []byte { return e.values[e.vals[f].from:e.vals[f].to] }
	name, version := text(fName), text(fVersion)
	if len(name) == 0 || bytes.IndexByte(name, '/') >= 0 {
		return Entry{}, false
	}
	x := Entry{Version: string(version), Digest: string(text(fDigest))}
	if !validVersion(x.Version) {
		return Entry{}, false
	}
	switch string(text(fType)) {
	case "", "application", "library":
	default:
		return Entry{}, false
	}
	switch string(text(fDeprecated)) {
	case "", "false":
	case "true":
		x.Deprecated = true
	default:
		return Entry{}, false
	}
	if created := text(fCreated); len(created) > 0 {
		if x.Created.UnmarshalText(created) != nil {
			return Entry{}, false
		}
	} else if e.seen&(1<<fCreated) != 0 {
		return Entry{}, false // "" is not null
	}
	if last == nil {
		last = &Entry{}
	}
	// Most of these repeat from version to version.
	x.Name = same(name, last.Name)
	x.AppVersion = same(text(fAppVersion), last.AppVersion)
	x.KubeRange = same(text(fKubeVersion), last.KubeRange)
	x.Home = same(text(fHome), last.Home)
	if e.hasChanges {
		x.Changes = string(e.values[e.changes.from:e.changes.to])
	}
	return x, true
}

// same returns b as a string, and prev's memory where they are equal.
func same(b []byte, prev string) string {
	if string(b) == prev {
		return prev
	}
	return string(b)
}
