package scenario

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"promoter/promoter"
	"promoter/promoter/config"
)

const policy = `-- promoter.yaml --
waves:
  - {name: dev, environments: [dev]}
  - {name: production, environments: [production]}
policies:
  C3: {merge: automatic}
delivery: {argocd: [{name: argo}]}
`

// told is a scenario of redis in dev and production.
func told(story string) []byte {
	return []byte(policy + "-- world --\nchart redis 17.0.0 in dev, production\n-- story --\n" + story)
}

func TestMistakesSayWhatToWrite(t *testing.T) {
	t.Parallel()
	tests := []struct{ world, story, want string }{
		{"", "rum", `there is no step "rum": write at, run,`},
		{"", "wait ten", `"ten" is no time: write 90s, 5m, 2h or 3d`},
		{"", "wait", "a time such as 10m is missing in the end"},
		{"", "run now", `"now" is not understood here`},
		{"", "release memcached 1.0.0", `nothing in the world is called "memcached": write one of redis`},
		{"", "app dev degraded", `"dev" is no place: write ENVIRONMENT/APP, such as dev/*`},
		{"", "app dev/redis sleepy", `an application is not "sleepy": write healthy, converges after 5m,`},
		{"", `gate errors dev/redis "no data"`, `"no data" stands where a word is missing: write pass, hold, unknown or fail`},
		{"", `gate errors dev/redis fail "no end`, `the quote of "no end does not end: write another " behind it`},
		{"", "person merges 3", `"3" is no number of a pull request or an issue: write #3`},
		{"", "person pushes #3", "write person pushes to #3"},
		{"", "person ana yawns #3", `"yawns" stands where a word is missing: write merges, closes,`},
		{"", "forge denies coffee", `"coffee" stands where a word is missing: write merges, pushes,`},
		{"", "forge sleeps", `"sleeps" is not understood: write forge fails,`},
		{"", "expect miracles", `"miracles" stands where a word is missing: write line, actions,`},
		{"", "expect edits", "a number such as #3 is missing in the end"},
		{"", "  an indented line", "begin the line without blanks"},
		{"", "freeze for 2h", `what the freeze is called is missing before "for": write it in "quotes"`},
		{"pod redis 1.0.0 in dev", "run", `the world has no "pod": write start, chart,`},
		{"chart nginx 1.0.0", "run", "nginx stands nowhere: write in ENVIRONMENT, or file PATH"},
		{"chart nginx 1.0.0 on dev", "run", `"on" says nothing of a pin: write in, tenant,`},
		{"chart redis 1.0.0 in dev", "run", "redis is pinned in dev/redis.yaml already: write another file"},
		{"image redis 1.0.0 in dev file other.yaml", "release redis 1.1.0", `"redis" is the name of`},
		{"start monday", "run", `"monday" is no moment: write 2026-11-23 08:00`},
		{"gate errors per pod", "run", `a gate is not per "pod": write environment, tenant, cluster or app`},
	}
	for _, tt := range tests {
		text := policy + "-- world --\nchart redis 17.0.0 in dev, production\n" + tt.world + "\n-- story --\n" + tt.story + "\n"
		line := 12
		if tt.world != "" && tt.story != "release redis 1.1.0" {
			line = 10
		}
		_, err := Run("x.txtar", []byte(text), nil)
		var ms Mistakes
		if !errors.As(err, &ms) || len(ms) != 1 {
			t.Errorf("%q, %q: error %v, want one mistake", tt.world, tt.story, err)
			continue
		}
		if !strings.Contains(ms[0].Text, tt.want) || ms[0].Line != line {
			t.Errorf("%q, %q: %v\nwant line %d: %s", tt.world, tt.story, ms[0], line, tt.want)
		}
	}
}

