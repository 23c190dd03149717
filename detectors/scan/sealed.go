package scan

import (
	"bytes"
	"slices"

	"promoter/detectors"
	"promoter/promoter/yamltree"
)

// sealedReason is why a plain value in a file encrypted by SOPS is no pin. The
// MAC in its metadata covers every value, encrypted or not: after an edit SOPS
// refuses to decrypt the file.
const sealedReason = "SOPS has signed the values of this file: an edit by anything else breaks its MAC"

// skipSealed turns pins that nothing but SOPS may edit into skips.
func skipSealed(f *detectors.File, report *detectors.Report) {
	if len(report.Pins) == 0 || !bytes.Contains(f.Data, []byte("sops")) {
		return
	}
	for _, d := range f.Docs {
		if !sealed(d.Root) {
			continue
		}
		report.Pins = slices.DeleteFunc(report.Pins, func(p detectors.Pin) bool {
			if p.Place.Doc != d.Index {
				return false
			}
			report.Skips = append(report.Skips, detectors.Skip{Place: p.Place, Detector: p.Detector, Reason: sealedReason})
			return true
		})
	}
}

// sealed reports whether a document carries SOPS' MAC over all of its values.
func sealed(root *yamltree.Node) bool {
	return root.Str("sops", "mac") != "" && root.Str("sops", "mac_only_encrypted") != "true"
}
