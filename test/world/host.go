package world

import (
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"promoter/test/world/forge"
)

// Token is what Promoter is known by on the world's forge, as user promoter;
// PersonToken is Ana's, who may merge.
const (
	Token       = "world-token"
	PersonToken = "ana-token"
)

// Hosted is a repository on the world's forge, with a clone of it.
type Hosted struct {
	*forge.Repo
	Server *forge.Server
	Clone  string // directory
}

// API is the forge's address for --forge-url.
func (h *Hosted) API() string { return h.Server.API() }

// Pull brings the clone to the newest commit of its branch.
func (h *Hosted) Pull() error {
	return git(h.Clone, "pull", "-q", "--ff-only")
}

// Host starts a forge with the files of a directory as repository shop/gitops,
// and clones it to a new directory.
func (w *World) Host(from, clone string) (*Hosted, error) {
	s, err := forge.Start(forge.Options{Now: w.Now})
	if err != nil {
		return nil, err
	}
	w.closers = append(w.closers, s.Close)
	s.AddToken(Token, "promoter", true)
	s.AddToken(PersonToken, "ana", true)
	r, err := s.Create("shop", "gitops")
	if err != nil {
		return nil, err
	}
	files := map[string][]byte{}
	err = filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		rel, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		data, err := os.ReadFile(path)
		files[filepath.ToSlash(rel)] = named(data, r.CloneURL(""))
		return err
	})
	if err != nil {
		return nil, err
	}
	if _, err := r.Commit("ana", r.Base, "", "The shop, as it is deployed", files); err != nil {
		return nil, fmt.Errorf("commit the sample: %w", err)
	}
	h := &Hosted{Repo: r, Server: s, Clone: clone}
	return h, git("", "clone", "-q", r.CloneURL(""), clone)
}

// git runs the git program with none of the user's settings.
func git(dir string, args ...string) error {
	c := exec.Command("git", args...)
	c.Dir = dir
	c.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_NOSYSTEM=1", "GIT_TERMINAL_PROMPT=0")
	if out, err := c.CombinedOutput(); err != nil {
		return fmt.Errorf("git %s: %w: %s", strings.Join(args, " "), err, strings.TrimSpace(string(out)))
	}
	return nil
}
