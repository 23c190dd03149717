package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"regexp"
	"strings"

	"promoter/detectors/source"
	"promoter/detectors/source/changelog"
	"promoter/detectors/source/helmrepo"
	"promoter/detectors/source/ociregistry"
	"promoter/gitops"
	"promoter/promoter"
	"promoter/promoter/yamltree"
)

// notebook finds release notes. Notes are for people; where there are none, or
// they cannot be had, the pull request goes without.
type notebook struct {
	survey   *surveyed
	releases gitops.ReleaseLister // nil: not asked
	files    gitops.FileReader    // nil: not asked
	client   *source.Client       // for archives; made when the first is needed
	log      io.Writer
	projects map[string][]gitops.Release // by the project's page
	known    map[string][]promoter.Note  // changelogs, by artifact and where they are from
}

func newNotebook(s *surveyed) *notebook {
	return &notebook{survey: s, log: os.Stderr, projects: map[string][]gitops.Release{}, known: map[string][]promoter.Note{}}
}

func (n *notebook) close() {
	if n.client != nil {
		_ = n.client.Close() // its cache is an aid: nothing is lost with it
		n.client = nil
	}
}

// fill puts notes into the sheet's members.
func (n *notebook) fill(ctx context.Context, sheet promoter.Sheet) promoter.Sheet {
	members := make([]promoter.SheetMember, len(sheet.Members))
	for i, m := range sheet.Members {
		m.Notes = n.between(ctx, m)
		members[i] = m
	}
	sheet.Members = members
	return sheet
}

// between are the notes of the versions that a change passes, from the first
// that has any: the chart's own annotations, the project's releases, the
// changelog in the chart's archive, and that in the project's repository. Each
// costs requests, and none is asked before the one ahead of it said nothing.
func (n *notebook) between(ctx context.Context, m promoter.SheetMember) []promoter.Note {
	for _, from := range [...]func(context.Context, promoter.SheetMember) []promoter.Note{n.listed, n.released, n.packed, n.written} {
		if notes := promoter.NotesBetween(m.Artifact.Kind, from(ctx, m), m.From, m.Version); len(notes) > 0 {
			return notes
		}
	}
	return nil
}

// listed are the notes that the artifact's own listing carries.
func (n *notebook) listed(_ context.Context, m promoter.SheetMember) (notes []promoter.Note) {
	for _, r := range n.survey.listings[m.Artifact].Releases {
		if text := changes(r.Notes); text != "" {
			notes = append(notes, promoter.Note{Version: r.Version, Body: text})
		}
	}
	return notes
}

// released are the notes of a project's releases, under the versions that the
// artifact has.
func (n *notebook) released(ctx context.Context, m promoter.SheetMember) []promoter.Note {
	var notes []promoter.Note
	versions := n.versions(m.Artifact)
	for _, r := range n.project(ctx, m.Artifact) {
		if v, ok := versions[bareTag(r.Tag, m.Artifact)]; ok && r.Notes != "" {
			notes = append(notes, promoter.Note{Version: v, Title: r.Name, Body: r.Notes, URL: r.URL})
		}
	}
	return notes
}

// packed are the notes in the archive of the chart that the change goes to.
func (n *notebook) packed(ctx context.Context, m promoter.SheetMember) []promoter.Note {
	a := m.Artifact
	if a.Kind != promoter.Chart || a.Source == "" || m.Version == "" {
		return nil
	}
	return n.once("the archive of "+m.Version, m, func() ([]byte, error) { return n.unpack(ctx, a, m.Version) })
}

func (n *notebook) unpack(ctx context.Context, a promoter.Artifact, version string) ([]byte, error) {
	if n.client == nil {
		client, err := source.NewClient(n.survey.asking)
		if err != nil {
			return nil, err
		}
		n.client = client
	}
	fetch := helmrepo.New(n.client).Archive
	if a.OCI() {
		fetch = ociregistry.New(n.client).Archive
	}
	body, err := fetch(ctx, a, version, changelog.MaxArchive)
	if err != nil {
		return nil, err
	}
	f, err := body.Open()
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return changelog.InArchive(f)
}

// written are the notes in the changelog of the project's repository.
func (n *notebook) written(ctx context.Context, m promoter.SheetMember) []promoter.Note {
	owner, repo, ok := githubProject(n.home(m.Artifact))
	if !ok || n.files == nil {
		return nil
	}
	file, ref, ok := n.changelogOf(m)
	if !ok {
		return nil
	}
	where := file + " of " + owner + "/" + repo + " at " + cmp.Or(ref, "its default branch")
	return n.once(where, m, func() ([]byte, error) {
		data, err := n.files.ReadFile(ctx, owner, repo, file, ref)
		return changelog.Head(data), err
	})
}

