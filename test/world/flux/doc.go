// Package flux is a Kubernetes API with Flux's kinds and no cluster behind it:
// objects in memory, their discovery, lists in pages, watches, gets and merge
// patches. What happens to the objects is up to whoever uses it: a test sets
// them as it likes, an engine follows a Git repository by the hook.
//
// It can lie in the ways that real servers do: answer from an old list, lose a
// page, keep a kind to itself, drop a request, cut answers and watches short. It
// checks nothing of what it is given and decides nothing: it is no controller.
//
// Objects are plain maps, written as the API's documentation has them and not
// by Flux's modules, so that what reads them is held to the wire.
package flux
