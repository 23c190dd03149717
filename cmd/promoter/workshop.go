package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"promoter/gitops"
	"promoter/gitops/edit"
	"promoter/gitops/repo"
	"promoter/promoter"
	"promoter/promoter/config"
	"promoter/templates"
)

// workshop is what planning and running need: the survey, the repository, the
// forge, the engines, the meter and the templates, wired together.
type workshop struct {
	machine

	survey    *surveyed
	wired     *config.Config // whose engines and meters are in use
	policy    promoter.Policy
	templates *templates.Set
	reached   func(promoter.Pin) []promoter.Reached
	notes     *notebook

	repo      *repo.Repo // nil: the remote is not reached
	forge     gitops.Forge
	public    gitops.ReleaseLister // where charts' projects publish; nil: not reached
	mirror    string               // directory
	remote    string
	base      string
	settings  gitops.Settings
	committer gitops.Committer // makes the commits, where only its own count
	signed    bool             // commits are signed by a key of ours
	blind     string           // why the forge is not asked

	follow   *follow // nil: the survey is of a checkout
	ledger   *gitops.Ledger
	refusals refusals
	written  []promoter.Record // by this process
	answers  *gitops.Answerer
	engines  []gitops.Engine
	silencer gitops.Silencer // nil: nothing is silenced
	hint     func()          // tells who waits that something may have changed; nil: nobody does
	watched  context.CancelFunc
	seen     []promoter.Pull // of the last look
	twice    []gitops.Duplicate
	// dressed are pulls that were asked whether they were opened whole. It may be
	// lost.
	dressed map[int]bool
	// converged is when pulls whose verdict is awaited had converged; only
	// measured with.
	converged map[string]time.Time
}

// machine is what a workshop takes from where it runs, and from nowhere else.
type machine struct {
	now    func() time.Time
	getenv func(string) string // where secrets are that the configuration names
}

func thisMachine() machine { return machine{now: time.Now, getenv: os.Getenv} }

// newWorkshop wires what the flags and the environment name over a survey of a
// checkout. Without access to the forge the workshop can plan and not run.
func newWorkshop(ctx context.Context, s *surveyed, f forgeFlags) (*workshop, error) {
	w := &workshop{machine: thisMachine(), ledger: &gitops.Ledger{}, refusals: refusals{}}
	a, err := f.access(ctx, s.root)
	var none *noAccess
	if errors.As(err, &none) {
		w.blind = none.Error()
		return w, w.adopt(s)
	}
	if err != nil {
		return nil, err
	}
	if err := clean(ctx, s.root); err != nil {
		return nil, err
	}
	w.base = s.config.Pulls.Base
	if err := w.connect(ctx, a); err != nil {
		return nil, err
	}
	return w, w.adopt(s)
}

// adopt takes a survey as what is there.
func (w *workshop) adopt(s *surveyed) error {
	if w.notes != nil {
		w.notes.close()
	}
	w.survey, w.policy, w.notes = s, policyOf(s), newNotebook(s)
	w.reached = reachOf(s, w.policy)
	if w.follow != nil {
		w.notes.log = w.follow.stderr
	}
	w.notes.releases = w.public
	w.notes.files, _ = w.public.(gitops.FileReader)
	if w.repo != nil {
		author, err := s.config.Pulls.AuthorOf()
		if err != nil {
			return err
		}
		w.repo.SignAs(repo.Person{Name: author.Name, Email: author.Address})
	}
	if err := w.deliver(s.config); err != nil {
		return err
	}
	var err error
	w.templates, err = ownTemplates(s)
	return err
}

// connect reaches the forge and the repository.
func (w *workshop) connect(ctx context.Context, a *access) error {
	var err error
	if w.forge, err = a.connect(w.now); err != nil {
		return err
	}
	w.remote, w.signed = a.remote, a.signing != ""
	if w.base == "" {
		w.base = a.base
	}
	w.answers = &gitops.Answerer{Forge: w.forge, Now: w.now}
	if a.kind == "github" && a.api == "" { // charts' projects are on github.com
		w.public, _ = w.forge.(gitops.ReleaseLister)
	}
	if err := w.readSettings(ctx, a); err != nil {
		return err
	}
	w.repo, w.mirror, err = a.repository(ctx)
	return err
}

