package argocd

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"time"

	"github.com/argoproj/argo-cd/v2/pkg/apis/application/v1alpha1"
	kerrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/tools/clientcmd"

	"promoter/gitops"
	"promoter/promoter/converge"
)

// cluster is Argo CD's resources through the Kubernetes API.
type cluster struct {
	in      Instance
	options Options
	client  dynamic.Interface
}

func newCluster(in Instance, o Options) (*cluster, error) {
	if in.Kube == nil {
		return nil, errors.New("it has neither an address nor a kubeconfig")
	}
	rules := clientcmd.NewDefaultClientConfigLoadingRules()
	rules.ExplicitPath = in.Kube.Path
	config, err := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(rules, &clientcmd.ConfigOverrides{CurrentContext: in.Kube.Context}).ClientConfig()
	if err != nil {
		return nil, fmt.Errorf("read the kubeconfig: %w", err)
	}
	config.UserAgent = "promoter"
	config.Wrap(func(next http.RoundTripper) http.RoundTripper { return &bounded{next, o.MaxBody} })
	client, err := dynamic.NewForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("use the kubeconfig: %w", err)
	}
	return &cluster{in: in, options: o, client: client}, nil
}

var (
	resource = schema.GroupVersionResource{Group: "argoproj.io", Version: "v1alpha1", Resource: "applications"}
	projects = schema.GroupVersionResource{Group: "argoproj.io", Version: "v1alpha1", Resource: "appprojects"}
)

func (c *cluster) list(ctx context.Context) ([]converge.ArgoSnapshot, error) {
	ctx, stamp, cancel := c.call(ctx)
	defer cancel()
	raws, err := c.all(ctx, resource, c.in.Selector)
	if err != nil {
		return nil, err
	}
	windows, err := c.windows(ctx)
	if err != nil {
		return nil, err
	}
	at, err := stamp.time()
	if err != nil {
		return nil, err
	}
	out, err := snapshots(c.in.Name, raws, at, timesHealth(c.in.Kube.Version))
	if err != nil {
		return nil, err
	}
	if len(c.in.Projects) > 0 {
		out = slices.DeleteFunc(out, func(s converge.ArgoSnapshot) bool { return !slices.Contains(c.in.Projects, s.Project) })
	}
	adopt(out, c.in.Selector == "" && len(c.in.Projects) == 0)
	for i := range out {
		out[i].CanSync = canSync(windows, &out[i])
	}
	return out, nil
}

// all pages through a list. A page that cannot be had is an error, and so is a
// list that changes so fast that its pages expire.
func (c *cluster) all(ctx context.Context, of schema.GroupVersionResource, selector string) ([]json.RawMessage, error) {
	var out []json.RawMessage
	next := ""
	for {
		page, err := c.client.Resource(of).Namespace(c.in.Kube.Namespace).List(ctx, metav1.ListOptions{LabelSelector: selector, Limit: 500, Continue: next})
		if err != nil {
			return nil, err
		}
		for i := range page.Items {
			raw, err := page.Items[i].MarshalJSON()
			if err != nil {
				return nil, err
			}
			out = append(out, raw)
		}
		if next = page.GetContinue(); next == "" {
			return out, nil
		}
	}
}

// windows reads the projects' sync windows. Who may not read projects does not
// know them.
func (c *cluster) windows(ctx context.Context) (map[string]v1alpha1.SyncWindows, error) {
	raws, err := c.all(ctx, projects, "")
	if kerrors.IsForbidden(err) || kerrors.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list projects: %w", err)
	}
	out := map[string]v1alpha1.SyncWindows{}
	for _, raw := range raws {
		var p v1alpha1.AppProject
		if err := json.Unmarshal(raw, &p); err != nil {
			return nil, fmt.Errorf("decode a project: %w", err)
		}
		out[p.Name] = p.Spec.SyncWindows
	}
	return out, nil
}

func canSync(windows map[string]v1alpha1.SyncWindows, s *converge.ArgoSnapshot) converge.Answer {
	w, known := windows[orDefault(s.Project)]
	if !known {
		return converge.Unknown
	}
	app := &v1alpha1.Application{ObjectMeta: metav1.ObjectMeta{Name: s.App.Name}}
	app.Spec.Destination = v1alpha1.ApplicationDestination{Server: s.Server, Name: s.Cluster, Namespace: s.Target}
	ok, err := w.Matches(app).CanSync(false)
	if err != nil {
		return converge.Unknown
	}
	return answer(ok)
}

