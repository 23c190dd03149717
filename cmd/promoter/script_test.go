package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"promoter/test/world"
)

var update = flag.Bool("update", false, "write what the stories expect anew")

// Where a story keeps its running worlds, and its repository on the forge.
type (
	worldKey  struct{}
	hostedKey struct{}
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"promoter": main})
}

// TestStories runs test/script: the command line as its users meet it, in
// processes of their own.
func TestStories(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "../../test/script",
		UpdateScripts:       *update,
		RequireExplicitExec: true,
		Setup: func(e *testscript.Env) error {
			// Nothing of the machine's own settings reaches a story.
			for _, v := range []string{"HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "DOCKER_CONFIG"} {
				e.Setenv(v, filepath.Join(e.WorkDir, ".home"))
			}
			e.Setenv("GIT_CONFIG_NOSYSTEM", "1")
			e.Values[worldKey{}] = &[]*world.World{}
			e.Values[hostedKey{}] = &world.Hosted{}
			e.Values[clockKey{}] = new(func(time.Duration))
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"world":  startWorld,
			"forge":  startForge,
			"person": person,
			"past":   past,
			"rule": func(ts *testscript.TestScript, _ bool, args []string) {
				h := ts.Value(hostedKey{}).(*world.Hosted)
				h.Rules = append(h.Rules, args...)
			},
			"bigfile": bigFile,
			"symlink-loop": func(ts *testscript.TestScript, _ bool, args []string) {
				ts.Check(os.Symlink("..", ts.MkAbs(args[0])))
			},
			"file-has": fileHas,
		},
	})
}

// startWorld writes the sample repository into a directory, with the addresses
// of a chart repository and a registry that run for the length of the story:
// world DIR. `! world` stops those of the story.
func startWorld(ts *testscript.TestScript, neg bool, args []string) {
	running := ts.Value(worldKey{}).(*[]*world.World)
	if neg {
		for _, w := range *running {
			w.Close()
		}
		return
	}
	w, err := world.Start(nil)
	ts.Check(err)
	ts.Defer(w.Close)
	*running = append(*running, w)
	dir := ts.MkAbs(args[0])
	ts.Check(world.WriteSample(dir))
	f, err := os.OpenFile(filepath.Join(dir, "promoter.yaml"), os.O_APPEND|os.O_WRONLY, 0o644)
	ts.Check(err)
	// The rules that look at the calendar would change the story with time.
	fmt.Fprint(f, "\nrules: {disable: [end-of-life], staleAfter: 36500d}\nsources:\n  allowPrivate: [127.0.0.1]\n  mirrors:\n")
	for _, m := range w.Mirrors() {
		fmt.Fprintf(f, "    - {from: %q, to: %q}\n", m[0], m[1])
	}
	ts.Check(f.Close())
}

// startForge puts the sample on a forge and clones it: forge DIR. What promoter
// needs to reach it is in the environment: $FORGE, and a token.
func startForge(ts *testscript.TestScript, _ bool, args []string) {
	startWorld(ts, false, []string{"sample"})
	worlds := *ts.Value(worldKey{}).(*[]*world.World)
	h, err := worlds[len(worlds)-1].Host(ts.MkAbs("sample"), ts.MkAbs(args[0]))
	ts.Check(err)
	*ts.Value(hostedKey{}).(*world.Hosted) = *h
	ts.Setenv("FORGE", h.API())
	ts.Setenv("PROMOTER_TOKEN", world.Token)
}

// person does what a person does on the forge, and brings the clone up to date:
//
//	person merge|close|reopen N
//	person label N LABEL
//	person push BRANCH FILE CONTENT-FILE
func person(ts *testscript.TestScript, _ bool, args []string) {
	h := ts.Value(hostedKey{}).(*world.Hosted)
	number := 0
	if _, err := fmt.Sscan(args[1], &number); err != nil && args[0] != "push" {
		ts.Fatalf("person: %v", err)
	}
	var err error
	switch args[0] {
	case "merge":
		_, err = h.Merge(number, "ana", "squash")
	case "close":
		err = h.Repo.Close(number, "ana")
	case "reopen":
		err = h.Reopen(number, "ana")
	case "label":
		err = h.Label(number, "ana", args[2])
	case "push":
		_, err = h.Commit("ana", args[1], h.Base, "by hand", map[string][]byte{args[2]: []byte(ts.ReadFile(args[3]))})
	default:
		ts.Fatalf("person: cannot %s", args[0])
	}
	ts.Check(err)
	ts.Check(h.Pull())
}

// bigFile makes a file of so many bytes: bigfile PATH MEGABYTES.
func bigFile(ts *testscript.TestScript, _ bool, args []string) {
	var mb int
	if _, err := fmt.Sscan(args[1], &mb); err != nil {
		ts.Fatalf("bigfile: %v", err)
	}
	line := strings.Repeat("a: b # padding\n", 1<<16/15)
	f, err := os.Create(ts.MkAbs(args[0]))
	ts.Check(err)
	for range mb * 16 {
		_, err := f.WriteString(line)
		ts.Check(err)
	}
	ts.Check(f.Close())
}

// fileHas checks that a file holds each text: file-has FILE TEXT...
func fileHas(ts *testscript.TestScript, neg bool, args []string) {
	data := ts.ReadFile(args[0])
	for _, want := range args[1:] {
		if strings.Contains(data, want) == neg {
			ts.Fatalf("%s: contains %q: %v", args[0], want, !neg)
		}
	}
}
