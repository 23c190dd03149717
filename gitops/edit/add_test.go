package edit

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"promoter/promoter"
	"promoter/promoter/yamltree"
)

func TestAddValue(t *testing.T) {
	t.Parallel()
	tag := promoter.Insert{Field: "image.tag"}
	whole := promoter.Insert{Field: "image.tag", Beside: "registry=ghcr.io\nrepository=shop/web"}
	for name, c := range map[string]struct {
		in            promoter.Insert
		before, after string
	}{
		"into what is there": {
			tag, "replicas: 1\nimage:\n  pullPolicy: Always # here\n\n# of the ingress\ningress:\n  host: x\n",
			"replicas: 1\nimage:\n  pullPolicy: Always # here\n  tag: \"1.20\"\n\n# of the ingress\ningress:\n  host: x\n",
		},
		"with its parents, in the file's indentation": {
			promoter.Insert{Field: "web.main.image.tag"}, "# values\nweb:\n    replicas: 1\n",
			"# values\nweb:\n    replicas: 1\n    main:\n        image:\n            tag: \"1.20\"\n",
		},
		"with what it is of": {
			whole, "replicas: 1\n", "replicas: 1\nimage:\n  registry: ghcr.io\n  repository: shop/web\n  tag: \"1.20\"\n",
		},
		"what it is of is there": {
			whole, "image:\n  repository: \"shop/web\"\n", "image:\n  repository: \"shop/web\"\n  registry: ghcr.io\n  tag: \"1.20\"\n",
		},
		"at the root":            {promoter.Insert{Field: "imageTag"}, "a: b\n", "a: b\nimageTag: \"1.20\"\n"},
		"into an empty file":     {tag, "", "image:\n  tag: \"1.20\"\n"},
		"into a file of remarks": {tag, "# nothing yet\n", "# nothing yet\nimage:\n  tag: \"1.20\"\n"},
		"behind a text":          {tag, "notes: |\n  one\n  two\n", "notes: |\n  one\n  two\nimage:\n  tag: \"1.20\"\n"},
		"windows":                {tag, "image:\r\n  a: b\r\nc: d\r\n", "image:\r\n  a: b\r\n  tag: \"1.20\"\r\nc: d\r\n"},
		"no final line break":    {tag, "image:\n  a: b", "image:\n  a: b\n  tag: \"1.20\""},
		"anchors elsewhere":      {tag, "a: &x\n  b: c\nd: *x\n", "a: &x\n  b: c\nd: *x\nimage:\n  tag: \"1.20\"\n"},
		"behind a list":          {tag, "hosts:\n- a\n- b\n", "hosts:\n- a\n- b\nimage:\n  tag: \"1.20\"\n"},
		"with a document's mark": {tag, "---\na: b\n", "---\na: b\nimage:\n  tag: \"1.20\"\n"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := Add("values.yaml", []byte(c.before), c.in, "1.20")
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.after, string(got)); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestAddValueRefuses(t *testing.T) {
	t.Parallel()
	tag := promoter.Insert{Field: "image.tag"}
	for name, c := range map[string]struct {
		in     promoter.Insert
		value  string
		before string
	}{
		"what is written":              {tag, "1", "image:\n  tag: v1\n"},
		"what is written as nothing":   {tag, "1", "image:\n  tag:\n"},
		"a parent without a value":     {tag, "1", "image:\n"},
		"a parent that is a text":      {tag, "1", "image: web\n"},
		"a parent that is a list":      {tag, "1", "image:\n- web\n"},
		"a parent in braces":           {tag, "1", "image: {a: b}\n"},
		"a file in braces":             {tag, "1", "{a: b}\n"},
		"a parent with an anchor":      {tag, "1", "image: &image\n  a: b\nother: *image\n"},
		"a parent that is an alias":    {tag, "1", "x: &x\n  a: b\nimage: *x\n"},
		"a parent with merged keys":    {tag, "1", "x: &x\n  a: b\nimage:\n  <<: *x\n"},
		"a key that stands twice":      {tag, "1", "image:\n  a: b\nimage:\n  c: d\n"},
		"another repository beside":    {promoter.Insert{Field: "image.tag", Beside: "repository=shop/web"}, "1", "image:\n  repository: shop/other\n"},
		"several documents":            {tag, "1", "a: b\n---\nc: d\n"},
		"a template":                   {tag, "1", "a: {{ .Values.x }}\n"},
		"what cannot be read":          {tag, "1", "a: [\n"},
		"a sealed file":                {tag, "1", "a: ENC[x]\nsops:\n  mac: ENC[y]\n"},
		"a list":                       {tag, "1", "- a\n"},
		"an item of a list":            {promoter.Insert{Field: "images[0].tag"}, "1", "images:\n- a: b\n"},
		"a text's inside":              {promoter.Insert{Field: "values|image.tag"}, "1", "a: b\n"},
		"no path":                      {promoter.Insert{Field: "a..b"}, "1", "a: b\n"},
		"a key that is no word":        {promoter.Insert{Field: `a."b: c"`}, "1", "a:\n  x: y\n"},
		"a key that reads as a number": {promoter.Insert{Field: `a."1.2"`}, "1", "a:\n  x: y\n"},
		"a value that is no version":   {tag, "1\nb: c", "a: b\n"},
		"a template as a value":        {tag, "{{ x }}", "a: b\n"},
		"no value":                     {tag, "", "a: b\n"},
		"an ended document":            {tag, "1", "a: b\n...\n# behind it\n---\n"},
		"a text that keeps its lines":  {promoter.Insert{Field: "a.c"}, "1", "a:\n  b: |+\n    x\n\n\n"},
		"keys with question marks":     {tag, "1", "? image\n: a: b\n"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got, err := Add("values.yaml", []byte(c.before), c.in, c.value); err == nil {
				t.Errorf("no error, but %q", got)
			}
		})
	}
}

func TestAddPatch(t *testing.T) {
	t.Parallel()
	redis := promoter.Insert{Field: "spec.chart.spec.version", Group: "helm.toolkit.fluxcd.io", Kind: "HelmRelease", Name: "redis"}
	const entry = `  - target:
      group: helm.toolkit.fluxcd.io
      kind: HelmRelease
      name: redis
    patch: |-
      - op: replace
        path: /spec/chart/spec/version
        value: "18.4.0"
`
	for name, c := range map[string]struct {
		in            promoter.Insert
		before, after string
	}{
		"no patches yet": {redis, "resources:\n- ../base\n", "resources:\n- ../base\npatches:\n" + entry},
		"behind the last": {
			redis, "patches:\n  - path: replicas.yaml\n\nnamespace: shop\n",
			"patches:\n  - path: replicas.yaml\n" + entry + "\nnamespace: shop\n",
		},
		"behind a text, in its own indentation, with a list in the path": {
			promoter.Insert{Field: `spec.sources[1].helm.valuesObject."a/b".tag`, Kind: "Application", Name: "web"},
			"patches:\n- patch: |-\n    - op: remove\n      path: /x\n  target:\n    kind: Application\nresources: [a]",
			"patches:\n- patch: |-\n    - op: remove\n      path: /x\n  target:\n    kind: Application\n" +
				"- target:\n    kind: Application\n    name: web\n  patch: |-\n    - op: replace\n      path: /spec/sources/1/helm/valuesObject/a~1b/tag\n      value: \"18.4.0\"\n" +
				"resources: [a]",
		},
		"windows, no final line break": {redis, "resources:\r\n- a", strings.TrimSuffix(strings.ReplaceAll("resources:\n- a\npatches:\n"+entry, "\n", "\r\n"), "\r\n")},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := Add("kustomization.yaml", []byte(c.before), c.in, "18.4.0")
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.after, string(got)); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			if again, err := Add("kustomization.yaml", got, c.in, "18.5.0"); err == nil {
				t.Errorf("patched twice: %s", again)
			}
		})
	}
	odd := redis
	odd.Name = "redis.*"
	beside := redis
	beside.Beside = "a=b"
	for name, c := range map[string]struct {
		in     promoter.Insert
		before string
	}{
		"an empty file":           {redis, ""},
		"an empty list":           {redis, "patches: []\n"},
		"a list in brackets":      {redis, "patches: [{path: a.yaml}]\n"},
		"patches without a value": {redis, "patches:\nresources:\n- a\n"},
		"a list with an anchor":   {redis, "patches: &p\n- path: a.yaml\n"},
		"a name that is a form":   {odd, "resources:\n- a\n"},
		"two fields":              {beside, "resources:\n- a\n"},
		"a template":              {redis, "resources:\n- {{ a }}\n"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got, err := Add("kustomization.yaml", []byte(c.before), c.in, "18.4.0"); err == nil {
				t.Errorf("no error, but %q", got)
			}
		})
	}
}

