// Package lease lets one replica of several work on a repository, by leader
// election with Kubernetes leases, one lease for each repository.
//
// With client-go's usual times a leader renews every 2 s (RetryPeriod). Its
// work is told to stop when no renewal has gone through for 10 s
// (RenewDeadline), counted from when the last good one was sent; another may
// hold the lease when it has seen no renewal for 15 s (LeaseDuration). Between
// the two are 5 s for what is under way to end. An orderly end releases the
// lease when the work has returned, so that the next replica need not wait.
//
// It refuses to let go of a lease while work for it is running, to call a
// lease ours that was not renewed in time, even where client-go still does,
// and to take every lease at once: a replica that leads much lets others go
// first. It cannot stop a process that is frozen and thawed; that work for a
// repository is harmless when two do it is the business of whoever does it.
//
// A service account needs get, create and update on leases in
// coordination.k8s.io.
package lease

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	coordination "k8s.io/client-go/kubernetes/typed/coordination/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

// Options say where leases are and how long they hold.
type Options struct {
	// Kubeconfig is a file's path and Context one of its contexts, the current
	// one when empty. Without a file, we are a pod and use its account.
	Kubeconfig string
	Context    string
	Namespace  string // of the leases; the context's or the pod's own when empty
	// Identity is what people see as the holder, followed by something random
	// that no other process has; the host's name when empty.
	Identity string

	LeaseDuration time.Duration // whole seconds; 15 s
	RenewDeadline time.Duration // 10 s
	RetryPeriod   time.Duration // 2 s

	// Spread is how long a replica lets others go first for each repository
	// that it leads, MaxSpread what one who leads all of them would. 2 s, so that
	// one who leads less has tried before, and 30 s; negative: no spread.
	Spread    time.Duration
	MaxSpread time.Duration

	Log *slog.Logger // nil: silent

	config *rest.Config // for tests: instead of Kubeconfig
}

// Candidate is this process in all its elections.
type Candidate struct {
	o      Options
	client *coordination.CoordinationV1Client
	id     string
	// taking is held by the one election that may take a free lease now, so
	// that each counts those before it.
	taking chan struct{}

	mu        sync.Mutex
	standings map[string]Standing // by repository
}

// Standing is how one election stands.
type Standing struct {
	Repository string
	Lease      string
	Leading    bool
	Holder     string    // as last seen; empty: nobody, or not known
	Since      time.Time // since when Leading is as it is
	Err        error     // why the lease can be read or written no more, for some tries now
}

// Open prepares to take part in elections. It makes no call.
func Open(o Options) (*Candidate, error) {
	o.LeaseDuration = cmp.Or(o.LeaseDuration, 15*time.Second)
	o.RenewDeadline = cmp.Or(o.RenewDeadline, 10*time.Second)
	o.RetryPeriod = cmp.Or(o.RetryPeriod, 2*time.Second)
	o.Spread = cmp.Or(o.Spread, 2*time.Second)
	o.MaxSpread = cmp.Or(o.MaxSpread, 30*time.Second)
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	switch {
	case o.LeaseDuration < time.Second || o.LeaseDuration%time.Second != 0:
		// The API has whole seconds: others would take it earlier than we think.
		return nil, fmt.Errorf("open leases: a lease of %s: whole seconds, please", o.LeaseDuration)
	case o.RenewDeadline <= 0 || o.RenewDeadline >= o.LeaseDuration:
		return nil, fmt.Errorf("open leases: renewing for %s must end before the lease of %s does", o.RenewDeadline, o.LeaseDuration)
	case o.RetryPeriod <= 0 || 2*o.RetryPeriod >= o.RenewDeadline:
		return nil, fmt.Errorf("open leases: trying every %s leaves no second try within %s", o.RetryPeriod, o.RenewDeadline)
	}
	config, err := load(&o)
	if err != nil {
		return nil, fmt.Errorf("open leases: %w", err)
	}
	// One client renews all leases: client-go's own brake of five calls a
	// second would lose them. The server has a brake too.
	config.QPS = -1
	config.Timeout = o.RenewDeadline / 2 // one call that hangs must not cost the lease
	config.UserAgent = "promoter"
	client, err := coordination.NewForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("open leases: %w", err)
	}
	id := o.Identity
	if id == "" {
		if id, err = os.Hostname(); err != nil {
			return nil, fmt.Errorf("open leases: %w", err)
		}
	}
	return &Candidate{
		o: o, client: client, id: id + "_" + strings.ToLower(rand.Text()[:10]),
		taking: make(chan struct{}, 1), standings: map[string]Standing{},
	}, nil
}

// podNamespace is where Kubernetes tells a pod its namespace.
const podNamespace = "/var/run/secrets/kubernetes.io/serviceaccount/namespace"

