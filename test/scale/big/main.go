package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, os.Args[1:], os.Stdout)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "big:", err)
		os.Exit(1)
	}
}

// run does one verb. The last two are for the processes that it starts itself.
func run(ctx context.Context, args []string, out io.Writer) error {
	verbs := map[string]func(context.Context, []string, io.Writer) error{
		"watch": watch, "repository": repository, "manifests": manifests,
		"engine": engine, "account": account,
	}
	if len(args) == 0 || verbs[args[0]] == nil {
		return errors.New("write watch, repository or manifests; -h after it lists what it takes")
	}
	err := verbs[args[0]](ctx, args[1:], out)
	if errors.Is(err, flag.ErrHelp) {
		return nil
	}
	return err
}
