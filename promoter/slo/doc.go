// Package slo judges a service by its own indicators: it turns samples of a
// metric, taken at fixed times before and after a change, into a verdict with
// its evidence. It is what stands between a merged change and the next wave.
//
// It keeps no memory and reads no clock. The times to look at (Slots) are a
// function of the gate and of when the wave became ready, so a process that
// knows nothing asks a provider that keeps history about the same instants and
// arrives at the same verdict.
//
// It refuses to guess. Only a GOOD sample counts toward a pass and only a BAD
// one toward a failure; every other class (no data, no traffic, NaN, infinite,
// stale, partial, too many series, an error, a blackout, a slot nobody
// answered) is blind, and blindness passes nothing and blames nobody. A
// failure is blamed on the change only when the metric was good before, is
// worse by more than its noise, and is not bad where the change is not.
package slo
