package scan

import (
	"bytes"
	"fmt"
	"hash/maphash"
	"path"
	"slices"
	"strings"
	"unicode/utf8"

	"promoter/detectors"
	"promoter/promoter/yamltree"
)

// DefaultMaxFileBytes is the size up to which a file is read: far above any
// manifest written by hand, far below what would fill the memory.
const DefaultMaxFileBytes = 10 << 20

// Wanter is a Detector that reads files beyond those that hold YAML by their
// name: a user's own pattern may name any file.
type Wanter interface {
	detectors.Detector
	Wants(path string) bool
}

// format is what a path promises about a file's text.
type format uint8

const (
	unread   format = iota
	yamlText        // one or more YAML documents
	jsonText        // JSON, read when it looks like a manifest
	partial         // a fragment of a Helm template, read when it holds a manifest
	anyText         // no YAML: read because a detector wants it
)

func formatOf(file string) format {
	base := path.Base(file)
	ext := path.Ext(base)
	switch ext {
	case ".yaml", ".yml":
		return yamlText
	case ".json":
		return jsonText
	case ".tpl":
		if strings.HasPrefix(file, "templates/") || strings.Contains(file, "/templates/") {
			return partial
		}
	case ".gotmpl", ".tmpl":
		if inner := path.Ext(strings.TrimSuffix(base, ext)); inner == ".yaml" || inner == ".yml" {
			return yamlText
		}
	case "":
		if base == "Kustomization" || base == "kustomization" {
			return yamlText
		}
	}
	return unread
}

// reader turns files into reports. It is one goroutine's, and keeps its
// buffers from file to file; no report refers to them.
type reader struct {
	list     []detectors.Detector
	maxBytes int64
	file     detectors.File
	docs     []detectors.Doc
	trees    yamltree.Reader
	own      coder
	claims   claims
	scratch  detectors.Report // what detectors add to; its room is used again
}

func newReader(list []detectors.Detector, maxBytes int64) *reader {
	return &reader{
		list: list, maxBytes: maxBytes,
		own:    coder{use: own, recent: &recent{seed: maphash.MakeSeed()}},
		claims: newClaims(list),
	}
}

// File reads one file as Run does, without what Linkers add: data is the
// file's content, path its place in the repository.
func File(path string, data []byte, list []detectors.Detector) *detectors.Report {
	r := newReader(list, DefaultMaxFileBytes)
	format := formatFor(path, list)
	if format == unread {
		return &detectors.Report{}
	}
	return r.read(path, data, format)
}

// Reads reports whether Run looks into a file, by its path alone.
func Reads(path string, list []detectors.Detector) bool { return formatFor(path, list) != unread }

// formatFor is the format of a path, given what the detectors want.
func formatFor(path string, list []detectors.Detector) format {
	f := formatOf(path)
	if f != unread {
		return f
	}
	for _, d := range list {
		if w, ok := d.(Wanter); ok && w.Wants(path) {
			return anyText
		}
	}
	return unread
}

// read reports on a file's content. data is not kept.
func (r *reader) read(path string, data []byte, format format) *detectors.Report {
	if int64(len(data)) > r.maxBytes {
		return wrong(tooLarge(path, int64(len(data)), r.maxBytes))
	}
	if !r.plausible(path, data, format) {
		return &detectors.Report{}
	}
	if line, what := badText(data); what != "" {
		if format == yamlText {
			return wrong(problem(path, line, what))
		}
		return &detectors.Report{}
	}
	report := &r.scratch
	r.file = detectors.File{Path: path, Data: data, Docs: r.file.Docs[:0]}
	if format != anyText {
		r.parse(report, format)
	}
	for _, d := range r.list {
		detect(d, &r.file, report)
	}
	skipSealed(&r.file, report)
	r.claims.settle(report)
	r.own.report(report)
	return &detectors.Report{
		Pins: taken(&report.Pins), Skips: taken(&report.Skips), Facts: taken(&report.Facts),
		Links: taken(&report.Links), Findings: taken(&report.Findings), Errors: taken(&report.Errors),
	}
}

// taken moves a slice's elements to one of their own and leaves its room.
func taken[T any](s *[]T) []T {
	if len(*s) == 0 {
		return nil
	}
	out := make([]T, len(*s))
	copy(out, *s)
	clear(*s)
	*s = (*s)[:0]
	return out
}

