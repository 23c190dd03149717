package helmrepo

import (
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"

	"github.com/Masterminds/semver/v3"
)

// layouts are indexes that are written in one unusual way each.
var layouts = []struct {
	name, index string
	full        bool // only a full parse can tell
}{
	{"flow", "{apiVersion: v1, entries: {c0: [{name: c0, version: 1.0.0}]}}\n", true},
	{"flow entries", "apiVersion: v1\nentries: {c0: [{name: c0, version: 1.0.0}]}\n", true},
	{"flow entry", "apiVersion: v1\nentries:\n  c0:\n  - {name: c0, version: 1.0.0}\n  - {name: c0, version: '{2}'}\ngenerated: \"2024-01-02T03:04:05Z\"\n", false},
	{"JSON", `{"apiVersion":"v1","entries":{"c0":[{"name":"c0","version":"1.0.0","unknown":1}],"c1":[null],"c2":null}}`, false},
	{"JSON in capitals, twice", `{"APIVERSION":"v1","Entries":{"c0":[{"NAME":"c0","version":"1.0.0"}]},"entries":{"c1":[],"c1":[{"name":"c1","version":"2.0.0"}]}}`, false},
	{"anchors", "apiVersion: v1\nentries:\n  c0:\n  - &a\n    name: c0\n    version: 1.0.0\n  - <<: *a\n    home: x\n", true},
	{"alias to a chart", "apiVersion: v1\nentries:\n  c0: &a\n  - name: c0\n    version: 1.0.0\n  c1: *a\n", true},
	{"four spaces", "apiVersion: v1\nentries:\n    c0:\n        - name: c0\n          version: 1.0.0\n        - name: c0\n          version: 2.0.0\n", false},
	{"all quoted", "\"apiVersion\": \"v1\"\n\"entries\":\n  \"c0\":\n  - \"name\": \"c0\"\n    'version': '1.0.0'\n", false},
	{"CRLF", "apiVersion: v1\r\nentries:\r\n  c0:\r\n  - name: c0\r\n    version: 1.0.0\r\n", false},
	{"bare CR", "apiVersion: v1\rentries:\r  c0:\r  - name: c0\r    version: 1.0.0\r", true},
	{"line separator", "apiVersion: v1\nentries:\n  c0:\n  - name: c0\n    version: 1.0.0\n    description: a\u2028     b\n", true},
	{"dash alone", "apiVersion: v1\nentries:\n  c0:\n  -\n    name: c0\n    version: 1.0.0\n", false},
	{"quotes below their key's column", "apiVersion: v1\nentries:\n  c0:\n  - name: c0\n    description: \"a\n  c1:\n  - b\nc\"\n    version: 1.0.0\n", false},
	{"block scalar that looks like a chart", "apiVersion: v1\nentries:\n  c0:\n  - description: |\n      c1:\n      - name: c1\n\n    name: c0\n    version: 1.0.0\n", false},
	{"block scalar with its own indentation", "apiVersion: v1\nentries:\n  c0:\n  - name: c0\n    annotations:\n      artifacthub.io/changes: |2\n          two more\n        none\n    version: 1.0.0\n", false},
	{"document", "---\napiVersion: v1\nentries:\n  c0:\n  - name: c0\n    version: 1.0.0\n---\nentries: {}\n", true},
	{"explicit keys", "? apiVersion\n: v1\n? entries\n: c0:\n  - name: c0\n    version: 1.0.0\n", true},
	{"tab", "apiVersion: v1\nentries:\n  c0:\n  - name:\tc0\n    version: 1.0.0\n", true},
	{"byte order mark", "\ufeffapiVersion: v1\nentries:\n  c0:\n  - name: c0\n    version: 1.0.0\n", false},
	{"JSON and more", `{"apiVersion":"v1","entries":{"c0":[]}} x`, true},
	{"null dependency", "apiVersion: v1\nentries:\n  c0:\n  - name: c0\n    version: 1.0.0\n    dependencies:\n      - name: a\n      -\n  - name: c0\n    version: 2.0.0\n", false},
	{"versions equal but for metadata", "apiVersion: v1\nentries:\n  c0:\n" + strings.Repeat("  - name: c0\n    version: 1.0.0+a\n  - name: c0\n    version: 1.0.0+b\n  - name: c0\n    version: 1.0.1\n", 9), false},
}

