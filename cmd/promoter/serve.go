package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"
	"k8s.io/klog/v2"

	"promoter/gitops"
	"promoter/gitops/lease"
	"promoter/gitops/loop"
	"promoter/gitops/webhook"
)

type serveFlags struct {
	survey     surveyFlags
	forge      forgeFlags
	remotes    []string
	listen     string
	poll       time.Duration
	lookup     time.Duration
	elect      bool
	namespace  string
	kubeconfig string
	kubeCtx    string
	json       bool
}

func serveCommand() *cobra.Command {
	var f serveFlags
	c := &cobra.Command{
		Use:   "serve [directory]",
		Short: "Stay, and do what run does whenever something may have changed",
		Long: `Serve looks at the start, then whenever a webhook or an engine hints that something
happened, when waiting alone changes a decision, and every --poll. What it decides and
does is what run does; polling finds whatever a webhook lost.

  /hooks     webhooks of GitHub, Gitea, Flux, Argo CD and Alertmanager, verified
  /healthz   503 when no look has ended for too long
  /readyz    200 once every repository was looked at without an error
  /metrics   for Prometheus

Webhooks are taken when a secret is set, from the environment:
  PROMOTER_WEBHOOK_SECRET    signs bodies; several, separated by spaces, to change it without a gap
  PROMOTER_WEBHOOK_TOKEN     a bearer token, for senders that sign nothing

Several repositories are named with --repo, several times. With --elect, several
replicas share them: one lease each in Kubernetes says who works on it.

Access to the forge is as "promoter run --help" says.`,
		Example: `  promoter serve
  promoter serve --repo https://github.com/acme/gitops --repo https://github.com/acme/edge --elect`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			f.survey.root = "."
			if len(args) == 1 {
				f.survey.root = args[0]
			}
			ctx, stop := signal.NotifyContext(c.Context(), os.Interrupt, syscall.SIGTERM)
			defer stop()
			return runServe(ctx, f, c.ErrOrStderr())
		},
	}
	f.survey.register(c)
	f.forge.register(c)
	fl := c.Flags()
	fl.Lookup("remote").Hidden = true
	fl.StringArrayVar(&f.remotes, "repo", nil, "URL of a repository to serve; may be given several times; the checkout's origin when absent")
	fl.StringVar(&f.listen, "listen", "127.0.0.1:8080", "address for webhooks, health and metrics; empty for none")
	fl.DurationVar(&f.poll, "poll", 30*time.Second, "from one look to the next when nothing is heard")
	fl.DurationVar(&f.lookup, "lookup", 15*time.Minute, "how often sources are asked for new versions")
	fl.BoolVar(&f.elect, "elect", false, "share the repositories with other replicas by Kubernetes leases")
	fl.StringVar(&f.namespace, "lease-namespace", "", "namespace of the leases; the pod's own when absent")
	fl.StringVar(&f.kubeconfig, "kubeconfig", "", "of the cluster that holds the leases; the pod's own account when absent")
	fl.StringVar(&f.kubeCtx, "context", "", "of that kubeconfig")
	fl.BoolVar(&f.json, "log-json", false, "log lines as JSON")
	return c
}

// server is what serves all repositories.
type server struct {
	flags   serveFlags
	log     *slog.Logger
	stderr  io.Writer
	health  loop.Health
	metrics *metrics
	fleet   fleet
	elect   *lease.Candidate // nil: this replica works on all
}

func runServe(ctx context.Context, f serveFlags, stderr io.Writer) error {
	if f.survey.noLookup {
		return errNoLookup
	}
	s := &server{flags: f, stderr: stderr, metrics: newMetrics(), log: slog.New(slog.NewTextHandler(stderr, nil))}
	if f.json {
		s.log = slog.New(slog.NewJSONHandler(stderr, nil))
	}
	klog.SetSlogLogger(s.log) // what Kubernetes' client says by itself, it says in our log
	if f.elect {
		var err error
		s.elect, err = lease.Open(lease.Options{Kubeconfig: f.kubeconfig, Context: f.kubeCtx, Namespace: f.namespace, Log: s.log})
		if err != nil {
			return err
		}
	}
	all, err := s.accesses(ctx)
	if err != nil {
		return err
	}
	g, ctx := errgroup.WithContext(ctx)
	if err := s.web(ctx, g); err != nil {
		return err
	}
	for _, a := range all {
		g.Go(func() error { return s.tend(ctx, a) })
	}
	<-ctx.Done()
	s.health.Stop()
	err = g.Wait()
	if errors.Is(err, context.Canceled) {
		err = nil
	}
	return err
}

// accesses finds out how each repository is reached.
func (s *server) accesses(ctx context.Context) ([]*access, error) {
	remotes := s.flags.remotes
	if len(remotes) == 0 {
		remotes = []string{s.flags.forge.remote}
	}
	var out []*access
	for _, remote := range remotes {
		f := s.flags.forge
		f.remote = remote
		if len(remotes) > 1 && (f.name != "" || f.base != "") {
			return nil, &exit{exitUsage, "serve: --repository and --base are for one repository: several are named by --repo alone"}
		}
		a, err := f.access(ctx, s.flags.survey.root)
		var none *noAccess
		if errors.As(err, &none) {
			return nil, &exit{exitUsage, "serve: " + none.Error()}
		}
		if err != nil {
			return nil, err
		}
		out = append(out, a)
	}
	return out, nil
}