// wrong is the report on a file that was not read.
func wrong(p detectors.Problem) *detectors.Report {
	return &detectors.Report{Errors: []detectors.Problem{p}}
}

// plausible is a quick look at files that mostly hold no manifest.
func (r *reader) plausible(path string, data []byte, format format) bool {
	switch format {
	case jsonText:
		return bytes.Contains(data, []byte(`"apiVersion"`)) && bytes.Contains(data, []byte(`"kind"`)) || r.wanted(path)
	case partial:
		return bytes.Contains(data, []byte("\napiVersion:")) || bytes.HasPrefix(data, []byte("apiVersion:")) || r.wanted(path)
	}
	return len(data) > 0
}

func (r *reader) wanted(path string) bool {
	for _, d := range r.list {
		if w, ok := d.(Wanter); ok && w.Wants(path) {
			return true
		}
	}
	return false
}

// badText says why data is no text, and on which line.
func badText(data []byte) (line int, what string) {
	at := bytes.IndexByte(data, 0)
	if bytes.HasPrefix(data, []byte("\xff\xfe")) || bytes.HasPrefix(data, []byte("\xfe\xff")) {
		return 1, "the text is UTF-16; only UTF-8 is read"
	}
	if at >= 0 {
		return lineAt(data, at), "a binary file: it holds a NUL byte; not read"
	}
	if utf8.Valid(data) {
		return 0, ""
	}
	for at = 0; at < len(data); {
		c, n := utf8.DecodeRune(data[at:])
		if c == utf8.RuneError && n == 1 {
			break
		}
		at += n
	}
	return lineAt(data, at), fmt.Sprintf("byte 0x%02x is not UTF-8 text; not read", data[at])
}

func lineAt(data []byte, at int) int { return 1 + bytes.Count(data[:at], []byte{'\n'}) }

func tooLarge(path string, size, limit int64) detectors.Problem {
	return problem(path, 0, fmt.Sprintf("%d bytes are over the limit of %d for one file; not read", size, limit))
}

// parse fills the file's documents.
func (r *reader) parse(report *detectors.Report, format format) {
	f := &r.file
	text := f.Data
	if bytes.Contains(text, []byte("{{")) {
		text, f.Templated = yamltree.MaskTemplates(text)
	}
	docs, errs := r.trees.Parse(text)
	if format == yamlText || format == jsonText {
		for _, e := range errs {
			if f.Templated {
				report.Skips = append(report.Skips, unreadable(f, docs, e)...)
				continue
			}
			report.Errors = append(report.Errors, problem(f.Path, e.Line, e.Message))
		}
	}
	// The pointers in f.Docs must stay good while docs grow.
	r.docs = slices.Grow(r.docs[:0], len(docs))
	for i, d := range docs {
		if d.Root == nil {
			continue
		}
		r.docs = append(r.docs, header(d, i))
		f.Docs = append(f.Docs, &r.docs[len(r.docs)-1])
	}
}

func header(d *yamltree.Document, index int) detectors.Doc {
	doc := detectors.Doc{Document: d, Index: index}
	if d.Root.Kind != yamltree.Mapping {
		return doc
	}
	var meta *yamltree.Node
	d.Root.Pairs(func(key, value *yamltree.Node) {
		switch key.Value {
		case "apiVersion":
			doc.APIVersion = scalar(value)
		case "kind":
			doc.Kind = scalar(value)
		case "metadata":
			meta = value.Resolve()
		}
	})
	meta.Pairs(func(key, value *yamltree.Node) {
		switch key.Value {
		case "name":
			doc.Name = scalar(value)
		case "namespace":
			doc.Namespace = scalar(value)
		}
	})
	return doc
}

func scalar(n *yamltree.Node) string {
	if n = n.Resolve(); n != nil && n.Kind == yamltree.Scalar {
		return n.Value
	}
	return ""
}

// detect runs one detector. Text that breaks one must not end the scan.
func detect(d detectors.Detector, f *detectors.File, report *detectors.Report) {
	defer func() {
		if cause := recover(); cause != nil {
			report.Errors = append(report.Errors, problem(f.Path, 0, fmt.Sprintf("detector %s broke down: %v", d.Name(), cause)))
		}
	}()
	d.Detect(f, report)
}
