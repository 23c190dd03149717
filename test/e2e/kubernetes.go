package e2e

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

const adminToken = "loopback-administrator"

// startKubernetes starts the control plane and the nodes, and makes the
// kubeconfig.
func (w *World) startKubernetes(ctx context.Context) error {
	dir, err := w.folder("kubernetes")
	if err != nil {
		return err
	}
	if w.certificates, err = makeCertificates(dir); err != nil {
		return fmt.Errorf("make certificates: %w", err)
	}
	addresses := make([]string, 6)
	for i := range addresses {
		if addresses[i], err = w.ports.next(); err != nil {
			return err
		}
	}
	etcd, peer, api, manager, scheduler, kwok := addresses[0], addresses[1], addresses[2], addresses[3], addresses[4], addresses[5]
	w.api = api
	if err := w.start(Command{Name: "etcd", Path: w.binary("kube"), Args: []string{"etcd", filepath.Join(dir, "etcd"), "http://" + etcd, "http://" + peer}}); err != nil {
		return err
	}
	tokens := filepath.Join(dir, "tokens.csv")
	if err := os.WriteFile(tokens, []byte(adminToken+`,admin,admin,"system:masters"`+"\n"), 0o600); err != nil {
		return err
	}
	c := w.certificates
	if err := w.start(Command{Name: "kube-apiserver", Path: w.binary("kube"), Args: []string{
		"apiserver", "--etcd-servers=http://" + etcd, "--bind-address=127.0.0.1", "--advertise-address=127.0.0.1", "--secure-port=" + portOf(api),
		"--endpoint-reconciler-type=none", "--tls-cert-file=" + c.Cert, "--tls-private-key-file=" + c.Key, "--client-ca-file=" + c.CA,
		"--token-auth-file=" + tokens, "--authorization-mode=RBAC", "--service-cluster-ip-range=10.96.0.0/16",
		"--service-account-issuer=https://kubernetes.default.svc", "--service-account-key-file=" + c.ServiceKey, "--service-account-signing-key-file=" + c.ServiceKey,
		"--allow-privileged=true", "--disable-admission-plugins=TaintNodesByCondition", "--event-ttl=10m", "--goaway-chance=0",
	}}); err != nil {
		return err
	}
	w.Kube = newKube(api, adminToken, c.CAData)
	w.Kubeconfig = filepath.Join(dir, "kubeconfig")
	if err := os.WriteFile(w.Kubeconfig, []byte(w.kubeconfig("https://"+api, "argocd")), 0o600); err != nil {
		return err
	}
	if err := w.ready(ctx, "kube-apiserver", func() error { return w.Kube.Get(ctx, "readyz", nil) }); err != nil {
		return err
	}
	stages := filepath.Join(dir, "stages.yaml")
	if err := os.WriteFile(stages, []byte(stagesYAML()), 0o600); err != nil {
		return err
	}
	return errors.Join(
		w.start(Command{Name: "kube-controller-manager", Path: w.binary("kube"), Args: []string{
			"controller-manager", "--kubeconfig=" + w.Kubeconfig, "--leader-elect=false", "--bind-address=127.0.0.1", "--secure-port=" + portOf(manager),
			"--service-account-private-key-file=" + c.ServiceKey, "--root-ca-file=" + c.CA, "--use-service-account-credentials=false",
			"--controllers=*,-node-lifecycle-controller,-taint-eviction-controller,-node-ipam-controller,-cloud-node-lifecycle-controller,-node-route-controller,-service-lb-controller",
		}}),
		w.start(Command{Name: "kube-scheduler", Path: w.binary("kube"), Args: []string{"scheduler", "--kubeconfig=" + w.Kubeconfig, "--leader-elect=false", "--bind-address=127.0.0.1", "--secure-port=" + portOf(scheduler)}}),
		w.start(Command{Name: "kwok", Path: w.binary("kwok"), Args: []string{
			"--kubeconfig=" + w.Kubeconfig, "--manage-all-nodes=true", "--config=" + stages, "--cidr=10.244.0.0/16", "--node-ip=127.0.0.1", "--server-address=" + kwok,
		}}),
		w.Kube.Apply(ctx, nodesYAML),
	)
}

// kubeconfig is access to the API as its administrator.
func (w *World) kubeconfig(server, namespace string) string {
	return fmt.Sprintf(`apiVersion: v1
kind: Config
clusters:
  - name: loopback
    cluster: {server: %q, certificate-authority-data: %s}
users:
  - name: admin
    user: {token: %s}
contexts:
  - name: loopback
    context: {cluster: loopback, user: admin, namespace: %s}
current-context: loopback
`, server, base64.StdEncoding.EncodeToString(w.certificates.CAData), adminToken, namespace)
}

