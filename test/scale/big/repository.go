package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	"promoter/test/world/forge"
)

const token = "big-token"

// repository measures a repository with very many commits.
func repository(ctx context.Context, args []string, out io.Writer) error {
	return estates(ctx, "repository", args, out, estate{commits: 250_000, files: 20_000})
}

// manifests measures a repository with very many manifests.
func manifests(ctx context.Context, args []string, out io.Writer) error {
	return estates(ctx, "manifests", args, out, estate{commits: 2, files: 100_000, all: true})
}

func estates(ctx context.Context, verb string, args []string, out io.Writer, e estate) error {
	f := flag.NewFlagSet(verb, flag.ContinueOnError)
	f.IntVar(&e.commits, "commits", e.commits, "commits of the deployed branch")
	f.IntVar(&e.files, "files", e.files, "files in it")
	binary := f.String("promoter", "bin/promoter", "the binary to measure")
	if err := f.Parse(args); err != nil {
		return err
	}
	path, err := filepath.Abs(*binary)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "big-"+verb+"-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	p, err := found(ctx, e, path, dir, out)
	if err != nil {
		return err
	}
	defer p.close()
	heading(out, fmt.Sprintf("%d commits, %d files", e.commits, e.files))
	if err := p.scans(ctx); err != nil {
		return err
	}
	if err := p.looks(ctx); err != nil {
		return err
	}
	return p.byHand(ctx)
}

// plant is an estate on a forge, with what exists upstream.
type plant struct {
	promoter, dir string
	out           io.Writer
	stock         *stock
	forge         *forge.Server
	repo          *forge.Repo
	git           meter // of the forge: its API and Git
}

func found(ctx context.Context, e estate, promoter, dir string, out io.Writer) (*plant, error) {
	p := &plant{promoter: promoter, dir: dir, out: out}
	var err error
	if p.stock, err = openStock(); err != nil {
		return nil, err
	}
	if p.forge, err = forge.Start(forge.Options{Dir: filepath.Join(dir, "forge")}); err != nil {
		return nil, err
	}
	p.forge.SetFront(func(w http.ResponseWriter, r *http.Request, next http.Handler) { p.git.serve(w, r, next) })
	p.forge.AddToken(token, "promoter", true)
	if p.repo, err = p.forge.Create("shop", "gitops"); err != nil {
		return nil, err
	}
	return p, e.build(ctx, p.repo.Dir(), p.stock.url)
}

func (p *plant) close() {
	_ = p.forge.Close() // its directory goes with ours
	p.stock.stop()
}

// do measures a command, with what it asked of the forge and of upstream.
func (p *plant) do(ctx context.Context, dir, what string, args ...string) (string, error) {
	git, stock := p.git.mark(), p.stock.meter.mark()
	home := filepath.Join(p.dir, "home")
	if err := os.MkdirAll(home, 0o755); err != nil {
		return "", err
	}
	env := []string{"PROMOTER_TOKEN=" + token, "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_NOSYSTEM=1", "GIT_TERMINAL_PROMPT=0", "NO_COLOR=1"}
	for _, v := range []string{"HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "DOCKER_CONFIG"} {
		env = append(env, v+"="+home)
	}
	c, said, err := measured(ctx, dir, env, args...)
	if err != nil {
		return said, err
	}
	if c.Exit != 0 {
		return said, fmt.Errorf("%s: exit code %d\n%s", what, c.Exit, tail(said))
	}
	p.git.since(git, &c)
	p.stock.meter.since(stock, &c)
	c.row(p.out, "%s", what)
	return said, nil
}

// scans scans a checkout: with an empty cache, and again. The checkout stays, for
// file systems are slow to make files soon after as many were deleted.
func (p *plant) scans(ctx context.Context) error {
	checkout := filepath.Join(p.dir, "checkout")
	if _, err := p.do(ctx, p.dir, "`git clone --depth 1`, with a worktree", "git", "clone", "-q", "--depth", "1", p.repo.CloneURL(token), checkout); err != nil {
		return err
	}
	for _, what := range []string{"`promoter scan`, the first", "`promoter scan`, again"} {
		said, err := p.do(ctx, checkout, what, p.promoter, "scan", "-o", "json", "--cache-dir", filepath.Join(p.dir, "cache"))
		if err != nil {
			return err
		}
		var scan struct {
			Pins []json.RawMessage `json:"pins"`
		}
		if err := json.Unmarshal([]byte(said), &scan); err != nil {
			return fmt.Errorf("read the scan: %w", err)
		}
		if len(scan.Pins) == 0 {
			return errors.New("the scan has found no pins")
		}
	}
	return nil
}

// newer is how many charts are released anew before the last look.
const newer = 10

// looks runs promoter where nothing is to be done, twice, and then where ten
// charts have a new version.
func (p *plant) looks(ctx context.Context) error {
	at := filepath.Join(p.dir, "at")
	if err := os.MkdirAll(at, 0o755); err != nil {
		return err
	}
	run := []string{p.promoter, "run", at, "--remote", p.repo.CloneURL(""), "--forge", "github", "--forge-url", p.forge.API()}
	for _, l := range []struct {
		what  string
		newer int
	}{
		{"`promoter run`, the first: clone, scan, look", 0}, {"`promoter run` with nothing to do", 0},
		{fmt.Sprintf("`promoter run` with %d proposals to push", newer), newer}, {"`promoter run` with nothing new", newer},
	} {
		p.stock.publish(l.newer)
		said, err := p.do(ctx, at, l.what, run...)
		if err != nil {
			return err
		}
		if n := len(p.repo.Pulls()); n != l.newer {
			return fmt.Errorf("%s: %d pulls are open and not %d\n%s", l.what, n, l.newer, tail(said))
		}
	}
	return nil
}

// byHand does what one proposal takes as a person would, ten times: with the git
// program, from a clone that is there already.
func (p *plant) byHand(ctx context.Context) error {
	clone := filepath.Join(p.dir, "by-hand")
	if _, err := p.do(ctx, p.dir, "`git clone --bare --depth 20 --single-branch`", "git", "clone", "-q", "--bare", "--depth", "20", "--single-branch", p.repo.CloneURL(token), clone+".git"); err != nil {
		return err
	}
	if _, err := p.do(ctx, p.dir, "`git clone --bare --single-branch`, all history", "git", "clone", "-q", "--bare", "--single-branch", p.repo.CloneURL(token), clone+"-all.git"); err != nil {
		return err
	}
	var script strings.Builder
	fmt.Fprintf(&script, "set -e\ngit clone -q --depth 1 %q %q\ncd %q\ngit config user.name a\ngit config user.email a@example.com\n", p.repo.CloneURL(token), clone, clone)
	for c := range newer {
		fmt.Fprintf(&script, "git checkout -q -b hand-%[1]d origin/main\ngit grep -l -w 'chart: %[2]s' -- '*/staging/*' | xargs sed -i 's/\\(targetRevision\\|version\\): %[3]s/\\1: %[4]s/'\ngit commit -qam 'Update %[2]s'\ngit push -q origin hand-%[1]d\n",
			c, chartName(c), version(versions-1), version(versions))
	}
	_, err := p.do(ctx, p.dir, "clone, edit and push the same 10 by hand: git, grep, sed", "sh", "-c", script.String())
	return err
}
