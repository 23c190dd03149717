// Package mutants holds mistakes that somebody could make in the core: small
// edits, each of which some law of the simulator must catch. A mistake that none
// catches says what the simulator does not look at.
//
// It refuses to count what does not compile as caught, and to change a file of
// the repository: a mutant is laid over the core while it is built.
package mutants

// Mutant is one small edit.
type Mutant struct {
	File string // below the module's root
	Old  string // stands in it exactly once
	New  string
	Why  string // what mistake it stands for
	// Survives says why no story catches it; empty: one must.
	Survives string
}