func TestFilesAdd(t *testing.T) {
	t.Parallel()
	read := func(path string) ([]byte, bool, error) {
		return []byte("image:\n  tag: \"1.0\"\nother: x\n"), path == "dev.yaml", nil
	}
	add := promoter.Edit{Place: promoter.Place{File: "dev.yaml", Path: "sidecar.tag", Written: "2.0"}, To: "2.1", Insert: promoter.Insert{Field: "sidecar.tag"}}
	set := promoter.Edit{Place: promoter.Place{File: "dev.yaml", Line: 2, Path: "image.tag", Start: 14, End: 19, Written: "1.0"}, To: "1.1"}
	got, err := Files(read, []promoter.Edit{add, set}, time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	if want := "image:\n  tag: \"1.1\"\nother: x\nsidecar:\n  tag: \"2.1\"\n"; string(got["dev.yaml"]) != want {
		t.Errorf("got %q, want %q", got["dev.yaml"], want)
	}
	add.Place.File = "gone.yaml"
	if _, err := Files(read, []promoter.Edit{add}, time.Time{}); !errors.Is(err, ErrMoved) {
		t.Errorf("a file that is gone: %v", err)
	}
}

func FuzzAdd(f *testing.F) {
	f.Add("a: b\nimage:\n  x: y # z\n\nc:\n- d\n", "image.tag", "repository=a/b", "", "1.20")
	f.Add("resources:\n- a\npatches:\n- path: b\n", "spec.chart.spec.version", "", "HelmRelease", "1.2.3")
	f.Add("a: &x {b: c}\nd: *x\ne: |+\n  f\n\n", "d.g", "", "", "v1")
	f.Fuzz(func(t *testing.T, text, field, beside, kind, value string) {
		in := promoter.Insert{Field: field, Beside: beside, Kind: kind}
		if kind != "" {
			in.Name = "web"
		}
		got, err := Add("f.yaml", []byte(text), in, value)
		if err != nil {
			return
		}
		// All of the old bytes are there, in order, around one insertion.
		i := 0
		for i < len(text) && text[i] == got[i] {
			i++
		}
		if tail := text[i:]; len(got) <= len(text) || string(got[len(got)-len(tail):]) != tail {
			t.Fatalf("%q: other bytes changed: %q", text, got)
		}
		before, after := leaves(t, []byte(text)), leaves(t, got)
		for k, v := range before {
			if after[k] != v {
				t.Errorf("%s was %q and is %q", k, v, after[k])
			}
		}
		added := 0
		for k := range after {
			if _, ok := before[k]; !ok {
				added++
			}
		}
		most := 1 + strings.Count(beside, "\n") + 1
		if kind != "" {
			most = 3 // the target's two, and the patch
		}
		if added < 1 || added > most {
			t.Errorf("%d values were added to %q: %q", added, text, got)
		}
		if _, err := Add("f.yaml", got, in, value); err == nil {
			t.Errorf("%q: added twice", got)
		}
	})
}

// leaves are a file's scalars by their paths.
func leaves(t *testing.T, data []byte) map[string]string {
	t.Helper()
	docs, errs := yamltree.Parse(data)
	if len(errs) > 0 {
		t.Fatalf("%q: %v", data, errs[0])
	}
	out := map[string]string{}
	var walk func(n *yamltree.Node, at string)
	walk = func(n *yamltree.Node, at string) {
		for i, c := range n.Content {
			key := fmt.Sprint(i)
			if n.Kind == yamltree.Mapping {
				if i%2 == 0 {
					continue
				}
				key = fmt.Sprintf("%q#%d", n.Content[i-1].Value, i)
			}
			walk(c, at+"/"+key)
		}
		if n.Kind == yamltree.Scalar {
			out[at] = n.Value
		}
	}
	for _, d := range docs {
		if d.Root != nil {
			walk(d.Root, "")
		}
	}
	return out
}
