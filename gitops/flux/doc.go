// Package flux reads Flux's objects from the Kubernetes API of each cluster into
// the plain facts that package converge judges.
//
// A list is the truth, and it is whole or it is an error: one list of each kind
// for each look, what is followed before what follows it, so that a release is
// never older than the Kustomization that it is held against. A watch is only a
// hint that a list would say something new. There is one effect, the annotation
// that asks for a reconcile: this package writes no spec, suspends nothing and
// resumes nothing.
//
// An Engine answers what a decision wants to know of Kustomizations and
// HelmReleases: it looks at those clusters only that a change reaches, asks a
// source once for all that follow it, and hands what it reads to the
// predicates of package converge.
//
// Names are the same in all clusters, so that everything is named by the
// cluster too. Health of single objects is read where Flux waits for none, and
// by rules that take a custom object without status for unfinished when its
// kind has one.
package flux
