package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strconv"
	"strings"
	"time"
)

// gitLog reads a repository's history with the git program, wherever the
// repository is; one process serves all blobs.
type gitLog struct {
	ctx   context.Context
	dir   string
	batch *exec.Cmd
	in    io.WriteCloser
	out   *bufio.Reader
}

// pastCommit is one of the branch's first parents.
type pastCommit struct {
	id      string
	author  string // "name <mail>"
	joined  string // the author of what a merge joins, or ""
	second  string // its other parent
	message string
	at      time.Time
	changes []pastChange
}

// pastChange is one file that differs from the first parent's.
type pastChange struct {
	old, path string // old is empty for a new file, path for one that is gone
	blob      string // empty for what is no regular file
}

// treeFile is one regular file of a commit.
type treeFile struct{ path, blob string }

func openGitLog(ctx context.Context, dir string) (*gitLog, error) {
	g := &gitLog{ctx: ctx, dir: dir}
	if _, err := g.run(nil, "rev-parse", "--git-dir"); err != nil {
		return nil, fmt.Errorf("open %s: %w", dir, err)
	}
	g.batch = exec.CommandContext(ctx, "git", "-C", dir, "cat-file", "--batch")
	var err error
	if g.in, err = g.batch.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := g.batch.StdoutPipe()
	if err != nil {
		return nil, err
	}
	g.out = bufio.NewReaderSize(out, 1<<20)
	if err := g.batch.Start(); err != nil {
		return nil, fmt.Errorf("start git: %w", err)
	}
	return g, nil
}

func (g *gitLog) close() {
	_ = g.in.Close()
	_ = g.batch.Wait() // it only read: its exit says nothing more
}

func (g *gitLog) run(stdin []byte, args ...string) (string, error) {
	c := exec.CommandContext(g.ctx, "git", append([]string{"-C", g.dir}, args...)...)
	if stdin != nil {
		c.Stdin = bytes.NewReader(stdin)
	}
	out, err := c.Output()
	if e := (*exec.ExitError)(nil); errors.As(err, &e) {
		return "", fmt.Errorf("git %s: %w: %s", args[0], err, bytes.TrimSpace(e.Stderr))
	}
	if err != nil {
		return "", fmt.Errorf("git %s: %w", args[0], err)
	}
	return string(out), nil
}

// resolve finds the commit of a branch, here or at the origin.
func (g *gitLog) resolve(name string) (string, error) {
	for _, ref := range []string{name, "refs/remotes/origin/" + name} {
		if out, err := g.run(nil, "rev-parse", "--verify", "--quiet", "--end-of-options", ref+"^{commit}"); err == nil {
			return strings.TrimSpace(out), nil
		}
	}
	return "", fmt.Errorf("%s has no commit or branch %q", g.dir, name)
}

func (g *gitLog) shallow() (bool, error) {
	out, err := g.run(nil, "rev-parse", "--is-shallow-repository")
	return strings.TrimSpace(out) == "true", err
}

// line lists the first parents between two moments, the oldest first, and the
// commit before them; "" where the history begins with them. Committers' clocks
// disagree, so that the whole line is looked at.
func (g *gitLog) line(head string, since, until time.Time) (line []pastCommit, base string, err error) {
	out, err := g.run(nil, "rev-list", "--first-parent", "--timestamp", head)
	if err != nil {
		return nil, "", err
	}
	first := -1 // from the newest on: the oldest that is young enough
	all := strings.Split(strings.TrimSpace(out), "\n")
	for i, text := range all {
		stamp, _, _ := strings.Cut(text, " ")
		seconds, err := strconv.ParseInt(stamp, 10, 64)
		if err != nil {
			return nil, "", fmt.Errorf("read git rev-list: %q", text)
		}
		if seconds >= since.Unix() {
			first = i
		}
	}
	if first < 0 {
		return nil, head, nil
	}
	what := []string{head}
	if first+1 < len(all) {
		_, base, _ = strings.Cut(all[first+1], " ")
		what = append(what, "^"+base)
	}
	line, err = g.log(what)
	if err != nil {
		return nil, "", err
	}
	for i := range line {
		if line[i].at.After(until) {
			line = line[:i]
			break
		}
	}
	return line, base, g.join(line)
}

