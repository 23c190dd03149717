// Package report computes from facts that stand in Git and on the forge how
// well upgrades go: how many succeed, how fast, how often and how quickly one
// is taken back, and how much of it was people's work.
//
// It refuses to guess. A number that the facts do not hold is said to be
// unknown, with why, and is never 0; every number stands with its n, the count
// of what it was computed from; nothing is divided by zero; what could not be
// read is a gap that the report tells of. It does no I/O and reads no clock.
//
// There are two reports, because there are two kinds of history. [Rollouts] is
// of a repository that Promoter works on: its pulls, the verdicts sealed on
// their merge commits, what people said. [History] is of any repository's
// commits, by people or by whatever bot: Git alone, which holds no verdict.
//
// # Words
//
// A merge is one merged pull of ours that goes forward, a revert one that takes
// back. A change is an artifact (or a group) going to one version, whatever the
// waves. In a history a move is one commit bringing one artifact from one
// version to another, in however many places, and a release is one version of
// one artifact.
//
// A change has arrived when everything that its last wave holds has it: every
// pull there passed, none is open, and nothing there could still take it. It
// has failed when one of its merges was sealed as failed, or was taken back. It
// has ended when it arrived, when it failed, or when people closed what was left
// of it or took it away. One that a newer version overtook has not ended: it
// went on as that version.
//
// # Measures
//
// [Definitions] has them all, in the words in which the command line explains
// them: the upgrade success rate, the canary pass rate, the time to detect, the
// time to roll back and to be restored, the wave duration, the rollback
// frequency, the observability coverage, the lead time, and the people's part.
//
// Percentiles are nearest ranks: every figure is one that was measured. Times
// of one span come from one clock: the forge's for pulls and statuses, the
// committers' for commits, which are taken to be no older than those before
// them.
package report
