package argocd

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"
)

// RefreshAnnotation asks for a comparison, and is taken away when it is done.
const RefreshAnnotation = "argocd.argoproj.io/refresh"

// Key names an Application.
type Key struct{ Namespace, Name string }

// Extra is what the API tells of an application beside its object.
type Extra struct {
	CanSync   bool
	Nodes     []Node
	Managed   []Managed
	Manifests func(revision string) []string
}

// Hooks are called, without any lock held, when something is asked of the
// server. They may call its methods.
type Hooks struct {
	// Refresh is called when the annotation was set. Whoever serves it calls
	// Update and takes the annotation away.
	Refresh func(key Key, kind string)
	// Terminate is called when a running operation was set to Terminating.
	Terminate func(key Key)
}

// Lies are ways to be wrong. They hold until they are taken back.
type Lies struct {
	// DropRefresh takes the annotation away and tells nobody.
	DropRefresh bool
	// Stale answers lists and gets from how things were when it was set.
	Stale bool
	// Truncate cuts every answer to so many bytes; zero: not at all.
	Truncate int
	// Deny answers 401 after so many requests; negative: not at all.
	Deny int
	// Undated leaves out when it answered.
	Undated bool
}

// Server is an http.Handler.
type Server struct {
	Token   string // empty: everyone may
	Version string // of Argo CD
	// AllFields has lists whole whatever fields are asked for.
	AllFields bool
	Now       func() time.Time
	Hooks     Hooks

	mu       sync.Mutex
	apps     map[Key]*Application
	extras   map[Key]Extra
	projects []byte // items of a list of AppProjects, as JSON
	version  uint64
	uids     uint64
	lies     Lies
	frozen   []Application
	requests []string
	denyAt   int
	changed  chan struct{} // closed and replaced with every change
	cut      chan struct{} // closed and replaced by CutStreams
	log      []event
}

type event struct {
	version uint64
	kind    string // ADDED, MODIFIED, DELETED
	app     Application
}

// New makes a server without Applications.
func New() *Server {
	return &Server{
		Version: "v3.1.4+0000000", Now: time.Now, lies: Lies{Deny: -1},
		apps: map[Key]*Application{}, extras: map[Key]Extra{}, projects: []byte("[]"),
		version: 100, changed: make(chan struct{}), cut: make(chan struct{}),
	}
}

// Set adds an Application or replaces it. Its identity and version are the
// server's to give.
func (s *Server) Set(app Application) {
	now := s.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	key := keyOf(app)
	kind := "MODIFIED"
	if old := s.apps[key]; old != nil {
		app.Metadata.UID = cmp.Or(app.Metadata.UID, old.Metadata.UID)
		app.Metadata.CreationTimestamp = old.Metadata.CreationTimestamp
	} else {
		kind = "ADDED"
	}
	if app.Metadata.CreationTimestamp == nil {
		app.Metadata.CreationTimestamp = At(now)
	}
	if app.Metadata.UID == "" {
		s.uids++
		app.Metadata.UID = fmt.Sprintf("00000000-0000-4000-8000-%012d", s.uids)
	}
	if _, ok := s.extras[key]; !ok {
		s.extras[key] = Extra{CanSync: true}
	}
	s.put(key, clone(app), kind)
}

// Update changes an Application, and reports whether there is one.
func (s *Server) Update(key Key, change func(*Application)) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	old := s.apps[key]
	if old == nil {
		return false
	}
	app := clone(*old)
	change(&app)
	s.put(key, app, "MODIFIED")
	return true
}

// put stores an application that nobody else holds.
func (s *Server) put(key Key, app Application, kind string) {
	s.version++
	app.APIVersion, app.Kind = "argoproj.io/v1alpha1", "Application"
	app.Metadata.ResourceVersion = strconv.FormatUint(s.version, 10)
	s.apps[key] = &app
	s.note(kind, app)
}

func (s *Server) note(kind string, app Application) {
	s.log = append(s.log, event{s.version, kind, app})
	if len(s.log) > 1000 {
		s.log = slices.Delete(s.log, 0, 500)
	}
	close(s.changed)
	s.changed = make(chan struct{})
}