// load finds the API server, and the namespace where none was given.
func load(o *Options) (*rest.Config, error) {
	switch {
	case o.config != nil:
		o.Namespace = cmp.Or(o.Namespace, "default")
		return rest.CopyConfig(o.config), nil
	case o.Kubeconfig != "":
		loader := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(
			&clientcmd.ClientConfigLoadingRules{ExplicitPath: o.Kubeconfig}, &clientcmd.ConfigOverrides{CurrentContext: o.Context})
		config, err := loader.ClientConfig()
		if err != nil {
			return nil, err
		}
		if o.Namespace == "" {
			o.Namespace, _, err = loader.Namespace()
		}
		return config, err
	}
	config, err := rest.InClusterConfig()
	if err != nil {
		return nil, fmt.Errorf("no kubeconfig, and not in a pod: %w", err)
	}
	if o.Namespace == "" {
		text, err := os.ReadFile(podNamespace)
		if err != nil {
			return nil, fmt.Errorf("read the pod's namespace: %w", err)
		}
		o.Namespace = strings.TrimSpace(string(text))
	}
	return config, nil
}

// Identity is what we sign leases with.
func (c *Candidate) Identity() string { return c.id }

// Standings returns the elections we take part in, sorted by repository.
func (c *Candidate) Standings() []Standing {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.SortedFunc(maps.Values(c.standings), func(a, b Standing) int { return strings.Compare(a.Repository, b.Repository) })
}

// Lost is the cause with which the context of work ends whose lease is lost.
// Its method StopNow tells those who do not know this package that there is
// no time for an orderly end.
type Lost struct {
	Repository string
	Why        string
}

func (e *Lost) Error() string {
	return fmt.Sprintf("the lease for %s is lost: %s", e.Repository, e.Why)
}

// StopNow is true.
func (e *Lost) StopNow() bool { return true }

// Run takes part in the election for a repository, and calls lead each time it
// is won. Lead's context ends when the context does, or with a *Lost as its
// cause; then Run stands for election again as soon as lead has returned.
//
// Run returns when its context has ended or lead returned of its own accord,
// with lead's error, and after the lease is released. Lead is given the time
// it takes: the lease is held until it returns.
func (c *Candidate) Run(ctx context.Context, repository string, lead func(ctx context.Context) error) error {
	c.mu.Lock()
	if _, twice := c.standings[repository]; twice {
		c.mu.Unlock()
		return fmt.Errorf("lead %s: we stand in this election already", repository)
	}
	c.standings[repository] = Standing{Repository: repository, Lease: Name(repository), Since: time.Now()}
	c.mu.Unlock()
	defer func() {
		c.mu.Lock()
		delete(c.standings, repository)
		c.mu.Unlock()
	}()
	for ctx.Err() == nil {
		err := c.term(ctx, repository, lead)
		var lost *Lost
		if !errors.As(err, &lost) {
			return err
		}
		c.o.Log.Warn("lease lost", "repository", repository, "why", lost.Why)
	}
	return nil
}

// note changes what is known of an election.
func (c *Candidate) note(repository string, change func(*Standing)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.standings[repository]
	was := s.Leading
	change(&s)
	if s.Leading != was {
		s.Since = time.Now()
	}
	c.standings[repository] = s
}

// turn waits until we may take a free lease: the others have had their chance
// for as long as we lead much, and no other election of ours takes one now.
// Done must be called after.
func (c *Candidate) turn(ctx context.Context) (done func(), err error) {
	began := time.Now()
	for {
		select {
		case c.taking <- struct{}{}:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		wait := c.patience() - time.Since(began)
		if wait <= 0 {
			return func() { <-c.taking }, nil
		}
		<-c.taking
		timer := time.NewTimer(wait)
		select {
		case <-timer.C: // and count again: we may lead more by now
		case <-ctx.Done():
			timer.Stop()
			return nil, ctx.Err()
		}
	}
}

// patience is how long the others go first: Spread for each repository that we
// lead, and of MaxSpread no more than our share of all, so that where there are
// many those of a replica that died need not wait for all of it.
func (c *Candidate) patience() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	leads := 0
	for _, s := range c.standings {
		if s.Leading {
			leads++
		}
	}
	return min(time.Duration(leads)*c.o.Spread, c.o.MaxSpread*time.Duration(leads)/time.Duration(max(len(c.standings), 1)))
}

const (
	maxName    = 63 // what is a DNS label fits everywhere
	digestSize = 12 // hexadecimal digits
)

// Name is the name of a repository's lease: promoter-, its address made
// readable, and a digest of the address. Credentials in the address and a
// last ".git" do not count.
func Name(repository string) string {
	address := strings.TrimSuffix(strings.TrimRight(repository, "/"), ".git")
	if u, err := url.Parse(address); err == nil && u.Host != "" {
		u.User = nil
		address = u.String()
	}
	sum := sha256.Sum256([]byte(address))
	digest := hex.EncodeToString(sum[:])[:digestSize]
	parts := strings.FieldsFunc(strings.ToLower(address), func(r rune) bool { return r == '/' || r == ':' })
	parts = parts[max(0, len(parts)-2):] // owner and name
	words := strings.FieldsFunc(strings.Join(parts, "-"), func(r rune) bool { return (r < 'a' || r > 'z') && (r < '0' || r > '9') })
	slug := strings.Join(words, "-")
	slug = strings.Trim(slug[:min(len(slug), maxName-len("promoter---")-digestSize)], "-")
	if slug == "" {
		return "promoter-" + digest
	}
	return "promoter-" + slug + "-" + digest
}
