package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"promoter/promoter"
	"promoter/promoter/config"
	"promoter/promoter/report"
)

// warmUp is how much is read before the time looked at, so that it is known
// which version stood before the first one that moves.
const warmUp = 90 * 24 * time.Hour

// reportHistory reports on what the commits of a repository alone tell.
func reportHistory(ctx context.Context, f reportFlags, sc scope, stderr io.Writer) (report.Report, error) {
	g, err := openGitLog(ctx, f.history)
	if err != nil {
		return report.Report{}, err
	}
	defer g.close()
	branch := f.forge.base
	if branch == "" {
		branch = "HEAD"
	}
	head, err := g.resolve(branch)
	if err != nil {
		return report.Report{}, err
	}
	temp, err := os.MkdirTemp("", "promoter-report-")
	if err != nil {
		return report.Report{}, err
	}
	defer os.RemoveAll(temp)
	show := newProgress(stderr)
	defer show.done()
	p := &pastReader{git: g, show: show}
	if err := p.stand(ctx, f, head, temp, sc, stderr); err != nil {
		return report.Report{}, err
	}
	past := report.Past{Of: historyName(ctx, f.history, f.forge.name, branch), Filter: sc.text, Since: sc.since, Until: sc.until, Waves: p.sight.waves(), Tracker: &p.tracker}
	if past.From, err = p.walk(ctx, head, sc); err != nil {
		return report.Report{}, err
	}
	past.Gaps = p.gaps
	return report.History(past), nil
}

// historyName is how people know a repository: by where it came from, else by
// its directory.
func historyName(ctx context.Context, dir, name, branch string) string {
	if name != "" {
		return name + " " + branch
	}
	name = remoteURL(ctx, dir)
	if _, path := splitRemote(name); name != "" && path != "" {
		name = strings.Trim(path, "/")
	} else if abs, err := filepath.Abs(dir); err == nil {
		name = filepath.Base(abs)
	}
	return name + " " + branch
}

// pastReader goes through a history and has every pin followed.
type pastReader struct {
	git     *gitLog
	show    *progress
	sight   *sight
	tracker report.Tracker
	gaps    []string
}

func (p *pastReader) gap(format string, args ...any) {
	p.gaps = append(p.gaps, fmt.Sprintf(format, args...))
}

// stand finds what stands at the newest commit, and by which rules it belongs
// where it does: those that are written, else those that init would draft.
func (p *pastReader) stand(ctx context.Context, f reportFlags, head, dir string, sc scope, stderr io.Writer) error {
	if err := p.copyTree(ctx, head, dir); err != nil {
		return err
	}
	s, err := survey(ctx, surveyFlags{root: dir, config: f.config, noCache: true, noLookup: true, committed: true, remote: remoteURL(ctx, f.history)}, stderr)
	if err != nil {
		return err
	}
	if _, err := os.Stat(filepath.Join(dir, config.Name)); f.config == "" && errors.Is(err, os.ErrNotExist) {
		text, _, err := draft(dir, s.inventory)
		if err != nil {
			return err
		}
		if s.config, err = config.Parse(config.Name, text); err != nil {
			return fmt.Errorf("read the draft: %w", err)
		}
		s.config.Place(s.inventory.Pins)
		p.gap("there is no %s: environments and waves are those that promoter init would draft", config.Name)
	}
	if p.sight, err = newSight(s, sc); err != nil {
		return err
	}
	p.tracker.Where = p.sight.where
	return nil
}

// copyTree writes the files of a commit into an empty directory.
func (p *pastReader) copyTree(ctx context.Context, commit, dir string) error {
	files, err := p.git.tree(commit)
	if err != nil {
		return err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	for i, f := range files {
		if i%500 == 0 {
			p.show.say("reading files", i, len(files))
			if err := ctx.Err(); err != nil {
				return err
			}
		}
		if !filepath.IsLocal(filepath.FromSlash(f.path)) {
			continue
		}
		data, err := p.git.blob(f.blob)
		if err != nil {
			return err
		}
		if err := root.MkdirAll(path.Dir(f.path), 0o700); err != nil {
			return fmt.Errorf("copy %s: %w", f.path, err)
		}
		if err := root.WriteFile(f.path, data, 0o600); err != nil {
			return fmt.Errorf("copy %s: %w", f.path, err)
		}
	}
	return nil
}

// walk follows the pins from before the time looked at to its end, and returns
// the time of the first commit, where the history is no older.
func (p *pastReader) walk(ctx context.Context, head string, sc scope) (from time.Time, err error) {
	line, base, err := p.git.line(head, sc.since.Add(-warmUp), sc.until)
	if err != nil {
		return from, err
	}
	if base == "" {
		if len(line) > 0 {
			from = line[0].at
		}
		if shallow, err := p.git.shallow(); err != nil {
			return from, err
		} else if shallow {
			p.gap("the clone is shallow: what its history begins with is not known to have moved, and nothing before it is")
		}
	} else if err := p.begin(ctx, base); err != nil {
		return from, err
	}
	for i := range line {
		if i%100 == 0 {
			p.show.say("reading commits", i, len(line))
			if err := ctx.Err(); err != nil {
				return from, err
			}
		}
		if err := p.step(&line[i]); err != nil {
			return from, err
		}
	}
	if p.tracker.Broken > 0 {
		p.gap("%s of commits could not be read: what they pinned before counts until they can", countOf(p.tracker.Broken, "file"))
	}
	return from, nil
}

// begin tells the tracker what stood before the first commit.
func (p *pastReader) begin(ctx context.Context, base string) error {
	files, err := p.git.tree(base)
	if err != nil {
		return err
	}
	for i, f := range files {
		if i%500 == 0 {
			p.show.say("reading what stood before", i, len(files))
			if err := ctx.Err(); err != nil {
				return err
			}
		}
		if !p.sight.mayRead(f.path) {
			continue
		}
		data, err := p.git.blob(f.blob)
		if err != nil {
			return err
		}
		pins, _ := p.sight.pins(f.path, data)
		p.tracker.Start(f.path, pins)
	}
	return nil
}

func (p *pastReader) step(c *pastCommit) error {
	var files []report.File
	for _, ch := range c.changes {
		f := report.File{Old: ch.old}
		if f.Old != "" && !p.sight.mayRead(f.Old) {
			f.Old = ""
		}
		if ch.path != "" && ch.blob != "" && p.sight.mayRead(ch.path) {
			data, err := p.git.blob(ch.blob)
			if err != nil {
				return err
			}
			pins, ok := p.sight.pins(ch.path, data)
			f.New, f.Pins, f.Broken = ch.path, pins, !ok
		}
		if f.Old != "" || f.New != "" {
			files = append(files, f)
		}
	}
	p.tracker.Step(report.Commit{Hash: c.id, At: c.at, By: c.by()}, files)
	return nil
}

// by is what sort of author a commit has, by what it says of itself and by
// what its authors are called.
func (c *pastCommit) by() report.Author {
	switch {
	case promoter.ParseTrailers(c.message).Change != "":
		return report.Ours
	case isMachine(c.author) || isMachine(c.joined):
		return report.Bot
	}
	return report.Person
}

// machines are what bots are called: by forges, and by their makers.
var machines = regexp.MustCompile(`(?i)\[bot\]|\b(?:renovate|dependabot|mend|fluxbot|fluxcdbot|image-updater|github-actions)\b|(?:^|[ ._-])bot(?:$|[ ._@<-])`)

func isMachine(author string) bool { return machines.MatchString(author) }