func TestLayouts(t *testing.T) {
	t.Parallel()
	for _, c := range layouts {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			accepted, carved := agree(t, []byte(c.index))
			if !accepted {
				t.Fatal("helm refuses this index")
			}
			if carved == c.full {
				t.Errorf("carved is %v", carved)
			}
		})
	}
}

// TestRefused holds what Helm refuses and ReadIndex must refuse with it.
func TestRefused(t *testing.T) {
	t.Parallel()
	for name, index := range map[string]string{
		"no apiVersion":    "entries:\n  c0:\n  - name: c0\n    version: 1.0.0\n",
		"unknown root key": "apiVersion: v1\nkind: x\nentries:\n  c0:\n  - name: c0\n    version: 1.0.0\n",
		"chart twice":      "apiVersion: v1\nentries:\n  c0:\n  - name: c0\n    version: 1.0.0\n  c0:\n  - name: c0\n    version: 2.0.0\n",
		"entries twice":    "apiVersion: v1\nentries:\n  c0: []\nentries:\n  c0: []\n",
		"entries a list":   "apiVersion: v1\nentries:\n- c0\n",
		"chart a mapping":  "apiVersion: v1\nentries:\n  c0:\n    name: c0\n",
		"chart a string":   "apiVersion: v1\nentries:\n  c0: x\n",
		"unknown field":    "apiVersion: v1\nentries:\n  c0:\n  - name: c0\n    version: 1.0.0\n    odd: x\n",
		"field twice":      "apiVersion: v1\nentries:\n  c0:\n  - name: c0\n    version: 1.0.0\n    version: 1.0.1\n",
		"number version":   "apiVersion: v1\nentries:\n  c0:\n  - name: c0\n    version: 1.0\n",
		"bad time":         "apiVersion: v1\nentries:\n  c0:\n  - name: c0\n    version: 1.0.0\n    created: yesterday\n",
		"no such alias":    "apiVersion: v1\nentries:\n  c0:\n  - name: c0\n    version: *v\n",
		"binary":           "\x00\x01\x02\x03",
		"alias bomb":       aliasBomb(),
		"deep flow":        "apiVersion: v1\nentries: " + strings.Repeat("[", 1<<20) + "\n",
		"deep JSON":        `{"apiVersion":"v1","entries":{"c0":` + strings.Repeat("[", 1<<20),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if accepted, _ := agree(t, []byte(index)); accepted {
				t.Fatal("helm reads it")
			}
			x, err := readBytes([]byte(index), []string{"c0"})
			if err == nil && x.Unread["c0"] == nil {
				t.Errorf("read as %+v", x)
			}
		})
	}
}

