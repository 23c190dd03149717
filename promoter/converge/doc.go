// Package converge says whether an application runs a commit's content and has
// held its health: the question that stands between a merged pull request and
// the next wave.
//
// It is pure. It is handed what an engine said (a snapshot is the facts of one
// version of one object), what the repository's history says of the revisions
// in it, and the time; it hands back a promoter.Convergence. It asks nobody,
// reads no clock and remembers nothing: looks of the same process may be handed
// in and make it quicker, but one look alone gets the same answer later.
//
// For Argo CD these predicates must all hold on one object version:
//
//	P0  the object is the one that was there before the merge, and is reconciled
//	P1  its status is about its spec, and the spec asks for the wanted versions
//	P2  it was compared after the merge and after we asked for it
//	P3  every source that follows the branch was compared at the commit or at a
//	    descendant of it, all of them at the same; chart sources at the wanted
//	    version. P3' what the app reads is the same in both commits
//	P4  it is in sync
//	P5  no operation runs, and the last one applied the commit in full
//	P6  it was compared after that operation ended
//	P7  it is healthy, and has been for the dwell
//	P8  what the commit changes is what the cluster runs
//	P9  no condition says otherwise
//	P10 so it is for every application that it renders
//
// For Flux, whose lists of one look are taken parents first:
//
//	F0  nothing in the chain is suspended, being deleted or made anew
//	F1  the sources have the commit or a descendant, and served our request
//	F2  every Kustomization up to the application has applied it, with nothing
//	    newer under way, for its own spec, and is ready, and healthy where it
//	    checks health
//	F3  every release that the commit touches is deployed, of its own spec, at
//	    the wanted chart and values, and not at those from before the merge
//	F4  what nobody waits for is healthy by its own status, what the commit
//	    changes is what the cluster runs, and all of it has been so for the dwell
//	F5  parents, dependencies and rendered Kustomizations are part of all that
//
// It refuses to guess. What is missing, contradictory or old is blind or
// pending, with the reason; only what an operation, the health or a condition
// says of the commit itself is a failure; and a failure is only attributed to
// the change when the application was healthy before it and what fails is what
// the change touches.
package converge
