package argocd

import (
	"encoding/json"
	"slices"
	"strings"
)

// listed are the fields that lists can be cut down to, as Argo CD has them: no
// others are to be had, so that an answer with fields has no identity, no
// version and no revisions.
var listed = map[string]bool{
	"metadata.name": true, "metadata.namespace": true, "metadata.annotations": true, "metadata.labels": true,
	"metadata.creationTimestamp": true, "metadata.deletionTimestamp": true, "spec": true,
	"status.sync.status": true, "status.health": true, "status.summary": true, "status.resources": true,
	"status.operationState.startedAt": true, "status.operationState.finishedAt": true, "status.operationState.phase": true, "operation.sync": true,
}

// only cuts a value down to fields, by their paths with dots.
func only(v any, fields []string) (map[string]any, error) {
	var object map[string]any
	text, err := json.Marshal(v)
	if err == nil {
		err = json.Unmarshal(text, &object)
	}
	out := map[string]any{}
	for _, f := range fields {
		path := strings.Split(f, ".")
		from, to := object, out
		for i, key := range path {
			value, ok := from[key]
			if !ok {
				break
			}
			if i == len(path)-1 {
				to[key] = value
				break
			}
			if from, ok = value.(map[string]any); !ok {
				break
			}
			if _, ok := to[key]; !ok {
				to[key] = map[string]any{}
			}
			to = to[key].(map[string]any) // nothing else was put there
		}
	}
	return out, err
}

// light is an application without the heavy parts that no field is in: to write
// out what is then left out takes most of the time.
func light(app Application, fields []string) Application {
	has := func(prefix string) bool {
		return slices.ContainsFunc(fields, func(f string) bool { return strings.HasPrefix(f, prefix) })
	}
	if !has("status") {
		app.Status = Status{}
	}
	if !has("spec") {
		app.Spec = Spec{}
	}
	if !has("metadata.annotations") {
		app.Metadata.Annotations = nil
	}
	return app
}

// wanted are the fields of a query that begin so.
func wanted(query, prefix string) []string {
	var out []string
	for f := range strings.SplitSeq(query, ",") {
		if f, ok := strings.CutPrefix(f, prefix); ok {
			out = append(out, f)
		}
	}
	return out
}
