package main

import (
	"fmt"
	"strings"
	"time"

	"promoter/test/world/argocd"
)

const (
	gitRepo   = "https://git.example.com/acme/gitops.git"
	resources = 30 // of an Application: what a chart of middling size renders
	deployed  = 10 // entries of history, as Argo CD keeps them
)

func appName(i int) string { return fmt.Sprintf("app-%05d", i) }
func appFile(i int) string { return fmt.Sprintf("apps/%s/values.yaml", appName(i)) }
func commitOf(i int) string {
	return fmt.Sprintf("%040x", 0x1000000+i)
}

// application is one in good health at a commit, of the size that they have
// where people run them: some 20 kB.
func application(i int, commit string, merged time.Time) argocd.Application {
	name := appName(i)
	source := argocd.Source{RepoURL: gitRepo, Path: "apps/" + name, TargetRevision: "main", Helm: map[string]any{
		"valueFiles": []string{"values.yaml"}, "releaseName": name,
		"parameters": []map[string]string{{"name": "ingress.host", "value": name + ".example.com"}, {"name": "replicas", "value": "3"}},
	}}
	to := argocd.Destination{Server: "https://kubernetes.default.svc", Namespace: name}
	app := argocd.Application{
		Metadata: argocd.Metadata{
			Name: name, Namespace: "argocd", Labels: map[string]string{"team": fmt.Sprintf("team-%02d", i%50), "env": "production"},
			Annotations: map[string]string{"kubectl.kubernetes.io/last-applied-configuration": strings.Repeat("{\"spec\":{}}", 100)},
		},
		Spec: argocd.Spec{Project: "default", Source: &source, Destination: to, SyncPolicy: &argocd.SyncPolicy{Automated: &argocd.Automated{Prune: true, SelfHeal: true}}},
		Status: argocd.Status{
			SourceType: "Helm",
			Sync:       argocd.SyncStatus{Status: "Synced", Revision: commit, ComparedTo: argocd.ComparedTo{Source: &source, Destination: to}},
			Health:     argocd.Health{Status: "Healthy", LastTransitionTime: argocd.At(merged.Add(90 * time.Second))},
			OperationState: &argocd.OperationState{
				Operation: argocd.Operation{Sync: &argocd.Sync{Revision: commit}}, Phase: "Succeeded", Message: "successfully synced (all tasks run)",
				StartedAt: *argocd.At(merged.Add(30 * time.Second)), FinishedAt: argocd.At(merged.Add(40 * time.Second)),
				SyncResult: &argocd.SyncResult{Revision: commit},
			},
			ReconciledAt: argocd.At(merged.Add(2 * time.Minute)),
			Summary:      argocd.Summary{Images: []string{"registry.example.com/" + name + ":2.0.0", "registry.example.com/proxy:1.4.2"}},
		},
	}
	for j := range resources {
		kind := []string{"Deployment", "Service", "ConfigMap", "ServiceAccount", "NetworkPolicy"}[j%5]
		group := ""
		if kind == "Deployment" {
			group = "apps"
		}
		r := argocd.Resource{Group: group, Version: "v1", Kind: kind, Namespace: name, Name: fmt.Sprintf("%s-%s-%02d", name, strings.ToLower(kind), j), Status: "Synced"}
		if kind == "Deployment" || kind == "Service" {
			r.Health = &argocd.Health{Status: "Healthy"}
		}
		app.Status.Resources = append(app.Status.Resources, r)
		app.Status.OperationState.SyncResult.Resources = append(app.Status.OperationState.SyncResult.Resources, argocd.ResourceResult{
			Group: group, Version: "v1", Kind: kind, Namespace: name, Name: r.Name, Status: "Synced", HookPhase: "Running",
			Message: strings.ToLower(kind) + "/" + r.Name + " configured",
		})
	}
	for j := range deployed {
		app.Status.History = append(app.Status.History, argocd.Deployment{
			ID: j, Revision: commit, Source: &source, DeployStartedAt: argocd.At(merged.Add(time.Duration(j-deployed) * time.Hour)), DeployedAt: argocd.At(merged.Add(time.Duration(j-deployed)*time.Hour + time.Minute)),
		})
	}
	app.Status.History[deployed-1].DeployedAt = argocd.At(merged.Add(40 * time.Second))
	return app
}
