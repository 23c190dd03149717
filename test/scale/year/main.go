package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"runtime"
	"runtime/pprof"
	"sync"
	"syscall"
	"time"
)

// settings say how big the world is.
type settings struct {
	seed     uint64
	first    int // the number of the first tenant
	tenants  int
	clusters int // of a tenant
	apps     int // of a cluster
	charts   int // on the shelf
	days     int
	workers  int
}

func main() {
	var s settings
	flag.Uint64Var(&s.seed, "seed", 1, "of everything that is drawn")
	flag.IntVar(&s.tenants, "tenants", 50, "how many tenants there are, a repository each")
	flag.IntVar(&s.first, "first", 0, "the first of them: tenants know nothing of each other, and a year can be told in parts")
	flag.IntVar(&s.clusters, "clusters", 20, "of each tenant")
	flag.IntVar(&s.apps, "apps", 100, "Applications on each cluster")
	flag.IntVar(&s.charts, "charts", 150, "that all tenants choose from")
	flag.IntVar(&s.days, "days", 365, "of virtual time")
	flag.IntVar(&s.workers, "workers", runtime.GOMAXPROCS(0), "tenants that are looked after at the same time")
	profile := flag.String("cpuprofile", "", "file to write a CPU profile to")
	flag.Parse()
	if err := measured(s, *profile); err != nil {
		fmt.Fprintln(os.Stderr, "year:", err)
		os.Exit(1)
	}
}

func measured(s settings, profile string) error {
	if profile != "" {
		f, err := os.Create(profile)
		if err != nil {
			return err
		}
		defer f.Close()
		if err := pprof.StartCPUProfile(f); err != nil {
			return err
		}
		defer pprof.StopCPUProfile()
	}
	y, err := live(s)
	if err != nil {
		return err
	}
	y.print(os.Stdout)
	if n := len(y.breaches()); n > 0 {
		return errors.New(fmt.Sprint(n, " laws were broken"))
	}
	return nil
}

// year is what became of it.
type year struct {
	settings
	begin, end time.Time
	shelf      []*chart
	tenants    []*tenant
	cpu, wall  time.Duration
	heap       []uint64 // in use after each 30 days
	caches     uint64   // of it, what the Promoters remember from look to look
	behind     []time.Duration
}

// live lets the time pass, for all tenants day by day.
func live(s settings) (*year, error) {
	y := &year{settings: s, begin: time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC)}
	y.end = y.begin.Add(time.Duration(s.days) * day)
	y.shelf = shelf(s.seed, s.charts, y.begin, y.end)
	for _, c := range y.shelf {
		c.index()
	}
	for i := range s.tenants {
		t, err := newTenant(s.seed, s.first+i, size{s.clusters, s.apps}, y.shelf, y.begin, y.end)
		if err != nil {
			return nil, err
		}
		y.tenants = append(y.tenants, t)
	}
	began, cpu := time.Now(), spent()
	for d := range s.days {
		y.pass(y.begin.Add(time.Duration(d+1) * day))
		if (d+1)%30 == 0 {
			for _, t := range y.tenants {
				t.forget()
			}
			y.heap = append(y.heap, inUse())
			fmt.Fprintf(os.Stderr, "day %d of %d: %s of CPU, %d MiB in use\n", d+1, s.days, (spent() - cpu).Round(time.Second), y.heap[len(y.heap)-1]>>20)
		}
	}
	y.wall, y.cpu = time.Since(began), spent()-cpu
	for _, t := range y.tenants {
		y.behind = append(y.behind, t.judge.ends()...)
	}
	full := inUse()
	for _, t := range y.tenants {
		t.bot = nil
	}
	y.caches = full - min(full, inUse())
	return y, nil
}

// inUse is the heap that is in use.
func inUse() uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// pass lets all tenants live until a moment.
func (y *year) pass(until time.Time) {
	next := make(chan *tenant)
	var wg sync.WaitGroup
	for range y.workers {
		wg.Go(func() {
			for t := range next {
				t.live(until)
			}
		})
	}
	for _, t := range y.tenants {
		next <- t
	}
	close(next)
	wg.Wait()
}

// forget drops what a forge and a Git server keep, and nobody asks for.
func (t *tenant) forget() {
	t.repo.forget(t.now)
	t.forge.forget(t.now)
}

func (y *year) breaches() (out []string) {
	for _, t := range y.tenants {
		out = append(out, t.judge.breaches...)
	}
	return out
}

// spent is the process' CPU time.
func spent() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
