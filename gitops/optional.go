package gitops

import (
	"context"
	"time"
)

// What a Forge may be able to do beside its contract. Callers find out by a
// type assertion, and go without where it fails.

// ReleaseLister is a forge that knows repositories' releases.
type ReleaseLister interface {
	// Releases returns the newest releases of a repository on this forge, the
	// newest first, at most 300. Drafts are left out.
	Releases(ctx context.Context, owner, repo string) ([]Release, error)
}

// FileReader is a forge that gives single files of repositories on it.
type FileReader interface {
	// ReadFile returns a file at a branch, tag or commit; at the default branch
	// when ref is empty. It is ErrNotFound when there is none, and an error for
	// a directory or a file of more than 4 MiB.
	ReadFile(ctx context.Context, owner, repo, path, ref string) ([]byte, error)
}

// Labeler is a forge whose pulls can be labelled after they were opened.
type Labeler interface {
	// Label adds labels, created where they do not exist. One that is there
	// already is no error.
	Label(ctx context.Context, number int, labels ...string) error
}

// Dresser is a forge whose Open takes several calls, so that it may be cut off
// when the pull is open and not all of it is there.
type Dresser interface {
	// Dress puts on an open pull the labels, assignees and reviewers that Open
	// is to put on it, unless it did, and reports whether there was anything to
	// do.
	Dress(ctx context.Context, number int, n NewPull) (bool, error)
}

// Clocked is a forge whose clock can be told from its answers.
type Clocked interface {
	// Clock is what the forge's clock says now, as its last answer tells; false
	// while there was none. It is our own where the two are as good as equal.
	Clock() (now time.Time, known bool)
}

// Rationed is a forge that says how many calls it leaves us.
type Rationed interface {
	// CallsLeft are the calls that are left until they are renewed; false while
	// that is not known.
	CallsLeft() (left int, renewed time.Time, known bool)
}

// Paced is a forge that takes only so many calls in a time.
type Paced interface {
	// Room reports, as a *RateLimited, that n calls more are too many for what
	// can wait: something is always left for what cannot.
	Room(n int) error
}

// Release is a release of some project.
type Release struct {
	Tag        string
	Name       string
	Notes      string // Markdown, as its author wrote it: sanitize before use
	URL        string
	At         time.Time
	Prerelease bool
}

// SettingsReader is a forge that says how a branch may be merged into.
type SettingsReader interface {
	// Settings reads what holds for a branch; the default branch when base is
	// empty.
	Settings(ctx context.Context, base string) (Settings, error)
}

// Settings are what a repository prescribes.
type Settings struct {
	DefaultBranch string
	// MergeMethods are those that are allowed, of merge, squash and rebase;
	// nil when the forge does not say.
	MergeMethods  []string
	SignedCommits bool // the branch takes only commits with a verified signature
	MergeQueue    bool // merges go through a queue
	DeletesMerged bool // branches of merged pulls are deleted by the forge
}

// Committer is a forge that makes commits itself, and signs them: where only
// verified commits count and we hold no key.
type Committer interface {
	// CommitFiles writes a commit on base with the files replaced, and sets
	// the branch to it if it is at expect now (absent when expect is empty);
	// otherwise ErrStale. It returns the commit.
	CommitFiles(ctx context.Context, c FilesCommit) (string, error)
}

// FilesCommit is a commit for the forge to make.
type FilesCommit struct {
	Branch  string
	Expect  string
	Base    string // the parent commit
	Files   []CommitFile
	Message string
}

// CommitFile is a file of a commit.
type CommitFile struct {
	Path string
	Mode string // "100644" or "100755"
	Data []byte
}
