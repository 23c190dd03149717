// Command promoter keeps the Helm charts and images of a GitOps repository
// current, safely.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"
	_ "time/tzdata" // windows and freezes name time zones, and small images have none
)

func main() {
	// A scan lives for a fraction of a second: collecting half as often costs
	// little memory and saves a tenth of the processor time.
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(200)
	}
	os.Exit(run())
}

func run() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	err := root().ExecuteContext(ctx)
	var e *exit
	switch {
	case err == nil:
		return 0
	case errors.As(err, &e):
		if e.message != "" {
			fmt.Fprintln(os.Stderr, "promoter: "+e.message)
		}
		return e.code
	}
	fmt.Fprintln(os.Stderr, "promoter: "+err.Error())
	return 2
}

// exit is an outcome that the exit code tells: it is not a malfunction.
type exit struct {
	code    int
	message string
}

func (e *exit) Error() string { return e.message }
