// Package promoter is the core: the words of the domain and the one function
// that decides. It keeps every Helm chart and image of a GitOps repository
// current, safely: it looks at an Observation, compares it with a Policy and
// answers with a Decision.
//
// It refuses to do anything: no network, no disk, no clock, no memory between
// calls. Everything it knows was handed to it as a value, and everything it
// wants is handed back as a value. It imports nothing of this module.
//
// # Words
//
//   - artifact: a chart or an image, or another thing with versions.
//   - pin: an artifact's version written at a place (file, YAML path, bytes).
//   - release: a version of an artifact that exists upstream.
//   - finding: legacy or drift, with its rule, evidence and remedy.
//   - change: an artifact or group of them, From one version To another.
//   - class: how careful a change must be (C1 infrastructure, C2 co-managed,
//     C3 routine).
//   - environment: a named place that versions are deployed to.
//   - tenant: a client whose environments are kept apart from others'.
//   - wave: the environments that change together.
//   - rollout: a change on its way through the waves.
//   - pull: a pull request of ours.
//   - gate: a condition between a merge and the next wave.
//   - verdict: what a gate says: pass, hold, unknown or fail.
//   - seal: a final verdict, written where it cannot be forgotten.
//   - action: one guarded effect on the world.
//   - decision: the actions to take now, why, and when to look again.
//
// # Laws
//
//  1. Truth order. Base branch, then a sealed verdict, then the pull request,
//     then any marker in its text. A person's commit always wins.
//  2. No memory. Durable state is commits, branches, pull requests and commit
//     statuses. Kill the process between any two instructions; a new one that
//     knows nothing finishes the job. Caches may be deleted at any time
//     without changing a decision.
//  3. Names are keys. A branch name is a function of (change, wave, group,
//     direction, attempt), bounded in length. Trailers and markers are an
//     index for people and tools, never authority.
//  4. One guarded effect per action. A failed guard means "look again".
//  5. Act, then look. No action uses another action's output.
//  6. Ignorance moves nothing. Only positive evidence advances; only positive,
//     attributable evidence reverts.
//  7. Recording and retreat never wait; advance waits for everything.
//  8. Any failure of a change freezes its forward motion everywhere.
//  9. Seal what the world forgets. A final verdict is a commit status on the
//     merge commit before it is acted on, and from then on it is read.
//  10. The right revision or nothing. Health counts only for the merge commit
//     or a descendant with the same content under the app's paths.
//  11. The bot merges only what it would write itself.
//  12. A revert is the inverse edit, made only where the pin is still ours.
//  13. A rejected or reverted version is quarantined until a newer version or
//     an explicit human retry.
//  14. Every decision explains itself: one line per (change, wave,
//     environment), also when nothing is to be done.
//  15. Smallest diff. An edit changes the bytes of the scalars it must and no
//     other byte of the file.
//  16. Blast radius is computed, not assumed. A change that would reach an
//     environment of a later wave is never merged as part of an earlier one.
package promoter
