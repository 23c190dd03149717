package flux_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"promoter/gitops/flux"
	"promoter/promoter/converge"
	world "promoter/test/world/flux"
)

// A list that is not whole is an error and no snapshot: what is missing from it
// would not be suspended, not failed and not there to be waited for.
func TestListIsWholeOrAnError(t *testing.T) {
	cases := map[string]struct {
		lie  func(*world.Lies)
		want string
	}{
		"a page is lost":            {func(l *world.Lies) { l.LosePage = true }, "list kustomizations"},
		"a kind is forbidden":       {func(l *world.Lies) { l.Deny = "helmreleases" }, "list helmreleases"},
		"a kind is hidden":          {func(l *world.Lies) { l.Hide = "helmreleases" }, "list helmreleases"},
		"an answer is cut short":    {func(l *world.Lies) { l.Truncate = 200 }, ""},
		"nobody says when":          {func(l *world.Lies) { l.Undated = true }, "does not say when it answered"},
		"a source kind is withheld": {func(l *world.Lies) { l.Deny = "ocirepositories" }, "list ocirepositories"},
	}
	for name, tt := range cases {
		t.Run(name, func(t *testing.T) {
			s := begin(t)
			s.server.Page = 1
			for i := range 3 {
				more := s.server.Get("Kustomization", "cart")
				more["metadata"] = world.Object{"name": fmt.Sprint("other", i), "namespace": "flux-system", "generation": 1}
				s.server.Set(more)
			}
			whole, err := s.client.List(t.Context(), "blue")
			if err != nil || len(whole.Kustomizations) != 4 {
				t.Fatalf("%d Kustomizations, %v", len(whole.Kustomizations), err)
			}
			s.server.Lie(tt.lie)
			got, err := s.client.List(t.Context(), "blue")
			if err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "secret-token") {
				t.Errorf("%v; want …%s…", err, tt.want)
			}
			if len(got.Kustomizations)+len(got.Sources) > 0 {
				t.Errorf("a part of it was handed on: %+v", got)
			}
		})
	}
}

// One list of each kind for each look, what is followed before what follows it.
func TestListIsInOrder(t *testing.T) {
	s := begin(t)
	s.settle()
	if _, err := s.client.List(t.Context(), "blue"); err != nil {
		t.Fatal(err)
	}
	from := len(s.server.Requests())
	if _, err := s.client.List(t.Context(), "blue"); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, r := range s.server.Requests()[from:] {
		got = append(got, r[strings.LastIndexByte(r, '/')+1:])
	}
	if want := []string{"gitrepositories", "ocirepositories", "kustomizations", "helmcharts", "helmreleases"}; !slices.Equal(got, want) {
		t.Errorf("%v", got)
	}
}

