// Package drawn makes what Promoter reads, from random numbers: configurations,
// files, indexes, webhooks, comments, messages, and the answers of engines. The
// simulator draws its stories with it from a seed, and fuzzing from bytes, so
// that a fuzzer which changes a byte changes a choice.
//
// It refuses to know any of our packages, so that the tests of each may use it:
// all it makes is text.
package drawn

import (
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"strings"
)

// Seeded are the numbers of a seed.
func Seeded(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 0x5eed)) }

// From are numbers that follow from bytes, a choice for each byte; when they
// are used up, others follow that are the same for the same bytes.
func From(data []byte) *rand.Rand {
	h := fnv.New64a()
	h.Write(data)
	return rand.New(&bytesFirst{data: data, rest: rand.NewPCG(h.Sum64(), 1)})
}

// bytesFirst is a source of numbers.
type bytesFirst struct {
	data []byte
	rest *rand.PCG
}

// Uint64 spreads a byte over all bits: a choice between n is made by the high
// ones.
func (b *bytesFirst) Uint64() uint64 {
	if len(b.data) == 0 {
		return b.rest.Uint64()
	}
	x := b.data[0]
	b.data = b.data[1:]
	return binary.BigEndian.Uint64([]byte{x, x, x, x, x, x, x, x})
}

// Seeds are bytes to begin fuzzing with.
func Seeds() [][]byte {
	out := [][]byte{nil}
	for seed := range uint64(20) {
		rng := Seeded(seed)
		data := make([]byte, 16+rng.IntN(200))
		for i := range data {
			data[i] = byte(rng.Uint32())
		}
		out = append(out, data)
	}
	return out
}

// Chance is true so often of a hundred.
func Chance(rng *rand.Rand, percent int) bool { return rng.IntN(100) < percent }

// One is one of a list.
func One[T any](rng *rand.Rand, list ...T) T { return list[rng.IntN(len(list))] }

// text is a text of lines.
type text struct{ strings.Builder }

func (t *text) line(format string, args ...any) { fmt.Fprintf(&t.Builder, format+"\n", args...) }

// Version is a version, as publishers write them.
func Version(rng *rand.Rand) string {
	v := fmt.Sprintf("%d.%d.%d", rng.IntN(4), rng.IntN(30), rng.IntN(12))
	return One(rng, "", "", "v") + v + One(rng, "", "", "", "-rc.1", "-alpine", "+build.7", "-0.dev")
}

// Word is a word that people use in names, and now and then one that they
// should not.
func Word(rng *rand.Rand) string {
	return One(rng, "redis", "web", "db", "cert-manager", "a", "größe", "x.y_z", "prod-eu-1", "@team", "<!-- promoter", "`code`", "/promoter stop", "closes #1", "a\r\nb", "[x](javascript:1)", "--", "#7", "%s")
}

// Digest is a content digest.
func Digest(rng *rand.Rand) string {
	return fmt.Sprintf("sha256:%016x%016x%016x%016x", rng.Uint64(), rng.Uint64(), rng.Uint64(), rng.Uint64())
}

// Commit is a commit's hash.
func Commit(rng *rand.Rand) string {
	return fmt.Sprintf("%016x%016x%08x", rng.Uint64(), rng.Uint64(), rng.Uint32())
}