func TestEveryMistakeIsToldAtOnce(t *testing.T) {
	t.Parallel()
	_, err := Run("x.txtar", []byte("-- world --\npod a\n-- extra --\n-- world --\n"), nil)
	want := `x.txtar:3: there is no section "extra": write promoter.yaml, world or story
x.txtar:4: a second section "world": write all of it in one
x.txtar:5: the section story is missing: write a line "-- story --" and what belongs there`
	if err == nil || err.Error() != want {
		t.Errorf("got\n%v\nwant\n%s", err, want)
	}
}

func TestMistakesInTheConfigurationHaveTheirLine(t *testing.T) {
	t.Parallel()
	_, err := Run("x.txtar", []byte("about\n\n-- promoter.yaml --\nwaves: []\nwafes: []\n-- world --\n-- story --\n"), nil)
	if err == nil || !strings.Contains(err.Error(), "x.txtar:5") {
		t.Errorf("got %v, want a mistake in line 5", err)
	}
}

func TestAFailureShowsWhatDiffers(t *testing.T) {
	t.Parallel()
	r, err := Run("x.txtar", told("run\nexpect lines\n  redis 17.0.0 in dev: current: nothing newer is wanted\n  redis 18.0.0 in production: current: nothing newer is wanted\n"), nil)
	if err != nil {
		t.Fatal(err)
	}
	want := `x.txtar:12: expect lines, at 0s (-want +got):
    redis 17.0.0 in dev: current: nothing newer is wanted
  - redis 18.0.0 in production: current: nothing newer is wanted
  + redis 17.0.0 in production: current: nothing newer is wanted`
	if len(r.Failures) != 1 || r.Failures[0].String() != want {
		t.Errorf("got\n%v\nwant\n%s", r.Failures, want)
	}
}

func TestAnUpdateIsWhatHappensAndNothingElse(t *testing.T) {
	t.Parallel()
	story := "run # a comment\n\nexpect pulls\n  old\n  older\nrelease redis 17.1.0\nrun\nexpect pins\nexpect wake\n"
	r, err := Run("x.txtar", told(story), nil)
	if err != nil || r.Passed() {
		t.Fatalf("passed %v, error %v", r.Passed(), err)
	}
	want := told("run # a comment\n\nexpect pulls\n  nothing\nrelease redis 17.1.0\nrun\nexpect pins\n  dev redis 17.1.0\n  production redis 17.0.0\nexpect wake\n  at 1m\n")
	if string(r.Updated) != string(want) {
		t.Errorf("got\n%s\nwant\n%s", r.Updated, want)
	}
	again, err := Run("x.txtar", r.Updated, nil)
	if err != nil || !again.Passed() || string(again.Updated) != string(r.Updated) {
		t.Errorf("told again: %v, %v", err, again.Failures)
	}
}

func TestTheUsersConfigurationCounts(t *testing.T) {
	t.Parallel()
	manual, err := config.Parse("promoter.yaml", []byte("policies:\n  C3: {merge: manual}\ndelivery: {argocd: [{name: argo}]}\n"))
	if err != nil {
		t.Fatal(err)
	}
	story := "release redis 17.1.0\nwait 1h\nexpect pins\n"
	without := []byte(strings.TrimPrefix(string(told(story)), policy))
	for _, tt := range []struct {
		data []byte
		want string
	}{{without, "dev redis 17.0.0"}, {told(story), "dev redis 17.1.0"}} {
		r, err := Run("x.txtar", tt.data, manual)
		if err != nil || !strings.Contains(string(r.Updated), tt.want) {
			t.Errorf("%v: %s\nwant %s", err, r.Updated, tt.want)
		}
	}
}

