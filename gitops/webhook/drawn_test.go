package webhook

import (
	"net/url"
	"testing"

	"promoter/test/sim/drawn"
)

// FuzzDrawn: what a forge posts says of which repository it is, as JSON or as
// a form's field.
func FuzzDrawn(f *testing.F) {
	for _, data := range drawn.Seeds() {
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		rng := drawn.From(data)
		source, kind, repository, body := drawn.Webhook(rng)
		contentType := "application/json"
		if drawn.Chance(rng, 30) {
			contentType, body = "application/x-www-form-urlencoded", []byte("payload="+url.QueryEscape(string(body)))
		}
		h, ok := read(source, kind, contentType, body)
		if !ok || h.Repository != plain(repository, maxName) || h.Kind != kind || h.Number < 0 {
			t.Errorf("%v %+v of %s", ok, h, body)
		}
	})
}
