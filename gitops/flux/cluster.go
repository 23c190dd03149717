package flux

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/fluxcd/pkg/apis/meta"
	kerrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"promoter/promoter/converge"
)

// cluster is one Kubernetes API.
type cluster struct {
	name   string
	client dynamic.Interface
	raw    rest.Interface

	mu    sync.Mutex
	kinds map[kind]served // what discovery said
}

func newCluster(in Cluster, o Options) (*cluster, error) {
	rules := clientcmd.NewDefaultClientConfigLoadingRules()
	rules.ExplicitPath = in.Path
	config, err := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(rules, &clientcmd.ConfigOverrides{CurrentContext: in.Context}).ClientConfig()
	if err != nil {
		return nil, fmt.Errorf("read the kubeconfig: %w", err)
	}
	config.UserAgent = "promoter"
	config.QPS, config.Burst = 50, 100 // one look reads many objects; the server has limits of its own
	config.Wrap(func(next http.RoundTripper) http.RoundTripper { return &bounded{next, o.MaxBody} })
	client, err := dynamic.NewForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("use the kubeconfig: %w", err)
	}
	config = dynamic.ConfigFor(config)
	config.GroupVersion = &metav1.SchemeGroupVersion
	raw, err := rest.UnversionedRESTClientFor(config)
	if err != nil {
		return nil, fmt.Errorf("use the kubeconfig: %w", err)
	}
	return &cluster{name: in.Name, client: client, raw: raw, kinds: map[kind]served{}}, nil
}

// list takes one list of each kind, parents first.
func (c *cluster) list(ctx context.Context) (converge.FluxSnapshot, error) {
	ctx, stamp := stamped(ctx)
	s := converge.FluxSnapshot{Cluster: c.name}
	for _, name := range []string{"GitRepository", "OCIRepository"} {
		if err := c.each(ctx, name, add(&s.Sources, source)); err != nil {
			return s, err
		}
	}
	if err := c.each(ctx, "Kustomization", add(&s.Kustomizations, kustomization)); err != nil {
		return s, err
	}
	if err := c.each(ctx, "HelmChart", add(&s.Sources, source)); err != nil {
		return s, err
	}
	if err := c.each(ctx, "HelmRelease", add(&s.Releases, release)); err != nil {
		return s, err
	}
	var err error
	s.ReadAt, err = stamp.time()
	return s, err
}

// add decodes a raw object onto the end of a list.
func add[T any](to *[]T, decode func(raw []byte) (T, error)) func([]byte) error {
	return func(raw []byte) error {
		one, err := decode(raw)
		if err == nil {
			*to = append(*to, one)
		}
		return err
	}
}

// each pages through one list. A page that cannot be had is an error, and so is
// a list that changes so fast that its pages expire.
func (c *cluster) each(ctx context.Context, name string, do func(raw []byte) error) error {
	of, err := c.fluxKind(ctx, name)
	if err != nil || of.missing {
		return err
	}
	next := ""
	for {
		page, err := c.client.Resource(of.resource).List(ctx, metav1.ListOptions{Limit: 500, Continue: next})
		if err != nil {
			c.forget() // perhaps another version is served now
			return fmt.Errorf("list %s: %w", of.resource.Resource, err)
		}
		for i := range page.Items {
			raw, err := page.Items[i].MarshalJSON()
			if err != nil {
				return err
			}
			if err := do(raw); err != nil {
				return fmt.Errorf("decode %s %s/%s: %w", name, page.Items[i].GetNamespace(), page.Items[i].GetName(), err)
			}
		}
		if next = page.GetContinue(); next == "" {
			return nil
		}
	}
}

