// Package chart reads Helm charts that live in the repository: the
// dependencies that Chart.yaml (or Helm 2's requirements.yaml) pins, what the
// lock file holds them at, and the chart's own version and appVersion.
//
// It refuses to guess where a dependency comes from: one without a repository,
// or with an alias that only a user's Helm configuration resolves, is a Skip.
// Lock files are facts, not pins: Helm writes them.
package chart

import (
	"path"
	"strings"

	"promoter/detectors"
	"promoter/promoter"
	"promoter/promoter/yamltree"
)

// Reasons of the Skips.
const (
	noRepository = "the dependency names no repository: Helm takes it from the charts directory"
	aliased      = "the repository is an alias of the user's Helm configuration"
	viaGit       = "the repository is a Git URL, which needs a Helm plug-in"
	noAddress    = "the repository is not an address that Helm knows"
	outside      = "the dependency's directory lies outside of the repository"
	noName       = "the dependency has no name"
)

// Rule is the finding for charts in Helm 2's form.
const Rule = "helm-v2-chart"

// Detector finds the dependencies of charts. The zero value is ready.
type Detector struct{}

// Name is "chart".
func (Detector) Name() string { return "chart" }

// Wants asks for lock files, which are YAML by content only.
func (Detector) Wants(file string) bool { return isLock(path.Base(file)) }

func isLock(base string) bool { return base == "Chart.lock" || base == "requirements.lock" }

// Detect reads Chart.yaml, requirements.yaml and their lock files.
func (Detector) Detect(f *detectors.File, r *detectors.Report) {
	base := path.Base(f.Path)
	if isLock(base) {
		lock(f, r)
		return
	}
	if len(f.Docs) == 0 || f.Docs[0].Root == nil {
		return
	}
	root := detectors.At(f, f.Docs[0])
	switch base {
	case "Chart.yaml", "Chart.yml":
		about(root, r)
		dependencies(root, r)
	case "requirements.yaml", "requirements.yml":
		dependencies(root, r) // Ansible's file of that name has no such key
	}
}

// about records what the chart says of itself.
func about(root detectors.Cursor, r *detectors.Report) {
	name := root.Get("name")
	if !name.IsScalar() {
		return
	}
	fact := detectors.Fact{Kind: "Chart", Name: name.Node.Value, Place: name.Place(), Fields: map[string]string{}}
	for _, key := range []string{"name", "version", "appVersion", "apiVersion", "kubeVersion", "type"} {
		if v := root.Get(key); v.IsScalar() && v.Unwritten() == "" {
			fact.Fields[key] = v.Node.Value
		}
	}
	r.Facts = append(r.Facts, fact)
	if fact.Fields["apiVersion"] == "v2" {
		return
	}
	at, evidence := root.Get("apiVersion"), "Chart.yaml has no apiVersion"
	if at.IsScalar() {
		if at.Node.Value != "v1" || at.Unwritten() != "" {
			return
		}
		evidence = "Chart.yaml has apiVersion v1"
	} else {
		at = name
	}
	r.Findings = append(r.Findings, promoter.Finding{
		Rule: Rule, Severity: promoter.Low, Place: at.Place(),
		Evidence: evidence + ": a chart of Helm 2, which ended in November 2020",
		Remedy:   "write apiVersion: v2 and move the list of requirements.yaml to Chart.yaml, under dependencies",
		Source:   "https://helm.sh/docs/topics/v2_v3_migration/",
	})
}

func dependencies(root detectors.Cursor, r *detectors.Report) {
	for _, item := range root.Get("dependencies").Items() {
		dependency(item, root.Str("name"), r)
	}
}

func dependency(item detectors.Cursor, app string, r *detectors.Report) {
	version, name, repository := item.Get("version"), item.Get("name"), item.Get("repository")
	at := version
	if !version.IsScalar() {
		if at = name; !name.IsScalar() {
			return
		}
	}
	skip := func(reason string) {
		r.Skips = append(r.Skips, detectors.Skip{Place: at.Place(), Detector: Detector{}.Name(), Reason: reason})
	}
	for _, c := range []detectors.Cursor{name, repository, version} {
		if c.IsScalar() {
			if reason := c.Unwritten(); reason != "" {
				skip(reason)
				return
			}
		}
	}
	address := ""
	if repository.IsScalar() {
		address = strings.TrimSpace(repository.Node.Value)
	}
	scheme, _, _ := strings.Cut(address, "://")
	switch {
	case !name.IsScalar():
		skip(noName)
	case address == "":
		at = name // which is what Link looks for
		skip(noRepository)
	case strings.HasPrefix(address, "@"), strings.HasPrefix(address, "alias:"):
		skip(aliased)
	case scheme == "file":
		to := path.Join(path.Dir(item.File.Path), strings.TrimPrefix(address, "file://"))
		if to == ".." || strings.HasPrefix(to, "../") {
			skip(outside)
			return
		}
		r.Links = append(r.Links, detectors.Link{From: repository.Place(), App: app, To: to, Via: "dependencies"})
	case strings.HasPrefix(address, "git+"), scheme == "git":
		skip(viaGit)
	case scheme == "https", scheme == "http", scheme == "oci":
		p := detectors.Pin{Pin: promoter.Pin{
			Artifact: detectors.ChartArtifact(address, name.Node.Value),
			Consumer: promoter.ByHelm, Place: at.Place(),
			App: app, Detector: Detector{}.Name(),
		}}
		if version.IsScalar() {
			p.Version = strings.TrimSpace(version.Node.Value)
		}
		p.Form = promoter.Classify(promoter.Chart, promoter.ByHelm, p.Version)
		r.Pins = append(r.Pins, p)
	default:
		skip(noAddress)
	}
}

// lock records the versions that Helm resolved the dependencies to.
func lock(f *detectors.File, r *detectors.Report) {
	docs, errs := yamltree.Parse(f.Data)
	for _, e := range errs {
		r.Errors = append(r.Errors, detectors.Problem{
			Place: promoter.Place{File: f.Path, Line: e.Line}, Message: e.Message,
		})
	}
	for i, d := range docs {
		root := detectors.At(f, &detectors.Doc{Document: d, Index: i})
		for _, item := range root.Get("dependencies").Items() {
			version := item.Get("version")
			if name := item.Str("name"); name != "" && version.IsScalar() {
				r.Facts = append(r.Facts, detectors.Fact{
					Kind: "LockedChart", Name: name, Place: version.Place(),
					Fields: map[string]string{
						"version": version.Node.Value, "repository": item.Str("repository"),
						"dir": path.Dir(f.Path), "digest": root.Str("digest"),
					},
				})
			}
		}
	}
}
