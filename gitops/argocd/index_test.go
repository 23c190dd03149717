package argocd_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"promoter/gitops/argocd"
	"promoter/promoter"
	world "promoter/test/world/argocd"
)

// crowd is a tower with so many applications that they are not listed whole,
// and what was asked of its server.
type crowd struct {
	*tower
	mu    sync.Mutex
	asked []string
}

const others = 600

func newCrowd(t *testing.T) *crowd {
	t.Helper()
	c := &crowd{tower: newTower(t, argocd.EngineOptions{})}
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c.mu.Lock()
		what := r.URL.Path
		if r.URL.Query().Get("fields") != "" {
			what += "?fields"
		}
		c.asked = append(c.asked, what)
		c.mu.Unlock()
		c.server.ServeHTTP(w, r)
	}))
	t.Cleanup(front.Close)
	c.url = front.URL
	c.restart()
	for i := range others {
		c.other(fmt.Sprintf("other-%03d", i), fmt.Sprintf("apps/other-%03d", i))
	}
	c.settle()
	return c
}

// other adds an application that is well and that no move touches.
func (c *crowd) other(name, path string) {
	app := before()
	app.Metadata.Name = name
	source := *app.Spec.Source
	source.Path = path
	app.Spec.Source, app.Status.Sync.ComparedTo.Source = &source, &source
	settled(&app)
	c.server.Set(app)
}

// look lets a while pass, asks, and returns what was asked of the server.
func (c *crowd) look(q promoter.Question) (promoter.Delivery, map[string]int) {
	c.Helper()
	c.clock.set(c.clock.read().Add(10 * time.Second))
	c.mu.Lock()
	c.asked = nil
	c.mu.Unlock()
	d := c.ask(q)
	c.mu.Lock()
	defer c.mu.Unlock()
	n := map[string]int{}
	for _, what := range c.asked {
		n[what]++
	}
	return d, n
}

const (
	wholeList = "/api/v1/applications"
	cutList   = "/api/v1/applications?fields"
	single    = "/api/v1/applications/cart"
)

func TestOfVeryManyOnlyThoseAskedAboutAreRead(t *testing.T) {
	c := newCrowd(t)
	d, n := c.look(about("cart"))
	if len(d.Apps) != 1 || d.Apps[0].Outcome != promoter.Converged || n[wholeList] != 1 {
		t.Fatalf("the first look: %+v, %v", d.Apps, n)
	}
	if d, n = c.look(about("cart")); len(d.Apps) != 1 || d.Apps[0].Outcome != promoter.Converged {
		t.Errorf("again: %+v", d.Apps)
	}
	if len(n) != 2 || n[cutList] != 1 || n[single] != 1 {
		t.Errorf("again it takes a cut list and one application, and took %v", n)
	}
	for i := range others { // all the world is compared again
		c.server.Update(world.Key{Namespace: "argocd", Name: fmt.Sprintf("other-%03d", i)}, func(a *world.Application) { a.Status.ReconciledAt = at(130) })
	}
	if _, n = c.look(about("cart")); len(n) != 2 || n[cutList] != 1 || n[single] != 1 {
		t.Errorf("what nobody asks about was read: %v", n)
	}
	c.change(func(a *world.Application) {
		a.Status.Health.Status, a.Status.Health.LastTransitionTime = "Degraded", at(140)
	})
	if d, _ = c.look(about("cart")); d.Apps[0].Outcome == promoter.Converged {
		t.Errorf("it is ill, and an old list says that it is not: %+v", d.Apps)
	}
	c.server.Delete(key)
	if d, _ = c.look(about("cart")); d.Apps[0].Outcome != promoter.Blind || !strings.Contains(d.Apps[0].Reason, "no Application cart") {
		t.Errorf("it is gone: %+v", d.Apps)
	}
}

// An application that an ApplicationSet has made since the last whole list is
// found by its set, which lists with few fields do not tell.
func TestTheNewAmongVeryMany(t *testing.T) {
	c := newCrowd(t)
	c.look(about("cart"))
	app := before()
	app.Metadata.Name = "cart-eu"
	app.Metadata.OwnerReferences = []world.Owner{{APIVersion: "argoproj.io/v1alpha1", Kind: "ApplicationSet", Name: "carts", UID: "s"}}
	settled(&app)
	c.server.Set(app)
	d, n := c.look(about("carts"))
	if len(d.Apps) == 0 || !strings.HasPrefix(d.Apps[0].Reason, "cart-eu: ") || n[wholeList] != 0 {
		t.Errorf("%+v, %v", d.Apps, n)
	}
	for i := range 40 { // so many that one by one would be more
		c.other(fmt.Sprintf("late-%d", i), "apps/late")
	}
	if _, n = c.look(about("cart")); n[wholeList] != 1 {
		t.Errorf("40 new ones: %v", n)
	}
	if _, n = c.look(about("cart")); n[wholeList] != 0 {
		t.Errorf("they are not new any more: %v", n)
	}
	// One of another name that reads what is moved is found too.
	c.server.Update(world.Key{Namespace: "argocd", Name: "other-007"}, func(a *world.Application) {
		a.Spec.Source.Path, a.Status.Sync.ComparedTo.Source.Path = "apps/cart", "apps/cart"
	})
	if d, _ = c.look(about("cart")); len(d.Apps) != 3 || d.Apps[2].App != "other-007" {
		t.Errorf("what reads the same now is left out: %+v", d.Apps)
	}
}

