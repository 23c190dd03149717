// Command year lives a year of a managed-service provider through, in virtual
// time: many tenants, each with a repository, clusters, maintenance windows and
// a time zone of its own, and the releases of a shelf of charts that all of
// them share. It prints what that costs, and how long releases take, as
// Markdown.
//
// The decision, the observer, the executor, the edits and the configuration are
// the real ones, and each tenant is looked after as `promoter serve` does: a
// look when something is heard and when a decision asks to be woken. The forge,
// the Git server and the clusters are values in memory.
//
// It refuses to take a decision's word for anything: what was proven, when a
// window was open and what a release does to a cluster are judged by the world,
// and a law that was broken is printed and fails the run.
package main
