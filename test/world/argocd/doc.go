// Package argocd is an Argo CD without a cluster: Applications in memory behind
// the REST API that Argo CD has, and behind the Kubernetes API that its
// resources have. What happens to them is up to whoever uses it: a test sets
// them as it likes, the demo's engine follows a Git repository by the hooks.
//
// It can lie in the ways that real servers do: answer from an old list, drop a
// refresh, cut answers and streams short, refuse a token half way. It checks
// nothing of what it is given and decides nothing: it is no controller.
//
// Its types are written from the API's documentation and not taken from Argo
// CD's modules, so that what reads them is held to the wire and not to itself.
package argocd