// log reads commits with what they change against their first parents.
func (g *gitLog) log(what []string) ([]pastCommit, error) {
	args := []string{"log", "--first-parent", "-m", "--root", "--reverse", "-r", "--raw", "--no-abbrev", "-M", "-z", "--no-color", "--no-show-signature", "--format=%x02%H%x1f%P%x1f%ct%x1f%an <%ae>%x1f%B"}
	out, err := g.run(nil, append(args, what...)...)
	if err != nil {
		return nil, err
	}
	var all []pastCommit
	for fields := strings.Split(out, "\x00"); len(fields) > 0; {
		f := strings.TrimPrefix(fields[0], "\n")
		fields = fields[1:]
		switch {
		case strings.HasPrefix(f, "\x02"):
			c, err := parseCommit(f[1:])
			if err != nil {
				return nil, err
			}
			all = append(all, c)
		case strings.HasPrefix(f, ":"):
			n, change, err := parseRaw(f, fields)
			if err != nil || len(all) == 0 {
				return nil, fmt.Errorf("read git log: %q", f)
			}
			fields = fields[n:]
			c := &all[len(all)-1]
			c.changes = append(c.changes, change)
		}
	}
	return all, nil
}

func parseCommit(text string) (pastCommit, error) {
	f := strings.SplitN(text, "\x1f", 5)
	if len(f) < 5 {
		return pastCommit{}, fmt.Errorf("read git log: %q", text)
	}
	seconds, err := strconv.ParseInt(f[2], 10, 64)
	if err != nil {
		return pastCommit{}, fmt.Errorf("read commit %s: %w", f[0], err)
	}
	c := pastCommit{id: f[0], at: time.Unix(seconds, 0).UTC(), author: f[3], message: f[4]}
	if parents := strings.Fields(f[1]); len(parents) > 1 {
		c.second = parents[1]
	}
	return c, nil
}

// regularModes are those of files that hold text of their own.
var regularModes = map[string]bool{"100644": true, "100755": true}

// parseRaw reads ":100644 100644 <old> <new> M" and the paths after it, two for
// a rename; n is how many those are.
func parseRaw(head string, rest []string) (n int, c pastChange, err error) {
	f := strings.Fields(head)
	if len(f) != 5 || len(rest) == 0 {
		return 0, c, errors.New("no raw change")
	}
	c.old, c.path = rest[0], rest[0]
	n = 1
	switch f[4][0] {
	case 'A':
		c.old = ""
	case 'D':
		c.path = ""
	case 'R', 'C':
		if len(rest) < 2 {
			return 0, c, errors.New("no second path")
		}
		c.path, n = rest[1], 2
	}
	if regularModes[f[1]] {
		c.blob = f[3]
	}
	return n, c, nil
}

// join finds who wrote what the merges join.
func (g *gitLog) join(line []pastCommit) error {
	var ask strings.Builder
	for _, c := range line {
		if c.second != "" {
			ask.WriteString(c.second + "\n")
		}
	}
	if ask.Len() == 0 {
		return nil
	}
	out, err := g.run([]byte(ask.String()), "log", "--no-walk=unsorted", "--stdin", "--no-color", "--no-show-signature", "--format=%H%x1f%an <%ae>")
	if err != nil {
		return err
	}
	authors := map[string]string{}
	for text := range strings.Lines(out) {
		id, author, _ := strings.Cut(strings.TrimSpace(text), "\x1f")
		authors[id] = author
	}
	for i := range line {
		line[i].joined = authors[line[i].second]
	}
	return nil
}

// tree lists a commit's regular files.
func (g *gitLog) tree(commit string) ([]treeFile, error) {
	out, err := g.run(nil, "ls-tree", "-r", "-z", commit)
	if err != nil {
		return nil, err
	}
	var files []treeFile
	for text := range strings.SplitSeq(out, "\x00") {
		head, path, ok := strings.Cut(text, "\t")
		if f := strings.Fields(head); ok && len(f) == 3 && regularModes[f[0]] {
			files = append(files, treeFile{path, f[2]})
		}
	}
	return files, nil
}

// blob returns a content.
func (g *gitLog) blob(id string) ([]byte, error) {
	if _, err := io.WriteString(g.in, id+"\n"); err != nil {
		return nil, fmt.Errorf("read object %s: %w", id, err)
	}
	head, err := g.out.ReadString('\n')
	if err != nil {
		return nil, fmt.Errorf("read object %s: %w", id, err)
	}
	f := strings.Fields(head)
	if len(f) != 3 || f[1] != "blob" {
		return nil, fmt.Errorf("read object %s: git says %q", id, strings.TrimSpace(head))
	}
	size, err := strconv.Atoi(f[2])
	if err != nil {
		return nil, fmt.Errorf("read object %s: %w", id, err)
	}
	data := make([]byte, size+1) // and a line break
	if _, err := io.ReadFull(g.out, data); err != nil {
		return nil, fmt.Errorf("read object %s: %w", id, err)
	}
	return data[:size], nil
}
