package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"promoter/test/realforge"
)

// runPulls lets each tool open n pull requests on a Gitea of its own, and then
// look again with nothing to do.
func runPulls(promoter string, n int, npm string) error {
	promoter, err := filepath.Abs(promoter)
	if err != nil {
		return err
	}
	binary, static, missing := realforge.FindGitea()
	if missing != "" {
		return errors.New(missing)
	}
	dir, err := os.MkdirTemp("", "bench-pulls-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	ctx := context.Background()
	if err := os.Mkdir(filepath.Join(dir, "gitea"), 0o755); err != nil {
		return err
	}
	g, err := realforge.StartGitea(ctx, filepath.Join(dir, "gitea"), binary, static)
	if err != nil {
		return err
	}
	defer g.Close()
	url, stop, err := serve(n)
	if err != nil {
		return err
	}
	defer stop()
	fmt.Printf("%d pull requests on a local Gitea, then a run with nothing to do\n", n)
	fmt.Printf("%-10s %-8s %9s %9s %9s %9s\n", "tool", "run", "wall s", "CPU s", "peak MB", "open")
	for _, tool := range []string{"promoter", "renovate"} {
		command, err := puller(tool, promoter, npm, url, g, dir)
		if err != nil {
			fmt.Printf("%s is not measured: %v\n", tool, err)
			continue
		}
		repo := "work-" + tool
		clone := filepath.Join(dir, repo)
		if err := seed(ctx, g, repo, clone, n, url); err != nil {
			return err
		}
		for _, run := range []string{"open", "idle"} {
			u, err := account(command(repo, clone))
			if err != nil {
				return err
			}
			var open []struct{}
			if err := g.Call(ctx, "GET", "repos/"+g.Owner+"/"+repo+"/pulls?state=open&limit=50", nil, &open); err != nil {
				return err
			}
			fmt.Printf("%-10s %-8s %9.2f %9.2f %9.0f %9d\n", tool, run, u.wall, u.cpu, u.peak, len(open))
		}
	}
	return nil
}

// puller returns how a tool is run on a repository.
func puller(tool, promoter, npm, url string, g *realforge.Gitea, dir string) (func(repo, clone string) *exec.Cmd, error) {
	if tool == "promoter" {
		return func(repo, clone string) *exec.Cmd {
			c := exec.Command(promoter, "run", clone, "--forge", "gitea", "--forge-url", g.URL, "--repository", g.Owner+"/"+repo,
				"--remote", g.CloneURL(repo), "--allow-private", "127.0.0.1", "--cache-dir", filepath.Join(dir, "cache"))
			c.Env = append(os.Environ(), "PROMOTER_TOKEN="+g.Token, "XDG_CACHE_HOME="+filepath.Join(dir, "xdg"))
			return c
		}, nil
	}
	if npm == "" {
		return nil, errors.New("no npm folder was named")
	}
	script, err := installed(npm)
	if err != nil {
		return nil, err
	}
	return func(repo, clone string) *exec.Cmd {
		c := exec.Command(nodeBinary(npm), script, "--platform=gitea", "--endpoint="+g.URL+"/api/v1/", "--token="+g.Token, "--onboarding=false",
			"--require-config=optional", "--pr-hourly-limit=0", "--pr-concurrent-limit=0", "--branch-concurrent-limit=0", g.Owner+"/"+repo)
		c.Dir = clone
		c.Env = append(os.Environ(), "LOG_LEVEL=warn", "RENOVATE_CACHE_DIR="+filepath.Join(dir, "renovate-cache"), "RENOVATE_BASE_DIR="+filepath.Join(dir, "renovate-base"),
			"GIT_AUTHOR_NAME=bench", "GIT_AUTHOR_EMAIL=bench@example.com", "GIT_COMMITTER_NAME=bench", "GIT_COMMITTER_EMAIL=bench@example.com",
			fmt.Sprintf(`RENOVATE_CONFIG={"hostRules":[{"matchHost":%q,"hostType":"helm"}]}`, url))
		return c
	}, nil
}

// seed makes a repository of n Applications, one a chart, and clones it.
func seed(ctx context.Context, g *realforge.Gitea, repo, clone string, n int, url string) error {
	if err := g.AddRepo(ctx, repo); err != nil {
		return err
	}
	if err := generate(clone, n, url); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(clone, "promoter.yaml"), []byte("version: 1\npulls: {maxOpen: 100}\n"), 0o644); err != nil {
		return err
	}
	for _, args := range [][]string{
		{"init", "-q", "-b", "main"}, {"add", "."}, {"-c", "user.name=bench", "-c", "user.email=bench@example.com", "commit", "-q", "-m", "seed"},
		{"remote", "add", "origin", g.CloneURL(repo)}, {"push", "-q", "-f", "origin", "main"},
	} {
		c := exec.Command("git", args...)
		c.Dir = clone
		if out, err := c.CombinedOutput(); err != nil {
			return fmt.Errorf("git %s: %w: %s", strings.Join(args, " "), err, out)
		}
	}
	return nil
}
