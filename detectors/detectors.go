// Package detectors says what a GitOps repository pins: it turns bytes into
// pins, facts and findings. Each construct has a directory of its own with one
// Detector; detectors/all lists them.
//
// Detectors are pure: no network, no disk, no clock. A construct that needs
// several files (a HelmRelease and its HelmRepository) is read file by file
// and joined by a Linker afterwards. What exists upstream is asked by
// detectors/source, and which of it is wanted is decided in the core.
package detectors

import (
	"promoter/promoter"
	"promoter/promoter/yamltree"
)

// Detector finds the pins of one construct in one file.
type Detector interface {
	// Name is the detector's directory name, as printed in reports.
	Name() string
	// Detect adds to r what f holds of the construct. It must not keep f.
	// A scalar claimed twice is kept for the detector that stands first in
	// the list.
	Detect(f *File, r *Report)
}

// Linker is a Detector that must see the whole repository: it is called once,
// after every file was read, and completes what was detected. Link must give
// the same result for the same files whatever their order.
type Linker interface {
	Detector
	Link(repo *Repository)
}

// File is one file of the repository, parsed once for all detectors.
type File struct {
	Path string // slash-separated, relative to the repository's root
	Data []byte
	// Docs are the YAML documents (JSON included); empty for other files.
	Docs []*Doc
	// Templated is set when the file holds {{ }} actions. They are masked by
	// underscores of equal length in what Docs were parsed from, so that
	// byte offsets hold; Data is untouched.
	Templated bool
}

// Doc is one YAML document of a file, with the Kubernetes header that most
// detectors ask for.
type Doc struct {
	*yamltree.Document
	Index      int // 0-based in the file
	APIVersion string
	Kind       string
	Name       string // metadata.name
	Namespace  string // metadata.namespace
}

// Ref names a Kubernetes object that another one refers to.
type Ref struct {
	Kind      string `json:"kind"`
	Namespace string `json:"namespace,omitempty"`
	Name      string `json:"name"`
}

// Pin is a pin as one file shows it. SourceRef is set instead of
// Artifact.Source when another object says where the artifact comes from; a
// Linker resolves it.
type Pin struct {
	promoter.Pin
	SourceRef *Ref `json:"sourceRef,omitempty"`
}

// Skip is a version reference that was found and could not be read as a pin:
// every one is shown to the user.
type Skip struct {
	Place    promoter.Place `json:"place"`
	Detector string         `json:"detector"`
	Reason   string         `json:"reason"` // one line, the same words for the same cause
}

// Fact is something a file declares that other files' pins need: a
// HelmRepository's URL, an Application's destination, a chart's appVersion.
type Fact struct {
	Kind      string            `json:"kind"` // the object's kind: "HelmRepository"
	Namespace string            `json:"namespace,omitempty"`
	Name      string            `json:"name"`
	Fields    map[string]string `json:"fields,omitempty"`
	Place     promoter.Place    `json:"place"`
}

// Link is an edge of the reference graph: it makes To part of what From
// deploys.
type Link struct {
	From promoter.Place `json:"from"`
	App  string         `json:"app,omitempty"`  // the Application, Flux Kustomization or release it belongs to
	To   string         `json:"to"`             // a path, relative to the root of Repo
	Repo string         `json:"repo,omitempty"` // a Git URL; empty: this repository
	Via  string         `json:"via"`            // "source.path", "resources", "components", "valueFiles", …
}

// Report is what one file holds. It is plain data: it is cached by the file's
// content and path, and must say the same for the same bytes.
type Report struct {
	Pins     []Pin              `json:"pins,omitempty"`
	Skips    []Skip             `json:"skips,omitempty"`
	Facts    []Fact             `json:"facts,omitempty"`
	Links    []Link             `json:"links,omitempty"`
	Findings []promoter.Finding `json:"findings,omitempty"`
	// Errors are what could not be parsed: a broken document with its line.
	Errors []Problem `json:"errors,omitempty"`
}

// Problem is bad input: what is wrong, and where.
type Problem struct {
	Place   promoter.Place `json:"place"`
	Message string         `json:"message"`
}

// Repository is every file's report, and a way to read files again.
type Repository struct {
	// Reports by path. A Linker changes them in place.
	Reports map[string]*Report
	// Paths are the keys of Reports and every other file's path, sorted.
	Paths []string
	// Read returns a file's bytes; it fails for paths outside the repository.
	Read func(path string) ([]byte, error)
	// Remote is the URL this repository was cloned from, if known: a Git
	// source with the same URL is this repository.
	Remote string
}