// TestRulesThatNoScenarioMayBreak lets the world meet actions that no decision
// should ever hold.
func TestRulesThatNoScenarioMayBreak(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, want string
		spoil      func(*pull)
	}{
		{"person's commits", "is merged with a person's commits (law 11)", func(p *pull) { p.Foreign = true }},
		{"other edits", "is merged with other edits than it showed (law 11)", func(p *pull) { p.shown[0].To = "1.0.0" }},
		{"later wave", "of wave dev reaches production (law 16)", func(*pull) {}},
	}
	for _, tt := range tests {
		s, err := read("x.txtar", told("release redis 17.1.0\n"), nil)
		if err != nil {
			t.Fatal(err)
		}
		teller := &teller{world: s.world}
		if err := s.steps[0].do(teller); err != nil {
			t.Fatal(err)
		}
		for range 2 { // pushed, opened
			if _, _, err := teller.look(-1); err != nil {
				t.Fatal(err)
			}
		}
		p := s.world.pulls[0]
		tt.spoil(p)
		if tt.name == "later wave" {
			s.world.files["dev/redis.yaml"][0].reaches = []string{"dev", "production"}
		}
		_, _, err = teller.act(promoter.Merge{Number: p.Number, Branch: p.Branch, Head: p.Head})
		var broken brokenError
		if !errors.As(err, &broken) || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q", tt.name, err, tt.want)
		}
	}
}

func TestAnEffectHappensOnce(t *testing.T) {
	t.Parallel()
	for _, a := range []promoter.Action{
		promoter.OpenTicket{Key: "incident x"},
		promoter.WriteSeal{Seal: promoter.Seal{Commit: "base-1", Stage: promoter.StageVerdict}},
		promoter.Open{Branch: "promoter/x/dev"},
	} {
		r := &teller{}
		if err := r.twice(a); err != nil {
			t.Errorf("%T once: %v", a, err)
		}
		if err := r.twice(a); err == nil || !strings.Contains(err.Error(), "a second time") {
			t.Errorf("%T twice: %v", a, err)
		}
	}
}

func TestSilenceIsAFailure(t *testing.T) {
	t.Parallel()
	target := promoter.Target{Pin: promoter.Pin{Artifact: promoter.Artifact{Name: "redis"}, Environment: "dev"}}
	o := promoter.Observation{Targets: []promoter.Target{target}}
	if err := (&teller{}).explained(o, promoter.Decision{}); err == nil || !strings.Contains(err.Error(), "nothing is said of redis in dev (law 14)") {
		t.Errorf("no line: %v", err)
	}
	if err := (&teller{}).explained(o, promoter.Decision{Lines: []promoter.Line{{Subject: "redis", Environment: "dev"}}}); err != nil {
		t.Errorf("a line: %v", err)
	}
}

func TestGlob(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		pattern, name string
		want          bool
	}{
		{"dev", "dev", true}, {"dev", "dev2", false}, {"*", "", true}, {"prod-*", "prod-eu", true}, {"prod-*", "preprod-eu", false},
		{"*-eu", "prod-eu", true}, {"*a*b", "xaxbxb", true}, {"*a*b", "xaxbx", false}, {"", "", true}, {"", "x", false},
	} {
		if got := glob(tt.pattern, tt.name); got != tt.want {
			t.Errorf("%q on %q: %v", tt.pattern, tt.name, got)
		}
	}
}

// FuzzRun tells whatever it is given: it may be refused, and never panics, nor
// is its update another story than it was.
func FuzzRun(f *testing.F) {
	f.Add("run\nexpect lines\n")
	f.Add("release redis 17.1.0\nwait 1h\nexpect actions\nperson merges #2\nperson sets */redis to 17.0.0\nrun\n")
	f.Add("gate errors dev/redis at 17.1.0 fail \"x\" after 5m\nmeanwhile crash after 1\nclock skews -70s\nat 10m\n")
	f.Fuzz(func(t *testing.T, story string) {
		if strings.Count(story, "\n") > 12 {
			return // stories are only made longer by that
		}
		r, err := Run("x.txtar", told(story), nil)
		if err != nil || r.Updated == nil {
			return
		}
		again, err := Run("x.txtar", r.Updated, nil)
		if err != nil {
			t.Fatalf("what was told cannot be read: %v\n%s", err, r.Updated)
		}
		if !slices.Equal(again.Failures, nil) {
			t.Errorf("told again it fails: %v", fmt.Sprint(again.Failures))
		}
	})
}
