package gitops

import (
	"context"
	"time"
)

// Repository is what we ask of a Git repository: objects and remote branches,
// never a worktree.
type Repository interface {
	// Heads brings the remote's branches that begin with one of the prefixes
	// here and returns their commits by branch name. A full branch name is a
	// prefix of itself.
	Heads(ctx context.Context, prefixes ...string) (map[string]string, error)
	// Read returns a file's bytes at a commit.
	Read(commit, path string) ([]byte, error)
	// Commits lists the commits that are reachable from head and not from
	// base, the newest first, at most limit of them.
	Commits(head, base string, limit int) ([]Commit, error)
	// FirstParents lists a commit and its first parents, at most limit.
	FirstParents(ctx context.Context, head string, limit int) ([]Commit, error)
	// Reach brings a commit of the remote's branches and its first parent
	// here, as far back as that is. ErrNotFound: they are not in its history.
	Reach(ctx context.Context, commit string) error
	// Executable reports whether a file has the executable bit at a commit.
	Executable(commit, path string) (bool, error)
	// Base returns the best common ancestor of two commits.
	Base(ctx context.Context, a, b string) (string, error)
	// Changes lists the files that differ between two commits.
	Changes(from, to string) ([]Change, error)
	// Commit writes a commit on base with the files replaced. Equal input
	// gives the equal commit.
	Commit(base string, files map[string][]byte, message string, at time.Time) (string, error)
	// Push sets a remote branch to a commit if it is at expect now (absent
	// when expect is empty); otherwise ErrStale.
	Push(ctx context.Context, branch, commit, expect string) error
	// Delete removes a remote branch if it is at expect; otherwise ErrStale.
	Delete(ctx context.Context, branch, expect string) error
}

// Commit is what a commit says of itself.
type Commit struct {
	Hash    string
	Parents []string
	Message string
	At      time.Time // committer's time
}

// Change is one file that differs between two commits. Before or After is nil
// where the file does not exist.
type Change struct {
	Path          string
	Before, After []byte
}