// A server, or something before it, that knows nothing of fields.
func TestVeryManyWhole(t *testing.T) {
	c := newCrowd(t)
	c.server.AllFields = true
	for range 2 {
		if d, _ := c.look(about("cart")); len(d.Apps) != 1 || d.Apps[0].Outcome != promoter.Converged {
			t.Errorf("%+v", d.Apps)
		}
	}
}

// What cannot be read is blind: its outline stands for nothing.
func TestAnOutlineIsNoEvidence(t *testing.T) {
	c := newCrowd(t)
	c.look(about("cart"))
	c.server.Lie(func(l *world.Lies) { l.Deny = 1 })
	d, n := c.look(about("cart"))
	if len(d.Apps) != 1 || d.Apps[0].Outcome != promoter.Blind || n[cutList] != 1 {
		t.Errorf("%+v, %v", d.Apps, n)
	}
	c.server.Lie(func(l *world.Lies) { l.Deny = -1 })
	if d, _ = c.look(about("cart")); d.Apps[0].Outcome != promoter.Converged {
		t.Errorf("%+v", d.Apps)
	}
	c.server.Lie(func(l *world.Lies) { l.Truncate = 50_000 })
	if d, _ = c.look(about("cart")); d.Apps[0].Outcome != promoter.Blind {
		t.Errorf("half a list: %+v", d.Apps)
	}
}

// Where many are asked about, one list takes less than they do one by one.
func TestManyOfVeryMany(t *testing.T) {
	c := newCrowd(t)
	c.look(about("cart"))
	q := about("cart")
	for i := range 200 {
		q.Reached = append(q.Reached, promoter.Reached{Environment: "production", App: fmt.Sprintf("other-%03d", i)})
	}
	q.Converged = after(130)
	d, n := c.look(q)
	singles := 0
	for what, k := range n {
		if strings.HasPrefix(what, wholeList+"/") {
			singles += k
		}
	}
	if len(d.Apps) != 201 || n[wholeList] != 1 || singles > 100 {
		t.Errorf("%d answers, %d singles, %v whole lists", len(d.Apps), singles, n[wholeList])
	}
}

// What happens to applications that nobody has asked about wakes nobody, but for
// those that come and go.
func TestOnlyWhatIsAskedAboutIsAHint(t *testing.T) {
	w := newTower(t, argocd.EngineOptions{})
	w.settle()
	bystander := before()
	bystander.Metadata.Name = "bystander"
	bystander.Spec.Source.Path = "apps/bystander"
	w.server.Set(bystander)
	w.want(about("cart"), promoter.Converged, "")
	ctx, cancel := context.WithCancel(t.Context())
	hints, done := make(chan struct{}, 100), make(chan struct{})
	go func() { defer close(done); w.engine.Watch(ctx, func() { hints <- struct{}{} }) }()
	<-hints // that it is there
	for range 5 {
		w.server.Update(world.Key{Namespace: "argocd", Name: "bystander"}, func(a *world.Application) { a.Status.Health.Message += "x" })
	}
	w.change(func(a *world.Application) { a.Status.Health.Message = "now" })
	<-hints
	if n := len(hints); n != 0 {
		t.Errorf("%d hints for what nobody asked about", n)
	}
	newcomer := before()
	newcomer.Metadata.Name = "newcomer"
	w.server.Set(newcomer)
	<-hints
	w.server.Delete(world.Key{Namespace: "argocd", Name: "bystander"})
	<-hints
	cancel()
	<-done
}

// Entries that read as before are not decoded again; those that changed are.
func TestResourcesThatChangeAreReadAgain(t *testing.T) {
	w := newTower(t, argocd.EngineOptions{})
	client, err := argocd.New(argocd.Options{Instances: []argocd.Instance{{Name: "main", Kube: &argocd.Kube{Path: kubeconfig(t, w.server), Version: "v3.1.4"}}}})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 3 {
		health := []string{"Healthy", "Degraded", "Healthy"}[i]
		w.clock.set(after(i))
		w.change(func(a *world.Application) { a.Status.Health.Status = health })
		for range 2 {
			list, err := client.List(t.Context())
			if err != nil || len(list) != 1 || list[0].Health != health || !list[0].ReadAt.Equal(after(i)) {
				t.Errorf("%d: %+v, %v", i, list, err)
			}
		}
	}
}
