package e2e

import (
	"context"
	"fmt"
	"os"
	"testing"
	"time"
)

// world and product are shared by the stories. Their repositories, namespaces
// and applications are not.
var (
	world   *World
	product Product
)

func TestMain(m *testing.M) { os.Exit(tell(m)) }

func tell(m *testing.M) int {
	ctx := context.Background()
	dir := os.Getenv("E2E_DIR")
	if dir == "" {
		var err error
		if dir, err = os.MkdirTemp("", "promoter-e2e-"); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
	}
	began := time.Now()
	var err error
	if world, err = Start(ctx, dir); err != nil {
		fmt.Fprintln(os.Stderr, "start the world:", err)
		return 1
	}
	defer world.Stop()
	if product, err = BuildProduct(ctx, dir); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	fmt.Printf("the world stands after %s in %s: %v, %d MiB\n", time.Since(began).Round(100*time.Millisecond), dir, world.Took, Memory(world.Processes())>>20)
	code := m.Run()
	fmt.Printf("at the end: %d MiB, %s\n", Memory(world.Processes())>>20, time.Since(began).Round(time.Second))
	table.print(os.Stdout)
	if code == 0 && os.Getenv("E2E_DIR") == "" {
		world.Stop()
		os.RemoveAll(dir) // what nobody asked to keep
	}
	return code
}
