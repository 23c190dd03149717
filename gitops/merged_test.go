package gitops

import (
	"context"
	"strings"
	"testing"
	"time"

	"promoter/gitops/edit"
	"promoter/promoter"
)

// snapshots is a repository of commits that are known by their files.
type snapshots struct {
	Repository
	files map[string]map[string]string // by commit
}

func (s snapshots) Read(commit, path string) ([]byte, error) {
	if text, ok := s.files[commit][path]; ok {
		return []byte(text), nil
	}
	return nil, ErrNotFound
}

func (s snapshots) FirstParents(_ context.Context, commit string, _ int) ([]Commit, error) {
	return []Commit{{Hash: commit}}, nil
}

// TestAMergeBesideOthers: a person changes the same file between our last look
// and the merge, and the forge joins both. What the merge wrote is known, where
// every line of it is an edit's; else nothing is.
func TestAMergeBesideOthers(t *testing.T) {
	t.Parallel()
	const base = "redis: 1.0.0\nweb: 2.0.0\nnote: a\n"
	at := func(text, value string) promoter.Place {
		i := strings.Index(text, value)
		return promoter.Place{File: "a.yaml", Line: 1 + strings.Count(text[:i], "\n"), Start: i, End: i + len(value), Path: map[string]string{"1.0.0": "redis", "2.0.0": "web"}[value], Written: value}
	}
	redis := promoter.Edit{Place: at(base, "1.0.0"), To: "1.1.0"}
	web := promoter.Edit{Place: at(base, "2.0.0"), To: "2.1.0"}
	for _, c := range []struct {
		why, before, after string
		want               int // edits that it wrote
	}{
		{"a note was changed", "redis: 1.0.0\nweb: 2.0.0\nnote: something longer\n", "redis: 1.1.0\nweb: 2.1.0\nnote: something longer\n", 2},
		{"lines were put above", "# ours\nredis: 1.0.0\nweb: 2.0.0\nnote: a\n", "# ours\nredis: 1.1.0\nweb: 2.1.0\nnote: a\n", 2},
		{"one was written already", "redis: 1.0.0\nweb: 2.1.0\nnote: a\n", "redis: 1.1.0\nweb: 2.1.0\nnote: a\n", 1},
		{"half of it is missing", base, "redis: 1.1.0\nweb: 2.0.0\nnote: a\n", 0},
		{"one has another value", "redis: 1.0.0\nweb: 3.0.0\nnote: a\n", "redis: 1.1.0\nweb: 3.0.0\nnote: a\n", 0},
		{"something else came with it", base, "redis: 1.1.0\nweb: 2.1.0\nnote: b\n", 0},
		{"a line came with it", base, "redis: 1.1.0\nweb: 2.1.0\nnote: a\nmore: b\n", 0},
		{"another version came", base, "redis: 1.2.0\nweb: 2.1.0\nnote: a\n", 0},
	} {
		o := Observer{
			Repo: snapshots{files: map[string]map[string]string{"before": {"a.yaml": c.before}}},
			Make: func(read func(string) ([]byte, bool, error), edits []promoter.Edit, at time.Time) (map[string][]byte, error) {
				return edit.Files(read, edits, at)
			},
		}
		changes := []Change{{Path: "a.yaml", Before: []byte(c.before), After: []byte(c.after)}}
		if got := o.beside(t.Context(), "before", []promoter.Edit{redis, web}, changes); len(got) != c.want {
			t.Errorf("%s: it wrote %v, want %d edits", c.why, got, c.want)
		}
	}
}

// hiccup is a repository of one merge, of which a file cannot be read at first.
type hiccup struct {
	Repository
	message string
	healed  bool
}

func (h *hiccup) Reach(context.Context, string) error { return nil }

func (h *hiccup) FirstParents(_ context.Context, commit string, limit int) ([]Commit, error) {
	return []Commit{{Hash: commit, Message: h.message}, {Hash: "before"}}[:min(limit, 2)], nil
}

func (h *hiccup) Changes(string, string) ([]Change, error) {
	return []Change{{Path: "a.yaml", Before: []byte("redis: \"1.0.0\"\n"), After: []byte("redis: '1.1.0'\n")}}, nil
}

