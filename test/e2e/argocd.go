package e2e

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"time"
)

// Argo is a running Argo CD.
type Argo struct {
	URL   string
	Token string // of an account that may only get Applications
	Ender string // of one that may do the same, and more when a story lets it
	Admin string // of one that may do everything

	world *World
	redis string
	repo  string
	env   []string
}

// clusters are those that Argo CD knows, and what the names of the stories'
// namespaces end with.
var clusters = []string{"dev", "staging", "production-eu", "production-us"}

// serverKey signs Argo CD's tokens. It guards nothing: everything listens on
// loopback, for as long as a test runs.
const serverKey = "loopback-server-key-of-no-secrecy"

// The names of Argo CD's processes.
const (
	ArgoController     = "argocd-application-controller"
	ArgoRepoServer     = "argocd-repo-server"
	ArgoServer         = "argocd-server"
	ArgoApplicationSet = "argocd-applicationset-controller"
)

// startArgo starts Argo CD, with clusters dev, staging, production-eu and
// production-us: four ways to the same API server.
func (w *World) startArgo(ctx context.Context) error {
	dir, err := w.folder("argocd")
	if err != nil {
		return err
	}
	addresses := make([]string, 11)
	for i := range addresses {
		if addresses[i], err = w.ports.next(); err != nil {
			return err
		}
	}
	a := &Argo{world: w, redis: addresses[0], repo: addresses[1], URL: "http://" + addresses[2]}
	a.Token, a.Ender, a.Admin = token("ci", "ci-1"), token("ender", "ender-1"), token("tester", "tester-1")
	a.env = []string{
		"KUBECONFIG=" + w.Kubeconfig, "ARGOCD_FAKE_IN_CLUSTER=true", "ARGOCD_GPG_ENABLED=false", "GIT_CONFIG_NOSYSTEM=1", "HOSTNAME=argocd-0",
		"ARGOCD_APPLICATION_CONTROLLER_LOGFORMAT=text", "FORCE_LOG_COLORS=0",
		"PATH=" + w.tools + ":" + os.Getenv("PATH"),
	}
	for name, folder := range map[string]string{"ARGOCD_TLS_DATA_PATH": "tls", "ARGOCD_SSH_DATA_PATH": "ssh", "ARGOCD_GPG_DATA_PATH": "gpg", "ARGOCD_GNUPGHOME": "gnupg", "TMPDIR": "tmp"} {
		path := filepath.Join(dir, folder)
		if err := os.MkdirAll(path, 0o700); err != nil {
			return err
		}
		a.env = append(a.env, name+"="+path)
	}
	if err := os.WriteFile(filepath.Join(dir, "ssh", "ssh_known_hosts"), nil, 0o600); err != nil {
		return err
	}
	w.Argo = a
	if err := errors.Join(
		w.start(Command{Name: "redis", Path: w.binary("redis"), Args: []string{a.redis}}),
		w.applyArgo(ctx),
	); err != nil {
		return err
	}
	args := map[string][]string{
		ArgoRepoServer: {"--address", "127.0.0.1", "--port", portOf(a.repo), "--metrics-address", "127.0.0.1", "--metrics-port", portOf(addresses[3]), "--redis", a.redis, "--disable-tls", "--revision-cache-expiration", "1s"},
		ArgoController: {
			"--metrics-port", portOf(addresses[4]), "--redis", a.redis, "--repo-server", a.repo, "--repo-server-plaintext", "--repo-server-timeout-seconds", "20",
			"--app-resync", "5", "--app-resync-jitter", "0", "--repo-error-grace-period-seconds", "1", "--status-processors", "4", "--operation-processors", "4",
		},
		ArgoServer: {
			"--insecure", "--address", "127.0.0.1", "--port", portOf(addresses[2]), "--metrics-address", "127.0.0.1", "--metrics-port", portOf(addresses[5]),
			"--redis", a.redis, "--repo-server", a.repo, "--repo-server-plaintext", "--dex-server", "http://127.0.0.1:1",
		},
		ArgoApplicationSet: {"--metrics-addr", addresses[6], "--probe-addr", addresses[7], "--webhook-addr", addresses[8], "--argocd-repo-server", a.repo, "--repo-server-plaintext"},
	}
	for _, name := range []string{ArgoRepoServer, ArgoController, ArgoServer, ArgoApplicationSet} {
		if err := w.start(Command{Name: name, Path: w.binary("argocd"), Args: args[name], Env: append([]string{"ARGOCD_BINARY_NAME=" + name}, a.env...)}); err != nil {
			return err
		}
	}
	return w.ready(ctx, "Argo CD", func() error { return a.Call(ctx, http.MethodGet, "applications", nil, nil) })
}

