package forge

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// git runs Git on the repository and returns its output without the last line
// feed.
func (r *Repo) git(stdin []byte, env []string, args ...string) (string, error) {
	out, err := r.run(stdin, env, args...)
	return strings.TrimSuffix(string(out), "\n"), err
}

// run runs Git on the repository, with no one's configuration but its own.
func (r *Repo) run(stdin []byte, env []string, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(r.server.ctx, "git", args...)
	cmd.Dir = r.dir
	cmd.Env = append(gitEnv(r.dir), env...)
	cmd.Stdin = bytes.NewReader(stdin)
	var out, complaint bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &complaint
	if err := cmd.Run(); err != nil {
		return out.Bytes(), fmt.Errorf("git %s: %w: %s", args[0], err, strings.TrimSpace(complaint.String()))
	}
	return out.Bytes(), nil
}

// gitEnv is the environment of our Git processes: none of the user's settings
// (hooks, signing, templates) may change what the forge does.
func gitEnv(dir string) []string {
	env := []string{"GIT_DIR=" + dir, "HOME=" + dir, "XDG_CONFIG_HOME=" + dir, "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=" + os.DevNull, "GIT_TERMINAL_PROMPT=0", "LC_ALL=C"}
	for _, name := range []string{"PATH", "TMPDIR", "SYSTEMROOT"} {
		if v, ok := os.LookupEnv(name); ok {
			env = append(env, name+"="+v)
		}
	}
	return env
}

// exitCode returns how a Git process ended, or -1 when it did not run.
func exitCode(err error) int {
	var e *exec.ExitError
	if errors.As(err, &e) {
		return e.ExitCode()
	}
	return -1
}

// heads reads the branches from the files that hold them: each API request
// looks, and a process for each would be slow.
func (r *Repo) heads() (map[string]string, error) {
	all := map[string]string{}
	packed, err := os.ReadFile(filepath.Join(r.dir, "packed-refs"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	for line := range strings.Lines(string(packed)) {
		sha, ref, ok := strings.Cut(strings.TrimSpace(line), " ")
		if name, branch := strings.CutPrefix(ref, "refs/heads/"); ok && branch {
			all[name] = sha
		}
	}
	root := filepath.Join(r.dir, "refs", "heads")
	err = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil // deleted while we look
		}
		if err != nil || d.IsDir() || strings.HasSuffix(path, ".lock") {
			return err
		}
		data, err := os.ReadFile(path)
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		name, err := filepath.Rel(root, path)
		all[filepath.ToSlash(name)] = strings.TrimSpace(string(data))
		return err
	})
	return all, err
}

// commit writes a commit object.
func (r *Repo) commit(tree, message string, author, committer signature, parents ...string) (string, error) {
	args := []string{"commit-tree", tree}
	for _, p := range parents {
		args = append(args, "-p", p)
	}
	return r.git([]byte(message), append(author.env("AUTHOR"), committer.env("COMMITTER")...), args...)
}

// signature is who, and when.
type signature struct {
	name, email string
	at          time.Time
}

func (s signature) env(role string) []string {
	return []string{
		"GIT_" + role + "_NAME=" + s.name,
		"GIT_" + role + "_EMAIL=" + s.email,
		fmt.Sprintf("GIT_%s_DATE=%d +0000", role, s.at.Unix()),
	}
}

func (s *Server) signature(login string) signature {
	return signature{name: login, email: login + "@users.noreply.example.com", at: s.now()}
}

// machine is the committer of what the forge itself commits.
func (s *Server) machine() signature {
	return signature{name: "GitHub", email: "noreply@example.com", at: s.now()}
}

// setRef moves a ref from one commit to another, or fails: absent is "".
func (r *Repo) setRef(ref, to, from string) error {
	if from == "" {
		from = zero
	}
	if to == "" {
		_, err := r.git(nil, nil, "update-ref", "-d", ref, from)
		return err
	}
	_, err := r.git(nil, nil, "update-ref", ref, to, from)
	return err
}

const zero = "0000000000000000000000000000000000000000"

// ancestor reports whether one commit is reachable from the other.
func (r *Repo) ancestor(old, young string) bool {
	_, err := r.git(nil, nil, "merge-base", "--is-ancestor", old, young)
	return err == nil
}

// knows reports whether a commit is here.
func (r *Repo) knows(sha string) bool {
	if !shaForm.MatchString(sha) {
		return false
	}
	_, err := r.git(nil, nil, "cat-file", "-e", sha+"^{commit}")
	return err == nil
}

// change is what one side did to a file; mode "000000" when it deleted it.
type change struct{ mode, sha string }

// changes lists what differs between two trees.
func (r *Repo) changes(from, to string) (map[string]change, error) {
	out, err := r.git(nil, nil, "diff-tree", "-r", "-z", "--raw", "--no-renames", from, to)
	if err != nil {
		return nil, err
	}
	all := map[string]change{}
	fields := strings.Split(strings.TrimSuffix(out, "\x00"), "\x00")
	for i := 0; i+1 < len(fields); i += 2 {
		f := strings.Fields(fields[i]) // :oldmode newmode oldsha newsha status
		if len(f) != 5 {
			return nil, fmt.Errorf("read diff of %s and %s: %q", from, to, fields[i])
		}
		all[fields[i+1]] = change{mode: f[1], sha: f[3]}
	}
	return all, nil
}

// splice writes the tree that has the changes applied.
func (r *Repo) splice(tree string, changed map[string]change) (string, error) {
	index, err := os.CreateTemp(r.dir, "index-")
	if err != nil {
		return "", err
	}
	_ = index.Close()
	defer os.Remove(index.Name())
	_ = os.Remove(index.Name()) // Git wants no empty index
	env := []string{"GIT_INDEX_FILE=" + index.Name()}
	if tree != "" {
		if _, err := r.git(nil, env, "read-tree", tree); err != nil {
			return "", err
		}
	}
	var list bytes.Buffer
	for path, c := range changed {
		if strings.Trim(c.mode, "0") == "" {
			c = change{mode: "0", sha: zero}
		}
		fmt.Fprintf(&list, "%s %s\t%s\x00", c.mode, c.sha, path)
	}
	if list.Len() > 0 {
		if _, err := r.git(list.Bytes(), env, "update-index", "-z", "--index-info"); err != nil {
			return "", err
		}
	}
	return r.git(nil, env, "write-tree")
}

// blob stores bytes.
func (r *Repo) blob(data []byte) (string, error) {
	return r.git(data, nil, "hash-object", "-w", "--stdin")
}
