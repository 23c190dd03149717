package promoter

import (
	"slices"
	"strings"
	"testing"

	"promoter/test/sim/drawn"
)

// FuzzDrawnComments: what people write is a command only where a line begins
// with one, and a command says the same when it is written plainly.
func FuzzDrawnComments(f *testing.F) {
	for _, data := range drawn.Seeds() {
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		body := drawn.Comment(drawn.From(data))
		c, ok := ParseCommand(body)
		begins := slices.ContainsFunc(strings.FieldsFunc(body, func(r rune) bool { return r == '\n' || r == '\r' }), func(line string) bool {
			words := strings.Fields(line)
			return len(words) > 0 && words[0] == "/promoter"
		})
		if ok != begins {
			t.Fatalf("%q: a command %v, begins with one %v", body, ok, begins)
		}
		if !ok || c.Wrong != "" {
			return
		}
		if again, ok := ParseCommand("/promoter " + string(c.Verb) + " " + c.Argument); !ok || again != c {
			t.Errorf("%q is %+v, and written plainly %+v", body, c, again)
		}
	})
}

// FuzzDrawnMessages: the last paragraph of a message says what it changes,
// whatever stands above.
func FuzzDrawnMessages(f *testing.F) {
	for _, data := range drawn.Seeds() {
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		message, change, wave, edits := drawn.Message(drawn.From(data))
		got := ParseTrailers(message)
		if got.Change != change || got.Wave != wave || len(got.Edits) != len(edits) {
			t.Fatalf("%+v of\n%s", got, message)
		}
		for i, e := range got.Edits {
			if e.To != edits[i].To || e.Place.File != edits[i].Place.File || e.Place.Written != edits[i].Place.Written || e.Place.Start != edits[i].Place.Start {
				t.Errorf("edit %d: %+v, want %+v", i, e, edits[i])
			}
		}
		if again := ParseTrailers("title\n\nbody\n\n" + got.String()); again.Change != change || EditsDigest(again.Edits) != EditsDigest(got.Edits) {
			t.Errorf("written again it is %+v", again)
		}
	})
}
