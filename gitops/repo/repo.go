// Package repo reads and writes a Git repository without a worktree: a bare
// mirror of the branches that matter, with a short history that is deepened
// when a question needs more of it. Commits are made from the object store,
// and only the trees that change are written; a push names the commit that the
// remote branch must be at.
//
// It refuses to guess and to force: a branch that is not where it was expected
// is gitops.ErrStale, history that was not fetched is an error and not an
// empty answer, and nothing is ever merged or rebased. The mirror is a cache:
// it may be deleted at any time.
package repo

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/object"

	"promoter/gitops"
)

// Options say which repository is meant, and who writes to it.
type Options struct {
	// URL is the remote: http(s)://, ssh://, user@host:path, file:// or a path.
	// file:// and paths run the git program, which the others do not need.
	URL string
	// Dir holds the mirror. One process uses it at a time.
	Dir string
	// Auth is asked before each connection, because tokens expire; nil: none.
	Auth func(context.Context) (Auth, error)
	// TLS, for https.
	TLS TLS
	// Depth is how many commits of each branch are fetched at first; default
	// 20. A question that needs more deepens, up to MaxDepth; default 50,000.
	Depth, MaxDepth int
	// Stall is how long the remote may make no progress; default 60 s.
	Stall time.Duration

	// Author and Committer of what Commit writes; the committer defaults to
	// the author.
	Author, Committer Person
	// Signer signs what Commit writes; nil: unsigned.
	Signer Signer
	// Log gets one debug line per exchange with the remote; nil: silent.
	Log *slog.Logger
}

// Person is who a commit names.
type Person struct{ Name, Email string }

// Repo is a mirror of a remote repository. It is safe for concurrent use; its
// methods run one at a time.
type Repo struct {
	opt Options
	log *slog.Logger

	mu    sync.Mutex
	lock  *os.File
	store *store
}

var _ gitops.Repository = (*Repo)(nil)

// maxPacks is how many packs a mirror may gather before it is made anew.
const maxPacks = 200

// Open takes the mirror's lock and opens it; it is made where there is none.
// While another process holds it, Open waits until ctx is done.
func Open(ctx context.Context, o Options) (*Repo, error) {
	if o.URL == "" || o.Dir == "" {
		return nil, errors.New("open mirror: a URL and a directory are needed")
	}
	if o.Depth < 0 || o.MaxDepth < 0 || o.Stall < 0 {
		return nil, errors.New("open mirror: a limit is negative")
	}
	o.Depth = cmp.Or(o.Depth, 20)
	o.MaxDepth = max(cmp.Or(o.MaxDepth, 50_000), o.Depth)
	o.Stall = cmp.Or(o.Stall, time.Minute)
	if o.Committer == (Person{}) {
		o.Committer = o.Author
	}
	r := &Repo{opt: o, log: o.Log}
	if r.log == nil {
		r.log = slog.New(slog.DiscardHandler)
	}
	if err := os.MkdirAll(o.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("open mirror: %w", err)
	}
	var err error
	if r.lock, err = lockFile(ctx, filepath.Join(o.Dir, "lock")); err != nil {
		return nil, fmt.Errorf("open mirror %q: %w", o.Dir, err)
	}
	if err := r.open(); err != nil {
		r.lock.Close()
		return nil, err
	}
	return r, nil
}

// Close lets the mirror go.
func (r *Repo) Close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return errors.Join(r.store.Close(), r.lock.Close())
}

func (r *Repo) objects() string { return filepath.Join(r.opt.Dir, "mirror.git") }

// open opens the mirror's store. One of another remote, or that has gathered
// too many packs, is made anew.
func (r *Repo) open() error {
	dir := r.objects()
	remote := filepath.Join(dir, "promoter-remote")
	known, err := os.ReadFile(remote)
	switch {
	case err == nil && string(known) == withoutSecrets(r.opt.URL) && countPacks(dir) < maxPacks:
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("open mirror: %w", err)
	default:
		if err := os.RemoveAll(dir); err != nil {
			return fmt.Errorf("renew mirror: %w", err)
		}
	}
	store := openStore(dir)
	if err := store.Init(); err != nil {
		return fmt.Errorf("make mirror: %w", err)
	}
	// What the git program needs to take the directory for a repository.
	head := plumbing.NewSymbolicReference(plumbing.HEAD, "refs/heads/none")
	if err := store.SetReference(head); err != nil {
		return fmt.Errorf("make mirror: %w", err)
	}
	if err := os.WriteFile(remote, []byte(withoutSecrets(r.opt.URL)), 0o600); err != nil {
		return fmt.Errorf("make mirror: %w", err)
	}
	r.store = store
	return nil
}

// renew throws the mirror away and opens an empty one.
func (r *Repo) renew() error {
	_ = r.store.Close() // its files go with it
	if err := os.RemoveAll(r.objects()); err != nil {
		return fmt.Errorf("renew mirror: %w", err)
	}
	return r.open()
}

func countPacks(dir string) int {
	packs, _ := filepath.Glob(filepath.Join(dir, "objects", "pack", "*.pack"))
	return len(packs)
}

// tracking is the local name of a remote branch.
func tracking(branch string) plumbing.ReferenceName {
	return plumbing.NewRemoteReferenceName("origin", branch)
}

// tracked returns the commits of the branches as they were fetched last.
func (r *Repo) tracked() (map[string]plumbing.Hash, error) {
	refs, err := r.store.IterReferences()
	if err != nil {
		return nil, fmt.Errorf("read mirror: %w", err)
	}
	defer refs.Close()
	heads := map[string]plumbing.Hash{}
	err = refs.ForEach(func(ref *plumbing.Reference) error {
		if branch, ok := strings.CutPrefix(string(ref.Name()), "refs/remotes/origin/"); ok && ref.Type() == plumbing.HashReference {
			heads[branch] = ref.Hash()
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read mirror: %w", err)
	}
	return heads, nil
}

// commit returns a commit by its hash in hexadecimal.
func (r *Repo) commit(hash string) (*object.Commit, error) {
	if !plumbing.IsHash(hash) {
		return nil, fmt.Errorf("read commit %q: not a commit's full hash", hash)
	}
	c, err := object.GetCommit(r.store, plumbing.NewHash(hash))
	if errors.Is(err, plumbing.ErrObjectNotFound) {
		return nil, fmt.Errorf("read commit %s: %w in the mirror", hash, gitops.ErrNotFound)
	}
	if err != nil {
		return nil, fmt.Errorf("read commit %s: %w", hash, err)
	}
	return c, nil
}