func aliasBomb() string {
	var b strings.Builder
	b.WriteString("apiVersion: v1\nannotations: {}\na0: &a0 [x, x, x, x, x, x, x, x, x]\n")
	for i := range 12 {
		fmt.Fprintf(&b, "a%d: &a%d [%s]\n", i+1, i+1, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*a%d, ", i), 9), ", "))
	}
	return b.String() + "entries:\n  c0: *a12\n"
}

// endless is a file that is never in memory: head, then body repeated.
type endless struct {
	head, body string
	size       int64
}

func (e endless) ReadAt(p []byte, off int64) (int, error) {
	n := 0
	for n < len(p) && off < e.size {
		from := e.head
		if at := off - int64(len(e.head)); at >= 0 {
			from = e.body[at%int64(len(e.body)):]
		} else {
			from = from[off:]
		}
		c := copy(p[n:], from[:min(int64(len(from)), e.size-off)])
		n += c
		off += int64(c)
	}
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// TestBoundedMemory reads hostile indexes. It cannot
// be parallel: it measures the heap.
func TestBoundedMemory(t *testing.T) {
	const size = 80 << 20
	const head = "apiVersion: v1\nentries:\n  c0:\n"
	for name, c := range map[string]struct {
		file endless
		want string
	}{
		"entries of another chart": {endless{"apiVersion: v1\nentries:\n  c1:\n", "  - name: c1\n    version: 1.0.0\n", size}, ""},
		"entries of the chart":     {endless{head, "  - name: c0\n    version: 1.0.0\n", size}, "hold more than 128 MB"},
		"null entries":             {endless{head, "  -\n", size}, "hold more than 128 MB"},
		"mappings":                 {endless{head, "  - {}\n", size}, "truncated"},
		"nothing but names":        {endless{"apiVersion: v1\nentries:\n", " c0:\n c1:\n", size}, "more than the 32 MB"},
		"one line":                 {endless{head + "  - name: ", "x", size}, "is longer than 8 MB"},
		"one entry":                {endless{head + "  - name: c0\n    keywords:\n", "    - x\n", size}, "larger than 4 MB"},
		"flow":                     {endless{"apiVersion: v1\nentries: [\n", "x,\n", size}, "more than the 32 MB"},
		"head":                     {endless{"apiVersion: v1\nannotations:\n", "  a: b\n", size}, "more than 1 MB beside"},
		"quote":                    {endless{head + "  - name: \"\n", "xxxxxxxxxxxxxxxx\n", size}, "larger than 4 MB"},
		"blank lines":              {endless{"apiVersion: v1\n", "                         \n", size}, "more than 1 MB beside"},
		"JSON":                     {endless{`{"apiVersion":"v1","entries":{"c0":[`, `{"name":"c0","version":"1.0.0"},`, size}, "hold more than 128 MB"},
		"JSON of another chart":    {endless{`{"apiVersion":"v1","entries":{"c1":[`, `{"name":"c1","version":"1.0.0"},`, size}, "truncated"},
		"JSON string":              {endless{`{"apiVersion":"`, "x", size}, "larger than 4 MB"},
		"JSON depth":               {endless{`{"apiVersion":"v1","entries":{"c0":`, "[", size}, "more than the 32 MB"},
	} {
		t.Run(name, func(t *testing.T) {
			runtime.GC()
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			_, err := ReadIndex(c.file, c.file.size, []string{"c0"})
			runtime.ReadMemStats(&after)
			if got := fmt.Sprint(err); c.want == "" && err != nil && !strings.Contains(got, "truncated") || !strings.Contains(got, c.want) {
				t.Errorf("error %q, want %q", got, c.want)
			}
			// The heap asked of the system grows by what is live at once.
			if grown := int64(after.HeapSys) - int64(before.HeapSys); grown > 400<<20 {
				t.Errorf("the heap grew by %d MB", grown>>20)
			}
		})
	}
}

// TestThreeNumbers compares the short way to read a version with the long one.
func TestThreeNumbers(t *testing.T) {
	t.Parallel()
	for _, s := range []string{"1.2.3", "0.0.0", "10.20.30", "01.2.3", "1.02.3", "1.2", "1", "", ".", "..", "1..2", "1.2.3.4", "1.2.3-a", "v1.2.3", " 1.2.3",
		"999999999999999999.0.1", "9999999999999999999.0.0", "99999999999999999999.0.0", "1.2.3+b", "1.2.", ".1.2"} {
		want, err := semver.NewVersion(s)
		if got := validVersion(s); got != (err == nil) {
			t.Errorf("%q: valid is %v, want %v", s, got, err)
		}
		if n, ok := threeNumbers(s); ok && !semver.New(n[0], n[1], n[2], "", "").Equal(want) {
			t.Errorf("%q: %v, want %v", s, n, want)
		}
	}
}
