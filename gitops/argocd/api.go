package argocd

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/argoproj/argo-cd/v2/pkg/apis/application/v1alpha1"

	"promoter/gitops"
	"promoter/promoter/converge"
)

const applications = "/api/v1/applications"

func (a *api) scope() url.Values {
	q := url.Values{}
	if a.in.Selector != "" {
		q.Set("selector", a.in.Selector)
	}
	for _, p := range a.in.Projects {
		q.Add("projects", p)
	}
	return q
}

func (a *api) list(ctx context.Context) ([]converge.ArgoSnapshot, error) {
	g := a.recent.begin(a.in.Name)
	at, timed, err := a.gather(ctx, g, a.scope())
	if err != nil {
		return nil, err
	}
	a.recent.keep(g)
	out := g.snapshots(at, timed)
	adopt(out, false)
	return out, nil
}

// one is a GET of one Application.
func (a *api) one(ctx context.Context, app converge.ArgoApp) (converge.ArgoSnapshot, error) {
	d, at, err := a.object(ctx, app)
	if err != nil {
		return d.ArgoSnapshot, err
	}
	d.ReadAt, d.HealthTimed = at, a.timed(ctx)
	return d.ArgoSnapshot, nil
}

func inNamespace(app converge.ArgoApp) url.Values {
	q := url.Values{}
	if app.Namespace != "" {
		q.Set("appNamespace", app.Namespace)
	}
	return q
}

// look reads the application last, and what belongs to it before: nothing in
// the answer is newer than the object, and if the object was the same before,
// nothing is older.
func (a *api) look(ctx context.Context, app converge.ArgoApp, items []converge.Item) (converge.ArgoSnapshot, error) {
	before, err := a.one(ctx, app)
	if err != nil {
		return before, err
	}
	for range 4 {
		d, err := a.details(ctx, app, items)
		if err != nil {
			return before, err
		}
		s, err := a.one(ctx, app)
		if err != nil {
			return s, err
		}
		if s.Version == before.Version {
			d.into(&s)
			return s, nil
		}
		before = s
	}
	return before, errors.New("it changes faster than it can be read")
}

func (a *api) details(ctx context.Context, app converge.ArgoApp, items []converge.Item) (details, error) {
	var d details
	path := applications + "/" + url.PathEscape(app.Name)
	query := inNamespace(app)
	var windows struct {
		CanSync *bool `json:"canSync"`
	}
	if _, err := a.get(ctx, path+"/syncwindows", query, &windows); err != nil {
		return d, fmt.Errorf("read sync windows: %w", err)
	}
	if windows.CanSync != nil {
		d.canSync = answer(*windows.CanSync)
	}
	var tree v1alpha1.ApplicationTree
	if _, err := a.get(ctx, path+"/resource-tree", query, &tree); err != nil {
		return d, fmt.Errorf("read the resource tree: %w", err)
	}
	d.tree, d.apps = treeOf(tree, app)
	if len(items) == 0 {
		return d, nil
	}
	var managed struct {
		Items []v1alpha1.ResourceDiff `json:"items"`
	}
	if _, err := a.get(ctx, path+"/managed-resources", query, &managed); err != nil {
		return d, fmt.Errorf("read managed resources: %w", err)
	}
	for _, m := range managed.Items {
		ref := converge.Ref{Group: m.Group, Kind: m.Kind, Namespace: m.Namespace, Name: m.Name}
		live, err := valuesOf(ref, m.LiveState, items)
		if err != nil {
			return d, err
		}
		d.live = append(d.live, live...)
	}
	return d, nil
}

func answer(yes bool) converge.Answer {
	if yes {
		return converge.Yes
	}
	return converge.No
}

