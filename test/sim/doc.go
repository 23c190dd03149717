// Package sim tries to make Promoter do harm. It draws worlds, policies and
// stories from a seed, lets the real decision, the real observer, the real
// executor and the real edits live in them in virtual time, injects every fault
// that it can think of, and holds what happens to the laws of package promoter.
//
// A story is a list of steps: what the world does (releases that are bad in
// their own ways, clusters that lag, flap, vanish and lie, metrics that go dark),
// what people do at any moment, and what befalls Promoter itself (it is killed,
// answers are old or missing, effects are done twice, late or in another order,
// a second Promoter works beside it, or between its look and its write). Each
// step can be left out: a story that breaks a law is shrunk to the steps that are
// needed for it.
//
// It refuses to help: every look is made by a process that knows nothing (in
// every second story by one that lives on, with what it keeps, until it is
// killed), the laws are judged by what the world is and not by what a decision
// says of itself, and the same seed tells the same story.
package sim
