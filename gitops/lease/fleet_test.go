package lease

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// fleet is replicas that stand for election, and what they did.
type fleet struct {
	t   *testing.T
	api *api

	mu      sync.Mutex
	working map[string]string // repository → the replica that works on it
	events  []string          // in order
	ends    []time.Time       // of work
}

type replica struct {
	*Candidate
	f     *fleet
	name  string
	wire  *wire
	stop  context.CancelFunc
	ctx   context.Context
	ended sync.WaitGroup
	// takes is how long work goes on after it was told to end.
	takes time.Duration
}

func newFleet(t *testing.T) *fleet {
	return &fleet{t: t, api: newAPI(), working: map[string]string{}}
}

func (f *fleet) say(format string, args ...any) {
	f.events = append(f.events, fmt.Sprintf(format, args...))
}

func (f *fleet) join(name string, change func(*Options)) *replica {
	f.t.Helper()
	r := &replica{f: f, name: name, wire: &wire{api: f.api}}
	o := Options{Identity: name, Namespace: "promoter", config: r.wire.config()}
	if change != nil {
		change(&o)
	}
	var err error
	if r.Candidate, err = Open(o); err != nil {
		f.t.Fatal(err)
	}
	r.ctx, r.stop = context.WithCancel(f.t.Context())
	return r
}

// stand runs for a repository, and lets nobody else work on it meanwhile.
func (r *replica) stand(repository string) {
	r.ended.Go(func() {
		if err := r.Run(r.ctx, repository, func(ctx context.Context) error { return r.work(ctx, repository) }); err != nil {
			r.f.t.Errorf("%s: %v", r.name, err)
		}
	})
}

func (r *replica) work(ctx context.Context, repository string) error {
	f := r.f
	f.mu.Lock()
	if other, busy := f.working[repository]; busy {
		f.t.Errorf("%s works on %s while %s does", r.name, repository, other)
	}
	f.working[repository] = r.name
	f.say("%s leads %s", r.name, repository)
	f.mu.Unlock()
	<-ctx.Done()
	<-time.After(r.takes)
	f.mu.Lock()
	delete(f.working, repository)
	f.ends = append(f.ends, time.Now())
	f.say("%s ends %s: %v", r.name, repository, context.Cause(ctx))
	f.mu.Unlock()
	return nil
}

func pass(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

// leads is how many repositories each replica works on.
func (f *fleet) leads() map[string]int {
	f.mu.Lock()
	defer f.mu.Unlock()
	leads := map[string]int{}
	for _, name := range f.working {
		leads[name]++
	}
	return leads
}
