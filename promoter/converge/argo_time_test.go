package converge

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"promoter/promoter"
)

// looks are the same application read at several times.
func looks(s ArgoSnapshot, seconds ...int) []ArgoSnapshot {
	var out []ArgoSnapshot
	for i, at := range seconds {
		s.ReadAt, s.Version = after(at), fmt.Sprint(700+i)
		out = append(out, s)
	}
	return out
}

func judge(t *testing.T, ask Ask, seen []ArgoSnapshot, want promoter.Outcome, reason string) promoter.Convergence {
	t.Helper()
	got := Argo(ask, seen, seen[len(seen)-1].ReadAt)
	if got.Outcome != want || !strings.Contains(got.Reason, reason) {
		t.Errorf("%s: %s; want %s: …%s…", got.Outcome, got.Reason, want, reason)
	}
	return got
}

func TestDwellWithAndWithoutMemory(t *testing.T) {
	t.Parallel()
	ask, s := settled()
	judge(t, ask, looks(s, 59), promoter.Pending, "must be for")
	judge(t, ask, looks(s, 60), promoter.Converged, "")

	s.HealthTimed = false
	got := judge(t, ask, looks(s, 120), promoter.Pending, "must be for")
	if !got.Until.After(after(120)) {
		t.Errorf("until %s", got.Until)
	}
	judge(t, ask, looks(s, 100, 129), promoter.Pending, "must be for")
	judge(t, ask, looks(s, 100, 130), promoter.Converged, "")
	judge(t, ask, looks(s, 41, 141), promoter.Pending, "must be for") // nobody looked in between

	late := s
	late.ReconciledAt = after(65)
	judge(t, ask, looks(late, 149), promoter.Pending, "must be for") // four dwells after the health
	judge(t, ask, looks(late, 150), promoter.Converged, "")

	bad := s
	bad.Health = "Progressing"
	seen := append(looks(bad, 100), looks(s, 101, 129)...)
	for i := range seen {
		seen[i].Version = ""
	}
	judge(t, ask, seen, promoter.Pending, "must be for")
}

func TestPatienceBecomesBlindness(t *testing.T) {
	t.Parallel()
	ask, s := settled()
	s.ReconciledAt = after(-30)
	got := judge(t, ask, looks(s, 100), promoter.Pending, "last compared")
	if !got.Until.Equal(after(300)) {
		t.Errorf("until %s", got.Until)
	}
	judge(t, ask, looks(s, 300), promoter.Blind, "for 5m0s now: it was last compared")

	// Asking again and again does not begin the wait anew.
	for n := 1; n < 60; n++ {
		ask.Asked, ask.Fence = n, after(5*n)
		want := promoter.Pending
		if 5*n+1 >= 300 {
			want = promoter.Blind
		}
		judge(t, ask, looks(s, 5*n+1), want, "last compared")
	}
	// Nobody was there to ask for an hour: it is waited for since somebody did.
	ask.First, ask.Fence, ask.Asked = after(3600), after(3605), 2
	judge(t, ask, looks(s, 3899), promoter.Pending, "last compared")
	judge(t, ask, looks(s, 3900), promoter.Blind, "last compared")
	// A closed window stops the clock.
	shut := looks(s, 3950, 4000)
	shut[0].CanSync = No
	judge(t, ask, shut, promoter.Pending, "last compared")
}

func TestARecordStandsForTheStateBeforeTheMerge(t *testing.T) {
	t.Parallel()
	ask, s := settled()
	s.Health, s.Resources[0].Health = "Degraded", "Degraded"
	ask.Base, ask.HealthyBefore = ArgoSnapshot{}, true
	if got := judge(t, ask, looks(s, 120), promoter.Failed, "Degraded"); !got.Attributable {
		t.Errorf("not attributable: %q", got.Evidence)
	}
	ask.Base = s // what was seen outweighs it
	if got := judge(t, ask, looks(s, 120), promoter.Failed, "Degraded"); got.Attributable {
		t.Errorf("attributable: %q", got.Evidence)
	}

	flux, look := fluxSettled()
	condition(&look.Kustomizations[2].FluxObject, "Ready", "False", "BuildFailed", after(60))
	flux.Base = FluxSnapshot{}
	if got := Flux(flux, []FluxSnapshot{look}, after(201)); got.Outcome != promoter.Failed || got.Attributable {
		t.Errorf("without a record: %s, attributable %v", got.Outcome, got.Attributable)
	}
	flux.ReadyBefore = true
	if got := Flux(flux, []FluxSnapshot{look}, after(201)); !got.Attributable {
		t.Errorf("%s: %q", got.Reason, got.Evidence)
	}
}

