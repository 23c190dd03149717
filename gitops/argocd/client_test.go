package argocd_test

import (
	"context"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"promoter/gitops/argocd"
	"promoter/promoter"
	"promoter/promoter/converge"
	world "promoter/test/world/argocd"
)

// rejoin is a new client, which knows nothing, of the same server.
func rejoin(s *stage, timeout time.Duration) *stage {
	s.Helper()
	other := *s
	var err error
	other.client, err = argocd.New(argocd.Options{
		Instances: []argocd.Instance{{Name: "main", Server: s.url, Token: token("secret-token")}}, Timeout: timeout, RefreshWait: 20 * time.Millisecond,
	})
	if err != nil {
		s.Fatal(err)
	}
	other.seen = nil
	return &other
}

func TestListsAreWholeOrErrors(t *testing.T) {
	s := begin(t)
	s.settle()
	if list, err := s.client.List(t.Context()); err != nil || len(list) != 1 || list[0].App != cart {
		t.Fatalf("%v, %v", list, err)
	}
	for name, lie := range map[string]func(*world.Lies){
		"truncated":       func(l *world.Lies) { l.Truncate = 500 },
		"cut to nothing":  func(l *world.Lies) { l.Truncate = 1 },
		"denied half way": func(l *world.Lies) { l.Deny = 0 },
		"undated":         func(l *world.Lies) { l.Undated = true },
	} {
		s.server.Lie(lie)
		list, err := s.client.List(t.Context())
		if err == nil || list != nil {
			t.Errorf("%s: %d applications, %v", name, len(list), err)
		}
		if err != nil && strings.Contains(err.Error(), "secret-token") {
			t.Errorf("%s: the error tells the token: %v", name, err)
		}
		if _, err := s.client.Look(t.Context(), cart, nil); err == nil {
			t.Errorf("%s: looked", name)
		}
		s.server.Lie(func(l *world.Lies) { *l = world.Lies{Deny: -1} })
	}
	s.server.Delete(key)
	if list, err := s.client.List(t.Context()); err != nil || len(list) != 0 {
		t.Errorf("an empty list: %v, %v", list, err)
	}
}

func TestDeniedInTheMiddleOfALook(t *testing.T) {
	s := begin(t)
	s.settle()
	for n := range 5 { // application, windows, tree, live values, application
		s.server.Lie(func(l *world.Lies) { l.Deny = n })
		if got, err := s.client.Look(t.Context(), cart, s.ask.Expect.Items); err == nil {
			t.Errorf("denied after %d: %+v", n, got)
		}
	}
	s.server.Lie(func(l *world.Lies) { l.Deny = 5 })
	if _, err := s.client.Look(t.Context(), cart, s.ask.Expect.Items); err != nil {
		t.Errorf("a look is five requests: %v", err)
	}
}

func TestStrangeAnswersAreErrors(t *testing.T) {
	t.Parallel()
	for name, body := range map[string]string{
		"no list":      `{}`,
		"a page":       `<html>sign in</html>`,
		"not whole":    `{"metadata":{"continue":"x"},"items":[]}`,
		"no name":      `{"metadata":{},"items":[{"metadata":{}}]}`,
		"twice":        `{"metadata":{},"items":[{"metadata":{"name":"a"}},{"metadata":{"name":"a"}}]}`,
		"no such type": `{"metadata":{},"items":{"a":1}}`,
		"goes on":      `{"metadata":{},"items":null}{}`,
		"two lists":    `{"metadata":{},"items":[],"items":[]}`,
		"too long":     `{"metadata":{},"items":null,"x":"` + strings.Repeat("x", 5000) + `"}`,
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, body) }))
		c, err := argocd.New(argocd.Options{Instances: []argocd.Instance{{Name: "x", Server: server.URL}}, MaxBody: 4096})
		if err != nil {
			t.Fatal(err)
		}
		if list, err := c.List(t.Context()); err == nil {
			t.Errorf("%s: %v", name, list)
		}
		server.Close()
	}
}

// One instance that does not answer: its error, and the others' lists apart.
func TestInstancesAreListedApart(t *testing.T) {
	s := begin(t)
	c, err := argocd.New(argocd.Options{Instances: []argocd.Instance{
		{Name: "main", Server: s.url, Token: token("secret-token")}, {Name: "far", Server: s.url, Token: token("another-token")},
	}})
	if err != nil {
		t.Fatal(err)
	}
	if list, err := c.List(t.Context()); err == nil || list != nil || !strings.Contains(err.Error(), `instance "far"`) || strings.Contains(err.Error(), "another-token") {
		t.Errorf("%v, %v", list, err)
	}
	lists := c.Lists(t.Context())
	if lists[0].Err != nil || len(lists[0].Apps) != 1 || lists[1].Err == nil || lists[1].Apps != nil {
		t.Errorf("%+v", lists)
	}
}

