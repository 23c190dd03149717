// Package plan holds rollouts as text files over virtual time: the world, what
// happens in it, and what Promoter says and does, in its own words. They are
// the specification of decisions; package scenario documents their language.
package plan

import (
	"flag"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"promoter/promoter/scenario"
)

var (
	update = flag.Bool("update", false, "write what happens into the scenarios")
	dir    = flag.String("dir", ".", "folder of the scenarios; in disputed are those whose expectations the code does not meet")
)

// laws is how many there are; see package promoter.
const laws = 16

// cases are the failures that a rollout must come through, at least one
// scenario each.
var cases = []string{
	"canary regression", "partial upgrade", "telemetry blackout", "silent failure", "resource exhaustion", "rollback that fails",
	"upgrade storm", "dependency order", "window violation", "time skew", "permission missing", "drifted tenant",
}

func TestScenarios(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(*dir, "*.txtar"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no scenarios: %v", err)
	}
	var mu sync.Mutex
	byLaw, byCase := map[int]int{}, map[string]int{}
	looks, actions := 0, 0
	t.Run("files", func(t *testing.T) {
		for _, file := range files {
			t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
				t.Parallel()
				data, err := os.ReadFile(file)
				if err != nil {
					t.Fatal(err)
				}
				r, err := scenario.Run(file, data, nil)
				if err != nil {
					t.Fatal(err)
				}
				if *update && r.Updated != nil {
					if err := os.WriteFile(file, r.Updated, 0o644); err != nil {
						t.Fatal(err)
					}
					data, r.Failures = r.Updated, nil
				}
				if r.About == "" || len(r.Laws) == 0 {
					t.Errorf("%s: say what it is about, and which laws it is of", file)
				}
				for _, f := range r.Failures {
					t.Error(f)
				}
				killed, err := scenario.RunKilled(file, data, nil)
				if err != nil {
					t.Fatal(err)
				}
				for _, f := range killed.Failures {
					t.Errorf("killed after each action: %s", f)
				}
				mu.Lock()
				defer mu.Unlock()
				for _, law := range r.Laws {
					byLaw[law]++
				}
				for _, c := range r.Cases {
					byCase[c]++
				}
				looks, actions = looks+r.Looks+killed.Looks, actions+r.Actions+killed.Actions
			})
		}
	})
	if *dir != "." {
		return
	}
	for law := 1; law <= laws; law++ {
		t.Logf("law %d: %d scenarios", law, byLaw[law])
		if byLaw[law] == 0 {
			t.Errorf("law %d has no scenario", law)
		}
	}
	for _, c := range cases {
		t.Logf("%s: %d scenarios", c, byCase[c])
		if byCase[c] == 0 {
			t.Errorf("there is no scenario of %q", c)
		}
		delete(byCase, c)
	}
	for _, c := range slices.Sorted(maps.Keys(byCase)) {
		t.Errorf("case %q is none of the known ones", c)
	}
	t.Logf("%d scenarios: %d looks, %d actions", len(files), looks, actions)
}
