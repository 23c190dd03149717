// Package argocd reads Applications from Argo CD, either through its API or as
// resources through a kubeconfig, into the plain facts that package converge
// judges.
//
// A list is the truth, and it is whole or it is an error; a watch is only a
// hint that a list would say something new. There are three effects: asking
// for a refresh, ending one operation that was looked at before, and nothing
// else: this package never syncs, never rolls back and never writes a spec.
// Tokens go into one header of requests to one server and into no error.
//
// Where an API has very many Applications, a list is cut down to what they are
// found by, and those that are asked about are read one by one: what a look
// takes does not grow with what nobody asks about. Nothing is judged by such an
// outline. Kubernetes cuts nothing down; there only what has changed since the
// last list is decoded.
//
// An Engine answers what a decision wants to know of Applications: it finds
// those that a change reaches, has them compared with Git once, asks the
// predicates of package converge, and looks at a single Application only where
// the list is no last word. What it cannot find or read is blind, by name; a
// failure is only the change's own with a record that all was well before it
// and with content that names what was moved.
//
// The API is the better way where there is a choice: a token that may only get
// applications can refresh, and sees resource trees and live values. Through a
// kubeconfig a refresh is a patch, which in Argo CD's case is power over the
// cluster, and live values are not to be had.
package argocd
