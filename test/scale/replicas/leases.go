package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"strings"
	"sync"
	"time"
)

// leases is the part of a Kubernetes API that leases need: get, create and
// update, with optimistic concurrency by resourceVersion.
type leases struct {
	mu      sync.Mutex
	version int
	calls   int
	kept    map[string]map[string]any // by name
	holder  map[string]string         // by name: the replica that holds it
	taken   []taking
}

// taking is a lease that has got another holder.
type taking struct {
	lease, holder string
	at            time.Time
}

func newLeases() *leases {
	return &leases{kept: map[string]map[string]any{}, holder: map[string]string{}}
}

const collection = "/apis/coordination.k8s.io/v1/namespaces/promoter/leases"

// by is the API as one replica reaches it: all of them are on one host, which is
// what they sign leases with, so that each is known by its own door.
func (l *leases) by(replica string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { l.answer(w, r, replica) })
}

func (l *leases) answer(w http.ResponseWriter, r *http.Request, by string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.calls++
	name, ok := strings.CutPrefix(r.URL.Path, collection)
	if !ok {
		refuse(w, http.StatusNotFound, "NotFound", "no such path "+r.URL.Path)
		return
	}
	name = strings.TrimPrefix(name, "/")
	if r.Method == http.MethodGet {
		if l.kept[name] == nil {
			refuse(w, http.StatusNotFound, "NotFound", "there is no lease "+name)
			return
		}
		respond(w, http.StatusOK, l.kept[name])
		return
	}
	var body struct {
		Metadata map[string]any `json:"metadata"`
		Spec     map[string]any `json:"spec"`
	}
	if err := json.NewDecoder(r.Body).Decode(&body); err != nil || body.Metadata == nil {
		refuse(w, http.StatusBadRequest, "BadRequest", fmt.Sprint("no lease: ", err))
		return
	}
	switch r.Method {
	case http.MethodPost:
		name, _ = body.Metadata["name"].(string)
		if l.kept[name] != nil {
			refuse(w, http.StatusConflict, "AlreadyExists", "there is a lease "+name)
			return
		}
	case http.MethodPut:
		old := l.kept[name]
		if old == nil {
			refuse(w, http.StatusNotFound, "NotFound", "there is no lease "+name)
			return
		}
		if old["metadata"].(map[string]any)["resourceVersion"] != body.Metadata["resourceVersion"] {
			refuse(w, http.StatusConflict, "Conflict", "the object has been modified")
			return
		}
	default:
		refuse(w, http.StatusMethodNotAllowed, "MethodNotAllowed", r.Method)
		return
	}
	l.version++
	body.Metadata["resourceVersion"] = fmt.Sprint(l.version)
	l.kept[name] = map[string]any{"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": body.Metadata, "spec": body.Spec}
	if id, _ := body.Spec["holderIdentity"].(string); id == "" { // given back
		by = ""
	}
	if by != l.holder[name] {
		l.holder[name] = by
		l.taken = append(l.taken, taking{name, by, time.Now()})
	}
	respond(w, map[string]int{http.MethodPost: http.StatusCreated, http.MethodPut: http.StatusOK}[r.Method], l.kept[name])
}

// holders is who holds which lease.
func (l *leases) holders() map[string]string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return maps.Clone(l.holder)
}

// takings are the changes of holders since a moment.
func (l *leases) takings(since time.Time) (out []taking) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, t := range l.taken {
		if t.at.After(since) {
			out = append(out, t)
		}
	}
	return out
}

// asked is how often anything was asked.
func (l *leases) asked() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.calls
}

func respond(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // who asked may have gone
}

func refuse(w http.ResponseWriter, status int, reason, message string) {
	respond(w, status, map[string]any{
		"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": status, "reason": reason, "message": message,
	})
}
