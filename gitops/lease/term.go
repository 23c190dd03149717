package lease

import (
	"context"
	"fmt"
	"sync"
	"time"

	"k8s.io/client-go/tools/leaderelection"
	"k8s.io/client-go/tools/leaderelection/resourcelock"
)

// term is one election and, if it is won, the work until it ends. It returns
// lead's error, or a *Lost.
func (c *Candidate) term(ctx context.Context, repository string, lead func(context.Context) error) error {
	base, err := resourcelock.New(resourcelock.LeasesResourceLock, c.o.Namespace, Name(repository), nil, c.client,
		resourcelock.ResourceLockConfig{Identity: c.id})
	if err != nil {
		return fmt.Errorf("lead %s: %w", repository, err)
	}
	leadCtx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	l := &lock{Interface: base, c: c, repository: repository, cancel: cancel, done: make(chan struct{})}
	// The elector outlives ctx, to renew the lease until the work has returned.
	electing, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	defer context.AfterFunc(ctx, func() {
		if !l.taken() {
			stop()
		}
	})()
	var leadErr error
	elector, err := leaderelection.NewLeaderElector(leaderelection.LeaderElectionConfig{
		Lock: l, Name: Name(repository), ReleaseOnCancel: true,
		LeaseDuration: c.o.LeaseDuration, RenewDeadline: c.o.RenewDeadline, RetryPeriod: c.o.RetryPeriod,
		Callbacks: leaderelection.LeaderCallbacks{
			OnStartedLeading: func(context.Context) {
				defer stop()
				defer close(l.done)
				if leadCtx.Err() == nil {
					leadErr = lead(leadCtx)
				}
				c.note(repository, func(s *Standing) { s.Leading = false })
			},
			OnStoppedLeading: func() {},
		},
	})
	if err != nil {
		return fmt.Errorf("lead %s: %w", repository, err)
	}
	elector.Run(electing)
	if !l.taken() {
		return nil
	}
	// The elector calls OnStartedLeading whenever it took the lease, though
	// perhaps not before it returned.
	<-l.done
	why := l.end()
	c.o.Log.Info("leads no more", "repository", repository)
	if why != nil && ctx.Err() == nil {
		return why
	}
	return leadErr
}

// lock is the lease as the elector sees it. It adds what client-go leaves out:
// the elector tells work that the lease is lost only after it has tried to
// release it, which may take as long as the lease holds, or may let another in
// while the work still runs; and it goes on hoping for RenewDeadline when it
// has seen that another is the holder.
type lock struct {
	resourcelock.Interface
	c          *Candidate
	repository string
	cancel     context.CancelCauseFunc // of the work
	done       chan struct{}           // the work has returned

	mu    sync.Mutex
	ours  bool        // it was taken, and this stays so until the term ends
	fence *time.Timer // ends the work when no renewal comes through
	lost  *Lost

	// How often in a row calls have failed; the elector makes one at a time.
	reads, writes int
}

func (l *lock) taken() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.ours
}

// lose ends the work. Only the first reason counts.
func (l *lock) lose(why string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.lost == nil {
		l.lost = &Lost{Repository: l.repository, Why: why}
		l.cancel(l.lost)
	}
}

// end stops the fence and returns the *Lost, if the lease was.
func (l *lock) end() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.fence.Stop()
	if l.lost == nil {
		return nil
	}
	return l.lost
}

// renewed moves the fence: the lease is ours for a while after a request that
// went through was sent.
func (l *lock) renewed(sent time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ours = true
	left := l.c.o.RenewDeadline - time.Since(sent)
	if l.fence == nil {
		l.fence = time.AfterFunc(left, func() { l.lose(fmt.Sprintf("not renewed for %s", l.c.o.RenewDeadline)) })
		return
	}
	l.fence.Reset(left) // one that fired has said so in lost, which stays
}

// Get reads the lease, and sees when it has another holder.
func (l *lock) Get(ctx context.Context) (*resourcelock.LeaderElectionRecord, []byte, error) {
	record, raw, err := l.Interface.Get(ctx)
	l.saw(&l.reads, err)
	if err != nil {
		return record, raw, err
	}
	l.c.note(l.repository, func(s *Standing) { s.Holder = record.HolderIdentity })
	if record.HolderIdentity != l.c.id {
		if record.HolderIdentity != "" {
			l.writes = 0 // so that is why
		}
		if l.taken() {
			l.lose(fmt.Sprintf("%q holds it", record.HolderIdentity))
		}
	}
	return record, raw, nil
}

// Create makes the lease, ours, when it is our turn.
func (l *lock) Create(ctx context.Context, record resourcelock.LeaderElectionRecord) error {
	return l.take(ctx, record, l.Interface.Create)
}

// Update renews the lease, releases it, or takes one that is free.
func (l *lock) Update(ctx context.Context, record resourcelock.LeaderElectionRecord) error {
	switch {
	case record.HolderIdentity == "":
		return l.release(ctx, record)
	case !l.taken():
		return l.take(ctx, record, l.Interface.Update)
	}
	sent := time.Now()
	err := l.Interface.Update(ctx, record)
	l.saw(&l.writes, err)
	if err == nil {
		l.renewed(sent)
	}
	return err
}

func (l *lock) take(ctx context.Context, record resourcelock.LeaderElectionRecord, write func(context.Context, resourcelock.LeaderElectionRecord) error) error {
	l.saw(&l.reads, nil) // that there is no lease is an answer too
	done, err := l.c.turn(ctx)
	if err != nil {
		return err
	}
	defer done()
	sent := time.Now()
	record.AcquireTime.Time, record.RenewTime.Time = sent, sent // the wait for our turn may have been long
	// Cut off, we would not know whether it is ours, and nobody would release
	// it. The client's own limit bounds it.
	err = write(context.WithoutCancel(ctx), record)
	l.saw(&l.writes, err)
	if err != nil {
		return err
	}
	l.renewed(sent)
	l.c.note(l.repository, func(s *Standing) { s.Leading, s.Holder = true, l.c.id })
	l.c.o.Log.Info("leads", "repository", l.repository, "identity", l.c.id)
	return nil
}

// release lets the next one in, when the work has returned.
func (l *lock) release(ctx context.Context, record resourcelock.LeaderElectionRecord) error {
	select {
	case <-l.done: // it has, of its own accord
	default:
		l.lose("it could not be renewed in time")
		select {
		case <-l.done:
		case <-ctx.Done():
			return fmt.Errorf("release the lease for %s: its work has not ended: %w", l.repository, ctx.Err())
		}
	}
	err := l.Interface.Update(ctx, record)
	if err != nil {
		// A renewal that was cut off may have gone through after all, and this
		// one was made for what was there before.
		if now, _, getErr := l.Interface.Get(ctx); getErr == nil && now.HolderIdentity == l.c.id {
			err = l.Interface.Update(ctx, record)
		}
	}
	l.saw(&l.writes, err)
	if err == nil {
		l.c.note(l.repository, func(s *Standing) { s.Holder = "" })
	}
	return err
}

// saw notes what the API answered. An error is told when it is the second in
// a row: that another was faster, or that there is no lease yet, is none to
// speak of.
func (l *lock) saw(failed *int, err error) {
	if err == nil {
		*failed = 0
		l.c.note(l.repository, func(s *Standing) { s.Err = nil })
		return
	}
	if *failed++; *failed < 2 {
		return
	}
	l.c.note(l.repository, func(s *Standing) { s.Err = err })
	if *failed == 2 {
		l.c.o.Log.Warn("lease not reached", "repository", l.repository, "error", err)
	}
}
