package legacy

import (
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"promoter/promoter"
)

// status is what became of a source.
type status string

const (
	gone   status = "source-gone"
	frozen status = "source-frozen"
	moved  status = "source-moved"
)

// move is something that happened to a source of charts or images.
type move struct {
	status status
	kind   promoter.Kind
	source string   // chart repository or registry; what is below it counts, too
	names  []string // "redis" is one name, "bitnami/" all below; empty: every name
	date   string   // since when: "2006-01-02", or a month of which the day is not known
	what   string   // what happened, in words that follow the date
	// to is what to write instead; {name} is the artifact's name and {base}
	// its last part.
	to       string
	severity promoter.Severity // where it differs from the status's usual one
	link     string
}

// moves is read from top to bottom; the first that covers an artifact counts.
// It is never changed. Every row's link says what the row says.
var moves = []move{
	// Helm's first repositories
	{status: gone, kind: promoter.Chart, source: "https://kubernetes-charts.storage.googleapis.com", date: "2020-11-13", what: "Helm's stable repository ended and its bucket was closed", to: "{successor}", link: "https://www.cncf.io/blog/2020/10/07/important-reminder-for-all-helm-users-stable-incubator-repos-are-deprecated-and-all-images-are-changing-location/"},
	{status: gone, kind: promoter.Chart, source: "https://kubernetes-charts-incubator.storage.googleapis.com", date: "2020-11-13", what: "Helm's incubator repository ended and its bucket was closed", to: "{successor}", link: "https://www.cncf.io/blog/2020/10/07/important-reminder-for-all-helm-users-stable-incubator-repos-are-deprecated-and-all-images-are-changing-location/"},
	{status: frozen, kind: promoter.Chart, source: "https://charts.helm.sh/stable", date: "2020-11-13", what: "Helm's stable repository is an archive", to: "{successor}", severity: promoter.High, link: "https://github.com/helm/charts#status-of-the-project"},
	{status: frozen, kind: promoter.Chart, source: "https://charts.helm.sh/incubator", date: "2020-11-13", what: "Helm's incubator repository is an archive", to: "{successor}", severity: promoter.High, link: "https://github.com/helm/charts#status-of-the-project"},

	// Bitnami
	{status: frozen, kind: promoter.Chart, source: "https://charts.bitnami.com", date: "2025-08-28", what: "Bitnami's free charts are not updated, and the images they name are gone", to: "take the chart from oci://registry-1.docker.io/bitnamicharts with its images set to docker.io/bitnamilegacy for now, and move to a chart of the software's own project", link: "https://github.com/bitnami/charts/issues/35256"},
	{status: frozen, kind: promoter.Chart, source: "oci://registry-1.docker.io/bitnamicharts", date: "2025-08-28", what: "Bitnami's free charts are not updated, and the images they name are gone", to: "set the chart's images to docker.io/bitnamilegacy for now, and move to a chart of the software's own project", link: "https://github.com/bitnami/charts/issues/35256"},
	{status: frozen, kind: promoter.Chart, source: "oci://registry-1.docker.io/bitnamichartslegacy", date: "2025-08-28", what: "Bitnami's legacy charts get no updates and still name images that are gone", to: "move to a chart of the software's own project; until then set the chart's images to docker.io/bitnamilegacy", link: "https://github.com/bitnami/charts/issues/36215"},
	{status: gone, kind: promoter.Image, source: "docker.io", names: []string{"bitnami/"}, date: "2025-08-28", what: "Bitnami's versioned images left docker.io/bitnami", to: "pull docker.io/bitnamilegacy/{base} for now (it gets no fixes), and move to the software's own image or docker.io/bitnamisecure/{base}", link: "https://github.com/bitnami/containers/issues/83267"},
	{status: frozen, kind: promoter.Image, source: "docker.io", names: []string{"bitnamilegacy/"}, date: "2025-08-28", what: "Bitnami's legacy images get no fixes", to: "move to the software's own image, or docker.io/bitnamisecure/{base}", severity: promoter.High, link: "https://github.com/bitnami/containers/issues/83267"},

	// Grafana
	{status: moved, kind: promoter.Chart, source: "https://grafana.github.io/helm-charts", names: []string{"grafana", "grafana-mcp", "synthetic-monitoring-agent", "tempo", "tempo-distributed", "tempo-vulture"}, date: "2026-01-30", what: "the chart moved to Grafana's community", to: "take chart {name} from https://grafana-community.github.io/helm-charts, which has the same versions", link: "https://github.com/grafana/helm-charts/issues/4087"},
	{status: moved, kind: promoter.Chart, source: "https://grafana.github.io/helm-charts", names: []string{"loki"}, date: "2026-03-16", what: "the chart moved to Grafana's community; the old one is for Enterprise Logs only", to: "take chart loki from https://grafana-community.github.io/helm-charts", link: "https://github.com/grafana/loki/issues/20705"},
	{status: frozen, kind: promoter.Chart, source: "https://grafana.github.io/helm-charts", names: []string{"promtail", "fluent-bit", "agent-operator", "enterprise-logs", "enterprise-metrics"}, date: "2026-01-30", what: "the chart reached its end of life when Grafana's charts were divided", to: "move to the alloy or k8s-monitoring chart of https://grafana.github.io/helm-charts", link: "https://github.com/grafana-community/helm-charts/issues/2"},

	// Kubernetes' own
	{status: frozen, kind: promoter.Image, source: "k8s.gcr.io", date: "2023-04-03", what: "k8s.gcr.io is frozen", to: "pull registry.k8s.io/{name}", severity: promoter.High, link: "https://kubernetes.io/blog/2023/02/06/k8s-gcr-io-freeze-announcement/"},
	{status: gone, kind: promoter.Image, source: "gcr.io", names: []string{"kubebuilder/kube-rbac-proxy"}, date: "2025-03-18", what: "gcr.io/kubebuilder was closed with Google's Container Registry", to: "pull quay.io/brancz/kube-rbac-proxy, or use controller-runtime's own authentication", link: "https://github.com/kubernetes-sigs/kubebuilder/discussions/3907"},
	{status: frozen, kind: promoter.Chart, source: "https://kubernetes.github.io/ingress-nginx", date: "2026-03", what: "Ingress NGINX is retired: no releases, no security fixes", to: "move to a Gateway API implementation (https://gateway-api.sigs.k8s.io) or to another ingress controller", severity: promoter.High, link: "https://kubernetes.io/blog/2025/11/11/ingress-nginx-retirement/"},
	{status: frozen, kind: promoter.Image, source: "registry.k8s.io", names: []string{"ingress-nginx/"}, date: "2026-03", what: "Ingress NGINX is retired: no releases, no security fixes", to: "move to a Gateway API implementation (https://gateway-api.sigs.k8s.io) or to another ingress controller", severity: promoter.High, link: "https://kubernetes.io/blog/2025/11/11/ingress-nginx-retirement/"},
	{status: gone, kind: promoter.Chart, source: "https://kubernetes.github.io/dashboard", date: "2026-01-21", what: "Kubernetes Dashboard was retired and its repository left this address", to: "move to chart headlamp of https://kubernetes-sigs.github.io/headlamp/; the last charts are at https://kubernetes-retired.github.io/dashboard", link: "https://github.com/kubernetes/website/pull/54800"},
	{status: frozen, kind: promoter.Chart, source: "https://kubernetes-retired.github.io/dashboard", date: "2026-01-21", what: "Kubernetes Dashboard is retired", to: "move to chart headlamp of https://kubernetes-sigs.github.io/headlamp/", link: "https://github.com/kubernetes/website/issues/54042"},
	{status: frozen, kind: promoter.Image, source: "docker.io", names: []string{"kubernetesui/"}, date: "2026-01-21", what: "Kubernetes Dashboard is retired", to: "move to Headlamp: chart headlamp of https://kubernetes-sigs.github.io/headlamp/", link: "https://github.com/kubernetes/website/issues/54042"},

	// MinIO
	{status: gone, kind: promoter.Image, source: "docker.io", names: []string{"minio/minio", "minio/mc", "minio/console"}, date: "2026-09-12", what: "MinIO removed its images from Docker Hub", to: "pull quay.io/{name} for now (a frozen copy), and move to a maintained object store", link: "https://github.com/testcontainers/testcontainers-node/pull/1463"},
	{status: frozen, kind: promoter.Image, source: "quay.io", names: []string{"minio/minio", "minio/mc"}, date: "2025-10", what: "MinIO's community edition is published as source only", to: "move to a maintained object store, or build MinIO from its source", severity: promoter.High, link: "https://github.com/minio/minio#source-only-distribution"},
	{status: frozen, kind: promoter.Chart, source: "https://charts.min.io", date: "2025-10", what: "MinIO's community edition is published as source only", to: "move to a maintained object store", severity: promoter.High, link: "https://github.com/minio/minio#source-only-distribution"},

	// Others
	{status: frozen, kind: promoter.Chart, source: "https://charts.fluxcd.io", date: "2022-11-01", what: "Flux 1 and its Helm operator are archived", to: "move to Flux 2: chart flux2 of https://fluxcd-community.github.io/helm-charts, or flux bootstrap", severity: promoter.High, link: "https://fluxcd.io/flux/migration/timetable/"},
	{status: frozen, kind: promoter.Image, source: "docker.io", names: []string{"fluxcd/flux", "fluxcd/helm-operator"}, date: "2022-11-01", what: "Flux 1 and its Helm operator are archived", to: "move to Flux 2, whose images are at ghcr.io/fluxcd", severity: promoter.High, link: "https://fluxcd.io/flux/migration/timetable/"},
	{status: frozen, kind: promoter.Chart, source: "https://k8s-at-home.com/charts", date: "2022-08-21", what: "the k8s-at-home charts are archived", to: "move to chart app-template of https://bjw-s-labs.github.io/helm-charts", link: "https://github.com/k8s-at-home/library-charts/issues/179"},
	{status: moved, kind: promoter.Image, source: "quay.io", names: []string{"coreos/prometheus-operator", "coreos/prometheus-config-reloader"}, date: "2020-11-12", what: "the Prometheus operator's images moved", to: "pull quay.io/prometheus-operator/{base}", link: "https://github.com/prometheus-operator/prometheus-operator/issues/3672"},
	{status: moved, kind: promoter.Image, source: "quay.io", names: []string{"coreos/kube-state-metrics"}, date: "2021-03-10", what: "kube-state-metrics' images moved", to: "pull registry.k8s.io/kube-state-metrics/kube-state-metrics", link: "https://github.com/kubernetes/kube-state-metrics/issues/1409"},
	{status: moved, kind: promoter.Image, source: "registry.opensource.zalan.do", date: "2026-05-08", what: "Zalando gives up this registry", to: "pull ghcr.io/zalando/{base}", link: "https://github.com/zalando/postgres-operator/pull/3092"},
}

