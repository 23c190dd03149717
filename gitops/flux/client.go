package flux

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"promoter/promoter/converge"
)

// Options say which clusters there are, and how patient to be with them. Zero
// values are the defaults.
type Options struct {
	Clusters  []Cluster
	Timeout   time.Duration // of one look; 30 s
	MaxBody   int64         // of one answer, in bytes; 256 MiB
	Reconnect time.Duration // before a lost watch is opened again, doubling up to 30 s; 1 s
	Idle      time.Duration // after which the server is to end a watch; 5 min
}

// Cluster is how to reach one cluster.
type Cluster struct {
	Name    string
	Path    string // of a kubeconfig; empty: as kubectl finds it, or the pod's own
	Context string // empty: the current one
}

// Client reads from all clusters.
type Client struct {
	options  Options
	clusters []*cluster
}

// New makes a client. It reads kubeconfigs, and calls nobody.
func New(o Options) (*Client, error) {
	o.Timeout = cmp.Or(o.Timeout, 30*time.Second)
	o.MaxBody = cmp.Or(o.MaxBody, 256<<20)
	o.Reconnect = cmp.Or(o.Reconnect, time.Second)
	o.Idle = cmp.Or(o.Idle, 5*time.Minute)
	c := &Client{options: o}
	for _, in := range o.Clusters {
		if slices.ContainsFunc(c.clusters, func(k *cluster) bool { return k.name == in.Name }) {
			return nil, fmt.Errorf("two clusters are named %q", in.Name)
		}
		k, err := newCluster(in, o)
		if err != nil {
			return nil, fmt.Errorf("cluster %q: %w", in.Name, err)
		}
		c.clusters = append(c.clusters, k)
	}
	if len(c.clusters) == 0 {
		return nil, errors.New("no cluster is named")
	}
	return c, nil
}

// Listing is what one cluster said.
type Listing struct {
	Cluster  string
	Snapshot converge.FluxSnapshot
	Err      error // then Snapshot is empty
}

// Lists looks at every cluster, at the same time. What one of them does not
// tell is not known of that one alone.
func (c *Client) Lists(ctx context.Context) []Listing {
	out := make([]Listing, len(c.clusters))
	var wg sync.WaitGroup
	for i, k := range c.clusters {
		wg.Go(func() {
			s, err := c.List(ctx, k.name)
			out[i] = Listing{k.name, s, err}
		})
	}
	wg.Wait()
	return out
}

// List looks at one cluster: all sources, Kustomizations, charts and releases.
// When any of these lists is not whole there is an error and no snapshot.
func (c *Client) List(ctx context.Context, cluster string) (converge.FluxSnapshot, error) {
	k, err := c.cluster(cluster)
	if err != nil {
		return converge.FluxSnapshot{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, c.options.Timeout)
	defer cancel()
	s, err := k.list(ctx)
	if err != nil {
		return converge.FluxSnapshot{}, fmt.Errorf("list Flux's objects in cluster %q: %w", cluster, err)
	}
	return s, nil
}

// Read adds to a snapshot the health of objects, those that
// converge.FluxWorkloads names, and the live values of items. Both are later
// than the snapshot, and replace what it had.
func (c *Client) Read(ctx context.Context, s converge.FluxSnapshot, health []converge.Ref, items []converge.Item) (converge.FluxSnapshot, error) {
	k, err := c.cluster(s.Cluster)
	if err != nil {
		return converge.FluxSnapshot{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, c.options.Timeout)
	defer cancel()
	if s.Health, s.Live, err = k.read(ctx, health, items); err != nil {
		return converge.FluxSnapshot{}, fmt.Errorf("read objects in cluster %q: %w", s.Cluster, err)
	}
	return s, nil
}

// Request asks for a reconcile of one of Flux's objects. The token comes back as
// lastHandledReconcileAt when it was served, or acknowledged by a suspended
// object. The fence is when the server took it, by its own clock.
func (c *Client) Request(ctx context.Context, cluster string, object converge.Ref, token string) (fence time.Time, err error) {
	k, err := c.cluster(cluster)
	if err != nil {
		return time.Time{}, err
	}
	if token == "" {
		return time.Time{}, fmt.Errorf("request a reconcile of %s: no token", object)
	}
	ctx, cancel := context.WithTimeout(ctx, c.options.Timeout)
	defer cancel()
	if fence, err = k.request(ctx, object, token); err != nil {
		return time.Time{}, fmt.Errorf("request a reconcile of %s in cluster %q: %w", object, cluster, err)
	}
	return fence, nil
}

// Watch calls hint, from several goroutines, whenever a list may say something
// new, until the context is done. Connections that are lost are opened again;
// what happened in between is one hint.
func (c *Client) Watch(ctx context.Context, hint func(cluster string)) {
	var wg sync.WaitGroup
	for _, k := range c.clusters {
		for _, kind := range []string{"Kustomization", "HelmRelease"} {
			wg.Go(func() { c.rewatch(ctx, k, kind, func() { hint(k.name) }) })
		}
	}
	wg.Wait()
}

func (c *Client) rewatch(ctx context.Context, k *cluster, kind string, hint func()) {
	pause := c.options.Reconnect
	for ctx.Err() == nil {
		heard := false
		// Why it ended does not matter: the list tells what cannot be read.
		_ = k.watch(ctx, kind, c.options.Idle, func() { heard = true; hint() })
		if heard {
			pause = c.options.Reconnect
		}
		wait := time.NewTimer(pause)
		select {
		case <-ctx.Done():
			wait.Stop()
			return
		case <-wait.C:
		}
		pause = min(2*pause, 30*time.Second)
		hint()
	}
}

func (c *Client) cluster(name string) (*cluster, error) {
	for _, k := range c.clusters {
		if k.name == name {
			return k, nil
		}
	}
	return nil, fmt.Errorf("no cluster is named %q", name)
}
