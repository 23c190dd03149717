package flux

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// The states of an object by its own status.
const (
	current     = "Current"
	inProgress  = "InProgress"
	failed      = "Failed"
	terminating = "Terminating"
	notFound    = "NotFound"
	unknown     = "Unknown"
)

// stateOf says whether an object has come to what its spec asks. A status that
// is about an older spec, or that is still to be written, is in progress; what
// a custom object's status does not say is unknown, and never fine.
func stateOf(o *unstructured.Unstructured, of served) (state, message string) {
	if of.missing {
		return notFound, "the cluster does not know its kind"
	}
	if o == nil {
		return notFound, "it is not there"
	}
	if o.GetDeletionTimestamp() != nil {
		return terminating, "it is being deleted"
	}
	observed, has := number(o, "status", "observedGeneration")
	if has && observed != o.GetGeneration() {
		return inProgress, fmt.Sprintf("it is at generation %d and its status at %d", o.GetGeneration(), observed)
	}
	if c := conditionOf(o, "Stalled"); c.status == "True" {
		return failed, c.message
	}
	if c := conditionOf(o, "Reconciling"); c.status == "True" {
		return inProgress, c.message
	}
	switch group := o.GroupVersionKind().Group; {
	case group == "apps":
		if !has && o.GetKind() != "ControllerRevision" {
			return inProgress, "it has no status yet"
		}
		return workload(o)
	case group == "batch" && o.GetKind() == "Job":
		return job(o)
	case group == "" || !strings.Contains(group, ".") || strings.HasSuffix(group, ".k8s.io") && group != "gateway.networking.k8s.io":
		return builtin(o)
	}
	return custom(o, of, has)
}

func workload(o *unstructured.Unstructured) (string, string) {
	if c := conditionOf(o, "Progressing"); c.status == "False" && c.reason == "ProgressDeadlineExceeded" {
		return failed, c.message
	}
	want, named := number(o, "spec", "replicas")
	if !named {
		want = 1
	}
	status := func(name string) int64 { n, _ := number(o, "status", name); return n }
	lacks := func(name string, want int64) string { return fmt.Sprintf("%s is %d of %d", name, status(name), want) }
	switch o.GetKind() {
	case "Deployment", "ReplicaSet":
		names := []string{"updatedReplicas", "readyReplicas", "availableReplicas"}
		if o.GetKind() == "ReplicaSet" {
			names = names[1:]
		}
		for _, name := range names {
			if status(name) < want {
				return inProgress, lacks(name, want)
			}
		}
		if status("replicas") > want {
			return inProgress, fmt.Sprintf("%d pods of before are still there", status("replicas")-want)
		}
	case "StatefulSet":
		if status("readyReplicas") < want {
			return inProgress, lacks("readyReplicas", want)
		}
		partition, _ := number(o, "spec", "updateStrategy", "rollingUpdate", "partition")
		if now := want - min(partition, want); status("updatedReplicas") < now {
			return inProgress, lacks("updatedReplicas", now)
		}
		if at, next := text(o, "status", "currentRevision"), text(o, "status", "updateRevision"); partition == 0 && at != next {
			return inProgress, "it is at revision " + at + " and goes to " + next
		}
	case "DaemonSet":
		want, ok := number(o, "status", "desiredNumberScheduled")
		if !ok {
			return inProgress, "it does not say yet how many pods it wants"
		}
		for _, name := range []string{"updatedNumberScheduled", "numberReady", "numberAvailable"} {
			if status(name) < want {
				return inProgress, lacks(name, want)
			}
		}
	}
	return current, ""
}

func job(o *unstructured.Unstructured) (string, string) {
	if c := conditionOf(o, "Failed"); c.status == "True" {
		return failed, c.message
	}
	if conditionOf(o, "Complete").status == "True" {
		return current, ""
	}
	return inProgress, "it has not completed"
}

