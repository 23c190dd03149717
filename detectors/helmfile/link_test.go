package helmfile

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"promoter/detectors"
	"promoter/detectors/detectortest"
)

func link(t *testing.T, texts map[string]string, other ...string) *detectors.Repository {
	t.Helper()
	repo := &detectors.Repository{Reports: map[string]*detectors.Report{}}
	for file, text := range texts {
		f, errs := detectors.Open(file, []byte(text))
		if len(errs) > 0 {
			t.Fatalf("parse %s: %v", file, errs[0])
		}
		r := &detectors.Report{}
		Detector{}.Detect(f, r)
		repo.Reports[file] = r
	}
	repo.Paths = slices.Sorted(slices.Values(append(slices.Collect(maps.Keys(texts)), other...)))
	for range 2 { // linking again changes nothing
		Detector{}.Link(repo)
	}
	return repo
}

const release = "releases:\n- name: shop\n  chart: example/shop\n  version: 1.2.3\n"

func repository(url string) string {
	return "repositories:\n- name: example\n  url: " + url + "\n"
}

func TestLink(t *testing.T) {
	t.Parallel()
	const pin = "releases[0].version: exact helm chart SOURCE shop 1.2.3 of shop\n"
	for name, tc := range map[string]struct {
		texts map[string]string
		other []string
		file  string
		want  string
	}{
		"bases before others": {
			map[string]string{
				"a/helmfile.yaml": "bases: [../base/repos.yaml]\n" + release,
				"base/repos.yaml": repository("https://base.example.com"),
				"a/other.yaml":    repository("https://other.example.com"),
			}, nil, "a/helmfile.yaml",
			strings.Replace(pin, "SOURCE", "https://base.example.com", 1) + "link bases[0] -> base/repos.yaml via bases\n",
		},
		"same directory": {
			map[string]string{
				"helmfile.d/00-repos.yaml": repository("https://here.example.com"),
				"helmfile.d/10-apps.yaml":  release,
				"z/helmfile.yaml":          repository("https://there.example.com"),
			}, nil, "helmfile.d/10-apps.yaml", strings.Replace(pin, "SOURCE", "https://here.example.com", 1),
		},
		"a directory above": {
			map[string]string{
				"helmfile.yaml":     repository("https://up.example.com"),
				"sub/helmfile.yaml": release,
				"z/helmfile.yaml":   repository("https://there.example.com"),
			}, nil, "sub/helmfile.yaml", strings.Replace(pin, "SOURCE", "https://up.example.com", 1),
		},
		"anywhere, agreed": {
			map[string]string{"a/helmfile.yaml": release, "b/helmfile.yaml": repository("https://b.example.com"), "c/helmfile.yaml": repository("https://b.example.com/")},
			nil, "a/helmfile.yaml", strings.Replace(pin, "SOURCE", "https://b.example.com", 1),
		},
		"anywhere, contradicted": {
			map[string]string{"a/helmfile.yaml": release, "b/helmfile.yaml": repository("https://b.example.com"), "c/helmfile.yaml": repository("https://c.example.com")},
			nil, "a/helmfile.yaml", "skip releases[0].version: no helmfile of this repository names the chart's repository\n",
		},
		"nowhere": {
			map[string]string{"a/helmfile.yaml": release},
			nil, "a/helmfile.yaml", "skip releases[0].version: no helmfile of this repository names the chart's repository\n",
		},
		"git": {
			map[string]string{"a/helmfile.yaml": release, "b/helmfile.yaml": repository("git+https://github.com/example/charts")},
			nil, "a/helmfile.yaml", "skip releases[0].version: the chart repository is a Git URL, which needs a Helm plug-in\n",
		},
		"a directory": {
			map[string]string{"a/helmfile.yaml": release}, []string{"a/example/shop/Chart.yaml"},
			"a/helmfile.yaml", "link releases[0].version -> a/example/shop via chart\n",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			repo := link(t, tc.texts, tc.other...)
			if diff := cmp.Diff(tc.want, detectortest.Describe(repo.Reports[tc.file])); diff != "" {
				t.Errorf("Link (-want +got):\n%s", diff)
			}
		})
	}
}

func TestWhatIsNoHelmfile(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"values":     "releases: 3\nrepositories: [a, b]\n",
		"list":       "- name: shop\n  chart: example/shop\n",
		"kubernetes": "apiVersion: v1\nkind: ConfigMap\n" + release,
		"changelog":  "releases:\n- name: one\n  date: today\n",
	} {
		if got := detectortest.Detect(t, Detector{}, "a/values.yaml", text); got != "" {
			t.Errorf("%s: %s", name, got)
		}
	}
}
