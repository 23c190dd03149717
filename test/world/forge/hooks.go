package forge

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"sync"
	"time"
)

// Hook is where a repository's events are delivered to.
type Hook struct {
	URL, Secret string
}

// AddHook delivers the repository's events from now on.
func (r *Repo) AddHook(h Hook) {
	r.server.mu.Lock()
	defer r.server.mu.Unlock()
	r.hooks = append(r.hooks, h)
}

// Delivered waits until all events so far are delivered, or were refused.
func (s *Server) Delivered() { s.hooks.drain() }

// delivery is one event on its way.
type delivery struct {
	hook  Hook
	event string
	body  []byte
}

// deliveries sends events one after the other, in the order of what happened,
// and never twice: as on GitHub, a delivery that fails is lost.
type deliveries struct {
	queue   chan delivery
	pending sync.WaitGroup
	done    chan struct{}
}

func newDeliveries(ctx context.Context) *deliveries {
	d := &deliveries{queue: make(chan delivery, 10_000), done: make(chan struct{})}
	go func() {
		defer close(d.done)
		client := &http.Client{Timeout: 10 * time.Second}
		for {
			select {
			case <-ctx.Done():
				return
			case x := <-d.queue:
				x.send(ctx, client)
				d.pending.Done()
			}
		}
	}()
	return d
}

func (d *deliveries) drain() { d.pending.Wait() }
func (d *deliveries) wait()  { <-d.done }

func (x delivery) send(ctx context.Context, client *http.Client) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, x.hook.URL, bytes.NewReader(x.body))
	if err != nil {
		return
	}
	mac := hmac.New(sha256.New, []byte(x.hook.Secret))
	mac.Write(x.body)
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "GitHub-Hookshot/forge")
	req.Header.Set("X-GitHub-Event", x.event)
	req.Header.Set("X-GitHub-Delivery", rand.Text())
	req.Header.Set("X-Hub-Signature-256", "sha256="+hex.EncodeToString(mac.Sum(nil)))
	resp, err := client.Do(req)
	if err != nil {
		return
	}
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 1<<20))
	_ = resp.Body.Close()
}

// emit delivers an event to every hook of the repository.
func (r *Repo) emit(event string, payload object) {
	if len(r.hooks) == 0 {
		return
	}
	body, err := json.Marshal(payload)
	if err != nil {
		panic(err) // our own shapes always encode
	}
	for _, h := range r.hooks {
		r.server.hooks.pending.Add(1)
		r.server.hooks.queue <- delivery{h, event, body}
	}
}

// event is what happened to a pull; tell delivers it. by is empty when a push
// did it.
func (r *Repo) event(p *pull, action, by string) object {
	if by == "" {
		by = p.author
	}
	shape := r.pullShape(p)
	shape["merged"] = p.merged
	return object{"action": action, "number": p.number, "pull_request": shape, "repository": r.shape(), "sender": r.server.user(by)}
}

func pushed(r *Repo, branch, before, after string) object {
	if before == "" {
		before = zero
	}
	return object{
		"ref": "refs/heads/" + branch, "before": before, "after": after, "created": before == zero, "deleted": false, "forced": false, "base_ref": nil,
		"compare": r.server.URL + "/" + r.full(), "commits": []object{}, "head_commit": nil, "repository": r.shape(), "sender": r.server.user(r.Owner),
		"pusher": object{"name": r.Owner, "email": r.Owner + "@users.noreply.example.com"},
	}
}
