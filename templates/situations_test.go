package templates

import (
	"strings"
	"time"

	"promoter/promoter"
)

var (
	redis  = promoter.Artifact{Kind: promoter.Chart, Name: "redis", Source: "https://charts.example.com/stable"}
	istiod = promoter.Artifact{Kind: promoter.Chart, Name: "istiod", Source: "oci://registry.example.com/istio"}
	base   = promoter.Artifact{Kind: promoter.Chart, Name: "base", Source: "oci://registry.example.com/istio"}
	web    = promoter.Artifact{Kind: promoter.Image, Name: "shop/web", Source: "ghcr.io"}
	now    = time.Date(2026, 11, 22, 6, 0, 0, 0, time.UTC)
)

// situations are pull requests as reviewers meet them.
var situations = map[string]promoter.Sheet{
	"first-wave": {
		Change: "redis-18.4.0-5f3a9c11", Wave: "dev", Class: promoter.C3, Merge: promoter.MergeAutomatic, Soak: 30 * time.Minute,
		Members: []promoter.SheetMember{{
			Artifact: redis, From: []string{"18.1.0"}, To: "18.4.0", Update: promoter.Minor, Created: now.Add(-21 * 24 * time.Hour),
			Skipped: []string{"19.0.0: released 2 hours ago, the minimum release age is 3d"},
			Notes: []promoter.Note{
				{Version: "18.4.0", Title: "redis 18.4.0", Body: "## Fixes\n- Sentinel restarts (#1234), thanks @someone\n- see <img src=x onerror=alert(1)> ![pixel](https://evil.example/p.png)", URL: "https://github.com/example/charts/releases/tag/redis-18.4.0"},
				{Version: "18.3.0", Body: "BREAKING: `auth.password` must now be set.\n```\nunclosed fence"},
			},
		}},
		Reaches: []promoter.Reached{{Environment: "dev", Cluster: "dev-1", App: "sessions"}},
		Ladder: []promoter.SheetStep{
			{Wave: "dev", Environments: []string{"dev"}, State: "this pull request", This: true},
			{Wave: "staging", Environments: []string{"staging"}, State: "follows"},
			{Wave: "production", Environments: []string{"production-acme", "production-globex"}, State: "follows"},
		},
		Edits: []promoter.Edit{{Place: promoter.Place{File: "apps/sessions/dev.yaml", Line: 12, Path: "spec.source.targetRevision", Written: "18.1.0"}, To: "18.4.0"}},
	},
	"last-wave-shared-base": {
		Change: "web-2.0.0-0a1b2c3d", Wave: "production", Part: "shared", Class: promoter.C2, Merge: promoter.MergeApproved, Method: "squash", Approvals: 2, From: []string{"example/client-team", "ana"},
		Shared: true,
		Members: []promoter.SheetMember{{
			Artifact: web, From: []string{"1.9.3"}, To: "2.0.0", Update: promoter.Major, FirstSeen: now.Add(-30 * time.Hour), Digest: "sha256:8c49a0fab9a1ee9bf5d229061eec4e279f04484c07f60c85c13821788360ce4f",
		}},
		Reaches: []promoter.Reached{
			{Environment: "production-acme", Tenant: "acme", Cluster: "eu-1", App: "web"},
			{Environment: "production-globex", Tenant: "globex", Cluster: "us-1", App: "web"},
		},
		Ladder: []promoter.SheetStep{
			{Wave: "dev", Environments: []string{"dev"}, State: "done", Pulls: []int{41}},
			{Wave: "production", Environments: []string{"production-acme", "production-globex"}, State: "this pull request", This: true},
		},
		Edits: []promoter.Edit{{Place: promoter.Place{File: "apps/web/base/deployment.yaml", Line: 21, Path: "spec.template.spec.containers[0].image", Written: "ghcr.io/shop/web:1.9.3@sha256:00"}, To: "ghcr.io/shop/web:2.0.0@sha256:8c"}},
	},
	"group": {
		Change: "istio-77aa88bb", Wave: "staging", Class: promoter.C1, Merge: promoter.MergeManual,
		Members: []promoter.SheetMember{
			{Artifact: base, From: []string{"1.22.0", "1.22.1"}, To: "1.23.2", Update: promoter.Minor},
			{Artifact: istiod, From: []string{"1.22.1"}, To: "1.23.2", Update: promoter.Minor, Deprecated: true},
		},
		Reaches: []promoter.Reached{{Environment: "staging", Cluster: "stg-1", App: "istio-base"}, {Environment: "staging", Cluster: "stg-1", App: "istiod"}},
		Ladder:  []promoter.SheetStep{{Wave: "dev", Environments: []string{"dev"}, State: "done"}, {Wave: "staging", Environments: []string{"staging"}, State: "this pull request", This: true}},
		Edits: []promoter.Edit{
			{Place: promoter.Place{File: "istio/staging.yaml", Line: 9, Written: "1.22.0"}, To: "1.23.2"},
			{Place: promoter.Place{File: "istio/staging.yaml", Line: 28, Written: "1.22.1"}, To: "1.23.2"},
		},
	},
	// From here on Promoter merges and watches.
	"waits-for-wave": delivered(promoter.MergeAutomatic, "staging", promoter.Notice{State: "pending", Text: "waits: for wave dev: #41: it soaks until 2026-11-22 09:30 UTC"}),
	"automatic":      delivered(promoter.MergeAutomatic, "production", promoter.Notice{State: "success", Text: "nothing is in the way: it is merged now"}),
	"approval":       delivered(promoter.MergeApproved, "staging", promoter.Notice{State: "pending", Text: "waits for a person: 0 of 2 approvals from example/client-team or ana"}),
	"manual":         delivered(promoter.MergeManual, "staging", promoter.Notice{State: "pending", Text: "waits for a person: a person merges it: class C1 is merged by hand"}),
	"revert-by-health": reverting(promoter.MergeApproved, promoter.Notice{State: "pending", Text: "waits for a person: 0 of 1 approval"}, promoter.SheetRevert{
		Pull: 41, Merge: strings.Repeat("4", 40), FailedPull: 41, FailedIn: "staging",
		Reason: "sessions in staging: degraded for 5m0s: Deployment sessions: 2 of 3 replicas crash",
		Evidence: []string{
			"sessions (staging, stg-1): failed: degraded for 5m0s: Deployment sessions: 2 of 3 replicas crash",
			"  sessions at 4444444444, compared 04:11:52: Synced, health Degraded since 04:06:40",
			"  operation to 4444444444 Succeeded, from 04:04:10 to 04:04:31: successfully synced (all tasks run)",
			"  healthy before the merge; the commit changes apps/Deployment sessions",
			"gate errors (staging): unknown: 2 of 10 samples are in",
		},
	}),
	"revert-by-gate": reverting(promoter.MergeAutomatic, promoter.Notice{State: "success", Text: "nothing is in the way: it is merged now"}, promoter.SheetRevert{
		Pull: 41, Merge: strings.Repeat("4", 40), FailedPull: 43, FailedIn: "production",
		Reason: "gate errors (production-acme): 3 of the last 5 samples are bad, confirmed by asking again (0.0843, want <= 0.01)",
		Evidence: []string{
			"sessions (production-acme, acme, eu-1): converged: it runs 18.4.0",
			"gate errors (production-acme): fail: 3 of the last 5 samples are bad, confirmed by asking again (0.0843, want <= 0.01)",
			"  errors failed: good is <= 0.01",
			"  10 slots: 7 good, 3 bad",
			"  12840 events",
			"  2026-11-22T04:21:00Z BAD 0.0612 over 1m0s, 1310 events",
			"  2026-11-22T04:22:00Z BAD 0.0843 over 1m0s, 1284 events",
			"  2026-11-22T04:23:00Z BAD 0.0797 over 1m0s, 1297 events",
			"  blame: the control cohort is good at the same instants",
			"  production-globex: 0.0021",
		},
	}),
}

