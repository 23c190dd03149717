package argocd

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

// Options say which servers there are, and how patient to be with them. Zero
// values are the defaults.
type Options struct {
	Instances   []Instance
	Timeout     time.Duration // of one call; of a list that keeps coming, of silence in it; 30 s
	MaxBody     int64         // of one answer, in bytes; 1 GiB
	RefreshWait time.Duration // for a refresh to be served before it is left alone; 2 s
	Reconnect   time.Duration // before a lost watch is opened again, doubling up to 30 s; 1 s
	Idle        time.Duration // without a word until a watch is taken for lost; 5 min
}

// Instance is one Argo CD server: its API, or the cluster that it lives in.
type Instance struct {
	Name     string
	Server   string // URL of the API; empty: use Kube
	Token    func(context.Context) (string, error)
	CA       []byte // PEM; empty: the system's
	Selector string // of labels
	Projects []string
	// Plain allows a token to go over http to a host that is not this one.
	Plain bool
	Kube  *Kube
}

// Kube is how to reach Applications as resources.
type Kube struct {
	Path      string // of a kubeconfig; empty: as kubectl finds it, or the pod's own
	Context   string // empty: the current one
	Namespace string // empty: all
	Version   string // of Argo CD, which resources do not tell: "v3.1.4"
}

// Client reads from all instances.
type Client struct {
	options Options
	servers []named
}

type named struct {
	name string
	server
}

// server is one way to one Argo CD.
type server interface {
	// list returns every Application, or an error.
	list(ctx context.Context) ([]converge.ArgoSnapshot, error)
	// index returns every Application, or the outlines of very many.
	index(ctx context.Context) (apps []converge.ArgoSnapshot, outlines bool, err error)
	// one returns one Application as a list has it.
	one(ctx context.Context, app converge.ArgoApp) (converge.ArgoSnapshot, error)
	// look returns one Application with all that can be read about it.
	look(ctx context.Context, app converge.ArgoApp, items []converge.Item) (converge.ArgoSnapshot, error)
	// refresh returns a time of the server not later than its acceptance.
	refresh(ctx context.Context, app converge.ArgoApp, hard bool) (time.Time, error)
	// end ends the running operation of the snapshot, or returns ErrStale.
	end(ctx context.Context, s converge.ArgoSnapshot) error
	// watch calls hint when it is connected and for each event, until the
	// connection is lost.
	watch(ctx context.Context, hint func(change)) error
}

// New makes a client. It reads kubeconfigs, and calls nobody.
func New(o Options) (*Client, error) {
	o.Timeout = cmp.Or(o.Timeout, 30*time.Second)
	o.MaxBody = cmp.Or(o.MaxBody, 1<<30)
	o.RefreshWait = cmp.Or(o.RefreshWait, 2*time.Second)
	o.Reconnect = cmp.Or(o.Reconnect, time.Second)
	o.Idle = cmp.Or(o.Idle, 5*time.Minute)
	c := &Client{options: o}
	for _, in := range o.Instances {
		if slices.ContainsFunc(c.servers, func(n named) bool { return n.name == in.Name }) {
			return nil, fmt.Errorf("two instances are named %q", in.Name)
		}
		var s server
		var err error
		if in.Server == "" {
			s, err = newCluster(in, o)
		} else {
			s, err = newAPI(in, o)
		}
		if err != nil {
			return nil, fmt.Errorf("instance %q: %w", in.Name, err)
		}
		c.servers = append(c.servers, named{in.Name, s})
	}
	if len(c.servers) == 0 {
		return nil, errors.New("no instance of Argo CD is named")
	}
	return c, nil
}

// Listing is what one instance said.
type Listing struct {
	Instance string
	Apps     []converge.ArgoSnapshot
	Err      error // then Apps is empty

	outlines bool // Apps are what applications are found by, and no more
}

// Lists lists every instance, at the same time, one call each.
func (c *Client) Lists(ctx context.Context) []Listing {
	return c.lists(func(s server) (apps []converge.ArgoSnapshot, outlines bool, err error) {
		apps, err = s.list(ctx)
		return apps, false, err
	})
}

