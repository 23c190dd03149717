package e2e

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// world, product and traps are shared by the stories. Their repositories, namespaces
// and applications are not.
var (
	world   *World
	product Product
	traps   *sightings
)

func TestMain(m *testing.M) { os.Exit(tell(m)) }

func tell(m *testing.M) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	dir := os.Getenv("E2E_DIR")
	if dir == "" {
		var err error
		if dir, err = os.MkdirTemp("", "promoter-e2e-"); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
	}
	var err error
	if product, err = BuildProduct(ctx, dir); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	began := time.Now()
	if world, err = Start(ctx, dir); err != nil {
		fmt.Fprintln(os.Stderr, "start the world:", err)
		return 1
	}
	interrupted := context.AfterFunc(ctx, func() {
		fmt.Println("interrupted by a signal: everything is being stopped, and no story can pass")
		halt()
		os.Exit(130)
	})
	all, _ := world.Memory()
	fmt.Printf("the world stands in %s after %s: %s; %d MiB\n", dir, time.Since(began).Round(100*time.Millisecond), world.parts(), all>>20)
	traps = world.watchForTraps(ctx)
	code := m.Run()
	all, _ = world.Memory()
	fmt.Printf("all was told after %s; %d MiB at the end, %d MiB at most\n", time.Since(began).Round(time.Second), all>>20, world.Peak()>>20)
	table.print(os.Stdout)
	traps.print(os.Stdout)
	if !interrupted() {
		select {} // it is being stopped
	}
	halt()
	if code == 0 {
		for _, data := range []string{"data", "clones", "tools", "promoter"} {
			os.RemoveAll(filepath.Join(dir, data)) // the logs stay
		}
	}
	return code
}

// halt stops the world and says where it kept its logs.
func halt() {
	if left := world.Stop(); len(left) > 0 {
		fmt.Println("left behind, and ended:", strings.Join(left, ", "))
	}
	fmt.Printf("everything is stopped; logs are in %s and %s\n", world.Logs(), filepath.Join(world.Dir, "stories"))
}

// parts says how long each part took.
func (w *World) parts() string {
	var out []string
	for _, t := range w.Took {
		out = append(out, fmt.Sprintf("%s %s", t.Part, t.Time))
	}
	return strings.Join(out, ", ")
}
