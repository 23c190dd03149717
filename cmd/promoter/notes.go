package main

import (
	"context"
	"fmt"
	"net/url"
	"strings"

	"promoter/gitops"
	"promoter/promoter"
	"promoter/promoter/yamltree"
)

// notebook finds release notes: what a chart's index says of its changes, and
// the releases of the project on the forge. Notes are for people; where there
// are none, or they cannot be had, the pull request goes without.
type notebook struct {
	survey   *surveyed
	releases gitops.ReleaseLister // nil: not asked
	known    map[string][]promoter.Note
}

func newNotebook(s *surveyed) *notebook {
	return &notebook{survey: s, known: map[string][]promoter.Note{}}
}

// fill puts notes into the sheet's members.
func (n *notebook) fill(ctx context.Context, sheet promoter.Sheet) promoter.Sheet {
	members := make([]promoter.SheetMember, len(sheet.Members))
	for i, m := range sheet.Members {
		m.Notes = promoter.NotesBetween(m.Artifact.Kind, n.of(ctx, m.Artifact), m.From, m.Version)
		members[i] = m
	}
	sheet.Members = members
	return sheet
}

func (n *notebook) of(ctx context.Context, a promoter.Artifact) []promoter.Note {
	key := a.String()
	if notes, ok := n.known[key]; ok {
		return notes
	}
	notes, home := n.listed(a)
	if a.Kind == promoter.Git {
		home = a.Source
	}
	if owner, repo, ok := githubProject(home); ok && n.releases != nil && len(notes) == 0 {
		notes = n.released(ctx, a, owner, repo)
	}
	n.known[key] = notes
	return notes
}

// listed are the notes that the artifact's own listing carries.
func (n *notebook) listed(a promoter.Artifact) (notes []promoter.Note, home string) {
	for _, r := range n.survey.listings[a].Releases {
		if home == "" {
			home = r.Home
		}
		if text := changes(r.Notes); text != "" {
			notes = append(notes, promoter.Note{Version: r.Version, Body: text})
		}
	}
	return notes, home
}

// released are the notes of a project's releases, under the versions that the
// artifact has: a tag may carry the artifact's name or a "v" before them.
func (n *notebook) released(ctx context.Context, a promoter.Artifact, owner, repo string) []promoter.Note {
	releases, err := n.releases.Releases(ctx, owner, repo)
	if err != nil {
		return nil // notes decide nothing: the text says none
	}
	versions := map[string]string{}
	for _, r := range n.survey.listings[a].Releases {
		versions[strings.TrimPrefix(r.Version, "v")] = r.Version
	}
	var notes []promoter.Note
	for _, r := range releases {
		tag := strings.TrimPrefix(strings.TrimPrefix(r.Tag, a.Name+"-"), "v")
		if v, ok := versions[tag]; ok && r.Notes != "" {
			notes = append(notes, promoter.Note{Version: v, Title: r.Name, Body: r.Notes, URL: r.URL})
		}
	}
	return notes
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
	return parts[0], strings.TrimSuffix(parts[1], ".git"), true
}