// changelogOf is where an artifact's project would keep its changelog. A
// repository that holds a chart among others tags its releases with the
// chart's name; one whose versions are the application's says nothing of the
// chart's.
func (n *notebook) changelogOf(m promoter.SheetMember) (file, ref string, ok bool) {
	const name = "CHANGELOG.md"
	a := m.Artifact
	if a.Kind == promoter.Git {
		return name, m.Version, true
	}
	for _, r := range n.projects[n.home(a)] {
		if bareTag(r.Tag, a) != strings.TrimPrefix(m.Version, "v") {
			continue
		}
		if strings.HasPrefix(r.Tag, a.Name+"-") {
			return "charts/" + a.Name + "/" + name, r.Tag, true
		}
		return name, r.Tag, true
	}
	for _, r := range n.survey.listings[a].Releases {
		if r.Version == m.Version {
			return name, "", strings.TrimPrefix(r.AppVersion, "v") == strings.TrimPrefix(r.Version, "v")
		}
	}
	return "", "", false
}

// once reads a changelog if it was not read before. That it cannot be had is
// said, and stops nothing.
func (n *notebook) once(where string, m promoter.SheetMember, read func() ([]byte, error)) []promoter.Note {
	key := m.Artifact.String() + " " + where
	if notes, ok := n.known[key]; ok {
		return notes
	}
	data, err := read()
	if err != nil && !errors.Is(err, changelog.ErrNone) && !errors.Is(err, gitops.ErrNotFound) && !errors.Is(err, source.ErrNotCached) {
		fmt.Fprintf(n.log, "promoter: %s: no release notes from %s: %s\n", m.Artifact, where, source.Unknown(err))
	}
	var notes []promoter.Note
	versions := n.versions(m.Artifact)
	for _, note := range changelog.Parse(data, m.Artifact.Name) {
		if v, ok := versions[strings.TrimPrefix(note.Version, "v")]; ok {
			note.Version = v
			notes = append(notes, note)
		}
	}
	n.known[key] = notes
	return notes
}

// versions are those that the artifact has, by their text without a "v".
func (n *notebook) versions(a promoter.Artifact) map[string]string {
	out := map[string]string{}
	for _, r := range n.survey.listings[a].Releases {
		out[strings.TrimPrefix(r.Version, "v")] = r.Version
	}
	return out
}

// bareTag is a tag without what may stand before the version in it: the
// artifact's name, and a "v".
func bareTag(tag string, a promoter.Artifact) string {
	return strings.TrimPrefix(strings.TrimPrefix(tag, a.Name+"-"), "v")
}

// home is the page of the project that an artifact is of, or "".
func (n *notebook) home(a promoter.Artifact) string {
	if a.Kind == promoter.Git {
		return a.Source
	}
	for _, r := range n.survey.listings[a].Releases {
		if r.Home != "" {
			return r.Home
		}
	}
	return ""
}

// project are the releases of the project that an artifact is of.
func (n *notebook) project(ctx context.Context, a promoter.Artifact) []gitops.Release {
	home := n.home(a)
	owner, repo, ok := githubProject(home)
	if !ok || n.releases == nil {
		return nil
	}
	releases, asked := n.projects[home]
	if !asked {
		var err error
		if releases, err = n.releases.Releases(ctx, owner, repo); err != nil && !errors.Is(err, gitops.ErrNotFound) {
			fmt.Fprintf(n.log, "promoter: %s: no release notes from the releases of %s/%s: %s\n", a, owner, repo, source.Unknown(err))
		}
		n.projects[home] = releases
	}
	return releases
}

// changes turns the artifacthub.io/changes annotation into Markdown: a YAML
// list of texts, or of mappings with kind, description and links. Anything
// else is given as it is.
func changes(annotation string) string {
	annotation = strings.TrimSpace(annotation)
	docs, errs := yamltree.Parse([]byte(annotation))
	if len(errs) > 0 || len(docs) != 1 || docs[0].Root.Items() == nil {
		return annotation
	}
	var b strings.Builder
	for _, item := range docs[0].Root.Items() {
		if item.Kind == yamltree.Scalar {
			fmt.Fprintf(&b, "- %s\n", item.Value)
			continue
		}
		kind, text := item.Str("kind"), item.Str("description")
		if kind != "" {
			kind += ": "
		}
		fmt.Fprintf(&b, "- %s%s\n", kind, text)
	}
	return b.String()
}

// githubProject takes owner and name from a project's page on GitHub.
func githubProject(page string) (owner, repo string, ok bool) {
	u, err := url.Parse(page)
	if err != nil || u.Hostname() != "github.com" {
		return "", "", false
	}
	parts := strings.Split(strings.Trim(u.Path, "/"), "/")
	if len(parts) < 2 {
		return "", "", false
	}
	owner, repo = parts[0], strings.TrimSuffix(parts[1], ".git")
	return owner, repo, projectName.MatchString(owner) && projectName.MatchString(repo)
}

// projectName is an owner or a repository on GitHub. Pages are written by
// strangers, and become part of an address.
var projectName = regexp.MustCompile(`^[A-Za-z0-9_.-]*[A-Za-z0-9_-][A-Za-z0-9_.-]*$`)
