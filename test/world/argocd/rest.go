package argocd

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
)

func (s *Server) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /api/version", func(w http.ResponseWriter, _ *http.Request) { reply(w, map[string]string{"Version": s.Version}) })
	mux.HandleFunc("GET /api/v1/applications", s.list)
	mux.HandleFunc("GET /api/v1/applications/{name}", s.get)
	mux.HandleFunc("GET /api/v1/applications/{name}/syncwindows", s.extra(func(_ *http.Request, e Extra) any {
		return map[string]any{"canSync": e.CanSync}
	}))
	mux.HandleFunc("GET /api/v1/applications/{name}/resource-tree", s.extra(func(_ *http.Request, e Extra) any {
		return map[string]any{"nodes": e.Nodes}
	}))
	mux.HandleFunc("GET /api/v1/applications/{name}/managed-resources", s.extra(func(_ *http.Request, e Extra) any {
		return map[string]any{"items": e.Managed}
	}))
	mux.HandleFunc("GET /api/v1/applications/{name}/manifests", s.extra(func(r *http.Request, e Extra) any {
		revision := r.URL.Query().Get("revision")
		if e.Manifests == nil {
			return map[string]any{"revision": revision}
		}
		return map[string]any{"revision": revision, "manifests": e.Manifests(revision)}
	}))
	mux.HandleFunc("DELETE /api/v1/applications/{name}/operation", s.terminate)
	mux.HandleFunc("POST /api/v1/applications/{name}/rollback", s.rollback)
	mux.HandleFunc("GET /api/v1/stream/applications", s.stream)
	s.resources(mux)
	return mux
}

func (s *Server) list(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	items := []Application{}
	projects := r.URL.Query()["projects"]
	for _, app := range s.visible() {
		if selected(app, r.URL.Query().Get("selector")) && (len(projects) == 0 || contains(projects, app.Spec.Project)) {
			items = append(items, app)
		}
	}
	version := s.version
	s.mu.Unlock()
	body := map[string]any{"metadata": map[string]string{"resourceVersion": fmt.Sprint(version)}, "items": items}
	if len(items) == 0 {
		body["items"] = nil // as Go writes a list that was never made
	}
	reply(w, body)
}

// selected knows the plainest selectors: a=b,c=d.
func selected(app Application, selector string) bool {
	if selector == "" {
		return true
	}
	for term := range strings.SplitSeq(selector, ",") {
		key, value, _ := strings.Cut(term, "=")
		if app.Metadata.Labels[key] != value {
			return false
		}
	}
	return true
}

func contains(list []string, s string) bool {
	for _, x := range list {
		if x == s {
			return true
		}
	}
	return false
}

// find resolves the application of a request; without a namespace, the first
// of its name.
func (s *Server) find(r *http.Request) (Key, *Application) {
	name, namespace := r.PathValue("name"), r.URL.Query().Get("appNamespace")
	for _, app := range s.visible() {
		if app.Metadata.Name == name && (namespace == "" || namespace == app.Metadata.Namespace) {
			return keyOf(app), &app
		}
	}
	return Key{}, nil
}

// notFound is how Argo CD says that there is none, or that it is not ours.
func notFound(w http.ResponseWriter) { refuse(w, http.StatusForbidden, "permission denied") }

func (s *Server) get(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	key, app := s.find(r)
	s.mu.Unlock()
	if app == nil {
		notFound(w)
		return
	}
	if kind := r.URL.Query().Get("refresh"); kind != "" {
		s.refresh(key, kind)
		if !s.served(r, key) {
			return // the client has gone away
		}
		s.mu.Lock()
		_, app = s.find(r)
		s.mu.Unlock()
		if app == nil {
			notFound(w)
			return
		}
	}
	reply(w, app)
}

func (s *Server) refresh(key Key, kind string) {
	s.mu.Lock()
	drop := s.lies.DropRefresh
	s.mu.Unlock()
	s.Update(key, func(app *Application) {
		if app.Metadata.Annotations == nil {
			app.Metadata.Annotations = map[string]string{}
		}
		app.Metadata.Annotations[RefreshAnnotation] = kind
	})
	if drop {
		s.Update(key, func(app *Application) { delete(app.Metadata.Annotations, RefreshAnnotation) })
		return
	}
	if s.Hooks.Refresh != nil {
		s.Hooks.Refresh(key, kind)
	}
}

// served waits until the annotation is gone, as Argo CD's own API does.
func (s *Server) served(r *http.Request, key Key) bool {
	for {
		s.mu.Lock()
		app, changed := s.apps[key], s.changed
		s.mu.Unlock()
		if app == nil || app.Metadata.Annotations[RefreshAnnotation] == "" {
			return true
		}
		select {
		case <-changed:
		case <-r.Context().Done():
			return false
		}
	}
}

func (s *Server) extra(answer func(*http.Request, Extra) any) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		key, app := s.find(r)
		e := s.extras[key]
		s.mu.Unlock()
		if app == nil {
			notFound(w)
			return
		}
		reply(w, answer(r, e))
	}
}

func (s *Server) terminate(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Content-Type") != "application/json" { // as of every method but GET: a form of another site must not
		http.Error(w, "Invalid content type", http.StatusUnsupportedMediaType)
		return
	}
	s.mu.Lock()
	key, app := s.find(r)
	s.mu.Unlock()
	switch {
	case app == nil:
		notFound(w)
	case app.Operation == nil || app.Status.OperationState == nil:
		refuse(w, http.StatusBadRequest, "Unable to terminate operation. No operation is in progress")
	default:
		s.Update(key, func(app *Application) { app.Status.OperationState.Phase = "Terminating" })
		if s.Hooks.Terminate != nil {
			s.Hooks.Terminate(key)
		}
		reply(w, map[string]any{})
	}
}

// rollback is refused while auto-sync is on, which would undo it.
func (s *Server) rollback(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	_, app := s.find(r)
	s.mu.Unlock()
	switch {
	case app == nil:
		notFound(w)
	case app.Spec.SyncPolicy != nil && app.Spec.SyncPolicy.Automated != nil:
		refuse(w, http.StatusBadRequest, "rollback cannot be initiated when auto-sync is enabled")
	default:
		refuse(w, http.StatusNotImplemented, "nothing here needs a rollback")
	}
}

// stream sends all Applications, and then each that changes.
func (s *Server) stream(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/event-stream")
	flush := http.NewResponseController(w)
	s.mu.Lock()
	since := s.version
	var events []event
	for _, app := range s.all() {
		events = append(events, event{kind: "ADDED", app: app})
	}
	changed, cut := s.changed, s.cut
	s.mu.Unlock()
	for {
		for _, e := range events {
			if !selected(e.app, r.URL.Query().Get("selector")) {
				continue
			}
			text, err := json.Marshal(map[string]any{"result": map[string]any{"type": e.kind, "application": e.app}})
			if err != nil {
				return
			}
			if _, err := fmt.Fprintf(w, "data: %s\n\n", text); err != nil {
				return
			}
		}
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
		events, since, changed = s.since(since)
	}
}

func (s *Server) since(version uint64) ([]event, uint64, chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []event
	for _, e := range s.log {
		if e.version > version {
			out = append(out, e)
		}
	}
	return out, s.version, s.changed
}
