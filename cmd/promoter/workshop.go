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
	"promoter/templates"
)

// workshop is what planning and running need: the survey, the repository, the
// forge and the templates, wired together.
type workshop struct {
	survey    *surveyed
	policy    promoter.Policy
	repo      *repo.Repo // nil: the remote is not reached
	forge     gitops.Forge
	base      string
	committer gitops.Committer // makes the commits, where only its own count
	templates *templates.Set
	reached   func(promoter.Pin) []promoter.Reached
	notes     *notebook
	blind     string // why the forge is not asked
}

// newWorkshop wires what the flags and the environment name. Without access to
// the forge the workshop can plan and not run.
func newWorkshop(ctx context.Context, s *surveyed, f forgeFlags) (*workshop, error) {
	a, err := f.access(ctx, s.root)
	var none *noAccess
	if errors.As(err, &none) {
		w, err := newBench(s)
		if err != nil {
			return nil, err
		}
		w.blind = none.Error()
		return w, nil
	}
	if err != nil {
		return nil, err
	}
	return newWorkshopFor(ctx, s, a)
}

// newBench is a workshop that reaches nothing.
func newBench(s *surveyed) (*workshop, error) {
	w := &workshop{survey: s, policy: policyOf(s), base: s.config.Pulls.Base, notes: newNotebook(s)}
	w.reached = reachOf(s, w.policy)
	var err error
	w.templates, err = ownTemplates(s)
	return w, err
}

// newWorkshopFor connects to the forge and the repository.
func newWorkshopFor(ctx context.Context, s *surveyed, a *access) (*workshop, error) {
	w, err := newBench(s)
	if err != nil {
		return nil, err
	}
	if w.forge, err = a.connect(); err != nil {
		return nil, err
	}
	if a.kind == "github" && a.api == "" { // charts' projects are on github.com
		w.notes.releases, _ = w.forge.(gitops.ReleaseLister)
		w.notes.files, _ = w.forge.(gitops.FileReader)
	}
	if err := w.readSettings(ctx, a); err != nil {
		return nil, err
	}
	if w.repo, err = a.repository(ctx, s); err != nil {
		return nil, err
	}
	return w, nil
}

// readSettings asks the forge what the repository prescribes: the deployed
// branch where nothing names it, and whether commits must be signed.
func (w *workshop) readSettings(ctx context.Context, a *access) error {
	reader, ok := w.forge.(gitops.SettingsReader)
	if !ok {
		return fmt.Errorf("%s does not tell a repository's settings", a.kind)
	}
	settings, err := reader.Settings(ctx, w.base)
	if err != nil {
		return fmt.Errorf("ask for the repository's settings: %w", err)
	}
	if w.base == "" {
		w.base = settings.DefaultBranch
	}
	if !settings.SignedCommits || a.signing != "" {
		return nil
	}
	if w.committer, ok = w.forge.(gitops.Committer); !ok {
		return fmt.Errorf("branch %s takes only signed commits: set PROMOTER_SIGNING_KEY_FILE", w.base)
	}
	return nil
}

func (w *workshop) close() {
	w.notes.close()
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

// look gathers one observation.
func (w *workshop) look(ctx context.Context) (promoter.Observation, error) {
	obs := promoter.Observation{Base: w.base, Targets: targets(w.survey, w.policy, w.reached), Unread: w.survey.unread(w.policy)}
	if w.repo == nil {
		return obs, nil
	}
	o := gitops.Observer{Forge: w.forge, Repo: w.repo, Base: w.base, Make: makeEdits, SheetOf: templates.SheetOf}
	commit, branches, err := o.Branches(ctx)
	if err != nil {
		return obs, err
	}
	if head := headCommit(ctx, w.survey.root); head != commit {
		return obs, fmt.Errorf("%s is at %.10s and %s at %.10s on the remote: run in a fresh checkout of it", w.survey.root, head, w.base, commit)
	}
	obs.Commit = commit
	obs.Pulls, obs.PullsUnknown = o.Pulls(ctx, commit, branches)
	return obs, nil
}

func (w *workshop) plan(ctx context.Context, now time.Time) (promoter.Decision, error) {
	obs, err := w.look(ctx)
	if err != nil {
		return promoter.Decision{}, err
	}
	return promoter.Plan(obs, w.policy, now), nil
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
		Forge: w.forge, Repo: w.repo, Make: makeEdits, Now: time.Now, Committer: w.committer,
		Render: func(sheet promoter.Sheet) (string, string, error) { return w.render(ctx, sheet) },
		Labels: p.Labels, Reviewers: p.Reviewers, Assignees: p.Assignees,
	}
}

// render writes a pull request's text, with the release notes that can be had.
func (w *workshop) render(ctx context.Context, sheet promoter.Sheet) (title, body string, err error) {
	return w.templates.Pull(w.notes.fill(ctx, sheet), time.Now())
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