// readSettings asks the forge what the repository prescribes: the deployed
// branch where nothing names it, and whether commits must be signed.
func (w *workshop) readSettings(ctx context.Context, a *access) error {
	reader, ok := w.forge.(gitops.SettingsReader)
	if !ok {
		return fmt.Errorf("%s does not tell a repository's settings", a.kind)
	}
	var err error
	if w.settings, err = reader.Settings(ctx, w.base); err != nil {
		return fmt.Errorf("ask for the repository's settings: %w", err)
	}
	if w.base == "" {
		w.base = w.settings.DefaultBranch
	}
	if !w.settings.SignedCommits || w.signed {
		return nil
	}
	if w.committer, ok = w.forge.(gitops.Committer); !ok {
		return fmt.Errorf("branch %s takes only signed commits: set PROMOTER_SIGNING_KEY_FILE", w.base)
	}
	return nil
}

func (w *workshop) close() {
	w.unwatch()
	if w.notes != nil {
		w.notes.close()
	}
	if w.repo != nil {
		_ = w.repo.Close() // the mirror is a cache: nothing is lost with it
	}
}

// ownTemplates loads the templates, with the repository's own over them.
func ownTemplates(s *surveyed) (*templates.Set, error) {
	set, err := templateFiles(s)
	if err == nil && s.config.Pulls.Title != "" {
		err = set.Title(s.config.Pulls.Title)
	}
	return set, err
}

func templateFiles(s *surveyed) (*templates.Set, error) {
	dir := s.config.Pulls.Templates
	if dir == "" {
		return templates.Load(nil)
	}
	if !filepath.IsLocal(dir) {
		return nil, fmt.Errorf("promoter.yaml: pulls.templates %q: write a folder of the repository", dir)
	}
	root, err := os.OpenRoot(s.root)
	if err != nil {
		return nil, err
	}
	own, err := fs.Sub(root.FS(), filepath.ToSlash(dir))
	if err != nil {
		return nil, err
	}
	return templates.Load(own)
}

// makeEdits is gitops/edit in the words of gitops.
func makeEdits(read func(string) ([]byte, bool, error), edits []promoter.Edit, at time.Time) (map[string][]byte, error) {
	files, err := edit.Files(read, edits, at)
	if errors.Is(err, edit.ErrMoved) {
		return nil, fmt.Errorf("%w: %w", gitops.ErrStale, err)
	}
	return files, err
}

func (w *workshop) executor(ctx context.Context) *gitops.Executor {
	p := w.survey.config.Pulls
	return &gitops.Executor{
		Forge: w.forge, Repo: w.repo, Make: makeEdits, Now: w.now, Committer: w.committer, Engines: w.engines, Silencer: w.silencer, Words: forgeWords(), Selves: authors(w.seen),
		Render: func(sheet promoter.Sheet) (string, string, error) { return w.render(ctx, sheet) },
		Labels: p.Labels, Reviewers: p.Reviewers, Assignees: p.Assignees,
	}
}

// render writes a pull request's text, with the release notes that can be had.
func (w *workshop) render(ctx context.Context, sheet promoter.Sheet) (title, body string, err error) {
	return w.templates.Pull(w.notes.fill(ctx, sheet), w.now())
}

// printBodies renders the pull requests that the decision is on its way to.
func (w *workshop) printBodies(ctx context.Context, out io.Writer, d promoter.Decision) error {
	for _, sheet := range d.Sheets {
		title, body, err := w.render(ctx, sheet)
		if err != nil {
			return err
		}
		fmt.Fprintf(out, "%s\n\n# %s\n\n%s\n", slashes, title, body)
	}
	return nil
}

const slashes = "--------------------------------------------------------------------------------"