// successors are where charts of Helm's first repositories went.
var successors = map[string]string{
	"cert-manager":         "https://charts.jetstack.io",
	"cluster-autoscaler":   "https://kubernetes.github.io/autoscaler",
	"external-dns":         "https://kubernetes-sigs.github.io/external-dns",
	"grafana":              "https://grafana-community.github.io/helm-charts",
	"jenkins":              "https://charts.jenkins.io",
	"kube-state-metrics":   "https://prometheus-community.github.io/helm-charts",
	"metrics-server":       "https://kubernetes-sigs.github.io/metrics-server",
	"prometheus":           "https://prometheus-community.github.io/helm-charts",
	"prometheus-adapter":   "https://prometheus-community.github.io/helm-charts",
	"prometheus-operator":  "https://prometheus-community.github.io/helm-charts (as kube-prometheus-stack)",
	"traefik":              "https://traefik.github.io/charts",
	"velero":               "https://vmware-tanzu.github.io/helm-charts",
	"kubernetes-dashboard": "https://kubernetes-sigs.github.io/headlamp/ (as headlamp)",
}

// moveOf is what happened to an artifact's source by now, or nil.
func moveOf(a promoter.Artifact, now time.Time) *move {
	today := now.UTC().Format(time.DateOnly)
	for i := range moves {
		if m := &moves[i]; m.date <= today && m.covers(a) {
			return m
		}
	}
	return nil
}