// TestAMergeBesideOthersInOneOfItsFiles: a person changed one of the files, and
// the other got what nothing stood for before.
func TestAMergeBesideOthersInOneOfItsFiles(t *testing.T) {
	t.Parallel()
	const base, over = "note: a\nredis: 1.0.0\n", "spec:\n  replicas: 3\n"
	edits := []promoter.Edit{
		{Place: promoter.Place{File: "a.yaml", Line: 2, Start: 15, End: 20, Path: "redis", Written: "1.0.0"}, To: "1.1.0"},
		{Place: promoter.Place{File: "over.yaml", Path: "spec.redis.version", Written: "1.0.0"}, To: "1.1.0", Insert: promoter.Insert{Field: "spec.redis.version"}},
	}
	files := map[string]string{"a.yaml": strings.Replace(base, "note: a", "note: something longer", 1), "over.yaml": over}
	o := Observer{
		Repo: snapshots{files: map[string]map[string]string{"before": files}},
		Make: func(read func(string) ([]byte, bool, error), edits []promoter.Edit, at time.Time) (map[string][]byte, error) {
			return edit.Files(read, edits, at)
		},
	}
	made, err := remake(t.Context(), o.Repo, o.Make, "before", edits[1:])
	if err != nil {
		t.Fatal(err)
	}
	for more, want := range map[string]int{"": 2, "other: b\n": 0} {
		changes := []Change{
			{Path: "a.yaml", Before: []byte(files["a.yaml"]), After: []byte(strings.Replace(files["a.yaml"], "1.0.0", "1.1.0", 1))},
			{Path: "over.yaml", Before: []byte(over), After: append(made["over.yaml"], more...)},
		}
		if got := o.beside(t.Context(), "before", edits, changes); len(got) != want {
			t.Errorf("with %q besides: it wrote %v, want %d edits", more, got, want)
		}
	}
}

// TestAMergeOfWhatAPersonWroteInPart: of two places in a file that read the same,
// and were to read the same, a person had written the first.
func TestAMergeOfWhatAPersonWroteInPart(t *testing.T) {
	t.Parallel()
	const before, after = "redis: 1.1.0\ndb: 1.0.0\n", "redis: 1.1.0\ndb: 1.1.0\n"
	edits := []promoter.Edit{
		{Place: promoter.Place{File: "a.yaml", Line: 1, Start: 7, End: 12, Path: "redis", Written: "1.0.0"}, To: "1.1.0"},
		{Place: promoter.Place{File: "a.yaml", Line: 2, Start: 17, End: 22, Path: "db", Written: "1.0.0"}, To: "1.1.0"},
	}
	o := Observer{
		Repo: snapshots{files: map[string]map[string]string{"before": {"a.yaml": before}}},
		Make: func(read func(string) ([]byte, bool, error), edits []promoter.Edit, at time.Time) (map[string][]byte, error) {
			return edit.Files(read, edits, at)
		},
	}
	got := o.beside(t.Context(), "before", edits, []Change{{Path: "a.yaml", Before: []byte(before), After: []byte(after)}})
	if len(got) != 1 || got[0].Place.Path != "db" {
		t.Errorf("it wrote %v, want what db reads", got)
	}
}

// TestWhatCouldNotBeReadIsReadAgain: a merge of which nothing is known, because
// a file could not be read just then, is known at the next look.
func TestWhatCouldNotBeReadIsReadAgain(t *testing.T) {
	t.Parallel()
	e := promoter.Edit{Place: promoter.Place{File: "a.yaml", Path: "redis", Written: "1.0.0"}, To: "1.1.0"}
	h := &hiccup{message: "x\n\n" + promoter.Trailers{Change: "redis-2", Edits: []promoter.Edit{e}}.String()}
	o := Observer{Repo: h, Ledger: &Ledger{}, Make: func(func(string) ([]byte, bool, error), []promoter.Edit, time.Time) (map[string][]byte, error) {
		if !h.healed {
			return nil, ErrNotFound
		}
		return map[string][]byte{"a.yaml": []byte("redis: '1.1.0'\n")}, nil
	}}
	for _, healed := range []bool{false, true} {
		h.healed = healed
		pull := promoter.Pull{Merge: "m"}
		if err := o.merged(t.Context(), &pull); err != nil || pull.Obscure == healed || len(pull.Edits) == 0 == healed {
			t.Errorf("healed: %v, obscure: %v, %v", healed, pull.Obscure, err)
		}
	}
}