// Older Flux serves some kinds at a beta version, and has no others.
func TestVersionsThatAreServed(t *testing.T) {
	s := begin(t)
	kinds := slices.DeleteFunc(world.Kinds(), func(k world.Kind) bool { return k.Name == "HelmRelease" || k.Name == "HelmChart" })
	for i := range kinds {
		if kinds[i].Name == "OCIRepository" {
			kinds[i].Version = "v1beta2"
		}
	}
	s.server.Serve(kinds...)
	s.server.Set(world.Object{
		"apiVersion": "source.toolkit.fluxcd.io/v1beta2", "kind": "OCIRepository", "metadata": world.Object{"name": "infra", "namespace": "flux-system"},
		"spec": world.Object{"url": "oci://registry.example.com/infra", "ref": world.Object{"semver": "1.x"}},
	})
	older, err := flux.New(flux.Options{Clusters: []flux.Cluster{{Name: "blue", Path: s.config}}})
	if err != nil {
		t.Fatal(err)
	}
	got, err := older.List(t.Context(), "blue")
	if err != nil || len(got.Sources) != 2 || got.Sources[1].Pinned != "versions 1.x" || len(got.Releases) != 0 {
		t.Errorf("%+v, %v", got.Sources, err)
	}
	s.server.Serve(append(kinds, world.Kind{Group: converge.FluxHelmGroup, Version: "v2beta1", Name: "HelmRelease", Plural: "helmreleases"})...)
	if _, err := older.List(t.Context(), "blue"); err == nil || !strings.Contains(err.Error(), "only served at v2beta1") {
		t.Errorf("%v", err)
	}
	s.server.Serve(world.Kinds()[5:]...)
	stranger, err := flux.New(flux.Options{Clusters: []flux.Cluster{{Name: "blue", Path: s.config}}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := stranger.List(t.Context(), "blue"); err == nil || !strings.Contains(err.Error(), "Flux is not installed") {
		t.Errorf("%v", err)
	}
}

func TestRequest(t *testing.T) {
	s := begin(t)
	s.clock.set(after(2))
	var tokens []string
	s.server.Requested = func(o world.Object, token string) { tokens = append(tokens, fmt.Sprint(o["kind"], " ", token)) }
	fence, err := s.client.Request(t.Context(), "blue", git, "t-1")
	if err != nil || !fence.Equal(after(2)) {
		t.Fatalf("%s, %v", fence, err)
	}
	if _, err := s.client.Request(t.Context(), "blue", redis, "t-2"); err != nil {
		t.Fatal(err)
	}
	if want := []string{"GitRepository t-1", "HelmRelease t-2"}; !slices.Equal(tokens, want) {
		t.Errorf("%v", tokens)
	}
	seen := s.look()
	if got := seen.Sources[0]; got.Requested != "t-1" || got.Handled != "" || got.Generation != 1 {
		t.Errorf("%+v", got)
	}
	for name, try := range map[string]func() error{
		"not Flux's": func() error { _, err := s.client.Request(t.Context(), "blue", deploy, "t-3"); return err },
		"not there": func() error {
			_, err := s.client.Request(t.Context(), "blue", converge.Ref{Group: git.Group, Kind: git.Kind, Namespace: "x", Name: "y"}, "t-3")
			return err
		},
		"no token":   func() error { _, err := s.client.Request(t.Context(), "blue", git, ""); return err },
		"no cluster": func() error { _, err := s.client.Request(t.Context(), "green", git, "t-3"); return err },
	} {
		if try() == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if len(tokens) != 2 {
		t.Errorf("%v", tokens)
	}
}

// A request that is lost is made again, and after a while the source is blind.
func TestRequestIsLost(t *testing.T) {
	s := begin(t)
	s.settle()
	s.server.Lie(func(l *world.Lies) { l.DropRequest = true })
	fence, err := s.client.Request(t.Context(), "blue", git, "t-1")
	if err != nil {
		t.Fatal(err)
	}
	s.ask.Token, s.ask.Fence, s.ask.Asked = "t-1", fence, 1
	s.want("pending", "has not served the request")
	s.clock.set(after(301))
	s.want("blind", "has not served the request")
}

// Old lists come from caches; a newer look was had before.
func TestStaleListIsBlind(t *testing.T) {
	s := begin(t)
	s.settle()
	s.server.Lie(func(l *world.Lies) { l.Stale = true })
	s.change("Kustomization", "cart", "yes", "metadata", "labels", "moved")
	old := s.look()
	s.server.Lie(func(l *world.Lies) { l.Stale = false })
	newer := s.look()
	got := converge.Flux(s.ask, []converge.FluxSnapshot{newer, old}, after(200))
	if got.Outcome != "blind" || !strings.Contains(got.Reason, "older than one from before") {
		t.Errorf("%s: %s", got.Outcome, got.Reason)
	}
}

func TestContentIsRead(t *testing.T) {
	s := begin(t)
	s.settle()
	s.change("Deployment", "cart", []any{world.Object{"image": oldTag}}, "spec", "template", "spec", "containers")
	s.want("pending", `is "registry.example.com/cart:1.0.0" and not`)
}

// watching watches until the test ends, or the function that it returns is called.
func watching(s *stage, reconnect time.Duration) (hints chan string, stop func()) {
	s.Helper()
	c, err := flux.New(flux.Options{Clusters: []flux.Cluster{{Name: "blue", Path: s.config}}, Reconnect: reconnect})
	if err != nil {
		s.Fatal(err)
	}
	ctx, cancel := context.WithCancel(s.Context())
	hints = make(chan string)
	done := make(chan struct{})
	go func() {
		defer close(done)
		c.Watch(ctx, func(cluster string) {
			select {
			case hints <- cluster:
			case <-ctx.Done():
			}
		})
	}()
	return hints, func() { cancel(); <-done }
}

// Nothing but an event gives a hint here: lost watches are left alone.
func TestWatchHints(t *testing.T) {
	s := begin(t)
	hints, stop := watching(s, time.Hour)
	defer stop()
	move := time.NewTicker(10 * time.Millisecond) // a watch is open at a time that nobody tells
	defer move.Stop()
	for {
		select {
		case name := <-hints:
			if name != "blue" {
				t.Errorf("a hint about %q", name)
			}
			return
		case <-move.C:
			s.change("Kustomization", "cart", time.Now().String(), "metadata", "labels", "moved")
		}
	}
}

// A watch that was cut is opened again, and that it was is a hint.
func TestWatchIsOpenedAgain(t *testing.T) {
	s := begin(t)
	hints, stop := watching(s, time.Millisecond)
	defer stop()
	opened := func() int {
		n := 0
		for _, r := range s.server.Requests() {
			if strings.HasSuffix(r, "/kustomizations") {
				n++
			}
		}
		return n
	}
	before := opened()
	cut := time.NewTicker(10 * time.Millisecond)
	defer cut.Stop()
	heard := 0
	for opened() < before+3 || heard < 2 {
		select {
		case <-hints:
			heard++
		case <-cut.C:
			s.server.CutStreams()
		}
	}
}

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	path := kubeconfig(t, world.New())
	for name, o := range map[string]flux.Options{
		"no cluster":    {},
		"two of a name": {Clusters: []flux.Cluster{{Name: "a", Path: path}, {Name: "a", Path: path}}},
		"no kubeconfig": {Clusters: []flux.Cluster{{Name: "a", Path: path + "x"}}},
		"no context":    {Clusters: []flux.Cluster{{Name: "a", Path: path, Context: "x"}}},
	} {
		if _, err := flux.New(o); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