// Delete removes an Application.
func (s *Server) Delete(key Key) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if app := s.apps[key]; app != nil {
		delete(s.apps, key)
		delete(s.extras, key)
		s.version++
		s.note("DELETED", *app)
	}
}

// Get returns a copy of an Application.
func (s *Server) Get(key Key) (Application, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if app := s.apps[key]; app != nil {
		return clone(*app), true
	}
	return Application{}, false
}

// Keys returns the names of all Applications, sorted.
func (s *Server) Keys() []Key {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.sorted()
}

func (s *Server) sorted() []Key {
	keys := make([]Key, 0, len(s.apps))
	for k := range s.apps {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, func(a, b Key) int { return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name)) })
	return keys
}

// SetExtra sets what the API tells beside the object.
func (s *Server) SetExtra(key Key, change func(*Extra)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	e, ok := s.extras[key]
	if !ok {
		e.CanSync = true
	}
	change(&e)
	s.extras[key] = e
}

// SetProjects sets the AppProjects, as a JSON array.
func (s *Server) SetProjects(items string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.projects = []byte(items)
}

// Lie changes the lies.
func (s *Server) Lie(change func(*Lies)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	was := s.lies.Stale
	change(&s.lies)
	if s.lies.Stale && !was {
		s.frozen = s.all()
	}
	s.denyAt = len(s.requests) + s.lies.Deny
}

// CutStreams ends every watch.
func (s *Server) CutStreams() {
	s.mu.Lock()
	defer s.mu.Unlock()
	close(s.cut)
	s.cut = make(chan struct{})
}

// Requests returns method and path of every request so far.
func (s *Server) Requests() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.requests)
}

func (s *Server) all() []Application {
	out := make([]Application, 0, len(s.apps))
	for _, k := range s.sorted() {
		out = append(out, *s.apps[k])
	}
	return out
}

// visible is what lists are made of.
func (s *Server) visible() []Application {
	if s.lies.Stale {
		return s.frozen
	}
	return s.all()
}

func keyOf(app Application) Key { return Key{app.Metadata.Namespace, app.Metadata.Name} }

// clone copies all that an Application points to.
func clone(app Application) Application {
	var out Application
	text, err := json.Marshal(app)
	if err == nil {
		err = json.Unmarshal(text, &out)
	}
	if err != nil {
		panic(err) // unreachable: every field has a JSON form that is read back
	}
	return out
}

// ServeHTTP answers, as truthfully as it is told to.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	n := len(s.requests)
	s.requests = append(s.requests, r.Method+" "+r.URL.Path)
	lies, token, now := s.lies, s.Token, s.Now
	denied := lies.Deny >= 0 && n >= s.denyAt
	s.mu.Unlock()
	if lies.Undated {
		w.Header()["Date"] = nil
	} else {
		w.Header().Set("Date", now().UTC().Format(http.TimeFormat))
	}
	if denied || token != "" && r.URL.Path != "/api/version" && r.Header.Get("Authorization") != "Bearer "+token {
		refuse(w, http.StatusUnauthorized, "invalid session: token "+r.Header.Get("Authorization")+" is expired")
		return
	}
	if lies.Truncate > 0 {
		cut := &cutWriter{ResponseWriter: w, left: lies.Truncate}
		s.routes().ServeHTTP(cut, r)
		return
	}
	s.routes().ServeHTTP(w, r)
}

// cutWriter says that all is well and keeps the rest.
type cutWriter struct {
	http.ResponseWriter
	left int
}

func (c *cutWriter) Write(p []byte) (int, error) {
	n := min(len(p), c.left)
	c.left -= n
	_, err := c.ResponseWriter.Write(p[:n])
	return len(p), err
}

func refuse(w http.ResponseWriter, code int, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	// A client that is gone needs no explanation.
	_ = json.NewEncoder(w).Encode(map[string]any{"error": message, "message": message, "code": 16})
}

func reply(w http.ResponseWriter, v any) {
	var b bytes.Buffer
	if err := json.NewEncoder(&b).Encode(v); err != nil {
		refuse(w, http.StatusInternalServerError, err.Error())
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(b.Bytes()) // a client that is gone needs no answer
}