func (m *move) covers(a promoter.Artifact) bool {
	if m.kind != a.Kind || a.Name == "" {
		return false
	}
	source := a.Source
	if rest, plain := strings.CutPrefix(source, "http://"); plain {
		source = "https://" + rest
	}
	rest, ok := strings.CutPrefix(source, m.source)
	if !ok || rest != "" && rest[0] != '/' {
		return false
	}
	return len(m.names) == 0 || slices.ContainsFunc(m.names, func(n string) bool {
		return n == a.Name || strings.HasSuffix(n, "/") && strings.HasPrefix(a.Name, n)
	})
}

// remedy names the new place of an artifact.
func (m *move) remedy(a promoter.Artifact) string {
	if m.to == "{successor}" {
		if to := successors[a.Name]; to != "" {
			return fmt.Sprintf("take chart %s from %s", a.Name, to)
		}
		return fmt.Sprintf("take chart %s from its project's own repository: https://artifacthub.io/packages/search?kind=0&ts_query_web=%s", a.Name, a.Name)
	}
	return strings.NewReplacer("{name}", a.Name, "{base}", path.Base(a.Name)).Replace(m.to)
}

// movesBy is moveOf for many pins: a fleet pins one artifact many times.
func movesBy(now time.Time) func(promoter.Artifact) *move {
	known := map[promoter.Artifact]*move{}
	return func(a promoter.Artifact) *move {
		m, ok := known[a]
		if !ok {
			m = moveOf(a, now)
			known[a] = m
		}
		return m
	}
}