func TestArgoCommits(t *testing.T) {
	t.Parallel()
	ask, s := settled()
	s.Sources = append(s.Sources, ArgoSource{Repo: "https://git.example.com/other", Revision: "main"}, ArgoSource{Repo: "https://charts.example.com", Chart: "redis"})
	s.Revisions = []string{commitY, commitZ, "1.2.3"}
	s.Operation.Asked, s.Operation.Result = []string{commitX}, []string{commitO, commitZ}
	if got := ArgoCommits(ask, s); !slices.Equal(got, []string{commitY, commitO}) {
		t.Errorf("%q", got)
	}
	s.Hydrator = &ArgoHydrator{Dry: commitZ, Hydrated: commitY}
	if got := ArgoCommits(ask, s); !slices.Equal(got, []string{commitZ}) {
		t.Errorf("hydrated: %q", got)
	}
}

func TestFailureIsAttributedByEvidenceOnly(t *testing.T) {
	t.Parallel()
	ask, s := settled()
	s.Health = "Degraded"
	s.Resources[0].Health = "Degraded"
	s.Resources[0].Message = "2 of 3\npods crash"
	if got := judge(t, ask, looks(s, 120), promoter.Failed, "Deployment shop/cart (2 of 3 pods crash)"); !got.Attributable {
		t.Errorf("not attributable: %q", got.Evidence)
	}
	if got := judge(t, ask, looks(s, 80), promoter.Pending, "Degraded"); !got.Until.Equal(after(90)) {
		t.Errorf("until %s", got.Until)
	}
	for name, spoil := range map[string]func(*Ask, *ArgoSnapshot){
		"base unknown":       func(a *Ask, _ *ArgoSnapshot) { a.Base = ArgoSnapshot{} },
		"base ill":           func(a *Ask, _ *ArgoSnapshot) { a.Base.Health = "Degraded" },
		"nothing changed":    func(a *Ask, _ *ArgoSnapshot) { a.Expect.Changed = false },
		"something else ill": func(a *Ask, _ *ArgoSnapshot) { a.Expect.Resources = []Ref{{Kind: "Service", Name: "cart"}} },
		"not known what":     func(_ *Ask, s *ArgoSnapshot) { s.Resources = []ArgoResource{{Ref: workload}} },
	} {
		ask, s := ask, s
		spoil(&ask, &s)
		if got := judge(t, ask, looks(s, 120), promoter.Failed, "Degraded"); got.Attributable || !strings.Contains(strings.Join(got.Evidence, "\n"), "not attributed") {
			t.Errorf("%s: attributable %v, evidence %q", name, got.Attributable, got.Evidence)
		}
	}
	// Without a timed health one look fails late and blames nobody; looks that
	// cover the grace blame as usual.
	s.HealthTimed = false
	judge(t, ask, looks(s, 200), promoter.Pending, "Degraded")
	if got := judge(t, ask, looks(s, 700), promoter.Failed, "Degraded"); got.Attributable {
		t.Error("one look at an untimed health is attributable")
	}
	if got := judge(t, ask, looks(s, 60, 90, 120), promoter.Failed, "Degraded"); !got.Attributable {
		t.Errorf("looks over the grace: %q", got.Evidence)
	}
	// A pod in the tree stands for the workload that it belongs to.
	s.Resources = []ArgoResource{{Ref: workload, Status: "Synced"}}
	s.Tree = []ArgoResource{{Ref: Ref{Kind: "Pod", Namespace: "shop", Name: "cart-1"}, Root: workload, Health: "Degraded"}}
	s.HealthTimed = true
	if got := judge(t, ask, looks(s, 120), promoter.Failed, "Pod shop/cart-1"); !got.Attributable {
		t.Errorf("by its pod: %q", got.Evidence)
	}
}

