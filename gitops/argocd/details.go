package argocd

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/argoproj/argo-cd/v2/pkg/apis/application/v1alpha1"

	"promoter/promoter/converge"
)

// details are what an Application's object itself does not hold.
type details struct {
	canSync converge.Answer
	tree    []converge.ArgoResource
	apps    []converge.ArgoApp // in the tree
	live    []converge.Item
}

func (d details) into(s *converge.ArgoSnapshot) {
	s.CanSync, s.Tree, s.Live = d.canSync, d.tree, d.live
	s.Children, s.ChildrenKnown = d.apps, true
	for _, r := range s.Resources {
		// A tree without a set's applications may only not be built yet.
		if isKind(r.Ref, "ApplicationSet") && !slices.ContainsFunc(d.tree, func(n converge.ArgoResource) bool { return isKind(n.Ref, "Application") && n.Root == r.Ref }) {
			s.ChildrenKnown = false
		}
	}
}

func isKind(r converge.Ref, kind string) bool { return r.Group == "argoproj.io" && r.Kind == kind }

func groupOf(apiVersion string) string {
	group, _, found := strings.Cut(apiVersion, "/")
	if !found {
		return ""
	}
	return group
}

// adopt gives every application the applications that it renders. Those that
// an ApplicationSet makes are only known when the list has every application
// that there is.
func adopt(list []converge.ArgoSnapshot, whole bool) {
	bySet := map[converge.Ref][]converge.ArgoApp{}
	for _, s := range list {
		for _, o := range s.Owners {
			bySet[o] = append(bySet[o], s.App)
		}
	}
	for i := range list {
		s := &list[i]
		s.ChildrenKnown = true
		for _, r := range s.Resources {
			switch {
			case isKind(r.Ref, "Application"):
				s.Children = append(s.Children, converge.ArgoApp{Instance: s.App.Instance, Namespace: r.Ref.Namespace, Name: r.Ref.Name})
			case isKind(r.Ref, "ApplicationSet") && whole:
				s.Children = append(s.Children, bySet[r.Ref]...)
			case isKind(r.Ref, "ApplicationSet"):
				s.ChildrenKnown = false
			}
		}
	}
}

// treeOf finds for every node with a health the managed resource that it
// belongs to, and the applications among the nodes.
func treeOf(t v1alpha1.ApplicationTree, app converge.ArgoApp) ([]converge.ArgoResource, []converge.ArgoApp) {
	byUID := make(map[string]*v1alpha1.ResourceNode, len(t.Nodes))
	for i := range t.Nodes {
		byUID[t.Nodes[i].UID] = &t.Nodes[i]
	}
	var out []converge.ArgoResource
	var apps []converge.ArgoApp
	for _, n := range t.Nodes {
		ref := nodeRef(n.ResourceRef)
		if isKind(ref, "Application") {
			apps = append(apps, converge.ArgoApp{Instance: app.Instance, Namespace: ref.Namespace, Name: ref.Name})
		}
		r := converge.ArgoResource{Ref: ref, Root: rootOf(n, byUID)}
		if n.Health != nil {
			r.Health, r.Message = string(n.Health.Status), n.Health.Message
		}
		if n.Health != nil || isKind(ref, "Application") {
			out = append(out, r)
		}
	}
	slices.SortFunc(apps, func(a, b converge.ArgoApp) int { return strings.Compare(a.String(), b.String()) })
	return out, slices.Compact(apps)
}

func nodeRef(r v1alpha1.ResourceRef) converge.Ref {
	return converge.Ref{Group: r.Group, Kind: r.Kind, Namespace: r.Namespace, Name: r.Name}
}

// rootOf climbs a tree whose parents may be missing, or go round in circles.
func rootOf(n v1alpha1.ResourceNode, byUID map[string]*v1alpha1.ResourceNode) converge.Ref {
	for range 32 {
		if len(n.ParentRefs) == 0 {
			break
		}
		parent := byUID[n.ParentRefs[0].UID]
		if parent == nil {
			return nodeRef(n.ParentRefs[0])
		}
		n = *parent
	}
	return nodeRef(n.ResourceRef)
}

// valuesOf reads from a live object, as JSON, the values that are asked for.
// What is not there is not in the answer.
func valuesOf(ref converge.Ref, live string, items []converge.Item) ([]converge.Item, error) {
	var out []converge.Item
	var object any
	for _, it := range items {
		if it.Ref != ref || live == "" {
			continue
		}
		if object == nil {
			if err := json.Unmarshal([]byte(live), &object); err != nil {
				return nil, fmt.Errorf("decode the live state of %s: %w", ref, err)
			}
		}
		if value, ok := at(object, it.Pointer); ok {
			out = append(out, converge.Item{Ref: ref, Pointer: it.Pointer, Value: value})
		}
	}
	return out, nil
}

// at follows a JSON pointer (RFC 6901).
func at(v any, pointer string) (string, bool) {
	if pointer != "" && pointer[0] != '/' {
		return "", false
	}
	unescape := strings.NewReplacer("~1", "/", "~0", "~")
	for _, token := range strings.Split(pointer, "/")[1:] {
		token = unescape.Replace(token)
		switch x := v.(type) {
		case map[string]any:
			next, ok := x[token]
			if !ok {
				return "", false
			}
			v = next
		case []any:
			i, err := strconv.Atoi(token)
			if err != nil || i < 0 || i >= len(x) || strconv.Itoa(i) != token {
				return "", false
			}
			v = x[i]
		default:
			return "", false
		}
	}
	if text, ok := v.(string); ok {
		return text, true
	}
	text, err := json.Marshal(v)
	return string(text), err == nil
}
