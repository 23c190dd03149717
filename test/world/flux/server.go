package flux

import (
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// RequestAnnotation asks for a reconcile.
const RequestAnnotation = "reconcile.fluxcd.io/requestedAt"

// Object is one object, as JSON has it.
type Object = map[string]any

// Kind is a kind that the server has.
type Kind struct {
	Group   string
	Version string
	Name    string // Kustomization
	Plural  string // kustomizations
	Cluster bool   // its objects have no namespace
	Status  bool   // it has a status of its own
}

// Kinds are those of Flux, and a few that it applies.
func Kinds() []Kind {
	const source, apply, helm = "source.toolkit.fluxcd.io", "kustomize.toolkit.fluxcd.io", "helm.toolkit.fluxcd.io"
	return []Kind{
		{Group: source, Version: "v1", Name: "GitRepository", Plural: "gitrepositories", Status: true},
		{Group: source, Version: "v1", Name: "OCIRepository", Plural: "ocirepositories", Status: true},
		{Group: source, Version: "v1", Name: "HelmChart", Plural: "helmcharts", Status: true},
		{Group: apply, Version: "v1", Name: "Kustomization", Plural: "kustomizations", Status: true},
		{Group: helm, Version: "v2", Name: "HelmRelease", Plural: "helmreleases", Status: true},
		{Version: "v1", Name: "ConfigMap", Plural: "configmaps"},
		{Group: "apps", Version: "v1", Name: "Deployment", Plural: "deployments", Status: true},
		{Group: "apps", Version: "v1", Name: "DaemonSet", Plural: "daemonsets", Status: true},
	}
}

// Lies are ways to be wrong. They hold until they are taken back.
type Lies struct {
	// Stale answers lists from how things were when it was set.
	Stale bool
	// Truncate cuts every answer to so many bytes; zero: not at all.
	Truncate int
	// LosePage says of every second page that it has expired.
	LosePage bool
	// Deny refuses lists of a kind, by its plural.
	Deny string
	// Hide leaves a kind out of lists' paths, though discovery names it.
	Hide string
	// DropRequest takes the annotation that asks for a reconcile away.
	DropRequest bool
	// Undated leaves out when it answered.
	Undated bool
}

// Server is an http.Handler.
type Server struct {
	Now func() time.Time
	// Requested is called, without any lock held, when a reconcile is asked for.
	Requested func(o Object, token string)
	// Page is how many objects a page has at most; zero: as asked.
	Page int

	mu       sync.Mutex
	kinds    []Kind
	objects  []Object // in the order that they came
	version  uint64
	lies     Lies
	frozen   []Object
	requests []string
	changed  chan struct{} // closed and replaced with every change
	cut      chan struct{} // closed and replaced by CutStreams
	log      []event
}

type event struct {
	version uint64
	kind    string
	object  Object
}

// New makes a server of some kinds without objects.
func New(kinds ...Kind) *Server {
	return &Server{Now: time.Now, kinds: kinds, version: 100, changed: make(chan struct{}), cut: make(chan struct{})}
}

// Set adds an object, or replaces the one of its kind and name. Its version is
// the server's to give, and its uid when it names none.
func (s *Server) Set(o Object) {
	s.mu.Lock()
	defer s.mu.Unlock()
	o = clone(o)
	s.version++
	meta := metaOf(o)
	meta["resourceVersion"] = strconv.FormatUint(s.version, 10)
	kind := "ADDED"
	if i := s.index(o); i >= 0 {
		kind = "MODIFIED"
		if meta["uid"] == nil {
			meta["uid"] = metaOf(s.objects[i])["uid"]
		}
		s.objects[i] = o
	} else {
		s.objects = append(s.objects, o)
	}
	if meta["uid"] == nil {
		meta["uid"] = "uid-" + meta["resourceVersion"].(string)
	}
	s.note(kind, o)
}

// Update changes an object, and reports whether there is one.
func (s *Server) Update(kind, name string, change func(Object)) bool {
	o := s.Get(kind, name)
	if o == nil {
		return false
	}
	change(o)
	s.Set(o)
	return true
}

// Get returns a copy of an object, or nil.
func (s *Server) Get(kind, name string) Object {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, o := range s.objects {
		if o["kind"] == kind && metaOf(o)["name"] == name {
			return clone(o)
		}
	}
	return nil
}

// Delete removes an object.
func (s *Server) Delete(kind, name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.objects = slices.DeleteFunc(s.objects, func(o Object) bool {
		gone := o["kind"] == kind && metaOf(o)["name"] == name
		if gone {
			s.version++
			s.note("DELETED", o)
		}
		return gone
	})
}

// Serve replaces the kinds that the server has.
func (s *Server) Serve(kinds ...Kind) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.kinds = kinds
}

// Lie changes the lies.
func (s *Server) Lie(change func(*Lies)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	was := s.lies.Stale
	change(&s.lies)
	if s.lies.Stale && !was {
		s.frozen = slices.Clone(s.objects)
	}
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

func (s *Server) note(kind string, o Object) {
	s.log = append(s.log, event{s.version, kind, o})
	close(s.changed)
	s.changed = make(chan struct{})
}

func (s *Server) index(o Object) int {
	return slices.IndexFunc(s.objects, func(b Object) bool {
		x, y := metaOf(o), metaOf(b)
		return o["kind"] == b["kind"] && x["name"] == y["name"] && x["namespace"] == y["namespace"]
	})
}

// metaOf returns the metadata of an object, which it makes when there is none.
func metaOf(o Object) Object {
	meta, ok := o["metadata"].(map[string]any)
	if !ok {
		meta = Object{}
		o["metadata"] = meta
	}
	return meta
}

func clone(o Object) Object {
	var out Object
	text, err := json.Marshal(o)
	if err == nil {
		err = json.Unmarshal(text, &out)
	}
	if err != nil {
		panic(err) // what a test sets is JSON
	}
	return out
}

func (k Kind) groupVersion() string { return strings.TrimPrefix(k.Group+"/"+k.Version, "/") }

func (k Kind) root() string {
	if k.Group == "" {
		return "/api/" + k.Version
	}
	return "/apis/" + k.groupVersion()
}

// ServeHTTP answers as a Kubernetes API server.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	s.requests = append(s.requests, r.Method+" "+r.URL.Path)
	lies := s.lies
	s.mu.Unlock()
	w.Header()["Date"] = nil
	if !lies.Undated {
		w.Header().Set("Date", s.Now().UTC().Format(http.TimeFormat))
	}
	w.Header().Set("Content-Type", "application/json")
	if lies.Truncate > 0 {
		w = &short{w, lies.Truncate}
	}
	s.route(w, r, lies)
}

// short loses what comes after so many bytes.
type short struct {
	http.ResponseWriter
	left int
}

func (w *short) Write(p []byte) (int, error) {
	n := min(len(p), w.left)
	w.left -= n
	_, err := w.ResponseWriter.Write(p[:n])
	return len(p), err
}

func (w *short) Unwrap() http.ResponseWriter { return w.ResponseWriter }