func TestOperations(t *testing.T) {
	t.Parallel()
	run := func(op ArgoOperation) ArgoSnapshot {
		_, s := settled()
		s.Operation, s.SyncStatus, s.Requested = &op, "OutOfSync", op.Phase == "Running"
		return s
	}
	ask, _ := settled()
	results := []ArgoResult{{Ref: workload, Failed: true}}
	ended := ArgoOperation{Phase: "Failed", StartedAt: after(10), FinishedAt: after(15), Asked: []string{commitX}, Result: []string{commitX}, Resources: results, Message: "one object failed"}
	if got := judge(t, ask, looks(run(ended), 60), promoter.Failed, "its sync failed: one object failed"); !got.Attributable {
		t.Errorf("not attributable: %q", got.Evidence)
	}
	retry := ended
	retry.Phase = "Running"
	judge(t, ask, looks(run(retry), 60), promoter.Pending, "will be tried again")
	judge(t, ask, looks(run(retry), 700), promoter.Failed, "not ended within 10m0s")
	endless := run(retry)
	endless.Operation.Retried, endless.Retries = 5, -1
	judge(t, ask, looks(endless, 60), promoter.Failed, "retried without end")
	old := ended
	old.Asked, old.Result = []string{commitO}, []string{commitO}
	judge(t, ask, looks(run(old), 60), promoter.Pending, "auto-sync has not begun")
	old.Phase, old.FinishedAt = "Running", time.Time{}
	judge(t, ask, looks(run(old), 60), promoter.Pending, "still running")
	judge(t, ask, looks(run(old), 131), promoter.Blocked, "ending it would help")
	if _, stuck := ArgoStuck(ask, looks(run(old), 131)[0]); !stuck {
		t.Error("not stuck")
	}
	if _, stuck := ArgoStuck(ask, looks(run(old), 60)[0]); stuck {
		t.Error("stuck too soon")
	}
	if reason, stuck := ArgoStuck(ask, looks(run(retry), 700)[0]); stuck {
		t.Errorf("an operation to the commit itself is stuck: %s", reason)
	}
	rollback := ArgoOperation{Phase: "Succeeded", StartedAt: after(20), FinishedAt: after(25), Result: []string{commitX}, Foreign: true}
	s := run(rollback)
	s.Requested, s.AutoSync = false, false
	judge(t, ask, looks(s, 60), promoter.Blocked, "auto-sync is off")
}

func TestRefreshIsAskedForAgain(t *testing.T) {
	t.Parallel()
	ask, s := settled()
	if got := ArgoRefresh(ask, s); !got.Due.IsZero() {
		t.Errorf("nothing is missing: %+v", got)
	}
	s.ReconciledAt = after(-30)
	for asked, want := range map[int]struct {
		after int
		hard  bool
	}{1: {7, false}, 2: {12, false}, 3: {22, true}, 4: {42, false}, 5: {82, false}, 6: {122, false}, 60: {122, false}} {
		ask.Asked = asked
		if got := ArgoRefresh(ask, s); !got.Due.Equal(after(want.after)) || got.Hard != want.hard {
			t.Errorf("asked %d times: %+v, want %+v", asked, got, want)
		}
	}
	broken := s
	for text, hard := range map[string]bool{"helm is broken": false, "Failed to load target state: Manifest generation error (cached): helm is broken": true} {
		broken.SyncStatus, broken.ReconciledAt, broken.Conditions = "Unknown", after(30), []ArgoCondition{{Type: "ComparisonError", Message: text}}
		if ask.Asked = 5; ArgoRefresh(ask, broken).Due.IsZero() || ArgoRefresh(ask, broken).Hard != hard {
			t.Errorf("%s: %+v, want hard %t", text, ArgoRefresh(ask, broken), hard)
		}
	}
	ask.Asked, ask.Fence = 0, time.Time{}
	if got := ArgoRefresh(ask, s); !got.Due.Equal(s.ReadAt) {
		t.Errorf("first: %+v", got)
	}
	s.Refresh = "normal"
	if got := ArgoRefresh(ask, s); !got.Due.IsZero() {
		t.Errorf("one is under way: %+v", got)
	}
}

func TestBeforeTheMerge(t *testing.T) {
	t.Parallel()
	_, s := settled()
	if got := ArgoBefore(s); len(got) != 0 {
		t.Errorf("%q", got)
	}
	s.CanSync, s.Retries, s.AutoSync, s.Health = No, 5, false, "Degraded"
	if got := ArgoBefore(s); len(got) != 4 {
		t.Errorf("%q", got)
	}
}

func TestSameRepo(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		a, b string
		want bool
	}{
		{"https://git.example.com/acme/gitops.git", "git@git.example.com:acme/gitops", true},
		{"ssh://git@git.example.com:22/acme/gitops/", "https://user:pw@git.example.com:443/Acme/gitops", true},
		{"https://git.example.com/acme/gitops", "https://git.example.com/acme/gitops2", false},
		{"https://git.example.com:8443/acme/gitops", "https://git.example.com/acme/gitops", false},
		{"http://127.0.0.1:3000/a/b", "http://127.0.0.1:3001/a/b", false},
		{"", "", false},
	} {
		if got := SameRepo(tt.a, tt.b); got != tt.want {
			t.Errorf("SameRepo(%q, %q) = %v", tt.a, tt.b, got)
		}
	}
}

