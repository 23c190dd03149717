package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"reflect"
	"strings"
	"time"

	"promoter/gitops"
	"promoter/gitops/alertmanager"
	"promoter/gitops/argocd"
	"promoter/gitops/flux"
	"promoter/gitops/httpprobe"
	"promoter/gitops/jsonmetric"
	"promoter/gitops/meter"
	"promoter/gitops/prometheus"
	"promoter/promoter/config"
	"promoter/promoter/converge"
	"promoter/promoter/slo"
)

// deliver wires the engines and the meters that the configuration names. They
// are kept while it says the same of them, with what they remember.
func (w *workshop) deliver(c *config.Config) error {
	same := w.wired != nil && reflect.DeepEqual(w.wired.Delivery, c.Delivery) && reflect.DeepEqual(w.wired.Meters, c.Meters) && reflect.DeepEqual(w.wired.SLOGates(), c.SLOGates()) && reflect.DeepEqual(w.wired.Silences, c.Silences)
	if same || w.answers == nil {
		return nil
	}
	engines, err := enginesOf(c, w.getenv)
	if err != nil {
		return err
	}
	m, err := meterOf(c, w.getenv)
	if err != nil {
		return err
	}
	if w.silencer, err = silencerOf(c, w.remote, w.getenv); err != nil {
		return err
	}
	w.unwatch()
	w.wired, w.engines = c, engines
	w.answers.Engines, w.answers.Meter = engines, nil
	if m != nil {
		w.answers.Meter = m
	}
	w.watch()
	return nil
}

