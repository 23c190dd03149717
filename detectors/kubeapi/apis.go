package kubeapi

// guide is Kubernetes' own page of removals; its anchors name kind and release.
const guide = "https://kubernetes.io/docs/reference/using-api/deprecation-guide/#"

// lifecycle is where Kubernetes' API types say in code when they go, for those
// that its page leaves out: alpha and late beta versions.
const lifecycle = "https://github.com/kubernetes/api/blob/v0.36.0/"

const fluxRemoved = "https://fluxcd.io/blog/2025/09/flux-v2.7.0/#upgrade-procedure"

const certManager = "https://cert-manager.io/docs/releases/upgrading/remove-deprecated-apis/"

var (
	workloads   = []string{"Deployment", "StatefulSet", "ReplicaSet", "DaemonSet", "ControllerRevision"}
	webhooks    = []string{"MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"}
	rbac        = []string{"Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding"}
	flow        = []string{"FlowSchema", "PriorityLevelConfiguration"}
	hpa         = []string{"HorizontalPodAutoscaler"}
	storage     = []string{"CSIDriver", "CSINode", "StorageClass", "VolumeAttachment"}
	claims      = []string{"ResourceClaim", "ResourceClaimTemplate", "ResourceSlice", "DeviceClass"}
	validating  = []string{"ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding"}
	mutating    = []string{"MutatingAdmissionPolicy", "MutatingAdmissionPolicyBinding"}
	reviews     = []string{"LocalSubjectAccessReview", "SelfSubjectAccessReview", "SelfSubjectRulesReview", "SubjectAccessReview"}
	fluxSources = []string{"GitRepository", "HelmRepository", "HelmChart", "Bucket", "OCIRepository"}
)

