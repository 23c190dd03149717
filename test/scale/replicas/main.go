package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"time"

	"promoter/test/world"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	var s settings
	flag.IntVar(&s.repositories, "repositories", 50, "that are shared")
	flag.IntVar(&s.replicas, "replicas", 3, "that share them")
	flag.DurationVar(&s.idle, "idle", time.Minute, "how long to watch them do nothing")
	flag.StringVar(&s.binary, "promoter", "", "binary to run; built when absent")
	flag.Parse()
	r, err := measure(ctx, s)
	if err == nil {
		r.print(os.Stdout)
		err = errors.Join(r.breaches...)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "replicas:", err)
		os.Exit(1)
	}
}

type settings struct {
	repositories, replicas int
	idle                   time.Duration
	binary                 string
}

// most is how long anything here may take: the machine may be busy.
const most = 20 * time.Minute

// measure lets the replicas live through it.
func measure(ctx context.Context, s settings) (*result, error) {
	dir, err := os.MkdirTemp("", "promoter-replicas-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	if s.binary == "" {
		s.binary = filepath.Join(dir, "promoter")
		if out, err := exec.CommandContext(ctx, "go", "build", "-o", s.binary, "promoter/cmd/promoter").CombinedOutput(); err != nil {
			return nil, fmt.Errorf("build promoter: %w\n%s", err, out)
		}
	}
	e, err := newEstate(ctx, dir, s.repositories)
	if err != nil {
		return nil, err
	}
	defer e.end()
	r := &result{settings: s, estate: e}
	if err := r.start(ctx); err != nil {
		return nil, err
	}
	defer func() {
		for _, x := range r.all {
			_ = x.cmd.Process.Kill() // it may be dead already
			<-x.done
		}
	}()
	for _, step := range []func(context.Context) error{r.rest, r.travel, r.kill, r.finish} {
		if err := step(ctx); err != nil {
			return nil, err
		}
	}
	r.judge()
	return r, nil
}

// start begins all replicas at once, and waits until every repository was
// looked at.
func (r *result) start(ctx context.Context) error {
	begun := time.Now()
	for i := range r.replicas {
		x, err := r.estate.begin(ctx, r.binary, fmt.Sprintf("replica-%d", i+1))
		if err != nil {
			return err
		}
		r.all = append(r.all, x)
	}
	if err := wait(ctx, "every repository has a leader", most, func() bool { return len(r.estate.led()) == r.repositories }); err != nil {
		return err
	}
	r.ledAfter = time.Since(begun)
	if err := wait(ctx, "every repository was looked at", most, func() bool {
		for _, x := range r.all {
			if !x.ready() {
				return false
			}
		}
		return true
	}); err != nil {
		return err
	}
	r.readyAfter = time.Since(begun)
	r.spread = r.estate.spread()
	return nil
}

// rest watches them do nothing.
func (r *result) rest(ctx context.Context) error {
	from, asked, begun := r.costs(), r.estate.leases.asked(), time.Now()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(r.idle):
	}
	took := time.Since(begun)
	r.leaseCalls = float64(r.estate.leases.asked()-asked) / took.Seconds()
	r.idleCalls = float64(len(r.estate.deeds.since(begun))) / took.Seconds()
	for i, c := range r.costs() {
		r.idleCPU = append(r.idleCPU, 100*(c.cpu-from[i].cpu).Seconds()/took.Seconds())
		r.idleRSS = append(r.idleRSS, c.rss)
	}
	return nil
}

// travel publishes a release and waits until a third of its merges are done.
func (r *result) travel(ctx context.Context) error {
	r.released = time.Now()
	r.estate.world.Publish(world.Chart{Name: chart, Version: after, Created: r.released})
	return wait(ctx, "a third of the merges are done", most, func() bool { return r.estate.merged() >= r.repositories })
}

// kill ends the first replica, and waits until others lead what it led.
func (r *result) kill(ctx context.Context) error {
	victim := r.all[0]
	r.before = r.costs()
	for name, holder := range r.estate.led() {
		if holder == victim.name {
			r.orphans = append(r.orphans, name)
		}
	}
	r.killed = time.Now()
	if err := victim.cmd.Process.Kill(); err != nil {
		return err
	}
	<-victim.done
	r.unfinished = r.estate.unfinished()
	return wait(ctx, "others lead what the dead one led", most, func() bool {
		for _, h := range r.estate.led() {
			if h == victim.name {
				return false
			}
		}
		return true
	})
}

// finish waits until the release has passed everywhere.
func (r *result) finish(ctx context.Context) error {
	if err := wait(ctx, "the release has passed everywhere", most, func() bool { return len(r.estate.unfinished()) == 0 }); err != nil {
		return err
	}
	r.finished = time.Now()
	r.after = r.costs()
	r.spreadAfter = r.estate.spread()
	return nil
}

func (r *result) costs() (out []cost) {
	for _, x := range r.all {
		out = append(out, x.cost())
	}
	return out
}
