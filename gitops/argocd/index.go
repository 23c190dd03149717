package argocd

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/url"
	"slices"
	"sync"
	"time"

	"promoter/promoter/converge"
)

const (
	// manyApps is from how many Applications on an instance is not listed whole
	// for every look. One has some 20 kB, of which all but one are its status.
	manyApps = 500
	// rootsAge is how old may be what a server only tells with everything else:
	// who made an application, and what it renders.
	rootsAge = 10 * time.Minute
	// fewNew are so few new applications that they are read one by one.
	fewNew = 32
)

// indexFields are those that applications are found by. Argo CD cuts lists down
// to few fields only, and has no identity, version or revision among them: what
// is judged is read by itself.
const indexFields = "metadata.continue,items.metadata.name,items.metadata.namespace,items.metadata.labels,items.metadata.creationTimestamp,items.spec"

// roots are the applications of a server with what lists of those fields do not
// tell. It may be lost at any time.
type roots struct {
	mu    sync.Mutex
	known map[converge.ArgoApp]decoded // outlines; empty: an index is not worth it
	taken time.Time
}

// outline is a snapshot without all that must be read anew before it is judged.
// It has no UID, so that whoever judges it all the same is blind.
func outline(s converge.ArgoSnapshot) converge.ArgoSnapshot {
	one := []converge.ArgoSnapshot{s}
	if !s.ChildrenKnown && len(s.Children) == 0 {
		adopt(one, false)
	}
	return converge.ArgoSnapshot{
		App: s.App, Project: s.Project, Labels: s.Labels, Server: s.Server, Cluster: s.Cluster, Target: s.Target, Owners: s.Owners,
		Sources: s.Sources, MultiSource: s.MultiSource, Kinds: s.Kinds, Destination: s.Destination,
		AppOfApps: s.AppOfApps, Children: one[0].Children, ChildrenKnown: one[0].ChildrenKnown,
	}
}

// index returns every Application: whole, or, where there are very many, the
// outlines that they are found by.
func (a *api) index(ctx context.Context) (apps []converge.ArgoSnapshot, outlines bool, err error) {
	a.roots.mu.Lock()
	known, fresh := a.roots.known, time.Since(a.roots.taken) < rootsAge
	a.roots.mu.Unlock()
	if len(known) > 0 && fresh {
		switch apps, err := a.outlines(ctx, known); {
		case err == nil:
			return apps, true, nil
		case !errors.Is(err, errManyNew):
			return nil, false, err
		}
	}
	g := a.recent.begin(a.in.Name)
	g.outlines = true
	began := time.Now()
	at, timed, err := a.gather(ctx, g, a.scope())
	if err != nil {
		return nil, false, err
	}
	apps = g.snapshots(at, timed)
	if !g.outlined {
		a.recent.keep(g)
		adopt(apps, false)
	}
	a.roots.learn(g, began)
	return apps, g.outlined, nil
}

// learn remembers a list's outlines, where it has any.
func (r *roots) learn(g *gathering, taken time.Time) {
	known := map[converge.ArgoApp]decoded{}
	if g.outlined {
		for _, d := range g.out {
			known[d.App] = d
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.known, r.taken = known, taken
}

var errManyNew = errors.New("more is new than is read one by one")

// outlines lists the fields that applications are found by, and reads those
// that were not there before.
func (a *api) outlines(ctx context.Context, known map[converge.ArgoApp]decoded) ([]converge.ArgoSnapshot, error) {
	q := a.scope()
	q.Set("fields", indexFields)
	g := a.recent.begin(a.in.Name)
	at, timed, err := a.gather(ctx, g, q)
	if err != nil {
		return nil, err
	}
	a.recent.keep(g)
	var strange []int
	for i := range g.out {
		d := &g.out[i]
		root, ok := known[d.App]
		switch {
		case d.UID != "": // the server tells all, whatever is asked for
			d.ArgoSnapshot = outline(d.ArgoSnapshot)
		case ok && root.born.Equal(d.born) && sameFolders(root.Sources, d.Sources):
			d.Owners, d.Kinds, d.AppOfApps, d.Children, d.ChildrenKnown = root.Owners, root.Kinds, root.AppOfApps, root.Children, root.ChildrenKnown
		default:
			strange = append(strange, i)
		}
	}
	if err := a.meet(ctx, g, strange); err != nil {
		return nil, err
	}
	now := make(map[converge.ArgoApp]decoded, len(g.out))
	for _, d := range g.out {
		now[d.App] = d
	}
	a.roots.mu.Lock()
	a.roots.known = now // as old as what it is made of
	a.roots.mu.Unlock()
	return g.snapshots(at, timed), nil
}

// meet reads applications that are new, or that read something else now. One
// that cannot be read may be gone again: the whole list tells.
func (a *api) meet(ctx context.Context, g *gathering, which []int) error {
	if len(which) > fewNew {
		return errManyNew
	}
	errs := make([]error, len(which))
	each(8, len(which), func(i int) {
		d := &g.out[which[i]]
		var whole decoded
		if whole, _, errs[i] = a.object(ctx, d.App); errs[i] == nil {
			d.ArgoSnapshot, d.born = outline(whole.ArgoSnapshot), whole.born
		}
	})
	if errors.Join(errs...) != nil {
		return errManyNew
	}
	return nil
}

// sameFolders reports whether two specs read the same places, of whatever
// version: what kinds of sources they are is then still so.
func sameFolders(a, b []converge.ArgoSource) bool {
	return slices.EqualFunc(a, b, func(x, y converge.ArgoSource) bool {
		return x.Repo == y.Repo && x.Path == y.Path && x.Chart == y.Chart && x.Ref == y.Ref
	})
}

// gather reads a list from the API.
func (a *api) gather(ctx context.Context, g *gathering, query url.Values) (at time.Time, timed bool, err error) {
	timed = a.timed(ctx)
	at, err = a.stream(ctx, applications, query, func(in io.Reader) error {
		next, err := g.page(in)
		if err == nil && next != "" {
			err = errors.New("the list is not whole: the server has more")
		}
		return err
	})
	return at, timed, err
}

// object reads one Application, without anything beside it.
func (a *api) object(ctx context.Context, app converge.ArgoApp) (decoded, time.Time, error) {
	var raw json.RawMessage
	at, err := a.get(ctx, applications+"/"+url.PathEscape(app.Name), inNamespace(app), &raw)
	if err != nil {
		return decoded{}, at, err
	}
	d, err := decode(a.in.Name, raw)
	if err == nil && d.App != app {
		err = errors.New("the answer is about " + d.App.String())
	}
	return d, at, err
}