// Manifests returns what the server renders at a revision, as JSON documents:
// to see whether it and we mean the same by a commit.
func (c *Client) Manifests(ctx context.Context, app converge.ArgoApp, revision string) ([]string, error) {
	s, err := c.server(app.Instance)
	if err != nil {
		return nil, err
	}
	a, ok := s.(*api)
	if !ok {
		return nil, fmt.Errorf("read manifests of application %s: resources do not hold them", app)
	}
	q := inNamespace(app)
	q.Set("revision", revision)
	q.Set("noCache", "true") // servers that do not know it ignore it
	var said struct {
		Manifests []string `json:"manifests"`
		Revision  string   `json:"revision"`
	}
	if _, err := a.get(ctx, applications+"/"+url.PathEscape(app.Name)+"/manifests", q, &said); err != nil {
		return nil, fmt.Errorf("read manifests of application %s: %w", app, err)
	}
	if said.Revision != revision {
		return nil, fmt.Errorf("read manifests of application %s: they are of %q and not of %q", app, said.Revision, revision)
	}
	return said.Manifests, nil
}

// refresh takes the server's time first: the answer to the request itself comes
// when it has been served, and its date would be later than the comparison.
func (a *api) refresh(ctx context.Context, app converge.ArgoApp, hard bool) (time.Time, error) {
	fence, err := a.time(ctx)
	if err != nil {
		return fence, err
	}
	q := inNamespace(app)
	q.Set("refresh", kind(hard))
	wait, cancel := context.WithTimeout(ctx, a.options.RefreshWait)
	defer cancel()
	resp, err := a.send(wait, http.MethodGet, applications+"/"+url.PathEscape(app.Name), q)
	switch {
	case err == nil:
		_ = resp.Body.Close() // what it says is read by the next look
	case ctx.Err() == nil && errors.Is(err, context.DeadlineExceeded):
		// Not served yet. Should it not have been taken either, no comparison
		// passes the fence, and it is asked for again.
	default:
		return fence, err
	}
	return fence, nil
}

func kind(hard bool) string {
	if hard {
		return string(v1alpha1.RefreshTypeHard)
	}
	return string(v1alpha1.RefreshTypeNormal)
}

func (a *api) end(ctx context.Context, s converge.ArgoSnapshot) error {
	now, err := a.one(ctx, s.App)
	if err != nil {
		return err
	}
	if !sameOperation(s, now) {
		return gitops.ErrStale
	}
	ctx, cancel := context.WithTimeout(ctx, a.options.Timeout)
	defer cancel()
	resp, err := a.send(ctx, http.MethodDelete, applications+"/"+url.PathEscape(s.App.Name)+"/operation", inNamespace(s.App))
	if err != nil {
		return err
	}
	return resp.Body.Close()
}

// sameOperation reports whether the operation that was looked at still runs.
func sameOperation(then, now converge.ArgoSnapshot) bool {
	a, b := then.Operation, now.Operation
	return then.UID == now.UID && a != nil && b != nil && a.Phase == "Running" && b.Phase == "Running" && a.StartedAt.Equal(b.StartedAt)
}

// versionCache keeps a server's version: it is asked for with every fence
// anyway, and by lists now and then.
type versionCache struct {
	mu    sync.Mutex
	timed bool
	asked time.Time
}

// time asks for the version, and returns the time of the answer.
func (a *api) time(ctx context.Context) (time.Time, error) {
	var said struct {
		Version string `json:"Version"`
	}
	at, err := a.get(ctx, "/api/version", nil, &said)
	if err != nil {
		return at, fmt.Errorf("read the version: %w", err)
	}
	a.version.mu.Lock()
	defer a.version.mu.Unlock()
	a.version.timed, a.version.asked = timesHealth(said.Version), time.Now()
	return at, nil
}

// timed reports whether the server times changes of health. When its version
// cannot be read, it does not.
func (a *api) timed(ctx context.Context) bool {
	a.version.mu.Lock()
	timed, fresh := a.version.timed, time.Since(a.version.asked) < 5*time.Minute
	a.version.mu.Unlock()
	if fresh {
		return timed
	}
	if _, err := a.time(ctx); err != nil {
		return false
	}
	a.version.mu.Lock()
	defer a.version.mu.Unlock()
	return a.version.timed
}

// timesHealth reports whether a version of Argo CD moves
// health.lastTransitionTime with every change: since 3.1.
func timesHealth(version string) bool {
	major, rest, _ := strings.Cut(strings.TrimPrefix(version, "v"), ".")
	minor, _, _ := strings.Cut(rest, ".")
	x, errX := strconv.Atoi(major)
	y, errY := strconv.Atoi(minor)
	return errX == nil && errY == nil && (x > 3 || x == 3 && y >= 1)
}
