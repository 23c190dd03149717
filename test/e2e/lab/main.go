// Lab starts the real world, prints where everything listens, and stays until it
// is told to stop.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"text/tabwriter"
	"time"

	"promoter/test/e2e"
)

func main() {
	dir := flag.String("dir", "", "folder for data and logs, new or empty; a temporary one when absent")
	flag.Parse()
	if err := run(*dir); err != nil {
		fmt.Fprintln(os.Stderr, "lab:", err)
		os.Exit(1)
	}
}

func run(dir string) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := e2e.Build(ctx); err != nil {
		return err
	}
	if dir == "" {
		var err error
		if dir, err = os.MkdirTemp("", "promoter-lab-"); err != nil {
			return err
		}
	}
	began := time.Now()
	w, err := e2e.Start(ctx, dir)
	if err != nil {
		return err
	}
	defer w.Stop()
	fmt.Printf("The world stands after %s.\n\n", time.Since(began).Round(100*time.Millisecond))
	show(w)
	<-ctx.Done()
	return nil
}

func show(w *e2e.World) {
	out := tabwriter.NewWriter(os.Stdout, 0, 8, 2, ' ', 0)
	for _, line := range [][2]string{
		{"Kubernetes", "export KUBECONFIG=" + w.Kubeconfig},
		{"Argo CD", w.Argo.URL},
		{"  its clusters", "dev, staging, production-eu, production-us"},
		{"  for Promoter", "export ARGOCD_TOKEN=" + w.Argo.Token},
		{"  for you", "export ARGOCD_AUTH_TOKEN=" + w.Argo.Admin},
		{"Gitea", w.Forge.URL + " (acme, loopback-1)"},
		{"  for Promoter", "export PROMOTER_TOKEN=" + w.Forge.Bot},
		{"OCI registry", w.Registry},
		{"Prometheus", w.Prometheus},
		{"Alertmanager", w.Alertmanager},
		{"Charts, metrics", w.Site},
		{"Data and logs", w.Dir},
	} {
		fmt.Fprintf(out, "%s\t%s\n", line[0], line[1])
	}
	out.Flush()
	fmt.Println("\nInterrupt (Ctrl-C) stops everything.")
}
