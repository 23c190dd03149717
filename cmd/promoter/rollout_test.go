package main

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"promoter/promoter"
	"promoter/test/world"
	"promoter/test/world/delivery"
	"promoter/test/world/forge"
	sli "promoter/test/world/metrics"
)

// rollout is a world with a Promoter that works on it. Its clock runs fast, and
// a test lets more of it pass.
type rollout struct {
	*testing.T
	*stage
	workshop *workshop
	said     []string // actions, each with the world's time since the start
	began    time.Time
	last     promoter.Decision
}

func beginRollout(t *testing.T, b world.Behaviour) *rollout {
	t.Helper()
	t.Parallel()
	clock := delivery.NewClock(time.Now().Add(-7*24*time.Hour), 30)
	s, err := openStage(t.TempDir(), clock, b, []string{"platform/addons.yaml", "apps/reporting"}, t.Output())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.close)
	r := &rollout{T: t, stage: s, began: clock.Now()}
	r.restart()
	return r
}

// restart has a Promoter begin that knows nothing.
func (r *rollout) restart() {
	r.Helper()
	if r.workshop != nil {
		r.workshop.close()
	}
	w, err := r.open(r.Context())
	if err != nil {
		r.Fatal(err)
	}
	r.workshop = w
	r.Cleanup(w.close)
}

// look does what is to be done now.
func (r *rollout) look() {
	r.Helper()
	r.delivered.Engine.Step()
	_, d, err := r.workshop.settle(r.Context(), func(x done) {
		line := fmt.Sprintf("%s %s", r.clock.Now().Sub(r.began).Round(time.Second), x)
		r.said = append(r.said, line)
		r.Log(line)
		if x.err != nil {
			r.Error(x.err)
		}
	})
	if err != nil {
		r.Fatal(err)
	}
	r.last = d
}

// until looks again and again, whenever waiting changes something, until it is
// as wanted. It fails after so long.
func (r *rollout) until(most time.Duration, what string, wanted func() bool) {
	r.Helper()
	for end := r.clock.Now().Add(most); ; {
		r.look()
		if wanted() {
			return
		}
		now := r.clock.Now()
		if now.After(end) {
			r.Fatalf("not within %s: %s\n%s", most, what, r.lines())
		}
		step := time.Minute
		if !r.last.Wake.IsZero() {
			step = min(max(r.last.Wake.Sub(now), 5*time.Second), step)
		}
		r.clock.Pass(step)
	}
}

func (r *rollout) lines() string {
	var b strings.Builder
	for _, l := range r.last.Lines {
		if l.Status != promoter.Current {
			fmt.Fprintf(&b, "%s\n", l)
		}
	}
	return b.String()
}

// line is what the last look says of a change in an environment.
func (r *rollout) line(subject, to, environment string) promoter.Line {
	i := slices.IndexFunc(r.last.Lines, func(l promoter.Line) bool {
		return l.Subject == subject && l.To == to && l.Environment == environment
	})
	if i < 0 {
		return promoter.Line{}
	}
	return r.last.Lines[i]
}

func (r *rollout) passed(subject, to string, environments ...string) func() bool {
	return func() bool {
		return !slices.ContainsFunc(environments, func(e string) bool { return r.line(subject, to, e).Status != promoter.Passed })
	}
}

// pull is the newest pull request with a title.
func (r *rollout) pull(title string) forge.Pull {
	var out forge.Pull
	for _, p := range r.hosted.Pulls() {
		if p.Title == title {
			out = p
		}
	}
	return out
}

func (r *rollout) merged(title string) func() bool {
	return func() bool { return r.pull(title).State == "merged" }
}

// pins fails unless the base branch has the text in each of the files.
func (r *rollout) pins(text string, files ...string) {
	r.Helper()
	for _, file := range files {
		data, err := r.hosted.Read(r.hosted.Base, file)
		if err != nil || !strings.Contains(string(data), text) {
			r.Errorf("%s does not have %q: %v\n%s", file, text, err, data)
		}
	}
}

// count is how many actions were said with a text.
func (r *rollout) count(text string) int {
	n := 0
	for _, s := range r.said {
		if strings.Contains(s, text) {
			n++
		}
	}
	return n
}

func session(environment string) string { return "apps/sessions/" + environment + ".yaml" }
func overlayOf(environment string) string {
	return "apps/storefront/overlays/" + environment + "/kustomization.yaml"
}

