package flux

import (
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"strings"
)

func reply(w http.ResponseWriter, code int, body any) {
	w.WriteHeader(code)
	// A client that is gone needs no answer.
	_ = json.NewEncoder(w).Encode(body)
}

func refuse(w http.ResponseWriter, code int, reason string) {
	reply(w, code, Object{"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": reason, "code": code, "message": reason})
}

func (s *Server) route(w http.ResponseWriter, r *http.Request, lies Lies) {
	s.mu.Lock()
	kinds := s.kinds
	s.mu.Unlock()
	for _, k := range kinds {
		switch {
		case r.URL.Path == k.root():
			discoverVersion(w, k, kinds)
			return
		case k.Group != "" && r.URL.Path == "/apis/"+k.Group:
			discoverGroup(w, k, kinds)
			return
		}
		rest, ok := strings.CutPrefix(r.URL.Path, k.root()+"/")
		if !ok {
			continue
		}
		parts := strings.Split(rest, "/")
		namespace := ""
		if len(parts) > 2 && parts[0] == "namespaces" {
			namespace, parts = parts[1], parts[2:]
		}
		if parts[0] != k.Plural || k.Plural == lies.Hide {
			continue
		}
		switch {
		case k.Plural == lies.Deny:
			refuse(w, http.StatusForbidden, "Forbidden")
		case len(parts) == 1 && r.URL.Query().Get("watch") != "":
			s.watch(w, r, k)
		case len(parts) == 1:
			s.list(w, r, k, lies)
		case r.Method == http.MethodPatch:
			s.patch(w, r, k, namespace, parts[1], lies)
		default:
			s.get(w, k, namespace, parts[1])
		}
		return
	}
	refuse(w, http.StatusNotFound, "NotFound")
}

func discoverGroup(w http.ResponseWriter, of Kind, kinds []Kind) {
	var versions []any
	seen := map[string]bool{}
	for _, k := range kinds {
		if k.Group == of.Group && !seen[k.Version] {
			seen[k.Version] = true
			versions = append(versions, Object{"groupVersion": k.groupVersion(), "version": k.Version})
		}
	}
	reply(w, http.StatusOK, Object{"kind": "APIGroup", "apiVersion": "v1", "name": of.Group, "versions": versions, "preferredVersion": versions[0]})
}

func discoverVersion(w http.ResponseWriter, of Kind, kinds []Kind) {
	var resources []any
	for _, k := range kinds {
		if k.groupVersion() != of.groupVersion() {
			continue
		}
		resources = append(resources, Object{"name": k.Plural, "kind": k.Name, "namespaced": !k.Cluster, "verbs": []string{"get", "list", "watch", "patch"}})
		if k.Status {
			resources = append(resources, Object{"name": k.Plural + "/status", "kind": k.Name, "namespaced": !k.Cluster, "verbs": []string{"get"}})
		}
	}
	reply(w, http.StatusOK, Object{"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": of.groupVersion(), "resources": resources})
}

// list pages by the number in "continue".
func (s *Server) list(w http.ResponseWriter, r *http.Request, k Kind, lies Lies) {
	q := r.URL.Query()
	from, _ := strconv.Atoi(q.Get("continue")) // the first page has none
	if from > 0 && lies.LosePage {
		refuse(w, http.StatusGone, "Expired")
		return
	}
	s.mu.Lock()
	objects := s.objects
	if lies.Stale {
		objects = s.frozen
	}
	items := []Object{}
	for _, o := range objects {
		if o["kind"] == k.Name && o["apiVersion"] == k.groupVersion() {
			items = append(items, o)
		}
	}
	meta := Object{"resourceVersion": strconv.FormatUint(s.version, 10)}
	s.mu.Unlock()
	items = items[min(from, len(items)):]
	limit, _ := strconv.Atoi(q.Get("limit")) // without one there is one page
	if s.Page > 0 {
		limit = s.Page
	}
	if limit > 0 && len(items) > limit {
		items, meta["continue"] = items[:limit], strconv.Itoa(from+limit)
	}
	reply(w, http.StatusOK, Object{"kind": k.Name + "List", "apiVersion": k.groupVersion(), "metadata": meta, "items": items})
}

func (s *Server) find(k Kind, namespace, name string) Object {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, o := range s.objects {
		meta := metaOf(o)
		here, _ := meta["namespace"].(string)
		if o["kind"] == k.Name && o["apiVersion"] == k.groupVersion() && meta["name"] == name && here == namespace {
			return clone(o)
		}
	}
	return nil
}

func (s *Server) get(w http.ResponseWriter, k Kind, namespace, name string) {
	o := s.find(k, namespace, name)
	if o == nil {
		refuse(w, http.StatusNotFound, "NotFound")
		return
	}
	reply(w, http.StatusOK, o)
}

// patch merges a patch (RFC 7386).
func (s *Server) patch(w http.ResponseWriter, r *http.Request, k Kind, namespace, name string, lies Lies) {
	var patch Object
	body, err := io.ReadAll(io.LimitReader(r.Body, 1<<20))
	if err == nil {
		err = json.Unmarshal(body, &patch)
	}
	if err != nil || r.Header.Get("Content-Type") != "application/merge-patch+json" {
		refuse(w, http.StatusBadRequest, "BadRequest")
		return
	}
	o := s.find(k, namespace, name)
	if o == nil {
		refuse(w, http.StatusNotFound, "NotFound")
		return
	}
	before := annotation(o)
	merge(o, patch)
	token := annotation(o)
	if lies.DropRequest {
		delete(metaOf(o)["annotations"].(map[string]any), RequestAnnotation)
	}
	s.Set(o)
	if token != before && !lies.DropRequest && s.Requested != nil {
		s.Requested(clone(o), token)
	}
	s.get(w, k, namespace, name)
}

func annotation(o Object) string {
	all, _ := metaOf(o)["annotations"].(map[string]any)
	token, _ := all[RequestAnnotation].(string)
	return token
}

func merge(target, patch Object) {
	for key, value := range patch {
		switch value := value.(type) {
		case nil:
			delete(target, key)
		case map[string]any:
			below, ok := target[key].(map[string]any)
			if !ok {
				below = Object{}
				target[key] = below
			}
			merge(below, value)
		default:
			target[key] = value
		}
	}
}

func (s *Server) watch(w http.ResponseWriter, r *http.Request, k Kind) {
	flush := http.NewResponseController(w)
	s.mu.Lock()
	sent, changed, cut := len(s.log), s.changed, s.cut
	s.mu.Unlock()
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
		s.mu.Lock()
		events := s.log[sent:]
		sent, changed = len(s.log), s.changed
		s.mu.Unlock()
		for _, e := range events {
			if e.object["kind"] == k.Name && json.NewEncoder(w).Encode(Object{"type": e.kind, "object": e.object}) != nil {
				return
			}
		}
	}
}
