// Package galaxy reads what an Ansible project requires: the collections and
// roles of requirements.yml, from a Galaxy server or a Git repository.
//
// It refuses a Helm 2 file of the same name, local directories and archives.
package galaxy

import (
	"path"
	"strings"

	"promoter/detectors"
	"promoter/promoter"
	"promoter/promoter/yamltree"
)

// Server is where content comes from that names no server.
const Server = "https://galaxy.ansible.com"

// Reasons of the Skips.
const (
	local   = "a local directory, which has no releases"
	archive = "an archive behind a URL, whose releases are not listed anywhere"
	unnamed = "the requirement has no name"
	badGit  = "the Git address cannot be read"
	include = "the requirement includes another file"
)

// Detector finds Ansible requirements. The zero value is ready.
type Detector struct{}

// Name is "galaxy".
func (Detector) Name() string { return "galaxy" }

// Detect reads requirements.yml in both of its forms: a mapping of roles and
// collections, and the older list of roles.
func (Detector) Detect(f *detectors.File, r *detectors.Report) {
	switch base := path.Base(f.Path); {
	case base == "requirements.yml", base == "requirements.yaml":
	case strings.HasSuffix(base, ".yml") || strings.HasSuffix(base, ".yaml"):
		if !strings.HasSuffix(strings.TrimSuffix(base, path.Ext(base)), "-requirements") {
			return
		}
	default:
		return
	}
	for _, d := range f.Docs {
		if d.Root == nil {
			continue
		}
		root := detectors.At(f, d)
		if root.Node.Kind == yamltree.Sequence {
			for _, item := range root.Items() {
				requirement(item, role, r)
			}
			continue
		}
		if root.Node.Get("dependencies") != nil {
			return // Helm 2's
		}
		for _, item := range root.Get("roles").Items() {
			requirement(item, role, r)
		}
		for _, item := range root.Get("collections").Items() {
			requirement(item, collection, r)
		}
	}
}

type sort uint8

const (
	role sort = iota
	collection
)

// requirement reads one entry: a name alone, or a mapping.
func requirement(item detectors.Cursor, what sort, r *detectors.Report) {
	with := detectors.Pin{Pin: promoter.Pin{Consumer: promoter.ByGalaxy, Detector: Detector{}.Name()}}
	if item.IsScalar() {
		short(item, what, with, r)
		return
	}
	version, name, src := item.Get("version"), item.Get("name"), item.Get("src")
	if what == collection || !src.IsScalar() {
		src = item.Get("source")
	}
	subject := name
	if what == role && item.Get("src").IsScalar() {
		subject = item.Get("src") // a role's name is only where it is installed
	}
	at := version
	if !at.IsScalar() {
		at = subject
	}
	if !at.IsScalar() {
		if in := item.Get("include"); in.IsScalar() {
			skip(in, include, r)
		}
		return
	}
	if !subject.IsScalar() {
		skip(at, unnamed, r)
		return
	}
	for _, c := range []detectors.Cursor{subject, src, version} {
		if c.IsScalar() && c.Unwritten() != "" {
			skip(at, c.Unwritten(), r)
			return
		}
	}
	with.Place = at.Place()
	text := strings.TrimSpace(subject.Node.Value)
	if version.IsScalar() {
		with.Version = strings.TrimSpace(version.Node.Value)
	} else if strings.Contains(text, ",") {
		short(subject, what, with, r)
		return
	}
	kind := item.Str("type")
	if kind == "" {
		kind = item.Str("scm")
	}
	switch {
	case kind == "git" || isGit(text):
		if what == collection && !isAddress(text) && src.IsScalar() {
			text = strings.TrimSpace(src.Node.Value) // an older way to write it
		}
		git(at, text, with, r)
	case kind == "dir", kind == "subdirs", kind == "file", strings.HasPrefix(text, "."), strings.HasPrefix(text, "/"):
		skip(at, local, r)
	case kind == "url", kind == "hg", isAddress(text):
		skip(at, archive, r)
	default:
		server := Server
		if what == collection && src.IsScalar() && isAddress(src.Node.Value) {
			server = strings.TrimRight(src.Node.Value, "/")
		}
		add(text, server, with, r)
	}
}

// short reads "namespace.name", "namespace.name:1.2" (a collection),
// "src,version,name" (a role) or "git+https://host/repo,version".
func short(item detectors.Cursor, what sort, with detectors.Pin, r *detectors.Report) {
	if reason := item.Unwritten(); reason != "" {
		skip(item, reason, r)
		return
	}
	with.Place = item.Place()
	text := strings.TrimSpace(item.Node.Value)
	separator := ","
	if what == collection && !isAddress(text) {
		separator = ":"
	}
	text, rest, _ := strings.Cut(text, separator)
	with.Version, _, _ = strings.Cut(rest, ",")
	switch {
	case isGit(text):
		git(item, text, with, r)
	case isAddress(text):
		skip(item, archive, r)
	case strings.HasPrefix(text, "."), strings.HasPrefix(text, "/"):
		skip(item, local, r)
	default:
		add(text, Server, with, r)
	}
}

func add(name, server string, with detectors.Pin, r *detectors.Report) {
	with.Artifact = promoter.Artifact{Kind: promoter.Galaxy, Name: name, Source: server}
	if with.Version == "*" {
		with.Form = promoter.Floating // the newest, whatever it is
	} else {
		with.Form = promoter.Classify(promoter.Galaxy, promoter.ByGalaxy, with.Version)
	}
	r.Pins = append(r.Pins, with)
}

func git(at detectors.Cursor, address string, with detectors.Pin, r *detectors.Report) {
	address, _, _ = strings.Cut(strings.TrimPrefix(address, "git+"), "#") // "#/path/in/it"
	source := detectors.CloneURL(address)
	if source == "" {
		skip(at, badGit, r)
		return
	}
	with.Consumer = promoter.ByGit
	with.Artifact = detectors.GitArtifact(source)
	with.Form = promoter.Classify(promoter.Git, promoter.ByGit, with.Version)
	r.Pins = append(r.Pins, with)
}

func isAddress(s string) bool { return strings.Contains(s, "://") || strings.HasPrefix(s, "git@") }

func isGit(s string) bool {
	return strings.HasPrefix(s, "git+") || strings.HasPrefix(s, "git@") || strings.HasPrefix(s, "git://") ||
		strings.HasPrefix(s, "ssh://") || isAddress(s) && strings.HasSuffix(strings.SplitN(s, "#", 2)[0], ".git") ||
		strings.HasPrefix(s, "https://github.com/") && !strings.HasSuffix(s, ".gz") && strings.Count(s, "/") == 4
}

func skip(at detectors.Cursor, reason string, r *detectors.Report) {
	r.Skips = append(r.Skips, detectors.Skip{Place: at.Place(), Detector: Detector{}.Name(), Reason: reason})
}
