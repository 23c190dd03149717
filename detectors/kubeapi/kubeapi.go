// Package kubeapi finds objects written for an API version that Kubernetes, or
// the operator that owns it, deprecates or no longer serves.
//
// It refuses to guess about templates: an apiVersion that a template writes or
// chooses between is not a finding. It knows what is written, not the cluster:
// a removed version is reported wherever it stands.
package kubeapi

import (
	"fmt"
	"strings"

	"promoter/detectors"
	"promoter/promoter"
	"promoter/promoter/yamltree"
)

// The rules' ids.
const (
	Removed    = "kube-api-removed"    // no longer served by a version that exists
	Deprecated = "kube-api-deprecated" // still served, with a replacement
)

// Detector finds deprecated and removed API versions. The zero value is ready.
type Detector struct{}

// Name is "kubeapi".
func (Detector) Name() string { return "kubeapi" }

// Detect looks at the header of every object, also those in Lists.
func (Detector) Detect(f *detectors.File, r *detectors.Report) {
	for _, d := range f.Docs {
		if d.Root == nil || d.APIVersion == "" || d.Kind == "" {
			continue
		}
		if isList(d.Kind) || find(d.APIVersion, d.Kind) != nil {
			object(detectors.At(f, d), r, 0)
		}
	}
}

// maxNesting bounds Lists in Lists.
const maxNesting = 4

func isList(kind string) bool { return strings.HasSuffix(kind, "List") }

func object(obj detectors.Cursor, r *detectors.Report, depth int) {
	kind := obj.Str("kind")
	if isList(kind) && depth < maxNesting {
		for _, item := range obj.Get("items").Items() {
			object(item, r, depth+1)
		}
	}
	at := obj.Get("apiVersion")
	if !at.IsScalar() || at.Unwritten() != "" || times(obj.Node, "apiVersion") > 1 {
		return
	}
	// A list of a kind is served like the kind: "DeploymentList".
	a := find(at.Node.Value, kind)
	if a == nil {
		return
	}
	r.Findings = append(r.Findings, a.finding(at.Node.Value, kind, at.Place()))
}

// times counts a key: a template's two branches leave both of theirs.
func times(n *yamltree.Node, key string) int {
	count := 0
	n.Pairs(func(k, _ *yamltree.Node) {
		if k.Value == key {
			count++
		}
	})
	return count
}

// api is an API version of some kinds, and what became of it.
type api struct {
	version     string   // "apps/v1beta1"
	kinds       []string // empty: every kind of the version
	owner       string   // who serves it; empty: Kubernetes
	deprecated  string   // the owner's version that deprecated it; empty: not known
	removed     string   // the owner's version that serves it no more; empty: none yet
	planned     bool     // removed is announced, no released version has done it
	replacement string   // what to write; empty: nothing replaces it
	since       string   // the owner's version that first serves the replacement
	note        string   // what else to know before writing it
	link        string
}

// latest is the newest Kubernetes release that the table knows.
const latest = "1.36"

// find returns what is known of an API version and kind, or nil.
func find(version, kind string) *api {
	// Almost all objects are of versions that never were deprecated.
	if !strings.Contains(version, "beta") && !strings.Contains(version, "alpha") && version != "v1" && version != "helm.fluxcd.io/v1" {
		return nil
	}
	kind = strings.TrimSuffix(kind, "List")
	for i := range apis {
		a := &apis[i]
		if a.version != version {
			continue
		}
		if len(a.kinds) == 0 {
			return a
		}
		for _, k := range a.kinds {
			if k == kind {
				return a
			}
		}
	}
	return nil
}

func (a *api) finding(version, kind string, at promoter.Place) promoter.Finding {
	owner := a.owner
	if owner == "" {
		owner = "Kubernetes"
	}
	f := promoter.Finding{Place: at, Source: a.link}
	switch {
	case a.removed != "" && !a.planned:
		f.Rule, f.Severity = Removed, promoter.Critical
		if a.owner != "" {
			f.Severity = promoter.High // the operator may be older than that
		}
		f.Evidence = fmt.Sprintf("%s %s is not served since %s %s", version, kind, owner, a.removed)
	case a.planned:
		f.Rule, f.Severity = Deprecated, promoter.High
		f.Evidence = fmt.Sprintf("%s %s is deprecated%s and goes with %s %s", version, kind, in(a.deprecated), owner, a.removed)
	default:
		f.Rule, f.Severity = Deprecated, promoter.Low
		f.Evidence = fmt.Sprintf("%s %s is deprecated%s by %s", version, kind, in(a.deprecated), owner)
	}
	f.Remedy = a.remedy(owner)
	return f
}

func in(version string) string {
	if version == "" {
		return ""
	}
	return " since " + version
}

func (a *api) remedy(owner string) string {
	text := "remove the object: nothing replaces this API"
	if a.replacement != "" {
		text = "write " + a.replacement
		if a.since != "" {
			text += fmt.Sprintf(" (served since %s %s)", owner, a.since)
		}
	}
	if a.note != "" {
		text += "; " + a.note
	}
	return text
}
