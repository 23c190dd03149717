package delivery_test

import (
	"testing"
	"time"

	"promoter/promoter"
	"promoter/test/world/delivery"
	"promoter/test/world/forge"
)

// A pull that is merged on the forge is delivered, whether the engine reads
// the forge's own files or clones as everyone does.
func TestAPullOfTheForgeIsDelivered(t *testing.T) {
	t.Parallel()
	clock := &watch{now: noon}
	host, err := forge.Start(forge.Options{Now: clock.Now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = host.Close() }) // the test has said what it wanted to
	repo, err := host.Create("shop", "gitops")
	if err != nil {
		t.Fatal(err)
	}
	commit := func(branch, from string, files map[string]string) string {
		t.Helper()
		data := map[string][]byte{}
		for name, text := range files {
			data[name] = []byte(text)
		}
		sha, err := repo.Commit("ana", branch, from, "as it should be", data)
		if err != nil {
			t.Fatal(err)
		}
		return sha
	}
	commit(repo.Base, "", shop())
	for _, at := range []string{repo.Dir(), repo.CloneURL("")} {
		e, err := delivery.New(delivery.Config{Repository: at, Branch: repo.Base, Now: clock.Now})
		if err != nil {
			t.Fatal(err)
		}
		s := &stage{T: t, clock: clock, engine: e}
		s.url, s.client = serve(t, e)
		if err := s.rebase(); err != nil {
			t.Fatal(err)
		}
		branch, tag, was := "first", "2.5.0", "2.4.0"
		if at != repo.Dir() {
			branch, tag, was = "second", "2.6.0", "2.5.0"
		}
		commit(branch, repo.Base, bump("dev", tag))
		number, err := repo.Open("ana", branch, repo.Base, "storefront "+tag, "")
		if err != nil {
			t.Fatal(err)
		}
		merge, err := repo.Merge(number, "ana", "merge")
		if err != nil {
			t.Fatal(err)
		}
		s.merged = clock.Now()
		s.after(70 * time.Second)
		s.fence = s.merged
		s.want(s.look("storefront-dev", merge, bumped(was, tag)), promoter.Converged, "runs "+merge[:10])
	}
}

func BenchmarkStepWithNothingToDo(b *testing.B) {
	clock := &watch{now: noon}
	repo := newRepository(b, shop())
	e, err := delivery.New(delivery.Config{Repository: repo.dir, Now: clock.Now})
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		e.Step()
	}
}
