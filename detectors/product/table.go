package product

import (
	"strings"

	"promoter/detectors"
	"promoter/promoter"
)

// product is a row of the table: the field of a kind that names a version, and
// the artifact whose releases are spelled as that field is.
type product struct {
	group, kind string
	path        string // "spec.commands[].version": "[]" means each item
	artifact    promoter.Artifact
	// choose names the artifact where the object decides it.
	choose func(obj, version detectors.Cursor) (promoter.Artifact, bool)
}

func git(name string) promoter.Artifact {
	return promoter.Artifact{Kind: promoter.Git, Name: name, Source: "https://github.com/" + name}
}

func image(host, name string) promoter.Artifact {
	return promoter.Artifact{Kind: promoter.Image, Name: name, Source: host}
}

var (
	k3s        = git("k3s-io/k3s")
	rke2       = git("rancher/rke2")
	k0s        = git("k0sproject/k0s")
	flux       = git("fluxcd/flux2")
	kubernetes = git("kubernetes/kubernetes")
	kafka      = git("apache/kafka")
	istio      = git("istio/istio")
	talos      = image("ghcr.io", "siderolabs/installer")
	kubelet    = image("ghcr.io", "siderolabs/kubelet")
)

// table holds the products. Where a registry lists versions in the spelling of
// the field, the image is named; otherwise the project's Git tags.
var table = [...]product{
	// Flux
	{group: "fluxcd.controlplane.io", kind: "FluxInstance", path: "spec.distribution.version", artifact: flux},

	// Elastic Cloud on Kubernetes
	{group: "elasticsearch.k8s.elastic.co", kind: "Elasticsearch", path: "spec.version", artifact: elastic("elasticsearch/elasticsearch")},
	{group: "kibana.k8s.elastic.co", kind: "Kibana", path: "spec.version", artifact: elastic("kibana/kibana")},
	{group: "apm.k8s.elastic.co", kind: "ApmServer", path: "spec.version", artifact: elastic("apm/apm-server")},
	{group: "enterprisesearch.k8s.elastic.co", kind: "EnterpriseSearch", path: "spec.version", artifact: elastic("enterprise-search/enterprise-search")},
	{group: "logstash.k8s.elastic.co", kind: "Logstash", path: "spec.version", artifact: elastic("logstash/logstash")},
	{group: "maps.k8s.elastic.co", kind: "ElasticMapsServer", path: "spec.version", artifact: elastic("elastic-maps-service/elastic-maps-server")},
	{group: "agent.k8s.elastic.co", kind: "Agent", path: "spec.version", artifact: elastic("elastic-agent/elastic-agent")},
	{group: "packageregistry.k8s.elastic.co", kind: "PackageRegistry", path: "spec.version", artifact: elastic("package-registry/distribution")},
	{group: "beat.k8s.elastic.co", kind: "Beat", path: "spec.version", choose: beat},

	// Strimzi
	{group: "kafka.strimzi.io", kind: "Kafka", path: "spec.kafka.version", artifact: kafka},
	{group: "kafka.strimzi.io", kind: "KafkaConnect", path: "spec.version", artifact: kafka},
	{group: "kafka.strimzi.io", kind: "KafkaMirrorMaker2", path: "spec.version", artifact: kafka},

	// Kubernetes, by what runs it
	{group: "controlplane.cluster.x-k8s.io", kind: "KubeadmControlPlane", path: "spec.version", artifact: kubernetes},
	{group: "controlplane.cluster.x-k8s.io", kind: "TalosControlPlane", path: "spec.version", artifact: kubernetes},
	{group: "controlplane.cluster.x-k8s.io", kind: "RKE2ControlPlane", path: "spec.version", choose: distribution},
	{group: "controlplane.cluster.x-k8s.io", kind: "KThreesControlPlane", path: "spec.version", choose: distribution},
	{group: "cluster.x-k8s.io", kind: "Cluster", path: "spec.topology.version", choose: distribution},
	{group: "cluster.x-k8s.io", kind: "Machine", path: "spec.version", choose: distribution},
	{group: "cluster.x-k8s.io", kind: "MachineDeployment", path: "spec.template.spec.version", choose: distribution},
	{group: "cluster.x-k8s.io", kind: "MachinePool", path: "spec.template.spec.version", choose: distribution},
	{group: "cluster.x-k8s.io", kind: "MachineSet", path: "spec.template.spec.version", choose: distribution},
	{group: "provisioning.cattle.io", kind: "Cluster", path: "spec.kubernetesVersion", choose: distribution},
	{group: "management.cattle.io", kind: "Cluster", path: "spec.k3sConfig.kubernetesVersion", choose: distribution},
	{group: "management.cattle.io", kind: "Cluster", path: "spec.rke2Config.kubernetesVersion", choose: distribution},
	{group: "autopilot.k0sproject.io", kind: "Plan", path: "spec.commands[].k0supdate.version", artifact: k0s},
	{group: "autopilot.k0sproject.io", kind: "Plan", path: "spec.commands[].airgapupdate.version", artifact: k0s},
	{group: "tuppr.home-operations.com", kind: "TalosUpgrade", path: "spec.talos.version", artifact: talos},
	{group: "tuppr.home-operations.com", kind: "KubernetesUpgrade", path: "spec.kubernetes.version", artifact: kubelet},

	// Istio
	{group: "sailoperator.io", kind: "Istio", path: "spec.version", artifact: istio},
	{group: "sailoperator.io", kind: "IstioCNI", path: "spec.version", artifact: istio},
	{group: "sailoperator.io", kind: "ZTunnel", path: "spec.version", artifact: istio},
	{group: "install.istio.io", kind: "IstioOperator", path: "spec.tag", choose: istiod},

	// Monitoring
	{group: "monitoring.coreos.com", kind: "Prometheus", path: "spec.version", artifact: image("quay.io", "prometheus/prometheus")},
	{group: "monitoring.coreos.com", kind: "PrometheusAgent", path: "spec.version", artifact: image("quay.io", "prometheus/prometheus")},
	{group: "monitoring.coreos.com", kind: "Alertmanager", path: "spec.version", artifact: image("quay.io", "prometheus/alertmanager")},
	{group: "monitoring.coreos.com", kind: "ThanosRuler", path: "spec.version", artifact: image("quay.io", "thanos/thanos")},
	{group: "grafana.integreatly.org", kind: "Grafana", path: "spec.version", choose: grafana},

	// Databases and search
	{group: "cassandra.datastax.com", kind: "CassandraDatacenter", path: "spec.serverVersion", artifact: image(detectors.DockerHub, "library/cassandra")},
	{group: "crdb.cockroachlabs.com", kind: "CrdbCluster", path: "spec.cockroachDBVersion", artifact: image(detectors.DockerHub, "cockroachdb/cockroach")},
	{group: "mysql.oracle.com", kind: "InnoDBCluster", path: "spec.version", artifact: image("container-registry.oracle.com", "mysql/community-server")},
	{group: "opensearch.opster.io", kind: "OpenSearchCluster", path: "spec.general.version", artifact: image(detectors.DockerHub, "opensearchproject/opensearch")},
	{group: "opensearch.opster.io", kind: "OpenSearchCluster", path: "spec.dashboards.version", artifact: image(detectors.DockerHub, "opensearchproject/opensearch-dashboards")},
	{group: "pingcap.com", kind: "TidbCluster", path: "spec.version", artifact: image(detectors.DockerHub, "pingcap/tidb")},

	// Argo CD
	{group: "argoproj.io", kind: "ArgoCD", path: "spec.version", choose: beside(image("quay.io", "argoproj/argocd"))},
}

