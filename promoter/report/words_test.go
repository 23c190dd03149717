package report

import (
	"fmt"
	"strings"
	"testing"

	"promoter/promoter"
	"promoter/promoter/scenario"
)

// The core's own words say who judged a merge: a story in which it writes them
// holds them to what is read here.
func TestTheCoresWords(t *testing.T) {
	t.Parallel()
	const (
		byHealthAlone = "1 application converged"
		byTheGate     = "1 application converged, 1 gate passed"
		failedByGate  = "gate errors (production, redis): 0.12 > 0.01 in 3 of 5"
		evidence      = "gate errors (production, redis): fail: 0.12 > 0.01 in 3 of 5"
		asked         = "a person asked to take it back"
	)
	story := fmt.Sprintf(`-- promoter.yaml --
waves:
  - {name: dev, environments: [dev]}
  - {name: staging, environments: [staging]}
  - {name: production, environments: [production]}
policies:
  C3: {merge: automatic}
delivery: {argocd: [{name: argo}], reverts: automatic}
-- world --
chart redis 17.0.0 in dev, staging, production
gate errors in staging, production takes 10m
-- story --
gate errors production/redis at 17.1.0 fail "0.12 > 0.01 in 3 of 5" after 5m
release redis 17.1.0
wait 40m
expect actions seal
  0s: seal #1 as ready: 1 place is well just before the merge
  1m: seal #1 as converged: 1 application converged
  1m: seal #1 as pass: %[1]s
  1m: seal #2 as ready: 1 place is well and 1 gate sees just before the merge
  2m: seal #2 as converged: 1 application converged
  12m: seal #2 as pass: %[2]s
  12m: seal #3 as ready: 1 place is well and 1 gate sees just before the merge
  13m: seal #3 as converged: 1 application converged
  18m: seal #3 as fail: %[3]s
  19m: seal #4 as converged: 1 application converged
  19m: seal #4 as pass: restored: 1 application converged
expect comments #3
  %[3]s
  redis (production): converged: runs base-3, healthy
  %[4]s
person labels #1 promoter/revert
run
expect actions seal
  40m: seal #1 as fail: %[5]s
`, byHealthAlone, byTheGate, failedByGate, evidence, asked)
	r, err := scenario.Run("words.txtar", []byte(story), nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range r.Failures {
		t.Error(f)
	}
	for _, tt := range []struct {
		level    promoter.Level
		reason   string
		evidence string
		want     judged
	}{
		{promoter.Pass, byHealthAlone, "", byHealth},
		{promoter.Pass, byTheGate, "", byGate},
		{promoter.Fail, failedByGate, "", byGate},
		{promoter.Fail, "redis in production: degraded", evidence, byGate},
		{promoter.Fail, asked, "", byWord},
	} {
		p := Pull{Seals: []promoter.Seal{sealed(promoter.StageVerdict, tt.level, 1, tt.reason)}, Evidence: strings.Split(tt.evidence, "\n")}
		if got := p.judge(); got != tt.want {
			t.Errorf("%q: judged by %d, want %d", tt.reason, got, tt.want)
		}
	}
	if !byPerson(&promoter.Seal{Reason: asked}) {
		t.Errorf("%q is no person's word", asked)
	}
}