// However looks are strung together, the last one must be good by itself: no
// history of good looks makes a bad one converge.
func TestNoSequenceOutvotesItsLastLook(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 2))
	table := shifts()
	var all []shift
	for name, list := range table {
		if name != "P7 dwell" { // what is too soon for one look is not for many
			all = append(all, list...)
		}
	}
	converged := 0
	for range 5000 {
		last := all[r.IntN(len(all))]
		ask, s := settled()
		var seen []ArgoSnapshot
		for n := range r.IntN(5) {
			_, b := settled()
			if r.IntN(3) == 0 {
				var dropped Ask
				dropped, _ = settled()
				all[r.IntN(len(all))].change(&dropped, &b)
			}
			b.ReadAt, b.Version = after(60+n*10), ""
			seen = append(seen, b)
		}
		if got := Argo(ask, append(seen[:len(seen):len(seen)], s), after(121)); got.Outcome == promoter.Converged {
			converged++
		}
		last.change(&ask, &s)
		if got := Argo(ask, append(seen, s), after(121)); got.Outcome == promoter.Converged {
			t.Fatalf("%s after %d looks: converged", last.name, len(seen))
		}
	}
	if converged < 500 {
		t.Errorf("only %d of 5000 sequences with a good last look converge", converged)
	}
}

func BenchmarkArgo(b *testing.B) {
	ask, s := settled()
	seen := looks(s, 50, 60, 70, 80, 90, 100, 110, 120)
	for b.Loop() {
		if Argo(ask, seen, after(121)).Outcome != promoter.Converged {
			b.Fatal("not converged")
		}
	}
}

func BenchmarkArgoOneLook(b *testing.B) {
	ask, s := settled()
	seen := looks(s, 120)
	for b.Loop() {
		if Argo(ask, seen, after(121)).Outcome != promoter.Converged {
			b.Fatal("not converged")
		}
	}
}

// A sync failed, and the revert asks for what is still there: nothing is synced,
// and nothing is missing.
func TestWhatIsThereAlreadyNeedsNoSync(t *testing.T) {
	t.Parallel()
	ask, s := settled()
	ask.Expect.Items, ask.Expect.Images = nil, nil
	bad := strings.Repeat("b", 40)
	ask.History[bad] = Ancestry{Holds: No, Same: No}
	ask.History[commitO] = Ancestry{Holds: No, Same: Yes}
	s.Operation = &ArgoOperation{Phase: "Failed", StartedAt: after(-30), FinishedAt: after(-20), Asked: []string{bad}, Result: []string{bad}}
	judge(t, ask, looks(s, 150), promoter.Pending, "nothing was applied")
	s.Deployed = &ArgoDeployment{Sources: s.Sources, Revisions: []string{commitO}, At: after(-9000)}
	judge(t, ask, looks(s, 150), promoter.Converged, "")
	if got := ArgoDeployed(ask, s); !slices.Equal(got, []string{commitO}) {
		t.Errorf("%q", got)
	}
	for name, spoil := range map[string]func(*Ask, *ArgoSnapshot){
		"other content":     func(a *Ask, _ *ArgoSnapshot) { a.History[commitO] = Ancestry{Holds: No, Same: No} },
		"content not known": func(a *Ask, _ *ArgoSnapshot) { delete(a.History, commitO) },
		"another spec": func(_ *Ask, s *ArgoSnapshot) {
			s.Deployed = &ArgoDeployment{Sources: []ArgoSource{{Repo: repoURL, Path: "apps/old", Revision: "main"}}, Revisions: []string{commitO}}
		},
		"a branch's name": func(a *Ask, s *ArgoSnapshot) {
			a.History["main"] = Ancestry{Same: Yes}
			s.Deployed = &ArgoDeployment{Sources: s.Sources, Revisions: []string{"main"}}
		},
		"no revisions": func(_ *Ask, s *ArgoSnapshot) { s.Deployed = &ArgoDeployment{Sources: s.Sources} },
	} {
		ask, s := ask, s
		ask.History = map[string]Ancestry{commitX: {Yes, Yes}, commitO: {No, Yes}, bad: {No, No}}
		spoil(&ask, &s)
		if got := Argo(ask, looks(s, 150), after(150)); got.Outcome != promoter.Pending {
			t.Errorf("%s: %s: %s", name, got.Outcome, got.Reason)
		}
	}
	chart := ArgoSource{Repo: "https://charts.example.com", Chart: "redis", Revision: "1.2.3"}
	ask.Expect.Versions = []Version{{Repo: chart.Repo, Chart: "redis", From: "1.3.0", To: "1.2.3"}}
	s.Sources, s.Compared, s.Revisions = []ArgoSource{chart}, []ArgoSource{chart}, []string{"1.2.3"}
	s.Operation.Asked, s.Operation.Result = []string{"1.3.0"}, []string{"1.3.0"}
	s.Deployed = &ArgoDeployment{Sources: s.Sources, Revisions: []string{"1.2.3"}}
	judge(t, ask, looks(s, 150), promoter.Converged, "")
	s.Deployed = &ArgoDeployment{Sources: s.Sources, Revisions: []string{"1.2.2"}}
	judge(t, ask, looks(s, 150), promoter.Pending, "nothing was applied")
}
