package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"os/exec"
	"strings"
)

// estate is a GitOps repository to be made.
type estate struct {
	files, commits int
	// all says that every file is a manifest that pins something; else one in
	// ten is, and the rest are what lies around it.
	all bool
}

// path and text are the nth file: its folder is a team's, in an environment. At
// the newest version it has nothing to update.
func (e estate) path(n int) string {
	env := []string{"staging", "production"}[n%2]
	return fmt.Sprintf("apps/team-%02d/%s/%s-%06d.yaml", n/2%50, env, e.sort(n), n)
}

// sort is what a file is, and what it pins is by the group it is in: one after
// the other has files of every sort.
func (e estate) sort(n int) string { return e.sorts()[n/2%len(e.sorts())] }

func (e estate) group(n int) int { return n / 2 / len(e.sorts()) }

func (e estate) sorts() []string {
	if e.all {
		return []string{"app", "app", "app", "release", "workload"}
	}
	return []string{"app", "values", "values", "values", "config", "config", "values", "policy", "values", "config"}
}

func (e estate) text(n, v int) string {
	name := fmt.Sprintf("%s-%06d", e.sort(n), n)
	c := e.group(n)
	switch e.sort(n) {
	case "app":
		return fmt.Sprintf(`apiVersion: argoproj.io/v1alpha1
kind: Application
metadata:
  name: %[1]s
  namespace: argocd
  labels: {team: team-%02[5]d}
spec:
  project: default
  source:
    repoURL: %[2]s
    chart: %[3]s
    targetRevision: %[4]s
    helm:
      releaseName: %[1]s
      valuesObject:
        replicas: 2
        resources: {requests: {cpu: 100m, memory: 128Mi}}
  destination:
    server: https://kubernetes.default.svc
    namespace: %[1]s
  syncPolicy:
    automated: {prune: true, selfHeal: true}
`, name, shelfOf(c), chartName(c), version(v), n/2%50)
	case "release":
		return fmt.Sprintf(`apiVersion: source.toolkit.fluxcd.io/v1
kind: HelmRepository
metadata: {name: %[1]s, namespace: flux-system}
spec: {interval: 1h, url: %[2]q}
---
apiVersion: helm.toolkit.fluxcd.io/v2
kind: HelmRelease
metadata: {name: %[1]s, namespace: flux-system}
spec:
  interval: 10m
  chart:
    spec:
      chart: %[3]s
      version: %[4]s
      sourceRef: {kind: HelmRepository, name: %[1]s}
  values:
    replicas: 2
`, name, shelfOf(c), chartName(c), version(v))
	case "workload":
		return fmt.Sprintf(`apiVersion: apps/v1
kind: Deployment
metadata: {name: %[1]s}
spec:
  replicas: 2
  selector: {matchLabels: {app: %[1]s}}
  template:
    metadata: {labels: {app: %[1]s}}
    spec:
      containers:
        - name: main
          image: %[2]s:%[3]s
          resources: {requests: {cpu: 100m, memory: 128Mi}}
`, name, imageName(c), version(v))
	case "values":
		return fmt.Sprintf("image:\n  repository: %s\n  tag: %s\nreplicaCount: 2\ningress:\n  host: %s.example.com\nnotes: |\n  %s\n", imageName(c), version(v), name, strings.Repeat("x", 300+n%300))
	}
	return fmt.Sprintf("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: %s}\ndata:\n  revision: %q\n  text: %s\n", name, version(v), strings.Repeat("y", 400+n%300))
}

// settings is the repository's promoter.yaml.
func (e estate) settings(upstream string) string {
	return fmt.Sprintf(`version: 1
environments:
  - {name: "{env}", paths: ["apps/*/{env}/*.yaml"]}
waves:
  - {name: staging, environments: [staging]}
  - {name: production, environments: [production]}
sources:
  allowPrivate: [127.0.0.1]
  budget: 1000 # all hosts are one here
  mirrors:
    - {from: "https://charts.example.com", to: %[1]q}
    - {from: "registry.example.com", to: %[1]q}
`, upstream)
}

// build writes the estate's history into a bare repository: a commit with all
// files, then one file each, and at last all files at the newest version.
func (e estate) build(ctx context.Context, dir, upstream string) error {
	cmd := exec.CommandContext(ctx, "git", "fast-import", "--quiet", "--force")
	cmd.Dir = dir
	var said bytes.Buffer
	cmd.Stderr = &said
	in, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	w := bufio.NewWriterSize(in, 1<<20)
	put := func(path, text string) { fmt.Fprintf(w, "M 100644 inline %s\ndata %d\n%s\n", path, len(text), text) }
	for n := range e.commits {
		fmt.Fprintf(w, "commit refs/heads/main\ncommitter Someone <someone@example.com> %d +0000\ndata 6\nchange\n", 1_500_000_000+n*600)
		switch {
		case n == e.commits-1:
			put("promoter.yaml", e.settings(upstream))
			for i := range e.files {
				put(e.path(i), e.text(i, versions-1))
			}
		case n == 0:
			for i := range e.files {
				put(e.path(i), e.text(i, 0))
			}
		default:
			i := n * 7919 % e.files
			put(e.path(i), e.text(i, n%versions))
		}
	}
	if err := w.Flush(); err != nil {
		return err
	}
	if err := in.Close(); err != nil {
		return err
	}
	if err := cmd.Wait(); err != nil {
		return fmt.Errorf("git fast-import: %w\n%s", err, tail(said.String()))
	}
	return nil
}
