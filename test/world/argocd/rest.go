package argocd

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
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
	if query := r.URL.Query().Get("fields"); query != "" && !s.AllFields {
		fields := slices.DeleteFunc(wanted(query, "items."), func(f string) bool { return !listed[f] })
		cut := make([]map[string]any, 0, len(items))
		for _, app := range items {
			c, err := only(light(app, fields), fields)
			if err != nil {
				refuse(w, http.StatusInternalServerError, err.Error())
				return
			}
			cut = append(cut, c)
		}
		body["items"] = cut
	}
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
	if key := (Key{namespace, name}); namespace != "" && !s.lies.Stale { // the same, without a look at the others
		if app := s.apps[key]; app != nil {
			found := *app
			return key, &found
		}
		return Key{}, nil
	}
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

// stream sends all Applications, unless a version is named, and then each that
// changes. Who accepts server-sent events gets those, and anybody else bare JSON.
// What is the same as what was sent of an application before is not sent.
func (s *Server) stream(w http.ResponseWriter, r *http.Request) {
	format, kind := "%s\n", "application/json"
	if r.Header.Get("Accept") == "text/event-stream" {
		format, kind = "data: %s \n\n", "text/event-stream"
	}
	w.Header().Set("Content-Type", kind)
	flush := http.NewResponseController(w)
	q := r.URL.Query()
	fields := wanted(q.Get("fields"), "result.")
	s.mu.Lock()
	since := s.version
	var events []event
	if q.Get("resourceVersion") == "" {
		for _, app := range s.all() {
			events = append(events, event{kind: "ADDED", app: app})
		}
	}
	changed, cut := s.changed, s.cut
	s.mu.Unlock()
	sent := map[Key]string{}
	for {
		for _, e := range events {
			if !selected(e.app, q.Get("selector")) {
				continue
			}
			result := map[string]any{"type": e.kind, "application": e.app}
			if len(fields) > 0 {
				result["application"] = light(e.app, wanted(strings.Join(fields, ","), "application."))
				var err error
				if result, err = only(result, fields); err != nil {
					return
				}
			}
			text, err := json.Marshal(map[string]any{"result": result})
			if err != nil {
				return
			}
			if key := keyOf(e.app); sent[key] != string(text) {
				sent[key] = string(text)
				if _, err := fmt.Fprintf(w, format, text); err != nil {
					return
				}
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
