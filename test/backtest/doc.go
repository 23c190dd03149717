// Command backtest holds the planner to what really happened. It reads a
// repository as it stood at one moment of its history, offers it the versions
// that the repository itself came to use until a later one, and compares what
// would be proposed with what its own update bot did meanwhile: what is
// proposed as well, what is not and why, and what besides.
//
// The versions of a repository's own history are all that it knows of the
// world: no source is asked. A version that the repository never used is not
// missed, and one that only a part of it used is an update for the rest. The
// repository is only read.
package main
