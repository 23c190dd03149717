package crash

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"promoter/test/world"
)

// The sample has one release that travels through three waves and one that
// does not come further than the second, where it fails.
const (
	Good     = "sessions"
	Bad      = "gateway"
	Artifact = "ingress-gateway" // that fails
	Version  = "4.12.0"          // of it
	Fails    = "staging"
)

// Waves are the sample's, each with the one environment of its name.
var Waves = []string{"dev", "staging", "production"}

// Pace is how fast the sample's configuration lets things go.
type Pace struct {
	Dwell, Grace time.Duration
	Soak         time.Duration // of staging
	Gate         bool          // the bad release is found out by its indicator
}

// WriteSample writes a GitOps repository into a directory, configured to be
// delivered and measured by a world's servers.
func WriteSample(dir string, w *world.World, p Pace) error {
	files := map[string]string{"promoter.yaml": configuration(w, p)}
	for _, wave := range Waves {
		files["apps/"+Good+"/"+wave+".yaml"] = application(Good, "redis", "18.2.0", wave)
		files["apps/"+Bad+"/"+wave+".yaml"] = application(Bad, Artifact, "4.11.3", wave)
	}
	for name, text := range files {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			return err
		}
	}
	return nil
}

func application(name, chart, version, environment string) string {
	return fmt.Sprintf(`apiVersion: argoproj.io/v1alpha1
kind: Application
metadata:
  name: %[1]s-%[4]s
  namespace: argocd
spec:
  project: shop
  source:
    repoURL: https://charts.example.com
    chart: %[2]s
    targetRevision: %[3]s
  destination:
    name: %[4]s
    namespace: %[1]s
  syncPolicy:
    automated: {prune: true, selfHeal: true}
`, name, chart, version, environment)
}

func configuration(w *world.World, p Pace) string {
	var b strings.Builder
	b.WriteString("version: 1\n\nenvironments:\n")
	for _, wave := range Waves {
		fmt.Fprintf(&b, "  - {name: %[1]s, paths: [\"**/%[1]s.yaml\"], clusters: [%[1]s]}\n", wave)
	}
	b.WriteString("\nwaves:\n")
	for _, wave := range Waves {
		soak := ""
		if wave == "staging" && p.Soak > 0 {
			soak = ", soak: " + p.Soak.String()
		}
		fmt.Fprintf(&b, "  - {name: %[1]s, environments: [%[1]s]%[2]s}\n", wave, soak)
	}
	b.WriteString("\npolicies:\n  C3: {merge: automatic, revert: automatic}\nupdates:\n  - {match: {artifacts: [redis]}, allow: minor}\npulls:\n  labels: [promoter]\n")
	b.WriteString("rules: {disable: [end-of-life], staleAfter: 36500d}\nsources:\n  allowPrivate: [127.0.0.1]\n  mirrors:\n")
	for _, m := range w.Mirrors() {
		fmt.Fprintf(&b, "    - {from: %q, to: %q}\n", m[0], m[1])
	}
	fmt.Fprintf(&b, "delivery:\n  argocd:\n    - {name: main, server: %q, tokenFrom: %s, plain: true}\n  dwell: %s\n  degradedGrace: %s\n  reverts: automatic\n",
		w.ArgoCD, world.ArgoTokenName, p.Dwell, p.Grace)
	if p.Gate {
		fmt.Fprintf(&b, gate, w.Prometheus)
	}
	return b.String()
}

const gate = `meters:
  - {name: prometheus, kind: prometheus, url: %q}
gates:
  - name: errors
    meter: prometheus
    apps: [gateway-*]
    query: sum(rate(http_requests_total{app="{{app}}",code="500"}[{{window}}])) / sum(rate(http_requests_total{app="{{app}}"}[{{window}}]))
    events: sum(increase(http_requests_total{app="{{app}}"}[{{window}}]))
    sentinel: count(up{job="prometheus"} == 1)
    measure: bad
    good: "<= 0.01"
    scrape: 15s
    window: 2m
    interval: 30s
    confirmAfter: 15s
    minDuration: 3m
    deadline: 15m
`