func (m *move) finding(p *promoter.Pin) promoter.Finding {
	return promoter.Finding{
		Severity: m.severity, Artifact: p.Artifact, Place: p.Place, Source: m.link,
		Evidence: fmt.Sprintf("%s: since %s, %s", p.Artifact.Ref(), m.date, m.what),
		Remedy:   m.remedy(p.Artifact),
	}
}

func checkMoves(in Input, s status) *findings {
	fs := gather(string(s))
	moveOf := movesBy(in.Now)
	for _, i := range in.order() {
		p := &in.Pins[i]
		if m := moveOf(p.Artifact); m != nil && m.status == s {
			f := m.finding(p)
			if f.Severity == "" && s == frozen {
				f.Severity = promoter.Medium
			}
			fs.add(f)
		}
	}
	return fs
}

func sourceMoved(in Input) []promoter.Finding  { return checkMoves(in, moved).list }
func sourceFrozen(in Input) []promoter.Finding { return checkMoves(in, frozen).list }

// sourceGone knows what the table knows, and what a source said itself.
func sourceGone(in Input) []promoter.Finding {
	fs := checkMoves(in, gone)
	for _, i := range in.order() {
		p := &in.Pins[i]
		l := in.Listings[p.Artifact]
		if l.Gone == "" || moveOf(p.Artifact, in.Now) != nil {
			continue
		}
		fs.add(promoter.Finding{
			Artifact: p.Artifact, Place: p.Place,
			Evidence: fmt.Sprintf("%s does not exist: %s", p.Artifact.Ref(), l.Gone),
			Remedy:   fmt.Sprintf("find where %s is published now (https://artifacthub.io/packages/search?ts_query_web=%s), or mirror what still runs", p.Artifact.Name, path.Base(p.Artifact.Name)),
		})
	}
	return fs.list
}