func orDefault(project string) string {
	if project == "" {
		return "default"
	}
	return project
}

// look can read no trees and no live values here: items stay unanswered.
func (c *cluster) look(ctx context.Context, app converge.ArgoApp, _ []converge.Item) (converge.ArgoSnapshot, error) {
	all, err := c.list(ctx)
	if err != nil {
		return converge.ArgoSnapshot{}, err
	}
	for _, s := range all {
		if s.App == app {
			return s, nil
		}
	}
	return converge.ArgoSnapshot{}, &StatusError{Code: http.StatusNotFound}
}

func (c *cluster) refresh(ctx context.Context, app converge.ArgoApp, hard bool) (time.Time, error) {
	ctx, stamp, cancel := c.call(ctx)
	defer cancel()
	patch := fmt.Sprintf(`{"metadata":{"annotations":{%q:%q}}}`, v1alpha1.AnnotationKeyRefresh, kind(hard))
	_, err := c.client.Resource(resource).Namespace(app.Namespace).Patch(ctx, app.Name, types.MergePatchType, []byte(patch), metav1.PatchOptions{})
	if err != nil {
		return time.Time{}, err
	}
	return stamp.time()
}

// end does what Argo CD's API does: it sets the phase, guarded by the version.
func (c *cluster) end(ctx context.Context, s converge.ArgoSnapshot) error {
	ctx, _, cancel := c.call(ctx)
	defer cancel()
	in := c.client.Resource(resource).Namespace(s.App.Namespace)
	object, err := in.Get(ctx, s.App.Name, metav1.GetOptions{})
	if err != nil {
		return err
	}
	raw, err := object.MarshalJSON()
	if err != nil {
		return err
	}
	now, err := snapshot(c.in.Name, raw)
	if err != nil {
		return err
	}
	if !now.Requested || !sameOperation(s, now) {
		return gitops.ErrStale
	}
	patch := fmt.Sprintf(`{"metadata":{"resourceVersion":%q},"status":{"operationState":{"phase":"Terminating"}}}`, now.Version)
	_, err = in.Patch(ctx, s.App.Name, types.MergePatchType, []byte(patch), metav1.PatchOptions{})
	if kerrors.IsConflict(err) {
		return gitops.ErrStale
	}
	return err
}

func (c *cluster) watch(ctx context.Context, hint func()) error {
	seconds := int64(c.options.Idle / time.Second)
	w, err := c.client.Resource(resource).Namespace(c.in.Kube.Namespace).Watch(ctx, metav1.ListOptions{LabelSelector: c.in.Selector, TimeoutSeconds: &seconds})
	if err != nil {
		return err
	}
	defer w.Stop()
	for e := range w.ResultChan() {
		if _, ok := e.Object.(*unstructured.Unstructured); !ok || e.Type == watch.Error {
			return errors.New("the watch was ended")
		}
		hint()
	}
	return errors.New("the watch was cut")
}

// call bounds a call in time and notes when the server answers.
func (c *cluster) call(ctx context.Context) (context.Context, *stamp, context.CancelFunc) {
	ctx, cancel := context.WithTimeout(ctx, c.options.Timeout)
	s := &stamp{}
	return context.WithValue(ctx, stampKey{}, s), s, cancel
}

type stampKey struct{}

// stamp is the date of the first answer: nothing of what was read is older.
type stamp struct{ header http.Header }

func (s *stamp) time() (time.Time, error) { return dated(s.header) }

// bounded notes dates and refuses bodies without end.
type bounded struct {
	next http.RoundTripper
	max  int64
}

func (b *bounded) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := b.next.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	if s, ok := req.Context().Value(stampKey{}).(*stamp); ok {
		if s.header == nil {
			s.header = resp.Header
		}
		resp.Body = &limited{resp.Body, b.max} // a watch has no end of its own
	}
	return resp, nil
}

type limited struct {
	io.ReadCloser
	left int64
}

func (l *limited) Read(p []byte) (int, error) {
	n, err := l.ReadCloser.Read(p)
	if l.left -= int64(n); l.left < 0 {
		return 0, errors.New("the answer is too long")
	}
	return n, err
}