// web serves webhooks, health and metrics.
func (s *server) web(ctx context.Context, g *errgroup.Group) error {
	if s.flags.listen == "" {
		return nil
	}
	mux := http.NewServeMux()
	mux.Handle("/healthz", s.health.Healthz())
	mux.Handle("/readyz", s.health.Readyz())
	mux.Handle("/metrics", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if s.elect != nil {
			s.metrics.led(s.elect.Standings())
		}
		promhttp.HandlerFor(s.metrics.registry, promhttp.HandlerOpts{}).ServeHTTP(w, r)
	}))
	secrets, tokens := strings.Fields(os.Getenv("PROMOTER_WEBHOOK_SECRET")), strings.Fields(os.Getenv("PROMOTER_WEBHOOK_TOKEN"))
	if len(secrets)+len(tokens) > 0 {
		o := webhook.Options{Tokens: tokens, Hint: func(h webhook.Hint) {
			s.log.Debug("hint", "source", h.Source, "kind", h.Kind, "repository", h.Repository, "number", h.Number)
			s.fleet.hint(h.Concerns)
		}}
		for _, x := range secrets {
			o.Secrets = append(o.Secrets, []byte(x))
		}
		h, err := webhook.New(o)
		if err != nil {
			return err
		}
		mux.Handle("/hooks", h)
	}
	l, err := net.Listen("tcp", s.flags.listen)
	if err != nil {
		return fmt.Errorf("listen on %s: %w", s.flags.listen, err)
	}
	s.log.Info("listening", "address", l.Addr().String(), "webhooks", len(secrets)+len(tokens) > 0)
	web := &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	g.Go(func() error {
		if err := web.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			return err
		}
		return nil
	})
	g.Go(func() error {
		<-ctx.Done()
		late, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		if web.Shutdown(late) != nil {
			return web.Close() // a connection that says nothing does not hold the end up
		}
		return nil
	})
	return nil
}

// tend works on one repository for as long as it is this replica's.
func (s *server) tend(ctx context.Context, a *access) error {
	work := func(ctx context.Context) error { return s.lead(ctx, a) }
	if s.elect == nil {
		return work(ctx)
	}
	return s.elect.Run(ctx, a.remote, work)
}

// lead looks at one repository again and again.
func (s *server) lead(ctx context.Context, a *access) error {
	name := a.owner + "/" + a.name
	log := s.log.With("repository", name)
	var w *workshop
	defer func() {
		if w != nil {
			w.close()
		}
	}()
	var l *loop.Loop
	l = loop.New(loop.Options{
		Poll: s.flags.poll,
		Look: func(ctx context.Context) (loop.Report, error) {
			if w == nil { // a forge that is down at the start is asked again, as ever
				opened, err := openWorkshop(ctx, a, s.flags.survey, s.stderr)
				if err != nil {
					return loop.Report{}, err
				}
				w = opened
				w.follow.fresh = s.flags.lookup
				w.hint = l.Hint
			}
			return s.look(ctx, w, name, log)
		},
		Done: func(x loop.Look) {
			s.metrics.looked(name, x, l.State())
			if x.Err != nil {
				log.Error("look", "cause", x.Cause, "error", x.Err)
			}
		},
	})
	remove := s.health.Add(name, l)
	defer remove()
	s.fleet.put(name, l)
	defer s.fleet.put(name, nil)
	return l.Run(ctx)
}

// look is one look, with everything that is done in it. A step forward that the
// forge's limits leave no room for now is tried again when they do; until then
// looking goes on, for what records and what retreats never waits. A forge that
// answers nothing at all any more makes the look itself fail.
func (s *server) look(ctx context.Context, w *workshop, name string, log *slog.Logger) (loop.Report, error) {
	var room time.Time // when there is room again
	_, d, err := w.settle(ctx, func(x done) {
		s.metrics.acted(name, x)
		w.measure(s.metrics, name, x)
		var limited *gitops.RateLimited
		switch {
		case errors.As(x.err, &limited):
			if room.IsZero() { // the others wait for the same
				log.Warn("action", "action", x.action.String(), "error", x.err)
			}
			if room.IsZero() || limited.Until.Before(room) {
				room = limited.Until
			}
		case x.err != nil:
			log.Error("action", "action", x.action.String(), "error", x.err)
		case x.stale:
			log.Info("stale", "action", x.action.String(), "why", x.detail)
		default:
			log.Info("done", "action", x.action.String(), "detail", x.detail)
		}
	})
	s.metrics.decided(name, d)
	if r, ok := w.forge.(gitops.Rationed); ok {
		if left, _, known := r.CallsLeft(); known {
			s.metrics.budget.WithLabelValues(name).Set(float64(left))
		}
	}
	wake := d.Wake
	if !room.IsZero() && (wake.IsZero() || room.Before(wake)) {
		wake = room
	}
	return loop.Report{Wake: wake}, err
}
