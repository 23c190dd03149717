package lease

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"time"

	"k8s.io/client-go/rest"
)

// api is the part of a Kubernetes API that leases need: get, create and
// update, with optimistic concurrency by resourceVersion.
type api struct {
	mu      sync.Mutex
	version int
	leases  map[string]map[string]any // by path of the collection and name
	writes  []write
	forbid  string // a method
}

// write is one that went through.
type write struct {
	name, holder string
	at           time.Time
}

func newAPI() *api { return &api{leases: map[string]map[string]any{}} }

func (a *api) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a.mu.Lock()
	defer a.mu.Unlock()
	const prefix = "/apis/coordination.k8s.io/v1/namespaces/"
	namespace, rest, ok := strings.Cut(strings.TrimPrefix(r.URL.Path, prefix), "/")
	if !strings.HasPrefix(r.URL.Path, prefix) || !ok || !strings.HasPrefix(rest, "leases") {
		fail(w, 404, "NotFound", "no such path "+r.URL.Path)
		return
	}
	if r.Method == a.forbid {
		fail(w, 403, "Forbidden", "leases.coordination.k8s.io is forbidden")
		return
	}
	key := namespace + "/" + strings.TrimPrefix(strings.TrimPrefix(rest, "leases"), "/")
	var body map[string]any
	if r.Method != http.MethodGet {
		if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
			fail(w, 400, "BadRequest", err.Error())
			return
		}
	}
	switch r.Method {
	case http.MethodGet:
		if a.leases[key] == nil {
			fail(w, 404, "NotFound", "there is no lease "+key)
			return
		}
		respond(w, 200, a.leases[key])
	case http.MethodPost:
		name, _ := body["metadata"].(map[string]any)["name"].(string)
		if a.leases[key+name] != nil {
			fail(w, 409, "AlreadyExists", "there is a lease "+name)
			return
		}
		respond(w, 201, a.store(key+name, body))
	case http.MethodPut:
		old := a.leases[key]
		if old == nil {
			fail(w, 404, "NotFound", "there is no lease "+key)
			return
		}
		was := old["metadata"].(map[string]any)["resourceVersion"]
		if body["metadata"].(map[string]any)["resourceVersion"] != was {
			fail(w, 409, "Conflict", "the object has been modified")
			return
		}
		respond(w, 200, a.store(key, body))
	default:
		fail(w, 405, "MethodNotAllowed", r.Method)
	}
}

// store keeps a lease under the next version. The caller holds the lock.
func (a *api) store(key string, body map[string]any) map[string]any {
	a.version++
	body["metadata"].(map[string]any)["resourceVersion"] = fmt.Sprint(a.version)
	a.leases[key] = body
	_, name, _ := strings.Cut(key, "/")
	holder, _ := body["spec"].(map[string]any)["holderIdentity"].(string)
	a.writes = append(a.writes, write{name, holder, time.Now()})
	return body
}

// steal makes somebody else the holder of every lease.
func (a *api) steal(holder string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for key, body := range a.leases {
		body["spec"].(map[string]any)["holderIdentity"] = holder
		a.store(key, body)
	}
}

// holders is who holds which lease, by name.
func (a *api) holders() map[string]string {
	a.mu.Lock()
	defer a.mu.Unlock()
	holders := map[string]string{}
	for key, body := range a.leases {
		_, name, _ := strings.Cut(key, "/")
		holders[name], _ = body["spec"].(map[string]any)["holderIdentity"].(string)
	}
	return holders
}

func respond(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	if err := json.NewEncoder(w).Encode(v); err != nil {
		panic(err) // what came in as JSON goes out as JSON
	}
}

func fail(w http.ResponseWriter, status int, reason, message string) {
	respond(w, status, map[string]any{
		"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": status, "reason": reason, "message": message,
	})
}

// wire is one replica's way to the API, without sockets, so that virtual time
// can pass. It can be cut, so that calls hang, and can lose answers.
type wire struct {
	api *api

	mu       sync.Mutex
	cut      bool
	loseNext bool // what goes in takes effect, and hangs after
}

func (c *wire) set(change func(*wire)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	change(c)
}

func (c *wire) RoundTrip(r *http.Request) (*http.Response, error) {
	c.mu.Lock()
	cut, lose := c.cut, c.loseNext && r.Method == http.MethodPut
	if lose {
		c.loseNext = false
	}
	c.mu.Unlock()
	if !cut {
		w := httptest.NewRecorder()
		c.api.ServeHTTP(w, r)
		if !lose {
			return w.Result(), nil
		}
	}
	<-r.Context().Done()
	return nil, errors.Join(errors.New("no answer"), r.Context().Err())
}

func (c *wire) config() *rest.Config {
	return &rest.Config{Host: "http://kubernetes.example", Transport: c}
}