// A good release travels through all waves, with the approvals that one of the
// tenants wants, while a release of something else is stopped by its errors in
// staging, taken back, and overtaken by the version that mends it. In between
// every memory is lost.
func TestReleasesTravelAndAreStopped(t *testing.T) {
	bad := sli.Rule{Artifact: "redis", Version: "18.4.0", Environment: "staging", Errors: 0.12}
	r := beginRollout(t, world.Behaviour{Metrics: []sli.Rule{bad}})

	r.until(15*time.Minute, "the bad release is taken back", r.merged("revert staging: redis 18.4.0 -> 18.1.0"))
	was := r.pull("staging: redis 18.1.0 -> 18.4.0")
	evidence := strings.Join(was.Comments, "\n")
	for _, want := range []string{"gate errors", "sessions-staging", "http_requests_total"} {
		if !strings.Contains(evidence, want) {
			t.Errorf("the evidence on #%d does not name %q:\n%s", was.Number, want, evidence)
		}
	}
	revert := r.pull("revert staging: redis 18.4.0 -> 18.1.0")
	if !strings.Contains(revert.Body, "gate errors") {
		t.Errorf("the revert does not say why:\n%s", revert.Body)
	}
	r.restart()
	r.until(15*time.Minute, "staging is restored", r.passed("redis", "18.1.0", "staging"))
	if l := r.line("redis", "18.4.0", "production-globex"); l.Status != promoter.Left || !strings.Contains(l.Why, "quarantined") {
		t.Errorf("production: %s", l)
	}
	r.pins("targetRevision: 18.4.0", session("dev"))
	r.pins("targetRevision: 18.1.0", session("staging"), session("production-globex"))

	r.until(30*time.Minute, "the good release is in production", r.passed("shop/storefront", "2.6.0", "dev", "staging", "production-globex"))
	acme := r.pull("production/acme: shop/storefront 2.3.0 -> 2.6.0")
	if acme.State != "open" {
		t.Errorf("acme's pull request is %s without approvals", acme.State)
	}
	for _, who := range []string{"ben", "cleo"} {
		if err := r.hosted.Review(acme.Number, who, "APPROVED"); err != nil {
			t.Fatal(err)
		}
	}
	r.restart()
	r.until(15*time.Minute, "acme has it", r.passed("shop/storefront", "2.6.0", "production-acme"))
	r.pins("newTag: 2.6.0", overlayOf("dev"), overlayOf("staging"), overlayOf("production-acme"), overlayOf("production-globex"))

	r.world.Publish(world.Chart{Name: "redis", Version: "18.4.1", AppVersion: "7.2.4", Created: r.clock.Now()})
	r.until(2*time.Hour, "the version that mends it is in production", r.passed("redis", "18.4.1", "dev", "staging", "production-globex"))
	r.pins("targetRevision: 18.4.1", session("dev"), session("staging"), session("production-globex"))
	r.pins("targetRevision: 17.9.2", session("production-acme")) // a major step, which nobody allowed
	if n := r.count("open promoter/redis-18.4.0-cf41bd87/staging"); n != 2 {
		t.Errorf("redis 18.4.0 was brought to staging and back by %d pull requests", n)
	}
}

// Whoever runs Promoter now and then, each time without any memory, gets there
// too.
func TestRunsNowAndThen(t *testing.T) {
	r := beginRollout(t, world.Behaviour{})
	for range 20 {
		r.restart()
		r.look()
		if r.pull("staging: shop/storefront 2.4.1 -> 2.6.0").State == "merged" {
			return
		}
		r.clock.Pass(time.Minute)
	}
	t.Errorf("staging was not reached:\n%s", r.lines())
}

// A release that crashes is taken back where it is, without anybody measuring.
func TestADegradedReleaseIsTakenBack(t *testing.T) {
	r := beginRollout(t, world.Behaviour{Delivery: []delivery.Rule{{
		Artifact: "storefront", Version: "2.6.0", Environment: "staging", Outcome: delivery.Degraded, Message: "back-off restarting failed container web",
	}}})
	r.until(20*time.Minute, "it is taken back", r.merged("revert staging: shop/storefront 2.6.0 -> 2.4.1"))
	was := r.pull("staging: shop/storefront 2.4.1 -> 2.6.0")
	if evidence := strings.Join(was.Comments, "\n"); !strings.Contains(evidence, "back-off restarting failed container web") {
		t.Errorf("the evidence on #%d is\n%s", was.Number, evidence)
	}
	r.until(10*time.Minute, "staging is restored", r.passed("shop/storefront", "2.4.1", "staging"))
	r.pins("newTag: 2.4.1", overlayOf("staging"), overlayOf("production-globex"))
	if p := r.pull("production/globex: shop/storefront 2.4.1 -> 2.6.0"); p.State == "merged" {
		t.Error("it was merged in production")
	}
}

// When nothing is measured any more nothing moves: not on, and not back. When
// it is measured again, the release goes on.
func TestATelemetryBlackoutHolds(t *testing.T) {
	r := beginRollout(t, world.Behaviour{})
	dark := sli.Where{App: "storefront-staging"}
	r.until(15*time.Minute, "it is in staging", r.merged("staging: shop/storefront 2.4.1 -> 2.6.0"))
	r.delivered.Metrics.Blackout(dark, true)
	end := r.clock.Now().Add(14 * time.Minute)
	r.until(20*time.Minute, "time passes", func() bool { return r.clock.Now().After(end) })
	if l := r.line("shop/storefront", "2.6.0", "staging"); l.Status != promoter.Verifying || !strings.Contains(l.Why, "gate errors") {
		t.Errorf("staging: %s", l)
	}
	if r.count("revert") > 0 || r.count("as fail") > 0 {
		t.Error("something was taken back, or sealed as failed")
	}
	if p := r.pull("production/globex: shop/storefront 2.4.1 -> 2.6.0"); p.State == "merged" {
		t.Error("it went on to production")
	}
	r.delivered.Metrics.Blackout(dark, false)
	r.until(30*time.Minute, "it goes on", r.passed("shop/storefront", "2.6.0", "staging", "production-globex"))
}
