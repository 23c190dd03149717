// Package delivery is an Argo CD that really follows a Git repository, without
// a cluster: it reads Application and ApplicationSet manifests at a branch's
// head, renders what they point to, and lets every application go the way that
// it goes in reality: out of sync, an operation, Progressing, Healthy. What a
// version does when it runs is told by rules: it fails to sync, is Degraded,
// never becomes ready.
//
// All its times come from one clock, which may run faster than ours, and
// everything that happens is dated when it was due and not when somebody
// looked. So a world may be run by the wall, or by a test that sets the clock.
//
// It speaks through test/world/argocd, and refuses what that one refuses. It
// runs no templates and no plugins: a chart is one Deployment with the images
// that its values name. What it cannot render it says, as Argo CD does, with a
// ComparisonError; it never makes up content for it.
package delivery
