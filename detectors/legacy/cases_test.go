package legacy

import (
	"promoter/detectors"
	"promoter/promoter"
)

// cases are, for each rule that is checked here, inventories with the findings
// they give: "severity place: evidence | remedy". None is a negative case.
var cases = []struct {
	rule, name string
	fill       func(*inventory)
	want       []string
}{
	{"source-gone", "Bitnami's images", func(v *inventory) {
		v.image("docker.io", "bitnami/redis", "7.2.4-debian-12-r9")
		v.image("docker.io", "bitnami/redis", "7.2.5-debian-12-r1")
	}, []string{"critical f01.yaml:1 +1: docker.io/bitnami/redis: since 2025-08-28, Bitnami's versioned images left docker.io/bitnami | pull docker.io/bitnamilegacy/redis for now (it gets no fixes), and move to the software's own image or docker.io/bitnamisecure/redis"}},
	{"source-gone", "the source says so", func(v *inventory) {
		v.chart(charts, "web", "1.0.0")
		a := v.Pins[0].Artifact
		v.Listings = map[promoter.Artifact]promoter.Listing{a: {Artifact: a, Gone: "404 from https://charts.example.com/index.yaml"}}
	}, []string{"critical f01.yaml:1: https://charts.example.com web does not exist: 404 from https://charts.example.com/index.yaml | find where web is published now (https://artifacthub.io/packages/search?ts_query_web=web), or mirror what still runs"}},
	{"source-gone", "Helm's first bucket, over http", func(v *inventory) {
		v.chart("http://kubernetes-charts.storage.googleapis.com", "velero", "2.0.0")
	}, []string{"critical f01.yaml:1: http://kubernetes-charts.storage.googleapis.com velero: since 2020-11-13, Helm's stable repository ended and its bucket was closed | take chart velero from https://vmware-tanzu.github.io/helm-charts"}},
	{"source-gone", "an unanswered source is not gone, and names are whole", func(v *inventory) {
		v.chart(charts, "web", "1.0.0")
		a := v.Pins[0].Artifact
		v.Listings = map[promoter.Artifact]promoter.Listing{a: {Artifact: a, Unknown: "timeout"}}
		v.image("docker.io", "bitnamiother/redis", "7.2.4")
		v.image("ghcr.io", "bitnami/redis", "7.2.4")
		v.image("docker.io", "minio/minio-operator", "7.2.4")
		v.chart("https://kubernetes-charts.storage.googleapis.com.example.com", "velero", "2.0.0")
	}, nil},

	{"source-frozen", "an archive and a retired controller", func(v *inventory) {
		v.chart("https://charts.helm.sh/stable", "mystery", "1.0.0")
		v.chart("https://kubernetes.github.io/ingress-nginx", "ingress-nginx", "4.12.0")
		v.chart("oci://registry-1.docker.io/bitnamicharts", "redis", "20.0.0")
	}, []string{
		"high f01.yaml:1: https://charts.helm.sh/stable mystery: since 2020-11-13, Helm's stable repository is an archive | take chart mystery from its project's own repository: https://artifacthub.io/packages/search?kind=0&ts_query_web=mystery",
		"high f02.yaml:2: https://kubernetes.github.io/ingress-nginx ingress-nginx: since 2026-03, Ingress NGINX is retired: no releases, no security fixes | move to a Gateway API implementation (https://gateway-api.sigs.k8s.io) or to another ingress controller",
		"medium f03.yaml:3: oci://registry-1.docker.io/bitnamicharts/redis: since 2025-08-28, Bitnami's free charts are not updated, and the images they name are gone | set the chart's images to docker.io/bitnamilegacy for now, and move to a chart of the software's own project",
	}},
	{"source-frozen", "a living repository", func(v *inventory) {
		v.chart("https://charts.jetstack.io", "cert-manager", "v1.21.0")
		v.image("registry.k8s.io", "pause", "3.10")
	}, nil},

	{"source-moved", "a chart of Grafana's", func(v *inventory) {
		v.chart("https://grafana.github.io/helm-charts", "tempo", "1.24.4")
		v.image("quay.io", "coreos/prometheus-operator", "v0.42.1")
	}, []string{
		"medium f01.yaml:1: https://grafana.github.io/helm-charts tempo: since 2026-01-30, the chart moved to Grafana's community | take chart tempo from https://grafana-community.github.io/helm-charts, which has the same versions",
		"medium f02.yaml:2: quay.io/coreos/prometheus-operator: since 2020-11-12, the Prometheus operator's images moved | pull quay.io/prometheus-operator/prometheus-operator",
	}},
	{"source-moved", "one that stayed", func(v *inventory) {
		v.chart("https://grafana.github.io/helm-charts", "pyroscope", "2.0.2")
		v.image("quay.io", "coreos/etcd", "v3.6.0")
	}, nil},

	{"end-of-life", "past, lately, soon", func(v *inventory) {
		v.image("docker.io", "library/postgres", "12.4-alpine")
		v.image("docker.io", "library/alpine", "3.21")
		v.image("harbor.example.com", "proxy/library/nginx", "1.29.0")
		v.image("docker.io", "library/debian", "bullseye-slim")
	}, []string{
		"high f01.yaml:1: PostgreSQL 12 (12.4-alpine) is past its end of life since 2024-11-21 | move to PostgreSQL 18 (supported until 2030-11-14), or at least to 15 (supported until 2027-11-11)",
		"medium f02.yaml:2: Alpine Linux 3.21 (3.21) is past its end of life since 2026-11-01 | move to Alpine Linux 3.24 (supported until 2028-06-01), or at least to 3.22 (supported until 2027-05-01)",
		"medium f03.yaml:3: nginx 1.29 (1.29.0) is past its end of life since 2026-05-13 | move to nginx 1.31, or at least to 1.30",
		"high f04.yaml:4: Debian 11 (bullseye-slim) is past its end of life since 2024-08-14 | move to Debian 13 (supported until 2028-08-09)",
	}},
	{"end-of-life", "charts by their own version and by appVersion", func(v *inventory) {
		v.chart("https://charts.jetstack.io", "cert-manager", "v1.11.0")
		v.chart("https://argoproj.github.io/argo-helm", "argo-cd", "7.0.0")
		v.list("https://argoproj.github.io/argo-helm", "argo-cd", promoter.Release{Version: "7.0.0", AppVersion: "v2.11.2"})
	}, []string{
		"high f01.yaml:1: cert-manager 1.11 (v1.11.0) is past its end of life since 2023-09-12 | move to cert-manager 1.21, or at least to 1.20",
		"high f02.yaml:2: Argo CD 2.11 (v2.11.2) is past its end of life since 2025-02-03 | move to Argo CD 3.5, or at least to 3.3",
	}},
	{"end-of-life", "soon", func(v *inventory) {
		v.image("docker.io", "istio/pilot", "1.30.1")
	}, []string{"low f01.yaml:1: Istio 1.30 (1.30.1) reaches its end of life on 2026-11-30 | move to a version of Istio released after 2026-08-22, when no newer one was supported, or to another product"}},
	{"end-of-life", "supported, partial, unknown", func(v *inventory) {
		v.image("docker.io", "library/postgres", "18.1")
		v.image("docker.io", "library/mysql", "8")
		v.image("docker.io", "library/redis", "8.8.0")
		v.image("docker.io", "library/ubuntu", "24.04")
		v.image("docker.io", "example/postgres", "9.6")
		v.image("docker.io", "library/postgres", "latest")
		v.chart("https://argoproj.github.io/argo-helm", "argo-cd", "7.0.0")
	}, nil},

	{"chart-deprecated", "the newest release says so", func(v *inventory) {
		v.chart(charts, "web", "1.0.0")
		v.list(charts, "web", promoter.Release{Version: "1.1.0", Deprecated: true, Home: "https://web.example.com"}, promoter.Release{Version: "1.0.0"})
	}, []string{"medium f01.yaml:1: https://charts.example.com web: its publisher marks release 1.1.0 as deprecated | see https://web.example.com for its successor, or choose a maintained chart of web"}},
	{"chart-deprecated", "an older release said so", func(v *inventory) {
		v.chart(charts, "web", "1.1.0")
		v.list(charts, "web", promoter.Release{Version: "1.1.0"}, promoter.Release{Version: "1.0.0", Deprecated: true})
	}, nil},

	{"chart-stale", "four years", func(v *inventory) {
		v.chart(charts, "web", "1.0.0")
		v.list(charts, "web", promoter.Release{Version: "1.1.0", Created: day("2022-10-01")}, promoter.Release{Version: "1.0.0", Created: day("2022-01-01")})
	}, []string{"low f01.yaml:1: https://charts.example.com web: its last release, 1.1.0, is of 2022-10-01, 49 months ago | choose a maintained chart: https://artifacthub.io/packages/search?kind=0&deprecated=false&ts_query_web=web"}},
	{"chart-stale", "fresh, backfilled, without times", func(v *inventory) {
		v.chart(charts, "fresh", "1.0.0")
		v.list(charts, "fresh", promoter.Release{Version: "1.0.0", Created: day("2025-10-01")})
		v.chart(charts, "backfilled", "1.0.0")
		v.list(charts, "backfilled", promoter.Release{Version: "2.0.0", Created: day("2022-10-01")}, promoter.Release{Version: "1.9.0", Created: day("2023-10-01")})
		v.chart(charts, "timeless", "1.0.0")
		v.list(charts, "timeless", promoter.Release{Version: "1.0.0", Created: day("2020-01-01")}, promoter.Release{Version: "1.1.0"})
	}, nil},

	{"floating-version", "latest, and a base from a branch", func(v *inventory) {
		v.image("ghcr.io", "example/web", "latest", env("eu-prod"))
		v.image("ghcr.io", "example/web", "latest", env("dev"))
		v.pin(promoter.Artifact{Kind: promoter.Git, Name: "example/base", Source: "https://git.example.com/example/base"}, promoter.ByGit, "main", "kustomize", nil)
	}, []string{
		"high f01.yaml:1: \"latest\" of ghcr.io/example/web moves: what runs depends on when it was pulled | write one version",
		"medium f02.yaml:2: \"latest\" of ghcr.io/example/web moves: what runs depends on when it was pulled | write one version",
		"medium f03.yaml:3: \"main\" of https://git.example.com/example/base moves: what runs depends on when it was pulled | write a tag or a commit",
	}},
	{"floating-version", "the remedy names what there is", func(v *inventory) {
		v.image("ghcr.io", "example/web", "latest")
		a := v.Pins[0].Artifact
		v.Listings = map[promoter.Artifact]promoter.Listing{a: {Artifact: a, Releases: []promoter.Release{
			{Version: "latest", Digest: "sha256:aa"}, {Version: "v1.2.0"}, {Version: "v1.10.0"}, {Version: "v1.11.0-rc1"}, {Version: "9.9.9"}, {Version: "v1.10"},
		}}}
	}, []string{"medium f01.yaml:1: \"latest\" of ghcr.io/example/web moves: what runs depends on when it was pulled | write a version: v1.10.0 is the newest, or keep the name and pin what it is now: latest@sha256:aa"}},
	{"floating-version", "a digest beside it, and a branch that Argo CD follows", func(v *inventory) {
		v.image("ghcr.io", "example/web", "latest", digest("sha256:aa"))
		v.pin(promoter.Artifact{Kind: promoter.Git, Name: "example/apps", Source: "https://git.example.com/example/apps"}, promoter.ByArgoCD, "main", "argoapp", nil)
		v.image("ghcr.io", "example/web", "1.2.3")
	}, nil},

	{"floating-version", "placeholders that an overlay replaces", func(v *inventory) {
		v.image("docker.io", "library/web", "placeholder")
		v.image("quay.io", "example/sidecar", "latest")
		v.image("quay.io", "example/web", "4f2c9ab", by("kustomize"), at("prod/kustomization.yaml", "images[0].newTag"))
		v.image("quay.io", "example/sidecar", "1.2.3", by("kustomize"), at("prod/kustomization.yaml", "images[1].newTag"))
	}, nil},

	{"missing-version", "a chart and an image", func(v *inventory) {
		v.chart(charts, "web", "", env("production"))
		v.list(charts, "web", promoter.Release{Version: "2.0.0"}, promoter.Release{Version: "2.1.0-rc.1"})
		v.image("docker.io", "library/nginx", "")
	}, []string{
		"high f01.yaml:1: no version of https://charts.example.com web is written: the newest is taken | write a version: 2.0.0 is the newest",
		"medium f02.yaml:2: no version of docker.io/library/nginx is written: the newest is taken | write one version",
	}},
	{"missing-version", "values that leave the tag to the chart", func(v *inventory) {
		v.image("docker.io", "example/web", "", by("values"))
		v.pin(promoter.Artifact{Kind: promoter.Git, Name: "example/apps", Source: "https://git.example.com/example/apps"}, promoter.ByArgoCD, "", "argoapp", nil)
	}, nil},

	{"range-in-production", "with what it is now", func(v *inventory) {
		v.chart(charts, "web", "1.x", env("prod"))
		v.list(charts, "web", promoter.Release{Version: "1.9.0"}, promoter.Release{Version: "1.2.0"})
		v.chart(charts, "api", ">=2.0.0", env("live-eu"), consumer(promoter.ByHelm))
	}, []string{
		"medium f01.yaml:1: https://charts.example.com web is at \"1.x\" in prod, 1.9.0 now: a new release is deployed without a commit | write 1.9.0, which it stands for now",
		"medium f02.yaml:2: https://charts.example.com api is at \">=2.0.0\" in live-eu: a new release is deployed without a commit | write one version",
	}},
	{"range-in-production", "elsewhere, or one version", func(v *inventory) {
		v.chart(charts, "web", "1.x", env("pre-prod"))
		v.chart(charts, "web", "1.x", env("nonprod"))
		v.chart(charts, "web", "1.x", env("products"))
		v.chart(charts, "web", "1.2", env("prod"))
	}, nil},

	{"version-skew", "the one that lags leads", func(v *inventory) {
		v.chart(charts, "web", "1.10.0", env("dev"))
		v.chart(charts, "web", "1.9.0", env("production"))
		v.chart(charts, "web", "1.10.0", env("staging"))
	}, []string{"low f02.yaml:2 +2: https://charts.example.com web: dev 1.10.0, staging 1.10.0, production 1.9.0 | bring every environment to 1.10.0, the highest of them"}},
	{"version-skew", "what cannot be compared is told apart", func(v *inventory) {
		v.image("quay.io", "example/cache", "1.6.39", env("dev"))
		v.image("quay.io", "example/cache", "1.6.45-alpine", env("dev"))
		v.image("quay.io", "example/cache", "1.6.41-alpine", env("staging"))
	}, []string{"low f03.yaml:3 +1: quay.io/example/cache: dev 1.6.45-alpine, staging 1.6.41-alpine | bring every environment to 1.6.45-alpine, the highest of them"}},
	{"version-skew", "the same, other shapes, one environment", func(v *inventory) {
		v.chart(charts, "web", "1.10.0", env("dev"))
		v.chart(charts, "web", "v1.10.0", env("production"))
		v.image("docker.io", "library/node", "20-alpine", env("dev"))
		v.image("docker.io", "library/node", "22", env("production"))
		v.chart(charts, "api", "1.0.0", env("dev"))
		v.chart(charts, "api", "2.0.0", env("dev"))
		v.chart(charts, "db", "1.0.0")
		v.chart(charts, "db", "2.0.0", env("dev"))
	}, nil},

	{"chart-two-sources", "a version in common", func(v *inventory) {
		v.chart("https://grafana.github.io/helm-charts", "loki", "6.49.0")
		v.chart("https://grafana-community.github.io/helm-charts", "loki", "12.0.0")
		v.list("https://grafana.github.io/helm-charts", "loki", promoter.Release{Version: "6.49.0", AppVersion: "3.6.0"})
		v.list("https://grafana-community.github.io/helm-charts", "loki", promoter.Release{Version: "6.49.0", AppVersion: "3.6.0"}, promoter.Release{Version: "12.0.0"})
	}, []string{"low f01.yaml:1 +1: chart loki is taken from https://grafana-community.github.io/helm-charts and from https://grafana.github.io/helm-charts; both list 6.49.0 | take it from https://grafana-community.github.io/helm-charts everywhere"}},
	{"chart-two-sources", "by a telling name", func(v *inventory) {
		v.chart("https://a.example.com", "vector", "1.0.0")
		v.chart("https://b.example.com", "vector", "1.0.0")
	}, []string{"low f01.yaml:1 +1: chart vector is taken from https://a.example.com and from https://b.example.com | take it from https://a.example.com everywhere"}},
	{"chart-two-sources", "other charts of one name", func(v *inventory) {
		v.chart("https://a.example.com", "base", "1.0.0")
		v.chart("https://b.example.com", "base", "1.0.0")
		v.chart("https://a.example.com", "vector", "1.0.0")
		v.chart("https://b.example.com", "vector", "7.0.0")
		v.list("https://a.example.com", "vector", promoter.Release{Version: "1.0.0"})
		v.list("https://b.example.com", "vector", promoter.Release{Version: "7.0.0"})
		v.chart("https://a.example.com", "web", "1.0.0")
		v.chart("https://a.example.com", "web", "1.1.0")
	}, nil},

	{"image-override", "older than the upgrade", func(v *inventory) {
		v.chart(charts, "web", "1.0.0", app("shop"), at("shop.yaml", "spec.source.targetRevision"))
		v.list(charts, "web", promoter.Release{Version: "1.0.0", AppVersion: "v2.0.0"}, promoter.Release{Version: "1.1.0", AppVersion: "v2.1.0"})
		v.image("ghcr.io", "example/web", "2.0.0", app("shop"), at("shop.yaml", "spec.source.helm.valuesObject.image.tag"))
	}, []string{"medium shop.yaml:2 +1: tag 2.0.0 in the values of shop holds back chart web 1.1.0, which brings v2.1.0 | remove the tag so that it follows the chart, or raise it to v2.1.0 together with the chart"}},
	{"image-override", "a tag alone", func(v *inventory) {
		v.chart(charts, "web", "1.0.0", app("shop"), at("shop.yaml", "spec.chart.spec.version"))
		v.list(charts, "web", promoter.Release{Version: "1.0.0", AppVersion: "2.0.0"})
		v.image("", "", "1.9.0-alpine", app("shop"), at("shop.yaml", "spec.values.image.tag"))
	}, []string{"medium shop.yaml:2 +1: tag 1.9.0-alpine in the values of shop holds back chart web 1.0.0, which brings 2.0.0 | remove the tag so that it follows the chart, or raise it to 2.0.0 together with the chart"}},
	{"image-override", "as new, another image, another app, a part's tag", func(v *inventory) {
		v.chart(charts, "web", "1.0.0", app("shop"), at("shop.yaml", "spec.chart.spec.version"))
		v.list(charts, "web", promoter.Release{Version: "1.0.0", AppVersion: "2.0.0"})
		v.image("ghcr.io", "example/web", "2.0.0", app("shop"), at("shop.yaml", "spec.values.image.tag"))
		v.image("docker.io", "library/busybox", "1.36", app("shop"), at("shop.yaml", "spec.values.init.image"))
		v.image("ghcr.io", "example/web", "1.0.0", app("other"), at("shop.yaml", "spec.values.image.tag"))
		v.image("", "", "1.0.0", app("shop"), at("shop.yaml", "spec.values.sidecar.image.tag"))
	}, nil},

	{"helmfile-beside-gitops", "beside Argo CD", func(v *inventory) {
		v.chart(charts, "web", "1.0.0")
		v.chart(charts, "db", "1.0.0", by("helmfile"), app("db"), at("helmfile.yaml", ""))
		v.chart(charts, "mq", "1.0.0", by("helmfile"), app("mq"), at("helmfile.yaml", ""))
	}, []string{"low helmfile.yaml:2 +1: helmfile.yaml installs db, mq by helmfile, and Argo CD reconciles the rest of the repository | write each release as an Application of Argo CD, and remove it from helmfile.yaml"}},
	{"helmfile-beside-gitops", "beside Flux, known by a fact", func(v *inventory) {
		v.Facts = []detectors.Fact{{Kind: "HelmRelease", Name: "web"}}
		v.chart(charts, "db", "1.0.0", by("helmfile"), at("helmfile.yaml", ""))
	}, []string{"low helmfile.yaml:1: helmfile.yaml installs one release by helmfile, and Flux reconciles the rest of the repository | write each release as a HelmRelease of Flux, and remove it from helmfile.yaml"}},
	{"helmfile-beside-gitops", "helmfile alone", func(v *inventory) {
		v.chart(charts, "db", "1.0.0", by("helmfile"))
	}, nil},

	{"docker-hub-anonymous", "counted once", func(v *inventory) {
		v.image("docker.io", "library/redis", "8.2")
		v.image("docker.io", "library/redis", "8.2")
		v.chart("oci://registry-1.docker.io/example", "web", "1.0.0")
	}, []string{"low f01.yaml:1 +2: 2 artifacts at 3 places: Docker Hub refuses pulls without an account after a few in an hour | pull through a mirror (mirror.gcr.io, a registry's proxy cache) or with credentials on every node; nothing here shows which of them you do already"}},
	{"docker-hub-anonymous", "other registries", func(v *inventory) {
		v.image("ghcr.io", "example/web", "1.0.0")
		v.chart("https://docker.io.example.com", "web", "1.0.0")
		v.image("docker.io.example.com", "web", "1.0.0")
	}, nil},
}