// delivered is a pull in one of three waves where Promoter merges.
func delivered(mode promoter.MergeMode, wave string, n promoter.Notice) promoter.Sheet {
	s := promoter.Sheet{
		Change: "redis-18.4.0-5f3a9c11", Wave: wave, Class: promoter.C3, Merge: mode, Delivers: true, Notice: n, Soak: 2 * time.Hour, Method: "squash",
		Members: []promoter.SheetMember{{Artifact: redis, From: []string{"18.1.0"}, To: "18.4.0", Update: promoter.Minor, Created: now.Add(-21 * 24 * time.Hour)}},
		Gates:   []string{"errors: error ratio <= 0.01 for 10m", "latency: p99 <= 0.8 s for 10m"},
		Ladder: []promoter.SheetStep{
			{Wave: "dev", Environments: []string{"dev"}, State: "done", Pulls: []int{41}},
			{Wave: "staging", Environments: []string{"staging"}, State: "open", Pulls: []int{42}},
			{Wave: "production", Environments: []string{"production-acme", "production-globex"}, State: "follows"},
		},
	}
	switch mode {
	case promoter.MergeApproved:
		s.Class, s.Approvals, s.From = promoter.C2, 2, []string{"example/client-team", "ana"}
	case promoter.MergeManual:
		s.Class = promoter.C1
	case promoter.MergeAutomatic, promoter.MergeNever:
	}
	envs := []string{"staging"}
	if wave == "production" {
		envs = s.Ladder[2].Environments
		s.Calendar = []string{"a maintenance window: mon, tue 22:00-04:00 Europe/Berlin"}
	}
	for i := range s.Ladder {
		if st := &s.Ladder[i]; st.Wave == wave {
			st.State, st.This, st.Pulls = "this pull request", true, nil
		}
	}
	for _, e := range envs {
		s.Reaches = append(s.Reaches, promoter.Reached{Environment: e, Cluster: e + "-1", App: "sessions"})
		s.Edits = append(s.Edits, promoter.Edit{Place: promoter.Place{File: "apps/sessions/" + e + ".yaml", Line: 12, Path: "spec.source.targetRevision", Written: "18.1.0"}, To: "18.4.0"})
	}
	return s
}

// reverting is a pull that takes another back, as the core makes it.
func reverting(mode promoter.MergeMode, n promoter.Notice, r promoter.SheetRevert) promoter.Sheet {
	s := delivered(mode, "staging", n)
	s.Class, s.Gates, s.Soak, s.Delivers, s.Revert = promoter.C3, nil, 0, false, &r
	if mode == promoter.MergeApproved {
		s.Approvals, s.From = 1, nil
	}
	s.Members = []promoter.SheetMember{{Artifact: redis, From: []string{"18.4.0"}, To: "18.1.0", Version: "18.1.0", Update: promoter.Rollback}}
	s.Edits[0].Place.Written, s.Edits[0].To = "18.4.0", "18.1.0"
	return s
}
