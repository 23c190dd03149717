package extractor

import (
	"fmt"
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"promoter/detectors"
	"promoter/promoter"
)

func run(t testing.TB, file, text string, rules ...Rule) (string, *detectors.Report) {
	t.Helper()
	d, err := New(rules)
	if err != nil {
		t.Fatal(err)
	}
	var r detectors.Report
	d.Detect(&detectors.File{Path: file, Data: []byte(text)}, &r)
	var b strings.Builder
	for _, p := range r.Pins {
		if got := text[p.Place.Start:p.Place.End]; got != p.Version || got != p.Place.Written {
			t.Errorf("place %q, written %q; want the version %q", got, p.Place.Written, p.Version)
		}
		fmt.Fprintf(&b, "%d: %s %s %s %s", p.Place.Line, p.Form, p.Consumer, p.Artifact, p.Version)
		if p.DigestPlace != nil {
			fmt.Fprintf(&b, " %s", text[p.DigestPlace.Start:p.DigestPlace.End])
		}
		b.WriteString("\n")
	}
	for _, s := range r.Skips {
		fmt.Fprintf(&b, "%d: skip %s\n", s.Place.Line, s.Reason)
	}
	return b.String(), &r
}

func TestDetect(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		rule     Rule
		in, want string
	}{
		"comment above, CRLF": {
			Rule{Match: `# from (?P<kind>\w+) (?P<depName>\S+) (?P<source>\S+)\s+\w+ *[:=] *"?(?P<version>[^\s"]+)`},
			"x\r\n# from chart redis https://charts.example.com/\r\nREDIS = \"20.1.0\"\r\n# from git example/tool https://github.com/example/tool.git\r\ntool: v1.2\r\n",
			"3: exact user chart https://charts.example.com redis 20.1.0\n5: exact user git https://github.com/example/tool v1.2\n",
		},
		"constants": {
			Rule{Match: `(?m)^KUBECTL_VERSION=(?P<version>\S+)$`, Kind: promoter.Git, Dep: "kubernetes/kubernetes"},
			"A=1\nKUBECTL_VERSION=v1.30.1\n", "2: exact user git https://github.com/kubernetes/kubernetes v1.30.1\n",
		},
		"image and digest": {
			Rule{Match: `FROM (?P<name>[^\s:@]+):(?P<version>[^\s@]+)(?:@(?P<digest>\S+))?`},
			"FROM alpine:3.20\nFROM ghcr.io/example/x:edge@sha256:00\n",
			"1: exact user image docker.io/library/alpine 3.20\n2: floating user image ghcr.io/example/x edge sha256:00\n",
		},
		"galaxy": {
			Rule{Match: `(?P<name>\w+\.\w+)==(?P<version>\S+)`, Kind: promoter.Galaxy}, "community.general==9.0.0",
			"1: exact user galaxy https://galaxy.ansible.com community.general 9.0.0\n",
		},
		"chart without source": {
			Rule{Match: `v(?P<version>\d+)`, Kind: promoter.Chart, Dep: "redis"}, "v1", "1: skip the rule matched a chart without the repository it comes from\n",
		},
		"unknown kind": {
			Rule{Match: `(?P<kind>\w+)=(?P<version>\d+)`, Dep: "a"}, "npm=1", "1: skip the rule matched a kind of artifact that there is not\n",
		},
		"optional version": {Rule{Match: `x(?P<version>\d+)?`, Dep: "a"}, "x x1", "1: exact user image docker.io/library/a 1\n"},
	} {
		tc.rule.Files = "**/*.sh"
		got, _ := run(t, "a/b/x.sh", tc.in, tc.rule)
		if diff := cmp.Diff(tc.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
		if got, _ := run(t, "a/b/x.py", tc.in, tc.rule); got != "" {
			t.Errorf("%s: found %q in a file that the pattern does not name", name, got)
		}
	}
}

func TestTestdata(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("testdata/versions.mk")
	if err != nil {
		t.Fatal(err)
	}
	want, err := os.ReadFile("testdata/versions.mk.want")
	if err != nil {
		t.Fatal(err)
	}
	got, _ := run(t, "hack/versions.mk", string(text), Rule{
		Name: "makefile", Files: "**/*.mk",
		Match: `(?m)^# promoter: (?P<kind>\w+) (?P<source>\S+) (?P<depName>\S+)\n\w+ *:?= *(?P<version>\S+)$`,
	})
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("versions.mk (-want +got):\n%s", diff)
	}
}

