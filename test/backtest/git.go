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

// git reads a repository's objects with the git program; one process serves
// all blobs.
type git struct {
	ctx   context.Context
	dir   string
	batch *exec.Cmd
	in    io.WriteCloser
	out   *bufio.Reader
}

// commit is one of the branch's first parents.
type commit struct {
	id, author, subject string
	at                  time.Time
	bot                 bool
	yaml                bool // it touches a file that a scan may read
}

// change is one file that differs between two commits.
type change struct {
	old, path string // old is empty for a new file, path for one that is gone
	was, blob string // the contents; empty for what is no regular file
}

func openGit(ctx context.Context, dir string) (*git, error) {
	g := &git{ctx: ctx, dir: dir}
	if _, err := g.run("rev-parse", "--git-dir"); err != nil {
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

func (g *git) close() {
	_ = g.in.Close()
	_ = g.batch.Wait() // it only read: its exit says nothing more
}

func (g *git) run(args ...string) (string, error) {
	c := exec.CommandContext(g.ctx, "git", append([]string{"-C", g.dir}, args...)...)
	out, err := c.Output()
	if e := (*exec.ExitError)(nil); errors.As(err, &e) {
		return "", fmt.Errorf("git %s: %w: %s", args[0], err, bytes.TrimSpace(e.Stderr))
	}
	if err != nil {
		return "", fmt.Errorf("git %s: %w", args[0], err)
	}
	return string(out), nil
}

// resolve finds the commit that a text names, or the branch's last one before
// a date. Git itself would take any text for a date.
func (g *git) resolve(ref, text string) (string, error) {
	if text == "" {
		text = ref
	}
	for _, layout := range []string{time.DateOnly, time.RFC3339} {
		t, err := time.Parse(layout, text)
		if err != nil {
			continue
		}
		out, err := g.run("rev-list", "-1", "--first-parent", "--before="+t.Format(time.RFC3339), ref)
		if err == nil && strings.TrimSpace(out) == "" {
			return "", fmt.Errorf("%s has no commit before %s", ref, text)
		}
		return strings.TrimSpace(out), err
	}
	out, err := g.run("rev-parse", "--verify", "--quiet", text+"^{commit}")
	if err != nil {
		return "", fmt.Errorf("%q is neither a commit nor a date (2006-01-02)", text)
	}
	return strings.TrimSpace(out), nil
}

// moment is when a commit was made.
func (g *git) moment(id string) (time.Time, error) {
	out, err := g.run("log", "-1", "--format=%ct", id)
	if err != nil {
		return time.Time{}, err
	}
	seconds, err := strconv.ParseInt(strings.TrimSpace(out), 10, 64)
	return time.Unix(seconds, 0).UTC(), err
}

// history lists the first parents after one commit, up to another, the oldest
// first.
func (g *git) history(after, until string) ([]commit, error) {
	out, err := g.run("log", "--first-parent", "--reverse", "-z", "--format=%H%n%ct%n%an <%ae>%n%s", after+".."+until)
	if err != nil {
		return nil, err
	}
	var all []commit
	for record := range strings.SplitSeq(strings.TrimSuffix(out, "\x00"), "\x00") {
		f := strings.SplitN(record, "\n", 4)
		if len(f) < 4 {
			continue
		}
		seconds, err := strconv.ParseInt(f[1], 10, 64)
		if err != nil {
			return nil, fmt.Errorf("read commit %s: %w", f[0], err)
		}
		all = append(all, commit{id: f[0], at: time.Unix(seconds, 0).UTC(), author: f[2], subject: f[3]})
	}
	return all, nil
}

// empty is Git's name for a tree without files.
const empty = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"

// regular are the modes of files that hold text of their own.
var regular = map[string]bool{"100644": true, "100755": true}

// changes lists the files that differ between two commits or trees.
func (g *git) changes(from, to string) ([]change, error) {
	out, err := g.run("diff-tree", "-r", "-M", "--raw", "--no-abbrev", "-z", from, to)
	if err != nil {
		return nil, err
	}
	var all []change
	for fields := strings.Split(out, "\x00"); len(fields) > 1; {
		// ":100644 100644 <old> <new> M", path; renames have two paths.
		head := strings.Fields(fields[0])
		if len(head) != 5 || len(fields) < 2 {
			return nil, fmt.Errorf("read git diff-tree: %q", fields[0])
		}
		status := head[4]
		c := change{old: fields[1], path: fields[1]}
		fields = fields[2:]
		switch status[0] {
		case 'A':
			c.old = ""
		case 'D':
			c.path = ""
		case 'R':
			c.path, fields = fields[0], fields[1:]
		}
		if regular[strings.TrimPrefix(head[0], ":")] {
			c.was = head[2]
		}
		if regular[head[1]] {
			c.blob = head[3]
		}
		all = append(all, c)
	}
	return all, nil
}

// blob returns an object's content.
func (g *git) blob(id string) ([]byte, error) {
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
