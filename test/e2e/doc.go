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
//
// That nothing happens is proven by looks of Promoter's, which its metrics count,
// and never by time alone. What Argo CD and Flux say that is easily misread is
// noted all the while, and printed after the table: see TRAPS.md.
//
// The Git host is the same Gitea that "make realforge test-forges" holds the
// forge's driver to, call by call, beside other forges; here it is a world's only
// one, and the stories are what is judged. The two start it each in their own
// way: this one lets it die with the world, and gives Promoter an account that may
// do no more than it needs.
package e2e
