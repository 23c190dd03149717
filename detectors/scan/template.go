package scan

import (
	"bytes"
	"regexp"

	"promoter/detectors"
	"promoter/promoter"
	"promoter/promoter/yamltree"
)

// engine is the name that stands in Skips which no detector made.
const engine = "scan"

// unreadableTemplate is the reason for references in a template that is no
// YAML before it is rendered.
const unreadableTemplate = "the template can be read only when it is rendered"

// reference is a line that writes a version or an image, whatever surrounds it.
var reference = regexp.MustCompile(`(?m)^[ \t]*(?:- +)?(?:image|tag|newTag|targetRevision|version|chart):[ \t]+(\S.*?)[ \t\r]*$`)

// unreadable counts the references in a document of a template that could not
// be read, each as a Skip: a template that fails to parse is no fault of the
// repository's, but what it pins must not be missing without a word.
func unreadable(f *detectors.File, docs []*yamltree.Document, e *yamltree.Error) []detectors.Skip {
	var skips []detectors.Skip
	start, end, index := broken(f.Data, docs, e.Line)
	for _, m := range reference.FindAllSubmatchIndex(f.Data[start:end], -1) {
		from, to := start+m[2], start+m[3]
		skips = append(skips, detectors.Skip{
			Place: promoter.Place{
				File: f.Path, Line: lineAt(f.Data, from), Doc: index,
				Start: from, End: to, Written: string(bytes.Trim(f.Data[from:to], `"'`)),
			},
			Detector: engine, Reason: unreadableTemplate,
		})
	}
	return skips
}

// broken is the range of the document that stands at a line and has no root.
func broken(data []byte, docs []*yamltree.Document, line int) (start, end, index int) {
	for i, d := range docs {
		if d.Root == nil && line >= d.Line && line <= d.Line+bytes.Count(data[d.Start:d.End], []byte{'\n'}) {
			return d.Start, d.End, i
		}
	}
	return 0, len(data), 0
}
