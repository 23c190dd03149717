package argocd

import (
	"bytes"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"promoter/promoter/converge"
)

func FuzzSnapshot(f *testing.F) {
	f.Add([]byte(`{"metadata":{"name":"a"},"spec":{"sources":[{"repoURL":"x","helm":{"values":"y"}}]},"status":{"sync":{"comparedTo":{"sources":[null]}}}}`))
	f.Add([]byte(`{"metadata":{"name":"a"},"spec":{"sourceHydrator":{"drySource":{"repoURL":"x"}},"syncPolicy":{"retry":{"limit":-1},"automated":{"enabled":null}}}}`))
	f.Add([]byte(`{"metadata":{"name":"a"},"spec":{"syncPolicy":{"retry":{}}},"status":{"operationState":{"operation":{"sync":{"source":{"repoURL":1}}}}}}`))
	f.Add([]byte(`{"metadata":{"name":"a"},"operation":{},"status":{"operationState":{"syncResult":null},"reconciledAt":"2025-03-04T12:00:00Z"}}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		s, err := snapshot("x", raw)
		if err == nil && s.App.Name == "" {
			t.Error("an application without a name")
		}
		ask := converge.Ask{App: s.App, Commit: "1111111111111111111111111111111111111111", MergedAt: time.Unix(1, 0), OnBranch: converge.Yes}
		if got := converge.Argo(ask, []converge.ArgoSnapshot{s}, time.Unix(2, 0)); got.Outcome == "converged" {
			t.Errorf("converged: %s", raw)
		}
	})
}

func FuzzPointer(f *testing.F) {
	f.Add(`{"a/b":[{"~":null}]}`, "/a~1b/0/~0")
	f.Fuzz(func(_ *testing.T, object, pointer string) {
		var v any
		if json.Unmarshal([]byte(object), &v) == nil {
			at(v, pointer)
		}
	})
}

func TestPointer(t *testing.T) {
	t.Parallel()
	var v any
	if err := json.Unmarshal([]byte(`{"a/b":[{"~":null,"n":3,"t":"x","o":{"b":1,"a":2}}]}`), &v); err != nil {
		t.Fatal(err)
	}
	for pointer, want := range map[string]string{
		"/a~1b/0/~0": "null", "/a~1b/0/n": "3", "/a~1b/0/t": "x", "/a~1b/0/o": `{"a":2,"b":1}`,
		"/a~1b/1": "-", "/a~1b/00": "-", "/a~1b/-1": "-", "a": "-", "/x": "-", "/a~1b/0/n/x": "-",
	} {
		got, ok := at(v, pointer)
		if !ok {
			got = "-"
		}
		if got != want {
			t.Errorf("%s: %s, want %s", pointer, got, want)
		}
	}
}

func TestTimesHealth(t *testing.T) {
	t.Parallel()
	for version, want := range map[string]bool{
		"v3.1.0+abc": true, "v3.10.2": true, "v4.0.0": true, "3.1.0": true, "v3.0.9": false, "v2.14.21": false, "": false, "v3": false, "unknown": false, "v3.x.1": false,
	} {
		if got := timesHealth(version); got != want {
			t.Errorf("%q: %v", version, got)
		}
	}
}

func BenchmarkList300(b *testing.B) {
	var items []json.RawMessage
	for i := range 300 {
		resources := ""
		for j := range 40 {
			resources += fmt.Sprintf(`,{"group":"apps","version":"v1","kind":"Deployment","namespace":"n","name":"d-%d","status":"Synced"}`, j)
		}
		items = append(items, json.RawMessage(fmt.Sprintf(`{"metadata":{"name":"a-%d","uid":"u"},"spec":{"source":{"repoURL":"x","path":"p","helm":{"valueFiles":["a"]}}},"status":{"sync":{"status":"Synced","revision":"1","comparedTo":{"source":{"repoURL":"x","path":"p","helm":{"valueFiles":["a"]}}}},"resources":[%s]}}`, i, resources[1:])))
	}
	list, err := json.Marshal(map[string]any{"metadata": map[string]any{}, "items": items})
	if err != nil {
		b.Fatal(err)
	}
	read := func(b *testing.B, memory *recent) {
		b.SetBytes(int64(len(list)))
		for b.Loop() {
			g := memory.begin("x")
			if _, err := g.page(bytes.NewReader(list)); err != nil || len(g.out) != len(items) {
				b.Fatal(err)
			}
		}
	}
	b.Run("new", func(b *testing.B) { read(b, &recent{}) })
	b.Run("again", func(b *testing.B) {
		var memory recent
		g := memory.begin("x")
		if _, err := g.page(bytes.NewReader(list)); err != nil {
			b.Fatal(err)
		}
		memory.keep(g)
		read(b, &memory)
	})
}
