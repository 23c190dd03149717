package drawn

import (
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"testing"
)

// TestBytesChoose: the same bytes make the same, and each byte is a choice.
func TestBytesChoose(t *testing.T) {
	t.Parallel()
	if a, b := Manifest(From([]byte("abc"))), Manifest(From([]byte("abc"))); a != b {
		t.Errorf("the same bytes make\n%s\nand\n%s", a, b)
	}
	for i := range 256 {
		if got := From([]byte{byte(i)}).IntN(256); got != i {
			t.Fatalf("byte %d chooses %d of 256", i, got)
		}
	}
	seen := map[string]bool{}
	for _, data := range Seeds() {
		seen[Comment(From(data))] = true
	}
	if len(seen) < 10 {
		t.Errorf("%d comments of %d seeds", len(seen), len(Seeds()))
	}
}

// TestAnswersAreJSON: what stands for an API's answer is one.
func TestAnswersAreJSON(t *testing.T) {
	t.Parallel()
	for seed := range uint64(200) {
		rng := rand.New(rand.NewPCG(seed, 1))
		_, application := Application(rng)
		_, _, source := FluxSource(rng)
		_, _, _, hook := Webhook(rng)
		for _, data := range [][]byte{application, source, hook} {
			if !json.Valid(data) || bytes.Contains(data, []byte("null")) {
				t.Fatalf("seed %d: %s", seed, data)
			}
		}
	}
}