const nodesYAML = `apiVersion: v1
kind: Node
metadata:
  name: node-1
  annotations: {kwok.x-k8s.io/node: fake}
  labels: {kubernetes.io/hostname: node-1, kubernetes.io/os: linux}
---
apiVersion: v1
kind: Node
metadata:
  name: node-2
  annotations: {kwok.x-k8s.io/node: fake}
  labels: {kubernetes.io/hostname: node-2, kubernetes.io/os: linux}
`

// fate is what becomes of a pod, by the end of its image's tag: 1.1.0-crash
// crashes everywhere, 1.1.0-crash_staging only in namespaces whose name ends
// with "-staging".
type fate struct {
	name    string // "" for every other
	delay   time.Duration
	phase   string
	ready   bool
	waiting string // reason that its containers wait for
}

var fates = []fate{
	{"", time.Second, "Running", true, ""},
	{"slow", 6 * time.Second, "Running", true, ""},
	{"pull", time.Second, "Pending", false, "ImagePullBackOff"},
	{"crash", time.Second, "Running", false, "CrashLoopBackOff"},
	{"never", time.Second, "Running", false, ""},
}

// stagesYAML is what KWOK does to nodes and pods. It replaces all that KWOK
// knows by itself.
func stagesYAML() string {
	var b strings.Builder
	b.WriteString(nodeStage)
	var others []string
	for _, f := range fates {
		if f.name != "" {
			others = append(others, f.name)
		}
	}
	for _, f := range fates {
		name, operator, names := f.name, "Exists", f.name
		if name == "" {
			name, operator, names = "good", "DoesNotExist", strings.Join(others, "|")
		}
		ready := map[bool]string{true: "True", false: "False"}[f.ready]
		state := "running: {startedAt: {{ $now | Quote }}}"
		if f.waiting != "" {
			state = fmt.Sprintf("waiting: {reason: %s, message: the image's tag says so}", f.waiting)
		}
		fmt.Fprintf(&b, podStage, name, pattern(names), operator, f.delay.Milliseconds(), ready, ready, f.ready, state, f.phase)
	}
	b.WriteString(deleteStage)
	return b.String()
}

// pattern matches the namespace and the image of pods that meet one of the fates.
func pattern(names string) string {
	all := []string{"-(" + names + ")$"}
	for _, where := range clusters {
		all = append(all, "-"+where+" .*-("+names+")_"+where+"$")
	}
	return strings.Join(all, "|")
}

const nodeStage = `apiVersion: kwok.x-k8s.io/v1alpha1
kind: Stage
metadata: {name: node}
spec:
  resourceRef: {apiGroup: v1, kind: Node}
  selector:
    matchExpressions:
      - {key: '.status.phase', operator: NotIn, values: [Running]}
  next:
    statusTemplate: |
      {{ $now := Now }}
      conditions:
        - {type: Ready, status: "True", reason: KubeletReady, message: ready, lastHeartbeatTime: {{ $now | Quote }}, lastTransitionTime: {{ $now | Quote }}}
      addresses:
        - {type: InternalIP, address: 127.0.0.1}
      allocatable: {cpu: 1k, memory: 1Ti, pods: 1M}
      capacity: {cpu: 1k, memory: 1Ti, pods: 1M}
      phase: Running
`

const podStage = `---
apiVersion: kwok.x-k8s.io/v1alpha1
kind: Stage
metadata: {name: pod-%s}
spec:
  resourceRef: {apiGroup: v1, kind: Pod}
  selector:
    matchExpressions:
      - {key: '.metadata.deletionTimestamp', operator: DoesNotExist}
      - {key: '.status.containerStatuses', operator: DoesNotExist}
      - {key: '.metadata.namespace + " " + .spec.containers[].image | select(test("%s"))', operator: %s}
  delay: {durationMilliseconds: %d}
  next:
    statusTemplate: |
      {{ $now := Now }}
      conditions:
        - {type: Initialized, status: "True", lastTransitionTime: {{ $now | Quote }}}
        - {type: Ready, status: "%s", lastTransitionTime: {{ $now | Quote }}}
        - {type: ContainersReady, status: "%s", lastTransitionTime: {{ $now | Quote }}}
      containerStatuses:
      {{ range .spec.containers }}
        - image: {{ .image | Quote }}
          name: {{ .name | Quote }}
          ready: %t
          restartCount: 0
          state: {%s}
      {{ end }}
      hostIP: {{ NodeIPWith .spec.nodeName | Quote }}
      podIP: {{ PodIPWith .spec.nodeName ( or .spec.hostNetwork false ) ( or .metadata.uid "" ) ( or .metadata.name "" ) ( or .metadata.namespace "" ) | Quote }}
      phase: %s
      startTime: {{ $now | Quote }}
`

const deleteStage = `---
apiVersion: kwok.x-k8s.io/v1alpha1
kind: Stage
metadata: {name: pod-gone}
spec:
  resourceRef: {apiGroup: v1, kind: Pod}
  selector:
    matchExpressions:
      - {key: '.metadata.deletionTimestamp', operator: Exists}
  next: {finalizers: {empty: true}, delete: true}
`
