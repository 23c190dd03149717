package edit

import (
	"strings"
	"testing"
	"time"

	"promoter/promoter"
)

func TestAChartsLockFileFollowsItsDependencies(t *testing.T) {
	chart := "apiVersion: v2\nname: web\nversion: 0.1.0\ndependencies:\n- name: redis\n  repository: https://charts.example.com\n  version: ^18.0.0\n- name: common\n  repository: https://charts.example.com\n  version: 2.1.0\n"
	generated := time.Date(2026, 11, 22, 6, 0, 0, 0, time.UTC)
	before, err := Dependencies([]byte(chart))
	if err != nil {
		t.Fatal(err)
	}
	var locked []*Dependency
	for i, version := range []string{"18.1.0", "2.1.0"} {
		d := *before[i]
		d.Version = version
		locked = append(locked, &d)
	}
	lock, err := LockFile(before, locked, generated.Add(-time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{"web/Chart.yaml": chart, "web/Chart.lock": string(lock)}
	read := func(path string) ([]byte, bool, error) {
		text, ok := files[path]
		return []byte(text), ok, nil
	}
	start := strings.Index(chart, "^18.0.0")
	edits := []promoter.Edit{{
		Place:   promoter.Place{File: "web/Chart.yaml", Line: 7, Path: "dependencies[0].version", Start: start, End: start + 7, Written: "^18.0.0"},
		To:      "^19.0.0",
		Release: "19.2.0",
	}}
	out, err := Files(read, edits, generated)
	if err != nil {
		t.Fatal(err)
	}
	if got := string(out["web/Chart.yaml"]); got != strings.Replace(chart, "^18.0.0", "^19.0.0", 1) {
		t.Errorf("Chart.yaml:\n%s", got)
	}
	got := string(out["web/Chart.lock"])
	for _, want := range []string{"version: 19.2.0", "version: 2.1.0", "2026-11-22T06:00:00Z"} {
		if !strings.Contains(got, want) {
			t.Errorf("Chart.lock does not hold %q:\n%s", want, got)
		}
	}
	if strings.Contains(got, "18.1.0") {
		t.Errorf("Chart.lock still holds the old version:\n%s", got)
	}

	t.Run("without a lock file none is made", func(t *testing.T) {
		delete(files, "web/Chart.lock")
		out, err := Files(read, edits, generated)
		if err != nil || len(out) != 1 {
			t.Errorf("%d files, error %v; want Chart.yaml alone", len(out), err)
		}
	})
	t.Run("a lock file out of sync is refused", func(t *testing.T) {
		files["web/Chart.lock"] = strings.Replace(string(lock), "digest: sha256:", "digest: sha256:00", 1)
		if _, err := Files(read, edits, generated); err == nil {
			t.Error("no error")
		}
	})
}

func TestACommitThatBeginsLikeABinaryNumberNeedsNoQuotes(t *testing.T) {
	from, to := "73612c0b60658392c6786b563a810fa122585fa6", "0b2badbef3eb6a31df27b324a15007949aa78354"
	text := "newTag: " + from + "\n"
	got, err := Apply([]byte(text), []Set{{Place: promoter.Place{File: "kustomization.yaml", Line: 1, Path: "newTag", Start: 8, End: 48, Written: from}, To: to}})
	if err != nil {
		t.Fatal(err)
	}
	if want := "newTag: " + to + "\n"; string(got) != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