// watch lets engines hint that something may have changed, where somebody
// waits for that.
func (w *workshop) watch() {
	if w.hint == nil || len(w.engines) == 0 {
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	w.watched = cancel
	for _, e := range w.engines {
		go e.Watch(ctx, w.hint)
	}
}

func (w *workshop) unwatch() {
	if w.watched != nil {
		w.watched()
		w.watched = nil
	}
}

func enginesOf(c *config.Config, getenv func(string) string) ([]gitops.Engine, error) {
	d := c.Delivery
	var out []gitops.Engine
	if len(d.ArgoCD) > 0 {
		e, err := argoEngine(d, getenv)
		if err != nil {
			return nil, err
		}
		out = append(out, e)
	}
	if len(d.Flux) > 0 {
		e, err := fluxEngine(d)
		if err != nil {
			return nil, err
		}
		out = append(out, e)
	}
	return out, nil
}

func argoEngine(d config.Delivery, getenv func(string) string) (gitops.Engine, error) {
	var o argocd.Options
	eo := argocd.EngineOptions{Shared: len(d.Flux) > 0, Policy: converge.ArgoPolicy{
		Dwell: time.Duration(d.Dwell), DegradedGrace: time.Duration(d.DegradedGrace), ProgressDeadline: time.Duration(d.ProgressDeadline),
		RefreshPatience: time.Duration(d.RefreshPatience), StuckAfter: time.Duration(d.StuckAfter),
		SuspendedIsHealthy: d.SuspendedIsHealthy, DriftTolerant: d.DriftTolerant,
	}}
	for _, a := range d.ArgoCD {
		ca, err := authority(a.CAFile)
		if err != nil {
			return nil, fmt.Errorf("delivery.argocd %s: %w", a.Name, err)
		}
		in := argocd.Instance{Name: a.Name, Server: a.Server, CA: ca, Selector: a.Selector, Projects: a.Projects, Plain: a.Plain}
		if a.Server == "" {
			in.Kube = &argocd.Kube{Path: a.Kubeconfig, Context: a.Context, Namespace: a.Namespace, Version: a.Version}
		} else {
			in.Token = tokenFrom(a.TokenFrom, getenv)
		}
		o.Instances = append(o.Instances, in)
		eo.Bindings = append(eo.Bindings, argocd.Binding{Instance: a.Name, Environments: a.Environments, Clusters: a.Clusters})
	}
	client, err := argocd.New(o)
	if err != nil {
		return nil, err
	}
	return argocd.NewEngine(client, eo)
}

// tokenFrom reads a secret when it is needed: one that is not set is told then.
func tokenFrom(name string, getenv func(string) string) func(context.Context) (string, error) {
	return func(context.Context) (string, error) {
		if name == "" {
			return "", nil
		}
		if v := getenv(name); v != "" {
			return v, nil
		}
		return "", fmt.Errorf("environment variable %s is not set", name)
	}
}

func authority(file string) ([]byte, error) {
	if file == "" {
		return nil, nil
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("read caFile: %w", err)
	}
	return data, nil
}

func meterOf(c *config.Config, getenv func(string) string) (*meter.Meter, error) {
	judged := c.SLOGates()
	if len(judged) == 0 {
		return nil, nil
	}
	o := meter.Options{Gates: map[string]meter.Gate{}, Meters: map[string]meter.Provider{}, Concerns: c.Concerns}
	for name, g := range judged {
		o.Gates[name] = meter.Gate{Gate: g.Gate, Meter: g.Meter, Objective: g.Objective, Floor: g.Floor, Allowance: g.Allowance}
	}
	for _, m := range c.Meters {
		p, err := provider(m, getenv)
		if err != nil {
			return nil, fmt.Errorf("meter %s: %w", m.Name, err)
		}
		o.Meters[m.Name] = p
	}
	return meter.New(o)
}

func provider(m config.Meter, getenv func(string) string) (meter.Provider, error) {
	ca, err := authority(m.CAFile)
	if err != nil {
		return nil, err
	}
	headers := http.Header{}
	for name, env := range m.HeadersFrom {
		headers.Set(name, getenv(env))
	}
	token, user, password := getenv(m.TokenFrom), getenv(m.UserFrom), getenv(m.PasswordFrom)
	for _, env := range []string{m.TokenFrom, m.UserFrom, m.PasswordFrom} {
		if env != "" && getenv(env) == "" {
			return mute(env), nil
		}
	}
	switch m.Kind {
	case "prometheus":
		return prometheus.New(prometheus.Options{URL: m.URL, Token: token, User: user, Password: password, Headers: headers, CA: ca, Plain: m.Plain, Ready: m.Ready})
	case "alertmanager":
		return alertmanager.New(alertmanager.Options{URL: m.URL, Token: token, User: user, Password: password, Headers: headers, CA: ca, Plain: m.Plain})
	case "probe":
		o := httpprobe.Options{CA: ca}
		for _, s := range m.Steps {
			o.Steps = append(o.Steps, httpprobe.Step{Method: s.Method, Path: s.Path, Headers: headers, Status: s.Status, Match: s.Match, Absent: s.Absent, Within: time.Duration(s.Within)})
		}
		p, err := httpprobe.New(o)
		return below{m.URL, p}, err
	case "json":
		if token != "" {
			headers.Set("Authorization", "Bearer "+token)
		}
		p, err := jsonmetric.New(jsonmetric.Options{Value: m.Value, Events: m.Events, Newest: m.Newest, Headers: headers, CA: ca, Plain: m.Plain})
		return below{m.URL, p}, err
	}
	return nil, fmt.Errorf("kind %q is not known", m.Kind)
}

// mute is a provider that cannot be asked, because this environment variable is
// not set: its gates are blind, and say so.
type mute string

func (m mute) Sample(context.Context, string, time.Time, time.Duration) (slo.Result, error) {
	return slo.Result{}, fmt.Errorf("environment variable %s is not set", string(m))
}

// below is a provider whose queries are paths below an address.
type below struct {
	address string
	meter.Provider
}

func (b below) Sample(ctx context.Context, query string, at time.Time, window time.Duration) (slo.Result, error) {
	return b.Provider.Sample(ctx, strings.TrimSuffix(b.address, "/")+"/"+strings.TrimPrefix(query, "/"), at, window)
}

func fluxEngine(d config.Delivery) (gitops.Engine, error) {
	var o flux.Options
	eo := flux.EngineOptions{Shared: len(d.ArgoCD) > 0, Policy: converge.FluxPolicy{
		Dwell: time.Duration(d.Dwell), DegradedGrace: time.Duration(d.DegradedGrace), ProgressDeadline: time.Duration(d.ProgressDeadline),
		RequestPatience: time.Duration(d.RefreshPatience),
	}}
	for _, c := range d.Flux {
		o.Clusters = append(o.Clusters, flux.Cluster{Name: c.Cluster, Path: c.Kubeconfig, Context: c.Context})
		if len(c.Environments) > 0 {
			eo.Bindings = append(eo.Bindings, flux.Binding{Cluster: c.Cluster, Environments: c.Environments})
		}
	}
	client, err := flux.New(o)
	if err != nil {
		return nil, err
	}
	return flux.NewEngine(client, eo)
}
