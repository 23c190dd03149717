package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"promoter/test/world"
)

var update = flag.Bool("update", false, "write what the stories expect anew")

// worldKey is where a story keeps its running worlds.
type worldKey struct{}

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
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"world":   startWorld,
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
	w, err := world.Start()
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