// indexes are the lists of every instance, or outlines where there are very
// many applications.
func (c *Client) indexes(ctx context.Context) []Listing {
	return c.lists(func(s server) ([]converge.ArgoSnapshot, bool, error) { return s.index(ctx) })
}

func (c *Client) lists(list func(server) (apps []converge.ArgoSnapshot, outlines bool, err error)) []Listing {
	out := make([]Listing, len(c.servers))
	var wg sync.WaitGroup
	for i, s := range c.servers {
		wg.Go(func() {
			apps, outlines, err := list(s.server)
			if err != nil {
				apps, err = nil, fmt.Errorf("list applications of instance %q: %w", s.name, err)
			}
			out[i] = Listing{s.name, apps, err, outlines}
		})
	}
	wg.Wait()
	return out
}

// List returns the Applications of every instance. When one of them cannot be
// read whole, there is an error and no list. An API's list has no sync windows,
// trees and live values, nor what ApplicationSets render: Look at those
// applications that a verdict is needed for.
func (c *Client) List(ctx context.Context) ([]converge.ArgoSnapshot, error) {
	var all []converge.ArgoSnapshot
	var errs []error
	for _, l := range c.Lists(ctx) {
		all = append(all, l.Apps...)
		errs = append(errs, l.Err)
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return all, nil
}

// Look returns one Application with its sync windows, its tree and the live
// values of items, all of one version of the object: when it changes while it
// is read, it is read again, and at last there is an error.
func (c *Client) Look(ctx context.Context, app converge.ArgoApp, items []converge.Item) (converge.ArgoSnapshot, error) {
	s, err := c.server(app.Instance)
	if err != nil {
		return converge.ArgoSnapshot{}, err
	}
	snapshot, err := s.look(ctx, app, items)
	if err != nil {
		return converge.ArgoSnapshot{}, fmt.Errorf("read application %s: %w", app, err)
	}
	return snapshot, nil
}

// Refresh asks for a comparison with Git. The fence is a time of the server
// from just before it took the request: what was compared later than that was
// compared after we asked.
func (c *Client) Refresh(ctx context.Context, app converge.ArgoApp, hard bool) (fence time.Time, err error) {
	s, err := c.server(app.Instance)
	if err != nil {
		return time.Time{}, err
	}
	if fence, err = s.refresh(ctx, app, hard); err != nil {
		return time.Time{}, fmt.Errorf("refresh application %s: %w", app, err)
	}
	return fence, nil
}

// EndOperation ends the operation that runs in the snapshot. When that one
// does not run any more, the error is gitops.ErrStale and nothing was done.
func (c *Client) EndOperation(ctx context.Context, s converge.ArgoSnapshot) error {
	in, err := c.server(s.App.Instance)
	if err != nil {
		return err
	}
	if err := in.end(ctx, s); err != nil {
		return fmt.Errorf("end the operation of application %s: %w", s.App, err)
	}
	return nil
}

// Watch calls hint, from several goroutines, whenever a list may say something
// new, until the context is done. Connections that are lost are opened again;
// what happened in between is one hint.
func (c *Client) Watch(ctx context.Context, hint func()) {
	c.watch(ctx, func(change) { hint() })
}

func (c *Client) watch(ctx context.Context, hint func(change)) {
	var wg sync.WaitGroup
	for _, s := range c.servers {
		wg.Go(func() { c.rewatch(ctx, s, hint) })
	}
	wg.Wait()
}

func (c *Client) rewatch(ctx context.Context, s server, hint func(change)) {
	pause := c.options.Reconnect
	for ctx.Err() == nil {
		heard := false
		// Why it ended does not matter: the list tells what cannot be read.
		_ = s.watch(ctx, func(x change) { heard = true; hint(x) })
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
		hint(change{})
	}
}

// listsAll reports whether an instance's list has all that a look at one
// application has: so it is with resources, where a look is a list.
func (c *Client) listsAll(instance string) bool {
	s, err := c.server(instance)
	_, resources := s.(*cluster)
	return err == nil && resources
}

func (c *Client) server(instance string) (server, error) {
	for _, s := range c.servers {
		if s.name == instance {
			return s.server, nil
		}
	}
	return nil, fmt.Errorf("no instance of Argo CD is named %q", instance)
}
