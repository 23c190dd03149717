package drawn

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
)

// Comment is what somebody writes under a pull request: a command, what looks
// like one, or neither.
func Comment(rng *rand.Rand) string {
	var t text
	for range rng.IntN(3) {
		t.line("%s", Word(rng))
	}
	if Chance(rng, 80) {
		t.line("%s%s %s%s%s", One(rng, "", "", " ", "> ", "`"), One(rng, "/promoter", "/promoter", "/Promoter", "promoter", "/promoters"),
			One(rng, "hold", "resume", "approve", "retry", "revert", "stop", "Stop", "destroy", ""),
			One(rng, "", " tenant=acme", " environment=prod-*", " tenant=", " cluster=x", " because of #12", " tenant=a environment=b tenant=c"), One(rng, "", "\r", " \t"))
	}
	for range rng.IntN(3) {
		t.line("%s", One(rng, Word(rng), "```", "/promoter hold", "thanks!"))
	}
	return t.String()
}

// Marked is a pull request's text around a marker: what people and other tools
// write above it, and pretend.
func Marked(rng *rand.Rand, marker string) string {
	var t text
	for range rng.IntN(6) {
		t.line("%s", One(rng, Word(rng), "", "<!-- promoter change=x wave=y sheet=0123456789abcdef said=01234567 -->", "<details>", "> quoted <!--", "-->"))
	}
	t.line("")
	return t.String() + marker + One(rng, "", "\n", "\r\n")
}

// Edit is one scalar's change, as a commit's message holds it.
type Edit struct {
	Place Place  `json:"place"`
	To    string `json:"to"`
}

// Place is where an edit is made.
type Place struct {
	File    string `json:"file"`
	Line    int    `json:"line"`
	Path    string `json:"path,omitempty"`
	Start   int    `json:"start"`
	End     int    `json:"end"`
	Written string `json:"written"`
}

// Message is a commit's message whose last paragraph names a change, a wave and
// edits; what stands above may look like that, too.
func Message(rng *rand.Rand) (message, change, wave string, edits []Edit) {
	var t text
	t.line("%s\n", strings.Join(strings.Fields(Word(rng)), " "))
	for range rng.IntN(4) {
		t.line("%s", One(rng, Word(rng), "Promoter-Change: other", "Promoter-Edit: {}", ""))
	}
	change, wave = fmt.Sprintf("redis-%s-%08x", Version(rng), rng.Uint32()), One(rng, "dev", "staging", "production--acme")
	t.line("\nPromoter-Change: %s\nPromoter-Wave: %s", change, wave)
	for range rng.IntN(4) {
		start := rng.IntN(900)
		e := Edit{Place{File: One(rng, "apps/a.yaml", "größe/x.yaml", "a b.yaml"), Line: 1 + rng.IntN(60), Path: "spec.version", Start: start, End: start + rng.IntN(40), Written: Version(rng)}, One(rng, Version(rng), "r.example.com/web:"+Version(rng)+"@"+Digest(rng))}
		data, err := json.Marshal(e)
		if err != nil {
			panic(err) // unreachable: an edit holds plain data only
		}
		edits = append(edits, e)
		t.line("Promoter-Edit: %s", data)
	}
	return t.String(), change, wave, edits
}