// token is an API token as Argo CD would make it.
func token(account, id string) string {
	part := func(v any) string {
		data, err := json.Marshal(v)
		if err != nil {
			panic(err) // maps of strings and numbers
		}
		return base64.RawURLEncoding.EncodeToString(data)
	}
	issued := time.Now().Add(-time.Minute).Unix()
	text := part(map[string]string{"alg": "HS256", "typ": "JWT"}) + "." + part(map[string]any{"iss": "argocd", "sub": account + ":apiKey", "iat": issued, "nbf": issued, "jti": id})
	mac := hmac.New(sha256.New, []byte(serverKey))
	mac.Write([]byte(text))
	return text + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// applyArgo applies the kinds, the configuration and the clusters.
func (w *World) applyArgo(ctx context.Context) error {
	if err := w.applyKinds(ctx, "argo/", "crds"); err != nil {
		return err
	}
	issued := time.Now().Add(-time.Minute).Unix()
	err := w.Kube.Apply(ctx, "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: argocd\n")
	if err != nil {
		return err
	}
	if err := w.Kube.Apply(ctx, fmt.Sprintf(argoConfiguration, serverKey, issued, issued, issued)); err != nil {
		return err
	}
	for _, name := range clusters {
		if _, err := w.AddCluster(ctx, name); err != nil {
			return err
		}
	}
	return nil
}

const argoConfiguration = `apiVersion: v1
kind: ConfigMap
metadata:
  name: argocd-cm
  namespace: argocd
  labels: {app.kubernetes.io/name: argocd-cm, app.kubernetes.io/part-of: argocd}
data:
  timeout.reconciliation: 5s
  timeout.reconciliation.jitter: 0s
  accounts.ci: apiKey
  accounts.ender: apiKey
  accounts.tester: apiKey
  admin.enabled: "false"
  resource.exclusions: |
    - apiGroups: ["", "discovery.k8s.io", "coordination.k8s.io", "events.k8s.io", "authentication.k8s.io", "authorization.k8s.io"]
      kinds: [Endpoints, EndpointSlice, Lease, Event, TokenReview, SelfSubjectReview, LocalSubjectAccessReview, SelfSubjectAccessReview, SelfSubjectRulesReview, SubjectAccessReview]
      clusters: ["*"]
---
apiVersion: v1
kind: ConfigMap
metadata:
  name: argocd-rbac-cm
  namespace: argocd
  labels: {app.kubernetes.io/name: argocd-rbac-cm, app.kubernetes.io/part-of: argocd}
data:
  policy.csv: |
    p, role:promoter, applications, get, */*, allow
    g, ci, role:promoter
    g, ender, role:promoter
    g, tester, role:admin
---
apiVersion: v1
kind: ConfigMap
metadata:
  name: argocd-cmd-params-cm
  namespace: argocd
  labels: {app.kubernetes.io/name: argocd-cmd-params-cm, app.kubernetes.io/part-of: argocd}
---
apiVersion: v1
kind: ConfigMap
metadata:
  name: argocd-gpg-keys-cm
  namespace: argocd
  labels: {app.kubernetes.io/name: argocd-gpg-keys-cm, app.kubernetes.io/part-of: argocd}
---
apiVersion: v1
kind: ConfigMap
metadata:
  name: argocd-ssh-known-hosts-cm
  namespace: argocd
  labels: {app.kubernetes.io/name: argocd-ssh-known-hosts-cm, app.kubernetes.io/part-of: argocd}
---
apiVersion: v1
kind: ConfigMap
metadata:
  name: argocd-tls-certs-cm
  namespace: argocd
  labels: {app.kubernetes.io/name: argocd-tls-certs-cm, app.kubernetes.io/part-of: argocd}
---
apiVersion: v1
kind: Secret
metadata:
  name: argocd-secret
  namespace: argocd
  labels: {app.kubernetes.io/name: argocd-secret, app.kubernetes.io/part-of: argocd}
stringData:
  server.secretkey: %s
  accounts.ci.tokens: '[{"id":"ci-1","iat":%d}]'
  accounts.ender.tokens: '[{"id":"ender-1","iat":%d}]'
  accounts.tester.tokens: '[{"id":"tester-1","iat":%d}]'
---
apiVersion: argoproj.io/v1alpha1
kind: AppProject
metadata:
  name: default
  namespace: argocd
spec:
  sourceRepos: ['*']
  destinations: [{server: '*', namespace: '*'}]
  clusterResourceWhitelist: [{group: '*', kind: '*'}]
`

// AddCluster makes the API server known to Argo CD as one more cluster, behind a
// gate of its own.
func (w *World) AddCluster(ctx context.Context, name string) (*Gate, error) {
	g, err := openGate(w.api)
	if err != nil {
		return nil, err
	}
	w.onStop(g.close)
	config, err := json.Marshal(map[string]any{"bearerToken": adminToken, "tlsClientConfig": map[string]any{"caData": base64.StdEncoding.EncodeToString(w.certificates.CAData)}})
	if err != nil {
		return nil, err
	}
	return g, w.Kube.Apply(ctx, fmt.Sprintf(`apiVersion: v1
kind: Secret
metadata:
  name: cluster-%s
  namespace: argocd
  labels: {argocd.argoproj.io/secret-type: cluster}
stringData:
  name: %s
  server: https://%s
  config: '%s'
`, name, name, g.Address, config))
}

// Call makes a call of Argo CD's API as its administrator.
func (a *Argo) Call(ctx context.Context, method, path string, in, out any) error {
	var body io.Reader
	if in != nil {
		data, err := json.Marshal(in)
		if err != nil {
			return err
		}
		body = bytes.NewReader(data)
	}
	req, err := http.NewRequestWithContext(ctx, method, a.URL+"/api/v1/"+path, body)
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+a.Admin)
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s %s: %w", method, path, &StatusError{resp.StatusCode, string(data[:min(len(data), 600)])})
	}
	if out == nil {
		return nil
	}
	return json.Unmarshal(data, out)
}