// read gets each object once. One that is not there is an answer, one that may
// not be read is an error.
func (c *cluster) read(ctx context.Context, refs []converge.Ref, items []converge.Item) ([]converge.FluxHealth, []converge.Item, error) {
	objects := map[converge.Ref]*unstructured.Unstructured{}
	get := func(ref converge.Ref) (*unstructured.Unstructured, served, error) {
		of, err := c.kindOf(ctx, ref)
		if err != nil || of.missing {
			return nil, of, err
		}
		if object, ok := objects[ref]; ok {
			return object, of, nil
		}
		var in dynamic.ResourceInterface = c.client.Resource(of.resource)
		if of.namespaced {
			in = c.client.Resource(of.resource).Namespace(ref.Namespace)
		}
		object, err := in.Get(ctx, ref.Name, metav1.GetOptions{})
		if kerrors.IsNotFound(err) {
			object, err = nil, nil
		}
		if err != nil {
			return nil, of, fmt.Errorf("get %s: %w", ref, err)
		}
		objects[ref] = object
		return object, of, nil
	}
	var health []converge.FluxHealth
	for _, ref := range refs {
		object, of, err := get(ref)
		if err != nil {
			return nil, nil, err
		}
		state, message := stateOf(object, of)
		health = append(health, converge.FluxHealth{Ref: ref, State: state, Message: message})
	}
	var live []converge.Item
	for _, item := range items {
		object, _, err := get(item.Ref)
		if err != nil {
			return nil, nil, err
		}
		if object == nil {
			continue
		}
		if value, ok := valueAt(object.Object, item.Pointer); ok {
			live = append(live, converge.Item{Ref: item.Ref, Pointer: item.Pointer, Value: value})
		}
	}
	return health, live, nil
}

func (c *cluster) request(ctx context.Context, object converge.Ref, token string) (time.Time, error) {
	ctx, stamp := stamped(ctx)
	if known, ok := fluxKinds[object.Kind]; !ok || known.group != object.Group {
		return time.Time{}, errors.New("it is no object of Flux's")
	}
	of, err := c.fluxKind(ctx, object.Kind)
	if err != nil {
		return time.Time{}, err
	}
	if of.missing {
		return time.Time{}, fmt.Errorf("the cluster has no kind %s", object.Kind)
	}
	patch, err := json.Marshal(map[string]any{"metadata": map[string]any{"annotations": map[string]string{meta.ReconcileRequestAnnotation: token}}})
	if err != nil {
		return time.Time{}, err
	}
	_, err = c.client.Resource(of.resource).Namespace(object.Namespace).Patch(ctx, object.Name, types.MergePatchType, patch, metav1.PatchOptions{})
	if err != nil {
		return time.Time{}, err
	}
	return stamp.last()
}

func (c *cluster) watch(ctx context.Context, name string, idle time.Duration, hint func()) error {
	of, err := c.fluxKind(ctx, name)
	if err != nil {
		return err
	}
	if of.missing {
		return fmt.Errorf("the cluster has no kind %s", name)
	}
	seconds := int64(idle / time.Second)
	// A connection that a balancer has forgotten is silent for ever.
	ctx, cancel := context.WithTimeout(ctx, idle+time.Minute)
	defer cancel()
	w, err := c.client.Resource(of.resource).Watch(ctx, metav1.ListOptions{TimeoutSeconds: &seconds})
	if err != nil {
		c.forget()
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

type stampKey struct{}

// stamp notes the dates of answers: nothing of what was read is older than the
// first.
type stamp struct{ first, latest http.Header }

func stamped(ctx context.Context) (context.Context, *stamp) {
	s := &stamp{}
	return context.WithValue(ctx, stampKey{}, s), s
}

func (s *stamp) time() (time.Time, error) { return dated(s.first) }
func (s *stamp) last() (time.Time, error) { return dated(s.latest) }

func dated(h http.Header) (time.Time, error) {
	at, err := http.ParseTime(h.Get("Date"))
	if err != nil {
		return time.Time{}, errors.New("the server does not say when it answered")
	}
	return at, nil
}

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
		if s.first == nil {
			s.first = resp.Header
		}
		s.latest = resp.Header
	}
	if req.URL.Query().Get("watch") == "" { // a watch has no end of its own
		resp.Body = &limited{resp.Body, b.max}
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
