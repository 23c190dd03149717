package flux

import (
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"promoter/promoter/converge"
)

func TestStateOf(t *testing.T) {
	t.Parallel()
	cases := []struct{ name, object, state, message string }{
		{"rolled out", "apiVersion: apps/v1\nkind: Deployment\nmetadata: {generation: 2}\nstatus: {observedGeneration: 2, replicas: 1, updatedReplicas: 1, readyReplicas: 1, availableReplicas: 1}", current, ""},
		{"old status", "apiVersion: apps/v1\nkind: Deployment\nmetadata: {generation: 3}\nstatus: {observedGeneration: 2, replicas: 1, updatedReplicas: 1, readyReplicas: 1, availableReplicas: 1}", inProgress, "generation 3"},
		{"no status", "apiVersion: apps/v1\nkind: Deployment\nmetadata: {generation: 1}", inProgress, "no status yet"},
		{"old pods", "apiVersion: apps/v1\nkind: Deployment\nmetadata: {generation: 2}\nstatus: {observedGeneration: 2, replicas: 2, updatedReplicas: 1, readyReplicas: 2, availableReplicas: 2}", inProgress, "of before"},
		{"scaled to none", "apiVersion: apps/v1\nkind: Deployment\nmetadata: {generation: 2}\nspec: {replicas: 0}\nstatus: {observedGeneration: 2}", current, ""},
		{"deadline", "apiVersion: apps/v1\nkind: Deployment\nmetadata: {generation: 2}\nstatus: {observedGeneration: 2, conditions: [{type: Progressing, status: 'False', reason: ProgressDeadlineExceeded, message: timed out}]}", failed, "timed out"},
		{"stateful between revisions", "apiVersion: apps/v1\nkind: StatefulSet\nmetadata: {generation: 2}\nstatus: {observedGeneration: 2, readyReplicas: 1, updatedReplicas: 1, currentRevision: a, updateRevision: b}", inProgress, "revision a"},
		{"stateful", "apiVersion: apps/v1\nkind: StatefulSet\nmetadata: {generation: 2}\nstatus: {observedGeneration: 2, readyReplicas: 1, updatedReplicas: 1, currentRevision: b, updateRevision: b}", current, ""},
		{"daemons wait", "apiVersion: apps/v1\nkind: DaemonSet\nmetadata: {generation: 2}\nstatus: {observedGeneration: 2, desiredNumberScheduled: 3, updatedNumberScheduled: 2, numberReady: 3, numberAvailable: 3}", inProgress, "2 of 3"},
		{"job runs", "apiVersion: batch/v1\nkind: Job\nstatus: {active: 1}", inProgress, "not completed"},
		{"job failed", "apiVersion: batch/v1\nkind: Job\nstatus: {conditions: [{type: Failed, status: 'True', message: backoff}]}", failed, "backoff"},
		{"job done", "apiVersion: batch/v1\nkind: Job\nstatus: {conditions: [{type: Complete, status: 'True'}]}", current, ""},
		{"pod waits", "apiVersion: v1\nkind: Pod\nstatus: {phase: Pending}", inProgress, "Pending"},
		{"claim", "apiVersion: v1\nkind: PersistentVolumeClaim\nstatus: {phase: Pending}", inProgress, "Pending"},
		{"balancer", "apiVersion: v1\nkind: Service\nspec: {type: LoadBalancer}", inProgress, "no address"},
		{"service", "apiVersion: v1\nkind: Service\nspec: {type: ClusterIP}", current, ""},
		{"definition", "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition", inProgress, "not established"},
		{"going", "apiVersion: v1\nkind: Service\nmetadata: {deletionTimestamp: '2025-03-04T12:00:00Z'}", terminating, ""},
		{"stalled", "apiVersion: x.example.com/v1\nkind: X\nstatus: {conditions: [{type: Stalled, status: 'True', message: stuck}]}", failed, "stuck"},
		{"not ready", "apiVersion: x.example.com/v1\nkind: X\nstatus: {conditions: [{type: Ready, status: 'False', message: soon}]}", inProgress, "soon"},
		{"says nothing", "apiVersion: x.example.com/v1\nkind: X\nstatus: {conditions: [{type: Synced, status: 'True'}]}", unknown, ""},
		{"unseen", "apiVersion: x.example.com/v1\nkind: X", inProgress, "no status yet"},
	}
	for _, tt := range cases {
		u := &unstructured.Unstructured{}
		raw, err := yaml.YAMLToJSON([]byte(tt.object))
		if err == nil {
			err = u.UnmarshalJSON(raw)
		}
		if err != nil {
			t.Fatal(err)
		}
		if state, message := stateOf(u, served{status: true}); state != tt.state || !strings.Contains(message, tt.message) {
			t.Errorf("%s: %s %q, want %s …%s…", tt.name, state, message, tt.state, tt.message)
		}
	}
	if state, _ := stateOf(nil, served{}); state != notFound {
		t.Error(state)
	}
}

func TestEntry(t *testing.T) {
	t.Parallel()
	for id, want := range map[string]converge.Ref{
		"shop_cart_apps_Deployment": {Group: "apps", Kind: "Deployment", Namespace: "shop", Name: "cart"},
		"_shop__Namespace":          {Kind: "Namespace", Name: "shop"},
		"_system__auth__x_rbac.authorization.k8s.io_ClusterRole": {Group: "rbac.authorization.k8s.io", Kind: "ClusterRole", Name: "system:auth:x"},
		"shop_redis_helm.toolkit.fluxcd.io_HelmRelease":          {Group: "helm.toolkit.fluxcd.io", Kind: "HelmRelease", Namespace: "shop", Name: "redis"},
		"": {}, "a_b": {}, "a_b_c": {}, "a_b_c_": {}, "___": {},
	} {
		if got, ok := entry(id); ok != (want != converge.Ref{}) || ok && got != want {
			t.Errorf("%q: %+v, %v", id, got, ok)
		}
	}
}

func FuzzEntry(f *testing.F) {
	f.Add("shop_cart_apps_Deployment")
	f.Add("_system__auth_rbac.authorization.k8s.io_ClusterRole")
	f.Fuzz(func(t *testing.T, id string) {
		ref, ok := entry(id)
		if !ok {
			return
		}
		if ref.Kind == "" || ref.Name == "" {
			t.Errorf("%q names nothing: %+v", id, ref)
		}
	})
}

func TestValueAt(t *testing.T) {
	t.Parallel()
	object := map[string]any{"a": map[string]any{"b/c": []any{"x", int64(2), true}, "~": nil}}
	for pointer, want := range map[string]string{"/a/b~1c/0": "x", "/a/b~1c/1": "2", "/a/b~1c/2": "true", "/a/~0": "null"} {
		if got, ok := valueAt(object, pointer); !ok || got != want {
			t.Errorf("%s: %q, %v", pointer, got, ok)
		}
	}
	for _, pointer := range []string{"a", "/b", "/a/b~1c/3", "/a/b~1c/-1", "/a/b~1c/00", "/a/b~1c/0/x"} {
		if got, ok := valueAt(object, pointer); ok {
			t.Errorf("%s: %q", pointer, got)
		}
	}
}