// Application is what the stories look at of an Application.
type Application struct {
	Metadata struct {
		Name        string
		Annotations map[string]string
	}
	Spec struct {
		Source  struct{ RepoURL, Chart, TargetRevision, Path string }
		Sources []struct{ RepoURL, Chart, TargetRevision, Path, Ref string }
	}
	Status struct {
		Sync struct {
			Status    string
			Revision  string
			Revisions []string
		}
		Health         struct{ Status string }
		OperationState struct {
			Phase      string
			Message    string
			StartedAt  string
			RetryCount int
			SyncResult struct{ Revision string }
		}
		History      []struct{ DeployedAt string }
		Conditions   []struct{ Type, Message string }
		ReconciledAt string
	}
}

// Application reads one.
func (a *Argo) Application(ctx context.Context, name string) (Application, error) {
	var app Application
	err := a.world.Kube.Get(ctx, "apis/argoproj.io/v1alpha1/namespaces/argocd/applications/"+name, &app)
	return app, err
}

// Settled waits until an Application is synced and healthy at a version of its
// chart, or of its repository where that is a commit.
func (a *Argo) Settled(ctx context.Context, most time.Duration, name, revision string) error {
	return poll(ctx, most, time.Second, func() error {
		app, err := a.Application(ctx, name)
		if err != nil {
			return err
		}
		s := app.Status
		if s.Sync.Status != "Synced" || s.Health.Status != "Healthy" || revision != "" && s.Sync.Revision != revision {
			return fmt.Errorf("application %s is %s and %s at %q, its operation %s %s %v", name, s.Sync.Status, s.Health.Status, s.Sync.Revision, s.OperationState.Phase, s.OperationState.Message, s.Conditions)
		}
		return nil
	})
}