func TestOptionsAreChecked(t *testing.T) {
	t.Parallel()
	for name, in := range map[string]argocd.Instance{
		"nothing":          {},
		"no URL":           {Server: "argocd.example.com"},
		"password":         {Server: "https://me:pw@argocd.example.com"},
		"token over http":  {Server: "http://argocd.example.com"},
		"no certificate":   {Server: "https://argocd.example.com", CA: []byte("x")},
		"no such file":     {Kube: &argocd.Kube{Path: "/nonexistent"}},
		"no such protocol": {Server: "ftp://argocd.example.com"},
	} {
		if _, err := argocd.New(argocd.Options{Instances: []argocd.Instance{in}}); err == nil || strings.Contains(err.Error(), "pw") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := argocd.New(argocd.Options{}); err == nil {
		t.Error("no instance")
	}
}

// A redirect is followed nowhere, and takes no token anywhere.
func TestRedirectsAreRefused(t *testing.T) {
	t.Parallel()
	var told []string
	thief := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { told = append(told, r.URL.Path) }))
	defer thief.Close()
	server := httptest.NewServer(http.RedirectHandler(thief.URL, http.StatusFound))
	defer server.Close()
	c, err := argocd.New(argocd.Options{Instances: []argocd.Instance{{Name: "x", Server: server.URL, Token: token("t")}}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.List(t.Context()); err == nil || len(told) > 0 {
		t.Errorf("%v, %q", err, told)
	}
}

func TestTLS(t *testing.T) {
	t.Parallel()
	server := httptest.NewUnstartedServer(world.New())
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	defer server.Close()
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	c, err := argocd.New(argocd.Options{Instances: []argocd.Instance{{Name: "x", Server: server.URL, CA: ca}}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.List(t.Context()); err != nil {
		t.Error(err)
	}
	stranger, err := argocd.New(argocd.Options{Instances: []argocd.Instance{{Name: "x", Server: server.URL}}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := stranger.List(t.Context()); err == nil {
		t.Error("a certificate of nobody's is believed")
	}
}

// Old lists come from caches; a newer look was had before.
func TestStaleListIsBlind(t *testing.T) {
	s := begin(t)
	s.settle()
	s.server.Lie(func(l *world.Lies) { l.Stale = true })
	s.change(func(a *world.Application) {
		a.Status.ReconciledAt, a.Status.Health.Status = at(110), "Degraded"
	})
	old := s.look()
	s.server.Lie(func(l *world.Lies) { l.Stale = false })
	s.seen = nil
	s.look()
	s.seen = append(s.seen, old)
	if got := converge.Argo(s.ask, s.seen, after(120)); got.Outcome != promoter.Blind || !strings.Contains(got.Reason, "older than one from before") {
		t.Errorf("%s: %s", got.Outcome, got.Reason)
	}
}

// What is read about an application is of one version of it.
func TestLookIsOfOneVersion(t *testing.T) {
	s := begin(t)
	s.settle()
	moves := 2
	var mu sync.Mutex
	now := s.server.Now
	s.server.Now = func() time.Time { // called with every request
		mu.Lock()
		defer mu.Unlock()
		if requests := s.server.Requests(); moves > 0 && strings.HasSuffix(requests[len(requests)-1], "/syncwindows") {
			moves--
			s.server.Update(key, func(a *world.Application) { a.Metadata.Labels = map[string]string{"moves": fmt.Sprint(moves)} })
		}
		return now()
	}
	if got := s.look(); got.Labels["moves"] != "0" {
		t.Errorf("%v", got.Labels)
	}
	mu.Lock()
	moves = 100
	mu.Unlock()
	if _, err := s.client.Look(t.Context(), cart, nil); err == nil || !strings.Contains(err.Error(), "changes faster") {
		t.Errorf("%v", err)
	}
}

func TestWatchIsOpenedAgain(t *testing.T) {
	s := begin(t)
	c, err := argocd.New(argocd.Options{
		Instances: []argocd.Instance{{Name: "main", Server: s.url, Token: token("secret-token")}}, Reconnect: time.Millisecond,
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	hints := make(chan struct{}, 100)
	done := make(chan struct{})
	go func() {
		defer close(done)
		c.Watch(ctx, func() { hints <- struct{}{} })
	}()
	<-hints // what there is
	s.change(func(a *world.Application) { a.Status.Health.Status = "Degraded" })
	<-hints
	s.server.CutStreams()
	<-hints // that it was lost
	<-hints // what there is
	s.change(func(a *world.Application) { a.Status.Health.Status = "Healthy" })
	<-hints
	cancel()
	<-done
}

// A silent stream is lost, and each attempt waits longer than the one before.
func TestWatchBacksOff(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var tries []time.Time
		c, err := argocd.New(argocd.Options{Instances: []argocd.Instance{{Name: "x", Server: "https://127.0.0.1:1", Token: func(context.Context) (string, error) {
			tries = append(tries, time.Now())
			return "", fmt.Errorf("no token today")
		}}}})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Second)
		defer cancel()
		c.Watch(ctx, func() {})
		var gaps []string
		for i := 1; i < len(tries); i++ {
			gaps = append(gaps, tries[i].Sub(tries[i-1]).String())
		}
		if got := strings.Join(gaps, " "); got != "1s 2s 4s 8s 16s 30s 30s" {
			t.Errorf("pauses %s", got)
		}
	})
}

// kubeconfig serves the same over TLS: no token goes any other way.
func kubeconfig(t *testing.T, handler http.Handler) string {
	t.Helper()
	server := httptest.NewTLSServer(handler)
	t.Cleanup(server.Close)
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	path := filepath.Join(t.TempDir(), "config")
	text, err := json.Marshal(map[string]any{
		"apiVersion": "v1", "kind": "Config", "current-context": "c",
		"clusters": []any{map[string]any{"name": "k", "cluster": map[string]any{"server": server.URL, "certificate-authority-data": ca}}},
		"users":    []any{map[string]any{"name": "u", "user": map[string]any{"token": "secret-token"}}},
		"contexts": []any{map[string]any{"name": "c", "context": map[string]any{"cluster": "k", "user": "u"}}},
	})
	if err == nil {
		err = os.WriteFile(path, text, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	return path
}

func TestThroughAKubeconfig(t *testing.T) {
	s := begin(t)
	c, err := argocd.New(argocd.Options{
		Instances: []argocd.Instance{{Name: "main", Kube: &argocd.Kube{Path: kubeconfig(t, s.server), Version: "v3.1.4"}}}, Reconnect: time.Millisecond,
	})
	if err != nil {
		t.Fatal(err)
	}
	s.client = c
	s.settle()
	s.ask.Expect.Items = nil // live values are not to be had
	s.want(promoter.Converged, "")
	if s.seen[0].CanSync != converge.Unknown {
		t.Error("windows are known without projects")
	}
	s.server.SetProjects(`[{"metadata":{"name":"default"},"spec":{"syncWindows":[{"kind":"deny","schedule":"* * * * *","duration":"1h","applications":["*"]}]}}]`)
	s.change(func(a *world.Application) {
		a.Status.Sync.Status, a.Status.OperationState = "OutOfSync", operation("Succeeded", commitO, -9100, -9050)
	})
	s.want(promoter.Blocked, "a sync window is closed")

	served := ""
	s.server.Hooks.Refresh = func(k world.Key, kind string) {
		served = kind
		s.server.Update(k, func(a *world.Application) { delete(a.Metadata.Annotations, world.RefreshAnnotation) })
	}
	if fence, err := c.Refresh(t.Context(), cart, true); err != nil || !fence.Equal(after(120)) || served != "hard" {
		t.Errorf("%s, %q, %v", fence, served, err)
	}
	s.change(func(a *world.Application) {
		a.Operation = &world.Operation{Sync: &world.Sync{Revision: commitO}}
		a.Status.OperationState = operation("Running", commitO, -60, 0)
	})
	running := s.look()
	if err := c.EndOperation(t.Context(), running); err != nil {
		t.Error(err)
	}
	if app, _ := s.server.Get(key); app.Status.OperationState.Phase != "Terminating" {
		t.Errorf("phase %s", app.Status.OperationState.Phase)
	}
	if err := c.EndOperation(t.Context(), running); err == nil {
		t.Error("ended twice")
	}
	for i := range 600 { // more than a page
		app := before()
		app.Metadata.Name = fmt.Sprint("app-", i)
		s.server.Set(app)
	}
	if list, err := c.List(t.Context()); err != nil || len(list) != 601 {
		t.Errorf("%d applications, %v", len(list), err)
	}
	s.server.Lie(func(l *world.Lies) { l.Deny = 1 })
	if list, err := c.List(t.Context()); err == nil {
		t.Errorf("a page is missing: %d applications", len(list))
	}
	s.server.Lie(func(l *world.Lies) { l.Deny = -1 })
	ctx, cancel := context.WithCancel(t.Context())
	hints, done := make(chan struct{}, 2000), make(chan struct{})
	go func() { defer close(done); c.Watch(ctx, func() { hints <- struct{}{} }) }()
	for !s.asked("GET /apis/argoproj.io/v1alpha1/applications") || len(hints) == 0 {
		s.change(func(a *world.Application) { a.Status.Health.Status = "Healthy" })
		select {
		case <-hints:
			hints <- struct{}{}
		case <-time.After(5 * time.Millisecond):
		}
	}
	cancel()
	<-done
}