func elastic(name string) promoter.Artifact { return image("docker.elastic.co", name) }

// beat is the image of a Beat, which is called after its type.
func beat(obj, _ detectors.Cursor) (promoter.Artifact, bool) {
	kind := obj.Get("spec", "type")
	if !kind.IsScalar() || kind.Unwritten() != "" {
		return promoter.Artifact{}, false
	}
	return elastic("beats/" + kind.Node.Value), true
}

// distribution tells the builders of Kubernetes by the suffix that they put to
// its version.
func distribution(_, version detectors.Cursor) (promoter.Artifact, bool) {
	if !version.IsScalar() {
		return promoter.Artifact{}, false
	}
	switch text := version.Node.Value; {
	case strings.Contains(text, "+rke2"):
		return rke2, true
	case strings.Contains(text, "+k3s"):
		return k3s, true
	case strings.Contains(text, "+k0s"):
		return k0s, true
	}
	return kubernetes, true
}

// istiod is the control plane's image, from spec.hub.
func istiod(obj, _ detectors.Cursor) (promoter.Artifact, bool) {
	hub := "docker.io/istio"
	if c := obj.Get("spec", "hub"); c.IsScalar() && c.Unwritten() == "" {
		hub = strings.TrimRight(c.Node.Value, "/")
	}
	ref, ok := detectors.ParseImage(hub + "/pilot")
	return ref.Artifact(), ok
}

// grafana leaves a whole image to the walk over images.
func grafana(_, version detectors.Cursor) (promoter.Artifact, bool) {
	if !version.IsScalar() || strings.ContainsAny(version.Node.Value, "/:") {
		return promoter.Artifact{}, false
	}
	return image(detectors.DockerHub, "grafana/grafana"), true
}

// beside is the image in spec.image, or a default where it is not written.
func beside(otherwise promoter.Artifact) func(obj, version detectors.Cursor) (promoter.Artifact, bool) {
	return func(obj, _ detectors.Cursor) (promoter.Artifact, bool) {
		if c := obj.Get("spec", "image"); c.IsScalar() && c.Unwritten() == "" {
			if ref, ok := detectors.ParseImage(strings.TrimSpace(c.Node.Value)); ok {
				return ref.Artifact(), true
			}
		}
		return otherwise, true
	}
}
