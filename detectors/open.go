package detectors

import (
	"bytes"

	"promoter/promoter/yamltree"
)

// Open reads one file's text for detectors: its documents, templates masked,
// with their Kubernetes headers. Documents that cannot be read are left out
// and reported. The scan does the same with buffers that it uses again.
func Open(path string, data []byte) (*File, []*yamltree.Error) {
	f := &File{Path: path, Data: data}
	text := data
	if bytes.Contains(text, []byte("{{")) {
		text, f.Templated = yamltree.MaskTemplates(text)
	}
	docs, errs := yamltree.Parse(text)
	for i, d := range docs {
		if d.Root != nil {
			f.Docs = append(f.Docs, &Doc{
				Document: d, Index: i,
				APIVersion: d.Root.Str("apiVersion"), Kind: d.Root.Str("kind"),
				Name: d.Root.Str("metadata", "name"), Namespace: d.Root.Str("metadata", "namespace"),
			})
		}
	}
	return f, errs
}
