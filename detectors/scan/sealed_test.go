package scan_test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"promoter/detectors"
	"promoter/detectors/scan"
)

func TestWhatSOPSHasSignedIsNoPin(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, text  string
		pins, skips []string
	}{
		{
			name:  "every value is under the MAC",
			text:  "tag: \"1\"\nkey: ENC[AES256_GCM,data:a]\nsops:\n  mac: ENC[AES256_GCM,data:b]\n  encrypted_regex: key\n",
			skips: []string{"1 SOPS has signed the values of this file: an edit by anything else breaks its MAC"},
		},
		{
			name: "only encrypted values are under the MAC",
			text: "tag: \"1\"\nkey: ENC[AES256_GCM,data:a]\nsops:\n  mac: ENC[AES256_GCM,data:b]\n  mac_only_encrypted: true\n",
			pins: []string{"1 1"},
		},
		{
			name:  "each document has metadata of its own",
			text:  "tag: \"1\"\n---\ntag: \"2\"\nsops:\n  mac: ENC[AES256_GCM,data:b]\n---\ntag: \"3\"\n",
			pins:  []string{"1 1", "7 3"},
			skips: []string{"3 SOPS has signed the values of this file: an edit by anything else breaks its MAC"},
		},
		{
			name: "a word of the file's own",
			text: "tag: \"1\"\nsops:\n  image: x\n",
			pins: []string{"1 1"},
		},
	} {
		r := scan.File("app.yaml", []byte(c.text), []detectors.Detector{tags{"tags", "tag"}})
		var pins, skips []string
		for _, p := range r.Pins {
			pins = append(pins, fmt.Sprintf("%d %s", p.Place.Line, p.Version))
		}
		for _, s := range r.Skips {
			skips = append(skips, fmt.Sprintf("%d %s", s.Place.Line, s.Reason))
		}
		if diff := cmp.Diff(c.pins, pins); diff != "" {
			t.Errorf("%s: pins (-want +got):\n%s", c.name, diff)
		}
		if diff := cmp.Diff(c.skips, skips); diff != "" {
			t.Errorf("%s: skips (-want +got):\n%s", c.name, diff)
		}
	}
}
