package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"regexp"
	"time"
)

// bots are the names that update bots sign with, and the subjects of commits
// that they make, or that a person makes by merging theirs.
const bots = `(?im)^[^<\n]*(\[bot\]|renovate|dependabot|mend)[^<\n]* <|^\w+\(deps|^merge .*\b(renovate|dependabot)/`

type options struct {
	repo, ref, at, until string
	bot                  string
	config               string
	verbose              bool
}

func main() {
	var o options
	flag.StringVar(&o.repo, "repo", ".", "the repository: a checkout or a bare Git directory")
	flag.StringVar(&o.ref, "ref", "HEAD", "the branch whose first parents are its history")
	flag.StringVar(&o.at, "at", "", "where to stand: a commit, or a date (2006-01-02 or RFC 3339) for the last commit before it")
	flag.StringVar(&o.until, "until", "", "where to look back from: a commit or a date; empty: the branch's end")
	flag.StringVar(&o.bot, "bot", bots, "a commit is the bot's when this matches its author or its subject")
	flag.StringVar(&o.config, "config", "", "a promoter.yaml to plan with instead of the repository's own")
	flag.BoolVar(&o.verbose, "v", false, "list each update")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, o, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "backtest:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, o options, out io.Writer) error {
	if o.at == "" {
		return errors.New("-at: write the commit or the date to stand at")
	}
	bot, err := regexp.Compile(o.bot)
	if err != nil {
		return fmt.Errorf("-bot: %w", err)
	}
	g, err := openGit(ctx, o.repo)
	if err != nil {
		return err
	}
	defer g.close()
	at, err := g.resolve(o.ref, o.at)
	if err != nil {
		return fmt.Errorf("-at: %w", err)
	}
	until, err := g.resolve(o.ref, o.until)
	if err != nil {
		return fmt.Errorf("-until: %w", err)
	}
	commits, err := g.history(at, until)
	if err != nil {
		return err
	}
	if len(commits) == 0 {
		return fmt.Errorf("no commit of %s is between %s and %s", o.ref, o.at, o.until)
	}
	for i := range commits {
		commits[i].bot = bot.MatchString(commits[i].author + "\n" + commits[i].subject)
	}
	w, err := newWalk(ctx, g, at, o.config)
	if err != nil {
		return err
	}
	defer w.close()
	for i := range commits {
		if err := w.step(ctx, &commits[i]); err != nil {
			return err
		}
	}
	r := w.judge(commits[len(commits)-1].at.Add(time.Second))
	r.commits = commits
	return r.print(out, o.verbose)
}
