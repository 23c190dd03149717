package argocd

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"promoter/promoter/converge"
)

// decoded is an entry of a list, and when its object was made.
type decoded struct {
	converge.ArgoSnapshot
	born time.Time
}

// recent are the entries of the last list by the hash of their text: of very
// many Applications few change from one list to the next, and to decode one
// takes twenty times as long as to hash it. It may be lost at any time.
type recent struct {
	mu   sync.Mutex
	last map[[sha256.Size]byte]decoded
}

// begin begins a list of one instance.
func (r *recent) begin(instance string) *gathering {
	r.mu.Lock()
	defer r.mu.Unlock()
	return &gathering{instance: instance, before: r.last, now: make(map[[sha256.Size]byte]decoded, len(r.last)), seen: map[converge.ArgoApp]bool{}}
}

// keep remembers a list that was read whole.
func (r *recent) keep(g *gathering) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.last = g.now
}

// gathering is a list that is being read.
type gathering struct {
	instance    string
	before, now map[[sha256.Size]byte]decoded // nil: nothing is remembered
	seen        map[converge.ArgoApp]bool
	out         []decoded
	outlined    bool // more than a few: only what they are found by is kept
	outlines    bool // from very many entries on only outlines are wanted
	raw         json.RawMessage
}

// page reads one answer to its end, an entry at a time, and returns where the
// next one begins: the whole text is never in memory. An answer that is cut
// short, or is followed by anything, is an error.
func (g *gathering) page(in io.Reader) (next string, err error) {
	dec := json.NewDecoder(in)
	if err := opens(dec, '{'); err != nil {
		return "", err
	}
	isList, hasItems := false, false
	for dec.More() {
		key, err := dec.Token()
		if err != nil {
			return "", fmt.Errorf("decode the answer: %w", err)
		}
		switch key {
		case "metadata":
			var meta *struct {
				Continue string `json:"continue"`
			}
			if err := dec.Decode(&meta); err != nil {
				return "", fmt.Errorf("decode the answer: %w", err)
			}
			if isList = meta != nil; isList {
				next = meta.Continue
			}
		case "items":
			if hasItems {
				return "", errors.New("the answer is two lists")
			}
			hasItems = true
			if err := g.items(dec); err != nil {
				return "", err
			}
		default:
			if err := dec.Decode(&g.raw); err != nil {
				return "", fmt.Errorf("decode the answer: %w", err)
			}
		}
	}
	if _, err := dec.Token(); err != nil { // its closing brace
		return "", fmt.Errorf("decode the answer: %w", err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return "", errors.New("decode the answer: it goes on after its end, or is cut there")
	}
	if !isList {
		return "", errors.New("the answer is no list")
	}
	return next, nil
}

func opens(dec *json.Decoder, with json.Delim) error {
	t, err := dec.Token()
	if err != nil {
		return fmt.Errorf("decode the answer: %w", err)
	}
	if t != with {
		return errors.New("the answer is no list")
	}
	return nil
}

func (g *gathering) items(dec *json.Decoder) error {
	t, err := dec.Token()
	if err != nil {
		return fmt.Errorf("decode the list: %w", err)
	}
	if t == nil { // null is how an empty list is written
		return nil
	}
	if t != json.Delim('[') {
		return errors.New("decode the list: it is none")
	}
	for n := 0; dec.More(); n++ {
		if err := dec.Decode(&g.raw); err != nil {
			return fmt.Errorf("decode the list: %w", err)
		}
		if err := g.entry(g.raw); err != nil {
			return fmt.Errorf("entry %d: %w", n, err)
		}
	}
	if _, err := dec.Token(); err != nil { // its closing bracket
		return fmt.Errorf("decode the list: %w", err)
	}
	return nil
}

// entry takes one Application. One that is nobody's, or twice there, means that
// the list is not what it should be.
func (g *gathering) entry(raw []byte) error {
	d, err := g.decode(raw)
	if err != nil {
		return err
	}
	if g.seen[d.App] {
		return fmt.Errorf("application %s is in the list twice", d.App)
	}
	g.seen[d.App] = true
	if g.outlined {
		d.ArgoSnapshot = outline(d.ArgoSnapshot)
	}
	g.out = append(g.out, d)
	if g.outlines && !g.outlined && len(g.out) > manyApps {
		g.outlined = true
		for i := range g.out {
			g.out[i].ArgoSnapshot = outline(g.out[i].ArgoSnapshot)
		}
		g.before, g.now = nil, nil
	}
	return nil
}

func (g *gathering) decode(raw []byte) (decoded, error) {
	if g.now == nil {
		return decode(g.instance, raw)
	}
	sum := sha256.Sum256(raw)
	d, known := g.before[sum]
	if !known {
		var err error
		if d, err = decode(g.instance, raw); err != nil {
			return d, err
		}
	}
	g.now[sum] = d
	return d, nil
}

// snapshots are what was gathered, as of when the server answered.
func (g *gathering) snapshots(at time.Time, timed bool) []converge.ArgoSnapshot {
	out := make([]converge.ArgoSnapshot, len(g.out))
	for i, d := range g.out {
		d.ReadAt, d.HealthTimed = at, timed
		out[i] = d.ArgoSnapshot
	}
	return out
}
