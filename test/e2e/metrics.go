package e2e

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
)

// startMetrics starts Prometheus, which scrapes the traffic of each namespace
// every second, and Alertmanager.
func (w *World) startMetrics(ctx context.Context) error {
	dir, err := w.folder("metrics")
	if err != nil {
		return err
	}
	prometheus, err := w.ports.next()
	if err != nil {
		return err
	}
	alertmanager, err := w.ports.next()
	if err != nil {
		return err
	}
	w.targets = filepath.Join(dir, "targets.json")
	config := filepath.Join(dir, "prometheus.yaml")
	alerts := filepath.Join(dir, "alertmanager.yaml")
	if err := errors.Join(
		os.WriteFile(w.targets, []byte("[]"), 0o644),
		os.WriteFile(config, fmt.Appendf(nil, prometheusYAML, prometheus, w.targets), 0o644),
		os.WriteFile(alerts, []byte("route: {receiver: nobody}\nreceivers: [{name: nobody}]\n"), 0o644),
	); err != nil {
		return err
	}
	w.Prometheus, w.Alertmanager = "http://"+prometheus, "http://"+alertmanager
	if err := errors.Join(
		w.start(Command{Name: "prometheus", Path: w.binary("prometheus"), Dir: dir, Args: []string{
			"--config.file=" + config, "--storage.tsdb.path=" + filepath.Join(dir, "tsdb"), "--web.listen-address=" + prometheus,
			"--web.console.templates=" + dir, "--web.console.libraries=" + dir,
		}}),
		w.start(Command{Name: "alertmanager", Path: w.binary("prometheus-alertmanager"), Dir: dir, Args: []string{
			"--config.file=" + alerts, "--storage.path=" + filepath.Join(dir, "alertmanager"), "--web.listen-address=" + alertmanager, "--cluster.listen-address=",
		}}),
	); err != nil {
		return err
	}
	ctx, stop := context.WithCancel(context.WithoutCancel(ctx))
	w.onStop(stop)
	go w.Traffic.run(ctx)
	return errors.Join(
		w.ready(ctx, "prometheus", func() error { return reachable(ctx, w.Prometheus+"/-/ready") }),
		w.ready(ctx, "alertmanager", func() error { return reachable(ctx, w.Alertmanager+"/-/ready") }),
	)
}

const prometheusYAML = `global:
  scrape_interval: 1s
  scrape_timeout: 900ms
  evaluation_interval: 1s
scrape_configs:
  - job_name: prometheus
    static_configs: [{targets: [%q]}]
  - job_name: web
    honor_labels: true
    file_sd_configs: [{files: [%q], refresh_interval: 2s}]
`

// Traffic is the requests that users send to what runs. A pod that is ready
// serves a few each second, and answers some of them with an error: many when
// the tag of its image ends with "-errors", or with "-errors_staging" in
// namespaces whose name ends with "-staging".
type Traffic struct {
	world *World

	mu   sync.Mutex
	apps map[string]map[appVersion]counts // by namespace
	dark map[string]bool                  // namespaces whose metrics are not to be had
	fail map[string]float64               // share of errors of an app, whatever it runs
}

type appVersion struct{ app, version string }

type counts struct{ good, bad float64 }

const (
	requestsPerSecond = 50
	usualErrors       = 0.002
	badErrors         = 0.2
)

// Dark makes a namespace's metrics unavailable, or available again.
func (t *Traffic) Dark(namespace string, dark bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.dark[namespace] = dark
}

// Fail makes an app in a namespace answer with errors whatever it runs, until
// the share is 0.
func (t *Traffic) Fail(namespace, app string, share float64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.fail[namespace+"/"+app] = share
}

// Watch lets Prometheus scrape namespaces.
func (t *Traffic) Watch(namespaces ...string) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, ns := range namespaces {
		if t.apps[ns] == nil {
			t.apps[ns] = map[appVersion]counts{}
		}
	}
	type target struct {
		Targets []string          `json:"targets"`
		Labels  map[string]string `json:"labels"`
	}
	var list []target
	for _, ns := range slices.Sorted(maps.Keys(t.apps)) {
		list = append(list, target{[]string{strings.TrimPrefix(t.world.Site, "http://")}, map[string]string{"__metrics_path__": "/metrics/" + ns, "namespace": ns, "instance": ns}})
	}
	data, err := json.Marshal(list)
	if err != nil {
		return err
	}
	if err := os.WriteFile(t.world.targets+".new", data, 0o644); err != nil {
		return err
	}
	return os.Rename(t.world.targets+".new", t.world.targets)
}

type podList struct {
	Items []struct {
		Metadata struct {
			Namespace string
			Labels    map[string]string
		}
		Spec   struct{ Containers []struct{ Image string } }
		Status struct {
			Conditions []struct{ Type, Status string }
		}
	}
}

func (t *Traffic) run(ctx context.Context) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	last := time.Now()
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-tick.C:
			var pods podList
			if err := t.world.Kube.Get(ctx, "api/v1/pods?labelSelector=traffic", &pods); err != nil {
				continue // users wait too
			}
			t.serve(pods, now.Sub(last).Seconds())
			last = now
		}
	}
}

// serve counts what so many seconds brought.
func (t *Traffic) serve(pods podList, seconds float64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, p := range pods.Items {
		ready := slices.ContainsFunc(p.Status.Conditions, func(c struct{ Type, Status string }) bool { return c.Type == "Ready" && c.Status == "True" })
		seen := t.apps[p.Metadata.Namespace]
		if !ready || seen == nil || len(p.Spec.Containers) == 0 {
			continue
		}
		_, tag, _ := strings.Cut(p.Spec.Containers[0].Image[strings.LastIndexByte(p.Spec.Containers[0].Image, '/')+1:], ":")
		key := appVersion{p.Metadata.Labels["app"], tag}
		share := usualErrors
		if errs, where, some := strings.Cut(tag, "-errors"); errs != "" && some && (where == "" || strings.HasSuffix(p.Metadata.Namespace, "-"+where[1:])) {
			share = badErrors
		}
		share = max(share, t.fail[p.Metadata.Namespace+"/"+key.app])
		c := seen[key]
		c.good += requestsPerSecond * seconds * (1 - share)
		c.bad += requestsPerSecond * seconds * share
		seen[key] = c
	}
}

// ServeHTTP answers for one namespace, as its exporter would.
func (t *Traffic) ServeHTTP(out http.ResponseWriter, r *http.Request) {
	ns := r.PathValue("namespace")
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.dark[ns] || t.apps[ns] == nil {
		http.Error(out, "no metrics here", http.StatusServiceUnavailable)
		return
	}
	fmt.Fprintln(out, "# TYPE http_requests_total counter")
	for key, c := range t.apps[ns] {
		fmt.Fprintf(out, "http_requests_total{namespace=%q,app=%q,version=%q,code=\"200\"} %f\n", ns, key.app, key.version, c.good)
		fmt.Fprintf(out, "http_requests_total{namespace=%q,app=%q,version=%q,code=\"500\"} %f\n", ns, key.app, key.version, c.bad)
	}
}
