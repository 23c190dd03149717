package edit

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"helm.sh/helm/v3/pkg/chart"
	"helm.sh/helm/v3/pkg/provenance"
	"sigs.k8s.io/yaml"
)

const umbrella = `apiVersion: v2
name: umbrella
version: 0.1.0
dependencies:
  - name: cache
    version: "1.2.3"
    repository: file://../cache
    condition: cache.enabled
    tags: [data, fast]
  - name: queue
    alias: jobs
    version: ^2.0.0
    repository: "file://../queue"
    import-values:
      - defaults
      - child: exports.a
        parent: b
`

// The lock files that "helm dependency update" of Helm 3.16.3 wrote for the
// umbrella chart, and for it with cache at 1.9.0, and with queue at ^3.1.0,
// with charts of the locked versions beside it.
const (
	lockBefore = `dependencies:
- name: cache
  repository: file://../cache
  version: 1.2.3
- name: queue
  repository: file://../queue
  version: 2.0.5
digest: sha256:c06338b538d7ca19e719b14fe6eb4d04299839a75ec8368686940704606bc980
generated: "2026-11-22T07:39:38.903686885Z"
`
	lockBoth = `dependencies:
- name: cache
  repository: file://../cache
  version: 1.9.0
- name: queue
  repository: file://../queue
  version: 2.1.0
digest: sha256:b4864223456d77757f8c42656cdd2555756876f041e6a386d075392630ef22b5
generated: "2026-11-22T07:39:38.910729846Z"
`
	lockRange = `dependencies:
- name: cache
  repository: file://../cache
  version: 1.2.3
- name: queue
  repository: file://../queue
  version: 3.4.0+build.7
digest: sha256:044702937c04f2edaa5cc8c3227687494690fbd0c83612ac3f8ecc4b0edca3fd
generated: "2026-11-22T07:39:38.9173031Z"
`
)

func TestRelockAsHelm(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		from, to string // in the umbrella's Chart.yaml
		versions map[int]string
		want     string
	}{
		"one exact, one within its range": {`"1.2.3"`, `"1.9.0"`, map[int]string{0: "1.9.0", 1: "2.1.0"}, lockBoth},
		"a new range":                     {"^2.0.0", "^3.1.0", map[int]string{1: "3.4.0+build.7"}, lockRange},
		"nothing":                         {"^2.0.0", "^2.0.0", nil, lockBefore},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var lock chart.Lock
			if err := yaml.Unmarshal([]byte(test.want), &lock); err != nil {
				t.Fatal(err)
			}
			edited := strings.Replace(umbrella, test.from, test.to, 1)
			got, err := Relock([]byte(umbrella), []byte(edited), []byte(lockBefore), test.versions, lock.Generated)
			if err != nil {
				t.Fatal(err)
			}
			if string(got) != test.want {
				t.Errorf("got\n%s\nHelm writes\n%s", got, test.want)
			}
		})
	}
}

// The digest must be that of Helm's own type, whatever fields are used.
func TestLockDigestOfHelmsType(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		umbrella,
		"dependencies: []\n",
		"dependencies:\n- name: a\n  version: 1\n  repository: \"\"\n",
		"dependencies:\n- name: a\n  version: \">=1 <2 || ^3\"\n  repository: oci://registry.example.com/charts\n  enabled: true\n",
		"dependencies:\n- name: a&b\n  repository: https://charts.example.com/?a=1&b=<2>\n  import-values: [1, null, {z: 1, a: [true, 1.5]}]\n  unknown: x\n",
	} {
		var helm struct {
			Dependencies []*chart.Dependency `json:"dependencies"`
		}
		if err := yaml.Unmarshal([]byte(text), &helm); err != nil {
			t.Fatal(err)
		}
		data, err := json.Marshal([2][]*chart.Dependency{helm.Dependencies, helm.Dependencies})
		if err != nil {
			t.Fatal(err)
		}
		sum, err := provenance.Digest(bytes.NewReader(data))
		if err != nil {
			t.Fatal(err)
		}
		ours, err := Dependencies([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		got, err := LockDigest(ours, ours)
		if err != nil {
			t.Fatal(err)
		}
		if got != "sha256:"+sum {
			t.Errorf("%q: got %s, Helm has %s", text, got, sum)
		}
	}
}

func TestRelockRefuses(t *testing.T) {
	t.Parallel()
	lock := []byte(lockBefore)
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	bumped := []byte(strings.Replace(umbrella, `"1.2.3"`, `"1.3.0"`, 1))

	if _, err := Relock([]byte(umbrella), bumped, lock, nil, at); err == nil || !strings.Contains(err.Error(), "does not admit 1.2.3") {
		t.Errorf("a requirement that the lock does not meet: %v", err)
	}
	if _, err := Relock([]byte(umbrella), bumped, lock, map[int]string{0: "1.4.0"}, at); err == nil {
		t.Error("a version that the requirement does not admit was locked")
	}
	stale := bytes.Replace(lock, []byte("2.0.5"), []byte("2.0.6"), 1)
	if _, err := Relock([]byte(umbrella), bumped, stale, map[int]string{0: "1.3.0"}, at); !errors.Is(err, ErrLockStale) {
		t.Errorf("a lock that was edited by hand: %v", err)
	}
	fewer := []byte(umbrella[:strings.Index(umbrella, "  - name: queue")])
	if _, err := Relock(fewer, fewer, lock, nil, at); !errors.Is(err, ErrLockStale) {
		t.Errorf("a lock of more dependencies: %v", err)
	}
	for _, bad := range []string{"dependencies: [null]\n", "dependencies: [{version: 1.0.0}]\n", "dependencies: x\n", "dependencies:\n- name: \"a\\u0007\"\n"} {
		if _, err := Dependencies([]byte(bad)); err == nil {
			t.Errorf("%q was read", bad)
		}
	}
}

// Named repositories stand in the lock, and in its digest, with their address.
func TestRelockNamedRepository(t *testing.T) {
	t.Parallel()
	before := []byte("dependencies:\n- name: cache\n  version: 1.0.0\n  repository: \"@internal\"\n")
	after := bytes.Replace(before, []byte("1.0.0"), []byte("1.1.0"), 1)
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	resolved := func(v string) []*Dependency {
		return []*Dependency{{Name: "cache", Version: v, Repository: "https://charts.example.com"}}
	}
	lock, err := LockFile(resolved("1.0.0"), resolved("1.0.0"), at)
	if err != nil {
		t.Fatal(err)
	}
	got, err := Relock(before, after, lock, map[int]string{0: "1.1.0"}, at.Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	want, err := LockFile(resolved("1.1.0"), resolved("1.1.0"), at.Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}
