package argocd

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
)

const group = "/apis/argoproj.io/v1alpha1"

// resources are the same Applications as the Kubernetes API has them.
func (s *Server) resources(mux *http.ServeMux) {
	mux.HandleFunc("GET "+group+"/applications", s.kubeList)
	mux.HandleFunc("GET "+group+"/namespaces/{namespace}/applications", s.kubeList)
	mux.HandleFunc("GET "+group+"/namespaces/{namespace}/applications/{name}", s.kubeGet)
	mux.HandleFunc("PATCH "+group+"/namespaces/{namespace}/applications/{name}", s.kubePatch)
	mux.HandleFunc("GET "+group+"/appprojects", s.kubeProjects)
	mux.HandleFunc("GET "+group+"/namespaces/{namespace}/appprojects", s.kubeProjects)
}

func kubeRefuse(w http.ResponseWriter, code int, reason string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	// A client that is gone needs no explanation.
	_ = json.NewEncoder(w).Encode(map[string]any{"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": reason, "code": code, "message": reason})
}

// kubeList pages by the number in "continue".
func (s *Server) kubeList(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	if q.Get("watch") != "" {
		s.kubeWatch(w, r)
		return
	}
	s.mu.Lock()
	items := []Application{}
	for _, app := range s.visible() {
		if ns := r.PathValue("namespace"); selected(app, q.Get("labelSelector")) && (ns == "" || ns == app.Metadata.Namespace) {
			items = append(items, app)
		}
	}
	version := s.version
	s.mu.Unlock()
	meta := map[string]string{"resourceVersion": fmt.Sprint(version)}
	from, _ := strconv.Atoi(q.Get("continue")) // the first page has none
	items = items[min(from, len(items)):]
	if limit, _ := strconv.Atoi(q.Get("limit")); limit > 0 && len(items) > limit {
		items, meta["continue"] = items[:limit], strconv.Itoa(from+limit)
	}
	if asMetadata(r) {
		bare := []any{}
		for _, app := range items {
			bare = append(bare, bareOf(app))
		}
		reply(w, map[string]any{"apiVersion": "meta.k8s.io/v1", "kind": "PartialObjectMetadataList", "metadata": meta, "items": bare})
		return
	}
	reply(w, map[string]any{"apiVersion": "argoproj.io/v1alpha1", "kind": "ApplicationList", "metadata": meta, "items": items})
}

// asMetadata reports whether a client wants objects without spec and status.
func asMetadata(r *http.Request) bool {
	return strings.Contains(r.Header.Get("Accept"), "as=PartialObjectMetadata")
}

func bareOf(app Application) any {
	return map[string]any{"apiVersion": "meta.k8s.io/v1", "kind": "PartialObjectMetadata", "metadata": app.Metadata}
}

func (s *Server) kubeGet(w http.ResponseWriter, r *http.Request) {
	app, ok := s.Get(Key{r.PathValue("namespace"), r.PathValue("name")})
	if !ok {
		kubeRefuse(w, http.StatusNotFound, "NotFound")
		return
	}
	reply(w, app)
}

// kubePatch merges a patch (RFC 7386), guarded by the version that it names.
func (s *Server) kubePatch(w http.ResponseWriter, r *http.Request) {
	key := Key{r.PathValue("namespace"), r.PathValue("name")}
	var patch map[string]any
	body, err := io.ReadAll(io.LimitReader(r.Body, 1<<20))
	if err == nil {
		err = json.Unmarshal(body, &patch)
	}
	if err != nil || r.Header.Get("Content-Type") != "application/merge-patch+json" {
		kubeRefuse(w, http.StatusBadRequest, "BadRequest")
		return
	}
	before, ok := s.Get(key)
	if !ok {
		kubeRefuse(w, http.StatusNotFound, "NotFound")
		return
	}
	meta, _ := patch["metadata"].(map[string]any)
	if v, ok := meta["resourceVersion"].(string); ok && v != before.Metadata.ResourceVersion {
		kubeRefuse(w, http.StatusConflict, "Conflict")
		return
	}
	after, err := merged(before, patch)
	if err != nil {
		kubeRefuse(w, http.StatusUnprocessableEntity, "Invalid")
		return
	}
	kind := after.Metadata.Annotations[RefreshAnnotation]
	asked := kind != "" && before.Metadata.Annotations[RefreshAnnotation] != kind
	if asked {
		delete(after.Metadata.Annotations, RefreshAnnotation) // refresh sets it
	}
	s.Set(after)
	if asked {
		s.refresh(key, kind)
	}
	if op := after.Status.OperationState; op != nil && op.Phase == "Terminating" && s.Hooks.Terminate != nil {
		s.Hooks.Terminate(key)
	}
	app, _ := s.Get(key)
	reply(w, app)
}

func merged(app Application, patch map[string]any) (Application, error) {
	var object map[string]any
	var out Application
	text, err := json.Marshal(app)
	if err != nil {
		return out, err
	}
	if err := json.Unmarshal(text, &object); err != nil {
		return out, err
	}
	if text, err = json.Marshal(merge(object, patch)); err != nil {
		return out, err
	}
	return out, json.Unmarshal(text, &out)
}

func merge(target, patch map[string]any) map[string]any {
	if target == nil {
		target = map[string]any{}
	}
	for k, v := range patch {
		switch v := v.(type) {
		case nil:
			delete(target, k)
		case map[string]any:
			below, _ := target[k].(map[string]any)
			target[k] = merge(below, v)
		default:
			target[k] = v
		}
	}
	return target
}

func (s *Server) kubeProjects(w http.ResponseWriter, _ *http.Request) {
	s.mu.Lock()
	items := json.RawMessage(s.projects)
	s.mu.Unlock()
	reply(w, map[string]any{"apiVersion": "argoproj.io/v1alpha1", "kind": "AppProjectList", "metadata": map[string]string{"resourceVersion": "1"}, "items": items})
}

func (s *Server) kubeWatch(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	flush := http.NewResponseController(w)
	s.mu.Lock()
	since, changed, cut := s.version, s.changed, s.cut
	s.mu.Unlock()
	if from, err := strconv.ParseUint(r.URL.Query().Get("resourceVersion"), 10, 64); err == nil && from > 0 {
		since = from
		always := make(chan struct{})
		close(always)
		changed = always // what has changed since is sent at once
	}
	for {
		if flush.Flush() != nil {
			return
		}
		select {
		case <-changed:
		case <-cut:
			return
		case <-r.Context().Done():
			return
		}
		var events []event
		events, since, changed = s.since(since)
		for _, e := range events {
			var object any = e.app
			if asMetadata(r) {
				object = bareOf(e.app)
			}
			if json.NewEncoder(w).Encode(map[string]any{"type": e.kind, "object": object}) != nil {
				return
			}
		}
	}
}
