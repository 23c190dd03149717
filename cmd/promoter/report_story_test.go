package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"promoter/gitops"
	"promoter/gitops/github"
	"promoter/promoter"
	"promoter/test/world"
	"promoter/test/world/delivery"
	"promoter/test/world/forge"
)

// clockKey is where a story keeps its world's clock.
type clockKey struct{}

// past is a forge whose clock stands still, so that a story's times are always
// the same:
//
//	past begin DIR MOMENT             the sample on such a forge, cloned to DIR
//	past pass SPAN                    time goes by
//	past seal N STAGE STATE WORDS...  what Promoter writes on a merge commit
//	past record N LINE...             its evidence, as a comment
//	past revert N FILE CONTENT-FILE   its pull that takes #N back
//	past say N WHO WORDS...           a person's comment
//	past issue WHO LABEL TITLE...     a person's issue
func past(ts *testscript.TestScript, _ bool, args []string) {
	h := ts.Value(hostedKey{}).(*world.Hosted)
	number := 0
	if len(args) > 1 {
		_, _ = fmt.Sscan(args[1], &number) // begin and pass have none
	}
	words := func(from int) string { return strings.Join(args[from:], " ") }
	switch args[0] {
	case "begin":
		beginPast(ts, args[1], args[2])
	case "pass":
		span, err := time.ParseDuration(args[1])
		ts.Check(err)
		(*ts.Value(clockKey{}).(*func(time.Duration)))(span)
	case "seal":
		name := promoter.Seal{Stage: promoter.Stage(args[2])}.Context()
		ts.Check(asPromoter(ts, h).SetStatus(context.Background(), pullOf(ts, h, number).Merge, gitops.Status{Context: name, State: args[3], Description: words(4)}))
	case "record":
		body := forgeWords().Record(promoter.WriteRecord{Title: "it failed", Record: promoter.Record{Branch: pullOf(ts, h, number).Branch, Lines: []string{words(2)}}})
		ts.Check(asPromoter(ts, h).(gitops.Talker).Comment(context.Background(), number, body))
	case "revert":
		branch := pullOf(ts, h, number).Branch + "--revert"
		head, err := h.Commit("promoter", branch, h.Base, "take it back", map[string][]byte{args[2]: []byte(ts.ReadFile(args[3]))})
		ts.Check(err)
		_, err = asPromoter(ts, h).Open(context.Background(), gitops.NewPull{Text: gitops.Text{Title: "revert"}, Branch: branch, Head: head, Base: h.Base})
		ts.Check(err)
	case "say":
		ts.Check(h.Comment(number, args[2], words(3)))
	case "issue":
		h.OpenIssue(args[1], words(3), "", args[2])
	default:
		ts.Fatalf("past: cannot %s", args[0])
	}
}

func beginPast(ts *testscript.TestScript, dir, moment string) {
	begin, err := time.Parse(time.RFC3339, moment)
	ts.Check(err)
	clock := delivery.NewClock(begin, 0)
	w, err := world.Start(clock)
	ts.Check(err)
	ts.Defer(w.Close)
	sample := ts.MkAbs("sample")
	ts.Check(world.WriteSample(sample))
	ts.Check(w.Configure(sample, false))
	h, err := w.Host(sample, ts.MkAbs(dir))
	ts.Check(err)
	*ts.Value(hostedKey{}).(*world.Hosted) = *h
	ts.Setenv("FORGE", h.API())
	ts.Setenv("PROMOTER_TOKEN", world.Token)
	*ts.Value(clockKey{}).(*func(time.Duration)) = clock.Pass
}

func pullOf(ts *testscript.TestScript, h *world.Hosted, number int) forge.Pull {
	for _, p := range h.Pulls() {
		if p.Number == number {
			return p
		}
	}
	ts.Fatalf("there is no #%d", number)
	return forge.Pull{}
}

// asPromoter is the forge as Promoter reaches it.
func asPromoter(ts *testscript.TestScript, h *world.Hosted) gitops.Forge {
	f, err := github.New(github.Options{Owner: "shop", Repo: "gitops", BaseURL: h.API(), Token: func(context.Context) (string, error) { return world.Token, nil }})
	ts.Check(err)
	return f
}