func builtin(o *unstructured.Unstructured) (string, string) {
	switch kind := o.GetKind(); kind {
	case "Pod":
		switch phase := text(o, "status", "phase"); {
		case phase == "Failed":
			return failed, text(o, "status", "message")
		case phase == "Succeeded", phase == "Running" && conditionOf(o, "Ready").status == "True":
			return current, ""
		default:
			return inProgress, "its phase is " + strconv.Quote(phase)
		}
	case "PersistentVolumeClaim":
		if phase := text(o, "status", "phase"); phase != "Bound" {
			return inProgress, "its phase is " + strconv.Quote(phase)
		}
	case "Service":
		ingress, _, _ := unstructured.NestedSlice(o.Object, "status", "loadBalancer", "ingress")
		if text(o, "spec", "type") == "LoadBalancer" && len(ingress) == 0 {
			return inProgress, "it has no address yet"
		}
	case "CustomResourceDefinition":
		if conditionOf(o, "Established").status != "True" {
			return inProgress, "it is not established"
		}
	case "APIService":
		if conditionOf(o, "Available").status != "True" {
			return inProgress, "it is not available"
		}
	}
	return current, ""
}

// custom objects say that they are ready, or nothing that could be relied upon.
func custom(o *unstructured.Unstructured, of served, observed bool) (string, string) {
	status, _, _ := unstructured.NestedMap(o.Object, "status")
	if len(status) == 0 {
		if of.status {
			return inProgress, "it has no status yet, and its kind has one"
		}
		return current, "" // its kind never says anything
	}
	for _, kind := range []string{"Ready", "Available", "Healthy"} {
		c := conditionOf(o, kind)
		switch {
		case c.status == "":
			continue
		case c.status != "True":
			return inProgress, kind + " is " + c.status + ": " + c.message
		case c.observed != 0 && c.observed != o.GetGeneration():
			return inProgress, kind + " is about an older spec"
		}
		return current, ""
	}
	conditions, _, _ := unstructured.NestedSlice(o.Object, "status", "conditions")
	if len(conditions) == 0 && observed {
		return current, ""
	}
	return unknown, "its status does not say whether it is ready"
}

type condition struct {
	status, reason, message string
	observed                int64
}

func conditionOf(o *unstructured.Unstructured, kind string) condition {
	list, _, _ := unstructured.NestedSlice(o.Object, "status", "conditions")
	for _, one := range list {
		c, ok := one.(map[string]any)
		if !ok || c["type"] != kind {
			continue
		}
		var out condition
		out.status, _ = c["status"].(string)
		out.reason, _ = c["reason"].(string)
		out.message, _ = c["message"].(string)
		out.observed, _ = c["observedGeneration"].(int64)
		return out
	}
	return condition{}
}

func number(o *unstructured.Unstructured, path ...string) (int64, bool) {
	n, ok, err := unstructured.NestedInt64(o.Object, path...)
	return n, ok && err == nil
}

func text(o *unstructured.Unstructured, path ...string) string {
	s, _, _ := unstructured.NestedString(o.Object, path...) // another type says nothing
	return s
}

// valueAt follows a JSON pointer (RFC 6901): a string as it is, anything else
// as JSON.
func valueAt(object map[string]any, pointer string) (string, bool) {
	var at any = object
	if pointer != "" && pointer[0] != '/' {
		return "", false
	}
	for _, part := range strings.Split(pointer, "/")[1:] {
		part = strings.NewReplacer("~1", "/", "~0", "~").Replace(part)
		switch in := at.(type) {
		case map[string]any:
			next, ok := in[part]
			if !ok {
				return "", false
			}
			at = next
		case []any:
			i, err := strconv.Atoi(part)
			if err != nil || i < 0 || i >= len(in) || strconv.Itoa(i) != part {
				return "", false
			}
			at = in[i]
		default:
			return "", false
		}
	}
	if s, ok := at.(string); ok {
		return s, true
	}
	raw, err := json.Marshal(at)
	return string(raw), err == nil
}
