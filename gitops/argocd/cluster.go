package argocd

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/argoproj/argo-cd/v2/pkg/apis/application/v1alpha1"
	kerrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"promoter/gitops"
	"promoter/promoter/converge"
)

// cluster is Argo CD's resources through the Kubernetes API.
type cluster struct {
	in       Instance
	options  Options
	client   dynamic.Interface
	metadata metadata.Interface
	base     *url.URL // of the Kubernetes API
	plain    *http.Client
	recent   recent
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
	config.QPS = -1 // we ask little, and a list of very many pages must not wait for the client's own limit
	config.Wrap(func(next http.RoundTripper) http.RoundTripper { return &bounded{next, o.MaxBody} })
	c := &cluster{in: in, options: o}
	if c.base, _, err = rest.DefaultServerUrlFor(config); err == nil {
		c.plain, err = rest.HTTPClientFor(config)
	}
	if err == nil {
		c.client, err = dynamic.NewForConfigAndClient(config, c.plain)
	}
	if err == nil {
		c.metadata, err = metadata.NewForConfigAndClient(config, c.plain)
	}
	if err != nil {
		return nil, fmt.Errorf("use the kubeconfig: %w", err)
	}
	return c, nil
}

var (
	resource = schema.GroupVersionResource{Group: "argoproj.io", Version: "v1alpha1", Resource: "applications"}
	projects = schema.GroupVersionResource{Group: "argoproj.io", Version: "v1alpha1", Resource: "appprojects"}
)

// index is the whole list: Kubernetes cuts no objects down to fields.
func (c *cluster) index(ctx context.Context) ([]converge.ArgoSnapshot, bool, error) {
	all, err := c.list(ctx)
	return all, false, err
}

func (c *cluster) list(ctx context.Context) ([]converge.ArgoSnapshot, error) {
	g := c.recent.begin(c.in.Name)
	at, err := c.pages(ctx, resource, c.in.Selector, g.page)
	if err != nil {
		return nil, err
	}
	c.recent.keep(g)
	windows, err := c.windows(ctx)
	if err != nil {
		return nil, err
	}
	out := g.snapshots(at, timesHealth(c.in.Kube.Version))
	if len(c.in.Projects) > 0 {
		out = slices.DeleteFunc(out, func(s converge.ArgoSnapshot) bool { return !slices.Contains(c.in.Projects, s.Project) })
	}
	adopt(out, c.in.Selector == "" && len(c.in.Projects) == 0)
	for i := range out {
		out[i].CanSync = canSync(windows, &out[i])
	}
	return out, nil
}

// pages reads a list page by page, each as it comes and as one call, and returns
// when the first was answered: nothing of what was read is older. A page that
// cannot be had is an error, and so is a list that changes so fast that its
// pages expire.
func (c *cluster) pages(ctx context.Context, of schema.GroupVersionResource, selector string, read func(io.Reader) (next string, err error)) (at time.Time, err error) {
	path := "/apis/" + of.Group + "/" + of.Version
	if c.in.Kube.Namespace != "" {
		path += "/namespaces/" + url.PathEscape(c.in.Kube.Namespace)
	}
	address := c.base.JoinPath(path, of.Resource)
	query := url.Values{"limit": {"500"}}
	if selector != "" {
		query.Set("labelSelector", selector)
	}
	for {
		address.RawQuery = query.Encode()
		answered, next, err := c.page(ctx, address.String(), read)
		if err != nil {
			return at, err
		}
		if at.IsZero() {
			at = answered
		}
		if next == "" {
			return at, nil
		}
		query.Set("continue", next)
	}
}

func (c *cluster) page(ctx context.Context, address string, read func(io.Reader) (string, error)) (at time.Time, next string, err error) {
	ctx, _, cancel := c.call(ctx)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return at, "", err
	}
	req.Header.Set("Accept", "application/json")
	resp, err := c.plain.Do(req)
	if err != nil {
		return at, "", err
	}
	defer func() { _ = resp.Body.Close() }() // it was read whole, or its error is the one that counts
	if resp.StatusCode != http.StatusOK {
		return at, "", refusal(resp, "")
	}
	if at, err = dated(resp.Header); err != nil {
		return at, "", err
	}
	next, err = read(resp.Body)
	return at, next, err
}

// windows reads the projects' sync windows. Who may not read projects does not
// know them.
func (c *cluster) windows(ctx context.Context) (map[string]v1alpha1.SyncWindows, error) {
	out := map[string]v1alpha1.SyncWindows{}
	_, err := c.pages(ctx, projects, "", func(in io.Reader) (string, error) {
		var page v1alpha1.AppProjectList
		if err := json.NewDecoder(in).Decode(&page); err != nil {
			return "", fmt.Errorf("decode the projects: %w", err)
		}
		for _, p := range page.Items {
			out[p.Name] = p.Spec.SyncWindows
		}
		return page.Continue, nil
	})
	var refused *StatusError
	if errors.As(err, &refused) && (refused.Code == http.StatusForbidden || refused.Code == http.StatusNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list projects: %w", err)
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

// one is a list too: a look at one application reads nothing else.
func (c *cluster) one(ctx context.Context, app converge.ArgoApp) (converge.ArgoSnapshot, error) {
	return c.look(ctx, app, nil)
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