// apis is read from top to bottom; it is never changed. Kubernetes' rows come
// from its deprecation guide and from the lifecycle marks of its API types at
// 1.36; the others from the page that each links to.
var apis = []api{
	// Kubernetes 1.16
	{version: "extensions/v1beta1", kinds: []string{"Deployment"}, deprecated: "1.8", removed: "1.16", replacement: "apps/v1", since: "1.9", note: "spec.selector is required and cannot change", link: guide + "deployment-v116"},
	{version: "extensions/v1beta1", kinds: []string{"DaemonSet"}, deprecated: "1.8", removed: "1.16", replacement: "apps/v1", since: "1.9", note: "spec.selector is required and cannot change; the update strategy becomes RollingUpdate", link: guide + "daemonset-v116"},
	{version: "extensions/v1beta1", kinds: []string{"ReplicaSet"}, deprecated: "1.8", removed: "1.16", replacement: "apps/v1", since: "1.9", note: "spec.selector is required", link: guide + "replicaset-v116"},
	{version: "extensions/v1beta1", kinds: []string{"NetworkPolicy"}, deprecated: "1.9", removed: "1.16", replacement: "networking.k8s.io/v1", since: "1.8", link: guide + "networkpolicy-v116"},
	{version: "extensions/v1beta1", kinds: []string{"PodSecurityPolicy"}, deprecated: "1.10", removed: "1.16", note: "PodSecurityPolicy went with 1.25: use Pod Security Admission", link: guide + "psp-v116"},
	{version: "apps/v1beta1", kinds: workloads, deprecated: "1.8", removed: "1.16", replacement: "apps/v1", since: "1.9", note: "spec.selector is required and cannot change", link: guide + "deployment-v116"},
	{version: "apps/v1beta2", kinds: workloads, deprecated: "1.9", removed: "1.16", replacement: "apps/v1", since: "1.9", note: "spec.selector is required and cannot change", link: guide + "deployment-v116"},
	{version: "scheduling.k8s.io/v1alpha1", kinds: []string{"PriorityClass"}, deprecated: "1.14", removed: "1.17", replacement: "scheduling.k8s.io/v1", since: "1.14", link: guide + "priorityclass-v122"},
	// 1.22
	{version: "extensions/v1beta1", kinds: []string{"Ingress"}, deprecated: "1.14", removed: "1.22", replacement: "networking.k8s.io/v1", since: "1.19", note: "each path needs pathType, and backends are written as service.name and service.port", link: guide + "ingress-v122"},
	{version: "networking.k8s.io/v1beta1", kinds: []string{"Ingress"}, deprecated: "1.19", removed: "1.22", replacement: "networking.k8s.io/v1", since: "1.19", note: "each path needs pathType, and backends are written as service.name and service.port", link: guide + "ingress-v122"},
	{version: "networking.k8s.io/v1beta1", kinds: []string{"IngressClass"}, deprecated: "1.19", removed: "1.22", replacement: "networking.k8s.io/v1", since: "1.19", link: guide + "ingressclass-v122"},
	{version: "admissionregistration.k8s.io/v1beta1", kinds: webhooks, deprecated: "1.16", removed: "1.22", replacement: "admissionregistration.k8s.io/v1", since: "1.16", note: "sideEffects and admissionReviewVersions are required, and failurePolicy becomes Fail", link: guide + "webhook-resources-v122"},
	{version: "apiextensions.k8s.io/v1beta1", kinds: []string{"CustomResourceDefinition"}, deprecated: "1.16", removed: "1.22", replacement: "apiextensions.k8s.io/v1", since: "1.16", note: "every version needs a structural schema", link: guide + "customresourcedefinition-v122"},
	{version: "apiregistration.k8s.io/v1beta1", kinds: []string{"APIService"}, deprecated: "1.19", removed: "1.22", replacement: "apiregistration.k8s.io/v1", since: "1.10", link: guide + "apiservice-v122"},
	{version: "authentication.k8s.io/v1beta1", kinds: []string{"TokenReview"}, deprecated: "1.19", removed: "1.22", replacement: "authentication.k8s.io/v1", since: "1.6", link: guide + "tokenreview-v122"},
	{version: "authorization.k8s.io/v1beta1", kinds: reviews, deprecated: "1.19", removed: "1.22", replacement: "authorization.k8s.io/v1", since: "1.6", note: "spec.group is spec.groups now", link: guide + "subjectaccessreview-resources-v122"},
	{version: "certificates.k8s.io/v1beta1", kinds: []string{"CertificateSigningRequest"}, deprecated: "1.19", removed: "1.22", replacement: "certificates.k8s.io/v1", since: "1.19", note: "spec.signerName and spec.usages are required", link: guide + "certificatesigningrequest-v122"},
	{version: "coordination.k8s.io/v1beta1", kinds: []string{"Lease"}, deprecated: "1.19", removed: "1.22", replacement: "coordination.k8s.io/v1", since: "1.14", link: guide + "lease-v122"},
	{version: "rbac.authorization.k8s.io/v1alpha1", kinds: rbac, deprecated: "1.17", removed: "1.22", replacement: "rbac.authorization.k8s.io/v1", since: "1.8", link: guide + "rbac-resources-v122"},
	{version: "rbac.authorization.k8s.io/v1beta1", kinds: rbac, deprecated: "1.17", removed: "1.22", replacement: "rbac.authorization.k8s.io/v1", since: "1.8", link: guide + "rbac-resources-v122"},
	{version: "scheduling.k8s.io/v1beta1", kinds: []string{"PriorityClass"}, deprecated: "1.14", removed: "1.22", replacement: "scheduling.k8s.io/v1", since: "1.14", link: guide + "priorityclass-v122"},
	{version: "storage.k8s.io/v1beta1", kinds: storage, deprecated: "1.19", removed: "1.22", replacement: "storage.k8s.io/v1", since: "1.19", link: guide + "storage-resources-v122"},
	{version: "storage.k8s.io/v1alpha1", kinds: []string{"VolumeAttachment", "CSIStorageCapacity"}, deprecated: "1.21", removed: "1.24", replacement: "storage.k8s.io/v1", since: "1.24", link: lifecycle + "storage/v1alpha1/zz_generated.prerelease-lifecycle.go"},
	// 1.25 to 1.27
	{version: "batch/v1beta1", kinds: []string{"CronJob"}, deprecated: "1.21", removed: "1.25", replacement: "batch/v1", since: "1.21", link: guide + "cronjob-v125"},
	{version: "discovery.k8s.io/v1beta1", kinds: []string{"EndpointSlice"}, deprecated: "1.21", removed: "1.25", replacement: "discovery.k8s.io/v1", since: "1.21", link: guide + "endpointslice-v125"},
	{version: "events.k8s.io/v1beta1", kinds: []string{"Event"}, deprecated: "1.22", removed: "1.25", replacement: "events.k8s.io/v1", since: "1.19", link: guide + "event-v125"},
	{version: "autoscaling/v2beta1", kinds: hpa, deprecated: "1.22", removed: "1.25", replacement: "autoscaling/v2", since: "1.23", note: "targetAverageUtilization is target.averageUtilization with target.type", link: guide + "horizontalpodautoscaler-v125"},
	{version: "autoscaling/v2beta2", kinds: hpa, deprecated: "1.23", removed: "1.26", replacement: "autoscaling/v2", since: "1.23", link: guide + "horizontalpodautoscaler-v126"},
	{version: "policy/v1beta1", kinds: []string{"PodDisruptionBudget"}, deprecated: "1.21", removed: "1.25", replacement: "policy/v1", since: "1.21", note: "an empty selector selects every pod of the namespace now", link: guide + "poddisruptionbudget-v125"},
	{version: "policy/v1beta1", kinds: []string{"PodSecurityPolicy"}, deprecated: "1.21", removed: "1.25", note: "use Pod Security Admission or a policy engine", link: guide + "psp-v125"},
	{version: "policy/v1beta1", kinds: []string{"Eviction"}, deprecated: "1.22", removed: "1.25", replacement: "policy/v1", since: "1.22", link: lifecycle + "policy/v1beta1/zz_generated.prerelease-lifecycle.go"},
	{version: "node.k8s.io/v1beta1", kinds: []string{"RuntimeClass"}, deprecated: "1.22", removed: "1.25", replacement: "node.k8s.io/v1", since: "1.20", link: guide + "runtimeclass-v125"},
	{version: "storage.k8s.io/v1beta1", kinds: []string{"CSIStorageCapacity"}, deprecated: "1.24", removed: "1.27", replacement: "storage.k8s.io/v1", since: "1.24", link: guide + "csistoragecapacity-v127"},
	// 1.26 to 1.36
	{version: "flowcontrol.apiserver.k8s.io/v1beta1", kinds: flow, deprecated: "1.23", removed: "1.26", replacement: "flowcontrol.apiserver.k8s.io/v1", since: "1.29", note: "assuredConcurrencyShares is nominalConcurrencyShares now", link: guide + "flowcontrol-resources-v126"},
	{version: "flowcontrol.apiserver.k8s.io/v1beta2", kinds: flow, deprecated: "1.26", removed: "1.29", replacement: "flowcontrol.apiserver.k8s.io/v1", since: "1.29", note: "assuredConcurrencyShares is nominalConcurrencyShares now", link: guide + "flowcontrol-resources-v129"},
	{version: "flowcontrol.apiserver.k8s.io/v1beta3", kinds: flow, deprecated: "1.29", removed: "1.32", replacement: "flowcontrol.apiserver.k8s.io/v1", since: "1.29", link: guide + "flowcontrol-resources-v132"},
	{version: "admissionregistration.k8s.io/v1alpha1", kinds: validating, deprecated: "1.29", removed: "1.32", replacement: "admissionregistration.k8s.io/v1", since: "1.30", link: lifecycle + "admissionregistration/v1alpha1/zz_generated.prerelease-lifecycle.go"},
	{version: "admissionregistration.k8s.io/v1beta1", kinds: validating, deprecated: "1.31", removed: "1.34", replacement: "admissionregistration.k8s.io/v1", since: "1.30", link: lifecycle + "admissionregistration/v1beta1/zz_generated.prerelease-lifecycle.go"},
	{version: "authentication.k8s.io/v1alpha1", kinds: []string{"SelfSubjectReview"}, deprecated: "1.29", removed: "1.32", replacement: "authentication.k8s.io/v1", since: "1.28", link: lifecycle + "authentication/v1alpha1/zz_generated.prerelease-lifecycle.go"},
	{version: "authentication.k8s.io/v1beta1", kinds: []string{"SelfSubjectReview"}, deprecated: "1.30", removed: "1.33", replacement: "authentication.k8s.io/v1", since: "1.28", link: lifecycle + "authentication/v1beta1/zz_generated.prerelease-lifecycle.go"},
	{version: "networking.k8s.io/v1alpha1", kinds: []string{"IPAddress", "ServiceCIDR"}, deprecated: "1.30", removed: "1.33", replacement: "networking.k8s.io/v1", since: "1.33", link: "https://github.com/kubernetes/api/blob/v0.31.0/networking/v1alpha1/zz_generated.prerelease-lifecycle.go"},
	{version: "resource.k8s.io/v1alpha3", kinds: claims, deprecated: "1.32", removed: "1.34", replacement: "resource.k8s.io/v1", since: "1.34", link: lifecycle + "resource/v1/types.go"},
	{version: "storage.k8s.io/v1alpha1", kinds: []string{"VolumeAttributesClass"}, deprecated: "1.32", removed: "1.35", replacement: "storage.k8s.io/v1", since: "1.34", link: lifecycle + "storage/v1alpha1/zz_generated.prerelease-lifecycle.go"},
	{version: "storagemigration.k8s.io/v1alpha1", kinds: []string{"StorageVersionMigration"}, deprecated: "1.33", removed: "1.36", replacement: "storagemigration.k8s.io/v1beta1", since: "1.35", link: "https://github.com/kubernetes/api/blob/v0.31.0/storagemigration/v1alpha1/zz_generated.prerelease-lifecycle.go"},
	// Announced, and still served by 1.36
	{version: "networking.k8s.io/v1beta1", kinds: []string{"IPAddress", "ServiceCIDR"}, deprecated: "1.34", removed: "1.37", planned: true, replacement: "networking.k8s.io/v1", since: "1.33", link: lifecycle + "networking/v1beta1/zz_generated.prerelease-lifecycle.go"},
	{version: "storage.k8s.io/v1beta1", kinds: []string{"VolumeAttributesClass"}, deprecated: "1.34", removed: "1.37", planned: true, replacement: "storage.k8s.io/v1", since: "1.34", link: lifecycle + "storage/v1beta1/zz_generated.prerelease-lifecycle.go"},
	{version: "certificates.k8s.io/v1alpha1", kinds: []string{"ClusterTrustBundle"}, deprecated: "1.34", removed: "1.37", planned: true, replacement: "certificates.k8s.io/v1beta1", since: "1.33", link: lifecycle + "certificates/v1alpha1/zz_generated.prerelease-lifecycle.go"},
	{version: "resource.k8s.io/v1beta1", kinds: claims, deprecated: "1.35", removed: "1.38", planned: true, replacement: "resource.k8s.io/v1", since: "1.34", link: lifecycle + "resource/v1beta1/zz_generated.prerelease-lifecycle.go"},
	{version: "resource.k8s.io/v1beta2", kinds: claims, deprecated: "1.36", removed: "1.39", planned: true, replacement: "resource.k8s.io/v1", since: "1.34", link: lifecycle + "resource/v1beta2/zz_generated.prerelease-lifecycle.go"},
	{version: "admissionregistration.k8s.io/v1alpha1", kinds: mutating, deprecated: "1.35", removed: "1.38", planned: true, replacement: "admissionregistration.k8s.io/v1", since: "1.36", link: lifecycle + "admissionregistration/v1alpha1/zz_generated.prerelease-lifecycle.go"},
	// Deprecated without an end
	{version: "v1", kinds: []string{"Endpoints"}, deprecated: "1.33", replacement: "discovery.k8s.io/v1 EndpointSlice", since: "1.21", link: "https://kubernetes.io/blog/2025/04/24/endpoints-deprecation/"},
	{version: "v1", kinds: []string{"ComponentStatus"}, deprecated: "1.19", note: "ask the components' own health endpoints", link: "https://github.com/kubernetes/kubernetes/pull/93570"},

	// cert-manager
	{version: "certmanager.k8s.io/v1alpha1", owner: "cert-manager", removed: "0.11", replacement: "cert-manager.io/v1", since: "1.0", link: "https://cert-manager.io/docs/releases/upgrading/upgrading-0.10-0.11/"},
	{version: "cert-manager.io/v1alpha2", owner: "cert-manager", deprecated: "1.4", removed: "1.6", replacement: "cert-manager.io/v1", since: "1.0", link: certManager},
	{version: "cert-manager.io/v1alpha3", owner: "cert-manager", deprecated: "1.4", removed: "1.6", replacement: "cert-manager.io/v1", since: "1.0", link: certManager},
	{version: "cert-manager.io/v1beta1", owner: "cert-manager", deprecated: "1.4", removed: "1.6", replacement: "cert-manager.io/v1", since: "1.0", link: certManager},
	{version: "acme.cert-manager.io/v1alpha2", owner: "cert-manager", deprecated: "1.4", removed: "1.6", replacement: "acme.cert-manager.io/v1", since: "1.0", link: certManager},
	{version: "acme.cert-manager.io/v1alpha3", owner: "cert-manager", deprecated: "1.4", removed: "1.6", replacement: "acme.cert-manager.io/v1", since: "1.0", link: certManager},
	{version: "acme.cert-manager.io/v1beta1", owner: "cert-manager", deprecated: "1.4", removed: "1.6", replacement: "acme.cert-manager.io/v1", since: "1.0", link: certManager},

	// Flux
	{version: "helm.fluxcd.io/v1", kinds: []string{"HelmRelease"}, owner: "the end of Flux 1's Helm operator on", removed: "2022-11-01", replacement: "helm.toolkit.fluxcd.io/v2", note: "Flux 2 reads the chart from a HelmRepository", link: "https://fluxcd.io/flux/migration/helm-operator-migration/"},
	{version: "source.toolkit.fluxcd.io/v1beta1", owner: "Flux", deprecated: "0.28", removed: "2.7", replacement: "source.toolkit.fluxcd.io/v1", since: "2.6", link: fluxRemoved},
	{version: "kustomize.toolkit.fluxcd.io/v1beta1", owner: "Flux", removed: "2.7", replacement: "kustomize.toolkit.fluxcd.io/v1", since: "2.0", link: fluxRemoved},
	{version: "helm.toolkit.fluxcd.io/v2beta1", owner: "Flux", deprecated: "2.2", removed: "2.7", replacement: "helm.toolkit.fluxcd.io/v2", since: "2.3", link: fluxRemoved},
	{version: "image.toolkit.fluxcd.io/v1beta1", owner: "Flux", removed: "2.7", replacement: "image.toolkit.fluxcd.io/v1", since: "2.7", link: fluxRemoved},
	{version: "notification.toolkit.fluxcd.io/v1beta1", kinds: []string{"Receiver"}, owner: "Flux", removed: "2.7", replacement: "notification.toolkit.fluxcd.io/v1", since: "2.0", link: fluxRemoved},
	{version: "notification.toolkit.fluxcd.io/v1beta1", owner: "Flux", removed: "2.7", replacement: "notification.toolkit.fluxcd.io/v1beta3", since: "2.2", link: fluxRemoved},
	{version: "source.toolkit.fluxcd.io/v1beta2", kinds: fluxSources, owner: "Flux", removed: "2.8", replacement: "source.toolkit.fluxcd.io/v1", since: "2.6", link: "https://github.com/fluxcd/source-controller/pull/1983"},
	{version: "kustomize.toolkit.fluxcd.io/v1beta2", owner: "Flux", deprecated: "2.0", removed: "2.8", replacement: "kustomize.toolkit.fluxcd.io/v1", since: "2.0", link: "https://github.com/fluxcd/kustomize-controller/pull/1584"},
	{version: "helm.toolkit.fluxcd.io/v2beta2", owner: "Flux", deprecated: "2.3", removed: "2.8", replacement: "helm.toolkit.fluxcd.io/v2", since: "2.3", link: "https://github.com/fluxcd/helm-controller/pull/1404"},
	{version: "image.toolkit.fluxcd.io/v1beta2", owner: "Flux's image-reflector-controller", deprecated: "Flux 2.7", removed: "1.2", replacement: "image.toolkit.fluxcd.io/v1", link: "https://github.com/fluxcd/image-reflector-controller/pull/897"},
	{version: "notification.toolkit.fluxcd.io/v1beta2", kinds: []string{"Receiver"}, owner: "Flux", deprecated: "2.0", replacement: "notification.toolkit.fluxcd.io/v1", since: "2.0", note: "notification-controller dropped it in June 2026", link: "https://github.com/fluxcd/notification-controller/pull/1327"},
	{version: "notification.toolkit.fluxcd.io/v1beta2", owner: "Flux", deprecated: "2.2", replacement: "notification.toolkit.fluxcd.io/v1beta3", since: "2.2", note: "notification-controller dropped it in June 2026", link: "https://github.com/fluxcd/notification-controller/pull/1327"},

	// Istio, External Secrets, Traefik, Karpenter
	{version: "authentication.istio.io/v1alpha1", owner: "Istio", deprecated: "1.5", removed: "1.6", replacement: "security.istio.io/v1", note: "Policy is PeerAuthentication and RequestAuthentication now", link: "https://istio.io/latest/news/releases/1.6.x/announcing-1.6/upgrade-notes/"},
	{version: "external-secrets.io/v1alpha1", kinds: []string{"ExternalSecret", "SecretStore", "ClusterSecretStore"}, owner: "External Secrets", deprecated: "0.5", removed: "0.16", replacement: "external-secrets.io/v1", since: "0.16", link: "https://github.com/external-secrets/external-secrets/issues/4633"},
	{version: "external-secrets.io/v1beta1", owner: "External Secrets", deprecated: "0.16", removed: "0.17", replacement: "external-secrets.io/v1", since: "0.16", link: "https://github.com/external-secrets/external-secrets/releases/tag/v0.17.0"},
	{version: "traefik.containo.us/v1alpha1", owner: "Traefik", deprecated: "2.10", removed: "3.0", replacement: "traefik.io/v1alpha1", since: "2.10", link: "https://doc.traefik.io/traefik/migration/v2-to-v3-details"},
	{version: "karpenter.sh/v1alpha5", owner: "Karpenter", deprecated: "0.32", removed: "0.33", replacement: "karpenter.sh/v1 NodePool", since: "1.0", link: "https://karpenter.sh/docs/upgrading/v1beta1-migration/"},
}
