// Package e2e starts the programs that Promoter's users run, as plain processes
// on loopback, and tells stories with them: Kubernetes' control plane with KWOK
// for its nodes, Argo CD, Flux, Prometheus, Alertmanager, an OCI registry, a
// chart repository and a Git host with pull requests.
//
// It is the judge of the product's own pictures of these programs. So it imports
// nothing of the product: stories run its binary, look at what stands on the Git
// host and in the cluster, and refuse to pass on anything that Promoter says of
// itself.
//
// Servers are built once by servers/build.sh. What is started ends with the
// process that started it, however that ends; logs stay in the world's folder.
package e2e
