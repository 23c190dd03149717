package flux_test

import (
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"sigs.k8s.io/yaml"

	"promoter/gitops/flux"
	"promoter/promoter"
	"promoter/promoter/converge"
	world "promoter/test/world/flux"
)

const (
	commitX = "1111111111111111111111111111111111111111"
	commitY = "2222222222222222222222222222222222222222" // after X, reads the same
	commitO = "0000000000000000000000000000000000000000" // before X
	oldTag  = "registry.example.com/cart:1.0.0"
	newTag  = "registry.example.com/cart:2.0.0"
)

var (
	merged = time.Date(2025, 3, 4, 12, 0, 0, 0, time.UTC)
	git    = converge.Ref{Group: converge.FluxSourceGroup, Kind: "GitRepository", Namespace: "flux-system", Name: "gitops"}
	cart   = converge.Ref{Group: converge.FluxApplyGroup, Kind: "Kustomization", Namespace: "flux-system", Name: "cart"}
	redis  = converge.Ref{Group: converge.FluxHelmGroup, Kind: "HelmRelease", Namespace: "shop", Name: "redis"}
	deploy = converge.Ref{Group: "apps", Kind: "Deployment", Namespace: "shop", Name: "cart"}
)

func after(seconds int) time.Time { return merged.Add(time.Duration(seconds) * time.Second) }

// clock is the server's.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) read() time.Time { c.mu.Lock(); defer c.mu.Unlock(); return c.now }
func (c *clock) set(t time.Time) { c.mu.Lock(); defer c.mu.Unlock(); c.now = t }

// stage is one cluster, a client of it, and the question.
type stage struct {
	*testing.T
	server *world.Server
	client *flux.Client
	config string
	clock  *clock
	ask    converge.FluxAsk
	seen   []converge.FluxSnapshot
}