func TestWants(t *testing.T) {
	t.Parallel()
	d, err := New([]Rule{{Files: "infra/**/*.tf", Match: "(?P<version>1)", Dep: "a"}, {Files: "Makefile", Match: "(?P<version>1)", Dep: "a"}})
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]bool{"infra/main.tf": true, "infra/a/b.tf": true, "a/b.tf": false, "Makefile": true, "a/Makefile": false} {
		if got := d.Wants(path); got != want {
			t.Errorf("Wants(%q) = %t", path, got)
		}
	}
	if (&Detector{}).Wants("a") {
		t.Errorf("without rules a file is wanted")
	}
}

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		rule Rule
		want string
	}{
		"no files":      {Rule{Match: "(?P<version>.)", Dep: "a"}, `read extractor "r": files is empty`},
		"bad pattern":   {Rule{Files: "a[", Match: "(?P<version>.)", Dep: "a"}, `files "a[" is not a pattern`},
		"bad regexp":    {Rule{Files: "*", Match: "(?P<version>", Dep: "a"}, "match is not a regular expression (RE2)"},
		"look-ahead":    {Rule{Files: "*", Match: "(?=a)(?P<version>.)", Dep: "a"}, "match is not a regular expression (RE2)"},
		"no version":    {Rule{Files: "*", Match: ".", Dep: "a"}, `match has no group "version"`},
		"unknown group": {Rule{Files: "*", Match: "(?P<version>.)(?P<datasource>.)", Dep: "a"}, `match has a group "datasource"`},
		"twice":         {Rule{Files: "*", Match: "(?P<version>.)|(?P<version>..)", Dep: "a"}, "match"},
		"no name":       {Rule{Files: "*", Match: "(?P<version>.)"}, "nothing names the artifact"},
		"bad kind":      {Rule{Files: "*", Match: "(?P<version>.)", Dep: "a", Kind: "npm"}, `kind "npm" is none of`},
	} {
		tc.rule.Name = "r"
		if _, err := New([]Rule{tc.rule}); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: error %v; want %q", name, err, tc.want)
		}
	}
}

func BenchmarkDetect(b *testing.B) {
	d, err := New([]Rule{{Files: "**", Match: `(?P<depName>\w+)_VERSION=(?P<version>\S+)`}})
	if err != nil {
		b.Fatal(err)
	}
	f := &detectors.File{Path: "a/versions.sh", Data: []byte(strings.Repeat("export name_VERSION=1.2.3\nrun something else\n", 200))}
	b.SetBytes(int64(len(f.Data)))
	for b.Loop() {
		var r detectors.Report
		d.Detect(f, &r)
		if len(r.Pins) != 200 {
			b.Fatalf("%d pins", len(r.Pins))
		}
	}
}

func TestFingerprintTellsRulesApart(t *testing.T) {
	t.Parallel()
	base := Rule{Name: "n", Files: "*.mk", Match: "V=(?P<version>.+)", Dep: "d"}
	seen := map[string]reflect.Value{}
	// A field that is not part of the fingerprint would have old reports read
	// as new ones.
	for i := range reflect.TypeFor[Rule]().NumField() {
		r := base
		v := reflect.ValueOf(&r).Elem()
		switch f := v.Field(i); v.Type().Field(i).Name {
		case "Kind":
			f.SetString(string(promoter.Chart))
		case "Match":
			f.SetString("W=(?P<version>.+)")
		default:
			f.SetString("other")
		}
		d, err := New([]Rule{r})
		if err != nil {
			t.Fatal(err)
		}
		mark := d.Fingerprint()
		if old, twice := seen[mark]; twice {
			t.Errorf("%+v has the fingerprint of %+v", v, old)
		}
		seen[mark] = v
	}
	same, err := New([]Rule{base})
	if err != nil {
		t.Fatal(err)
	}
	if _, twice := seen[same.Fingerprint()]; twice {
		t.Error("the rule itself has the fingerprint of one that differs")
	}
}
