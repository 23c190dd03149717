package drawn

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
)

type object = map[string]any

func bytesOf(v any) []byte {
	data, err := json.Marshal(v)
	if err != nil {
		panic(err) // unreachable: it is made of plain data
	}
	return data
}

// Webhook is what a sender posts: who says so, of which kind, and what.
func Webhook(rng *rand.Rand) (source, kind, repository string, body []byte) {
	repository = One(rng, "acme/deploy", "Acme/Größe", "a/b.c-d")
	repo := object{"full_name": repository, "default_branch": "main"}
	number := rng.IntN(9000)
	switch kind = One(rng, "push", "pull_request", "pull_request_review", "issue_comment", "status", "check_suite", "issues"); kind {
	case "push":
		return "github", kind, repository, bytesOf(object{"ref": "refs/" + One(rng, "heads/main", "heads/promoter/x/dev", "tags/v1"), "repository": repo, "before": Commit(rng), "after": Commit(rng), "forced": Chance(rng, 20)})
	case "status":
		return "github", kind, repository, bytesOf(object{"sha": Commit(rng), "context": Word(rng), "state": "success", "branches": []object{{"name": "main"}}, "repository": repo})
	case "issue_comment":
		return "github", kind, repository, bytesOf(object{"action": "created", "issue": object{"number": number, "pull_request": object{}}, "comment": object{"body": Comment(rng)}, "repository": repo})
	}
	return "github", kind, repository, bytesOf(object{
		"action": One(rng, "opened", "closed", "labeled", "submitted"), "number": number,
		"pull_request": object{"number": number, "title": Word(rng), "body": Comment(rng), "head": object{"ref": "promoter/x/dev", "sha": Commit(rng)}, "base": object{"ref": "main"}},
		"repository":   repo,
	})
}

func moment(rng *rand.Rand) string {
	return fmt.Sprintf("2026-11-%02dT%02d:%02d:00Z", 20+rng.IntN(4), rng.IntN(24), rng.IntN(60))
}

// Application is an Application as Argo CD's API answers it.
func Application(rng *rand.Rand) (name string, answer []byte) {
	name = One(rng, "redis-dev", "web-prod", "a")
	source := object{"repoURL": "https://git.example.com/acme/deploy", "path": "apps/" + name, "targetRevision": One(rng, "main", "HEAD", "1.2.*", Commit(rng))}
	health := One(rng, "Healthy", "Progressing", "Degraded", "Missing", "Suspended", "Unknown", "")
	phase := One(rng, "Running", "Succeeded", "Failed", "Error", "Terminating")
	revision := Commit(rng)
	status := object{
		"sync":    object{"status": One(rng, "Synced", "OutOfSync", "Unknown"), "revision": revision, "comparedTo": object{"source": source}},
		"health":  object{"status": health, "lastTransitionTime": moment(rng), "message": Word(rng)},
		"history": []object{{"revision": revision, "deployedAt": moment(rng), "id": rng.IntN(9), "source": source}},
	}
	if Chance(rng, 60) {
		status["operationState"] = object{
			"phase": phase, "message": Word(rng), "startedAt": moment(rng), "retryCount": rng.IntN(5),
			"operation":  object{"sync": object{"revision": revision}},
			"syncResult": object{"revision": revision, "source": source, "resources": []object{{"kind": "Job", "name": "migrate", "hookPhase": phase, "message": Word(rng)}}},
		}
	}
	if Chance(rng, 80) {
		status["reconciledAt"] = moment(rng)
	}
	spec := object{"project": "default", "source": source, "destination": object{"server": "https://kubernetes.default.svc", "namespace": name}}
	if Chance(rng, 50) {
		delete(spec, "source")
		spec["sources"] = []object{source, {"repoURL": "https://charts.example.com", "chart": "redis", "targetRevision": Version(rng)}}
	}
	if Chance(rng, 70) {
		spec["syncPolicy"] = object{"automated": object{"selfHeal": Chance(rng, 50)}, "retry": object{"limit": rng.IntN(6)}}
	}
	return name, bytesOf(object{
		"metadata": object{"name": name, "namespace": "argocd", "resourceVersion": fmt.Sprint(rng.IntN(1e6)), "annotations": object{"argocd.argoproj.io/refresh": One(rng, "", "normal", "hard")}},
		"spec":     spec, "status": status,
	})
}

// FluxSource is a source as a cluster's API answers it.
func FluxSource(rng *rand.Rand) (kind, name string, answer []byte) {
	kind, name = One(rng, "GitRepository", "OCIRepository", "HelmChart"), One(rng, "deploy", "redis", "a")
	spec := object{"url": "https://git.example.com/acme/deploy", "interval": One(rng, "1m", "1h0m0s", "30s"), "suspend": Chance(rng, 10)}
	revision := "main@sha1:" + Commit(rng)
	switch kind {
	case "GitRepository":
		spec["ref"] = One(rng, object{"branch": "main"}, object{"commit": Commit(rng)}, object{"semver": ">=1.0.0"}, object{"tag": Version(rng)}, object{"name": "refs/heads/main"}, object{})
	case "OCIRepository":
		spec["url"], spec["ref"] = "oci://registry.example.com/deploy", One(rng, object{"tag": Version(rng)}, object{"digest": Digest(rng)}, object{"semver": "1.x"})
		revision = Version(rng) + "@" + Digest(rng)
	default:
		spec = object{"chart": "redis", "version": One(rng, Version(rng), "^1.2", "*"), "interval": "5m", "sourceRef": object{"kind": "HelmRepository", "name": "charts"}}
		revision = Version(rng)
	}
	generation := 1 + rng.IntN(5)
	return kind, name, bytesOf(object{
		"apiVersion": "source.toolkit.fluxcd.io/v1", "kind": kind,
		"metadata": object{"name": name, "namespace": "flux-system", "generation": generation, "annotations": object{"reconcile.fluxcd.io/requestedAt": moment(rng)}},
		"spec":     spec,
		"status": object{
			"observedGeneration": generation - rng.IntN(2), "artifact": object{"revision": revision, "digest": Digest(rng), "lastUpdateTime": moment(rng), "path": "x", "url": "http://x"},
			"conditions": []object{{"type": One(rng, "Ready", "Reconciling", "Stalled"), "status": One(rng, "True", "False", "Unknown"), "reason": "Succeeded", "message": Word(rng), "lastTransitionTime": moment(rng), "observedGeneration": generation}},
		},
	})
}