// begin has the cluster as it was before the merge, which is the base.
func begin(t *testing.T) *stage {
	t.Helper()
	t.Parallel()
	s := &stage{T: t, server: world.New(world.Kinds()...), clock: &clock{now: after(-5)}}
	s.server.Now = s.clock.read
	s.config = kubeconfig(t, s.server)
	var err error
	s.client, err = flux.New(flux.Options{Clusters: []flux.Cluster{{Name: "blue", Path: s.config}}, Timeout: 10 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	s.state(commitO, "1.0.0", 2, -9000)
	s.ask = converge.FluxAsk{
		App: cart, Environment: "production", Cluster: "blue", Commit: commitX, Repo: "git@git.example.com:acme/gitops", Branch: "main",
		MergedAt: merged, OnBranch: converge.Yes,
		History: map[string]converge.Ancestry{
			commitY: {Holds: converge.Yes, Same: converge.Yes}, commitO: {Holds: converge.No, Same: converge.No},
		},
		Expect: converge.FluxExpect{
			Changed: true, Resources: []converge.Ref{deploy, redis},
			Releases: []converge.FluxWant{{Ref: redis, Version: "2.0.0", Values: true}},
			Items:    []converge.Item{{Ref: deploy, Pointer: "/spec/template/spec/containers/0/image", Value: newTag}},
		},
	}
	s.ask.Base = s.look()
	s.seen = nil
	return s
}

// settle lets everything happen as it should, until 200 seconds after the merge.
func (s *stage) settle() {
	s.Helper()
	s.state(commitX, "2.0.0", 3, 40)
	s.clock.set(after(200))
}

// state sets all objects: at a commit, a chart's version, a generation, since a
// second after the merge.
func (s *stage) state(commit, version string, generation, since int) {
	s.Helper()
	image := oldTag
	if version == "2.0.0" {
		image = newTag
	}
	text := strings.NewReplacer("$COMMIT", commit, "$VERSION", version, "$GEN", fmt.Sprint(generation), "$AT", after(since).Format(time.RFC3339), "$IMAGE", image).Replace(objects)
	for part := range strings.SplitSeq(text, "\n---\n") {
		var o world.Object
		if err := yaml.Unmarshal([]byte(part), &o); err != nil {
			s.Fatal(err)
		}
		s.server.Set(o)
	}
}

const objects = `
apiVersion: source.toolkit.fluxcd.io/v1
kind: GitRepository
metadata: {name: gitops, namespace: flux-system, generation: 1}
spec: {url: "https://git.example.com/acme/gitops.git", interval: 1m, ref: {branch: main}}
status:
  observedGeneration: 1
  artifact: {revision: "main@sha1:$COMMIT", lastUpdateTime: "$AT", url: "http://x", path: x}
  conditions: [{type: Ready, status: "True", reason: Succeeded, message: stored, lastTransitionTime: "$AT", observedGeneration: 1}]
---
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: cart, namespace: flux-system, generation: 1}
spec: {interval: 1m, path: ./apps/cart, prune: true, wait: true, sourceRef: {kind: GitRepository, name: gitops}}
status:
  observedGeneration: 1
  lastAppliedRevision: "main@sha1:$COMMIT"
  lastAttemptedRevision: "main@sha1:$COMMIT"
  inventory: {entries: [{id: shop_cart_apps_Deployment, v: v1}, {id: shop_redis_helm.toolkit.fluxcd.io_HelmRelease, v: v2}, {id: shop_settings__ConfigMap, v: v1}]}
  history: [{digest: "sha256:x", lastReconciledStatus: ReconciliationSucceeded, firstReconciled: "$AT", lastReconciled: "$AT", totalReconciliations: 1, metadata: {revision: "main@sha1:$COMMIT"}}]
  conditions:
  - {type: Ready, status: "True", reason: ReconciliationSucceeded, message: applied, lastTransitionTime: "$AT", observedGeneration: 1}
  - {type: Healthy, status: "True", reason: Succeeded, message: healthy, lastTransitionTime: "$AT", observedGeneration: 1}
---
apiVersion: source.toolkit.fluxcd.io/v1
kind: HelmChart
metadata: {name: shop-redis, namespace: shop, generation: 1}
spec: {chart: redis, version: "$VERSION", interval: 1m, sourceRef: {kind: HelmRepository, name: charts}}
status:
  observedGeneration: 1
  artifact: {revision: "$VERSION", lastUpdateTime: "$AT", url: "http://x", path: x}
  conditions: [{type: Ready, status: "True", reason: ChartPullSucceeded, message: pulled, lastTransitionTime: "$AT", observedGeneration: 1}]
---
apiVersion: helm.toolkit.fluxcd.io/v2
kind: HelmRelease
metadata: {name: redis, namespace: shop, generation: $GEN}
spec: {interval: 1m, chart: {spec: {chart: redis, version: "$VERSION", sourceRef: {kind: HelmRepository, name: charts}}}}
status:
  observedGeneration: $GEN
  lastAttemptedGeneration: $GEN
  lastAttemptedRevision: "$VERSION"
  inventory: {entries: [{id: shop_agent_apps_DaemonSet, v: v1}]}
  history: [{chartName: redis, chartVersion: "$VERSION", configDigest: "sha256:$VERSION", status: deployed, digest: x, name: redis, namespace: shop, version: 3, firstDeployed: "$AT", lastDeployed: "$AT"}]
  conditions:
  - {type: Ready, status: "True", reason: UpgradeSucceeded, message: upgraded, lastTransitionTime: "$AT", observedGeneration: $GEN}
  - {type: Released, status: "True", reason: UpgradeSucceeded, message: upgraded, lastTransitionTime: "$AT", observedGeneration: $GEN}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: cart, namespace: shop, generation: $GEN}
spec: {replicas: 2, template: {spec: {containers: [{name: cart, image: "$IMAGE"}]}}}
status: {observedGeneration: $GEN, replicas: 2, updatedReplicas: 2, readyReplicas: 2, availableReplicas: 2}
---
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: agent, namespace: shop, generation: $GEN}
status: {observedGeneration: $GEN, desiredNumberScheduled: 3, updatedNumberScheduled: 3, numberReady: 3, numberAvailable: 3}
`

// look lists, and reads what the question needs of the objects themselves.
func (s *stage) look() converge.FluxSnapshot {
	s.Helper()
	snapshot, err := s.client.List(s.Context(), "blue")
	if err != nil {
		s.Fatal(err)
	}
	snapshot, err = s.client.Read(s.Context(), snapshot, converge.FluxWorkloads(s.ask, snapshot), s.ask.Expect.Items)
	if err != nil {
		s.Fatal(err)
	}
	s.seen = append(s.seen, snapshot)
	return snapshot
}

// want looks, as a process that has seen nothing before, and judges.
func (s *stage) want(outcome promoter.Outcome, reason string) promoter.Convergence {
	s.Helper()
	s.seen = nil
	s.look()
	got := converge.Flux(s.ask, s.seen, s.clock.read())
	if got.Outcome != outcome || !strings.Contains(got.Reason, reason) {
		s.Errorf("%s: %s; want %s: …%s…\n%s", got.Outcome, got.Reason, outcome, reason, strings.Join(got.Evidence, "\n"))
	}
	return got
}

// change sets the value at a path of an object.
func (s *stage) change(kind, name string, value any, path ...string) {
	s.Helper()
	ok := s.server.Update(kind, name, func(o world.Object) {
		in := o
		for _, part := range path[:len(path)-1] {
			next, ok := in[part].(map[string]any)
			if !ok {
				next = world.Object{}
				in[part] = next
			}
			in = next
		}
		in[path[len(path)-1]] = value
	})
	if !ok {
		s.Fatalf("there is no %s %s", kind, name)
	}
}

// condition replaces a condition of an object; without a status it goes.
func (s *stage) condition(kind, name, of, status, reason string, at int) {
	s.Helper()
	var out []any
	old, _ := s.server.Get(kind, name)["status"].(map[string]any)["conditions"].([]any)
	for _, c := range old {
		if c.(map[string]any)["type"] != of {
			out = append(out, c)
		}
	}
	if status != "" {
		out = append(out, world.Object{"type": of, "status": status, "reason": reason, "message": "as it is", "lastTransitionTime": after(at).Format(time.RFC3339)})
	}
	s.change(kind, name, out, "status", "conditions")
}

// kubeconfig serves over TLS: no token goes any other way.
func kubeconfig(t *testing.T, handler http.Handler) string {
	t.Helper()
	server := httptest.NewTLSServer(handler)
	t.Cleanup(server.Close)
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	path := filepath.Join(t.TempDir(), "config")
	text, err := json.Marshal(map[string]any{
		"apiVersion": "v1", "kind": "Config", "current-context": "c",
		"clusters": []any{map[string]any{"name": "k", "cluster": map[string]any{"server": server.URL, "certificate-authority-data": ca}}},
		"users":    []any{map[string]any{"name": "u", "user": map[string]any{"token": "secret-token"}}},
		"contexts": []any{map[string]any{"name": "c", "context": map[string]any{"cluster": "k", "user": "u"}}},
	})
	if err == nil {
		err = os.WriteFile(path, text, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	return path
}
