package changelog

import (
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"promoter/promoter"
)

func TestParse(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		artifact, text string
		want           []promoter.Note
	}{
		"keep a changelog": {text: `# Changelog

All notable changes are kept here.

## [Unreleased]

### Added

- not yet

## [2.0.0] - 2024-03-02

### Removed

- **Breaking**: the old way

## [1.9.3] - 2024-02-01 [YANKED]

- a fix

## 1.9.2

- another ([#12])

[#12]: https://example.com/12
[Unreleased]: https://example.com/compare/v2.0.0...HEAD
[2.0.0]: https://example.com/compare/v1.9.3...v2.0.0
[1.9.3]: https://example.com/compare/v1.9.2...v1.9.3
`, want: []promoter.Note{
			{Version: "2.0.0", Body: "### Removed\n\n- **Breaking**: the old way", URL: "https://example.com/compare/v1.9.3...v2.0.0"},
			{Version: "1.9.3", Title: "YANKED", Body: "- a fix", URL: "https://example.com/compare/v1.9.2...v1.9.3"},
			{Version: "1.9.2", Body: "- another ([#12])\n\n[#12]: https://example.com/12"},
		}},
		"conventional-changelog: headings of several levels": {text: `# [1.2.0](https://example.com/compare/v1.1.1...v1.2.0) (2024-05-06)


### Features

* something ([abc1234](https://example.com/abc1234))

## [1.1.1](https://example.com/compare/v1.1.0...v1.1.1) (2024-05-01)


### Bug Fixes

* a fix

### [1.1.0](https://example.com/compare/v1.0.0...v1.1.0) (2024-04-01)

### Bug Fixes

* at the same level
`, want: []promoter.Note{
			{Version: "1.2.0", Body: "### Features\n\n* something ([abc1234](https://example.com/abc1234))", URL: "https://example.com/compare/v1.1.1...v1.2.0"},
			{Version: "1.1.1", Body: "### Bug Fixes\n\n* a fix", URL: "https://example.com/compare/v1.1.0...v1.1.1"},
			{Version: "1.1.0", Body: "### Bug Fixes\n\n* at the same level", URL: "https://example.com/compare/v1.0.0...v1.1.0"},
		}},
		"plain, with what people put around a version": {artifact: "redis", text: `# 4.0.0 (2024-01-02)
a
# v3.9.0: the one with the graphs
b
## Version 3.8.1
c
## redis-3.8.0 ##
d
## <small>3.7.9 (2024-09-10)</small>
e
## **3.7.8** / 2023-01-01
f
## \[3.7.7\] – 1 January 2023
g
## Redis v3.7.6-rc.1+build.5
h
### Release v3.7.5 January 5, 2023
i
`, want: []promoter.Note{
			{Version: "4.0.0", Body: "a"},
			{Version: "v3.9.0", Title: "the one with the graphs", Body: "b"},
			{Version: "3.8.1", Body: "c"},
			{Version: "3.8.0", Body: "d"},
			{Version: "3.7.9", Body: "e"},
			{Version: "3.7.8", Body: "f"},
			{Version: "3.7.7", Body: "g"},
			{Version: "v3.7.6-rc.1+build.5", Body: "h"},
			{Version: "v3.7.5", Body: "i"},
		}},
		"setext and reStructuredText": {text: `Changelog
=========

1.3.0 (2024-01-01)
------------------

* one

=====
1.2.0
=====

Fixes
~~~~~

* two

v1.1.0
++++++

* three
`, want: []promoter.Note{
			{Version: "1.3.0", Body: "* one"},
			{Version: "1.2.0", Body: "Fixes\n~~~~~\n\n* two"},
			{Version: "v1.1.0", Body: "* three"},
		}},
		"what is not released, in several words": {text: `## main / unreleased
x
## 2.1.0 (unreleased)
x
## Next
x
## 2.0.0 / 2024-01-01
* [CHANGE] a
`, want: []promoter.Note{{Version: "2.0.0", Body: "* [CHANGE] a"}}},
		"headings that only look like versions": {text: `## 2.0.0
### 1.2.0 to 2.0.0
move it
### 1.2 and older
### Changelog since v1.9.0
### 10.0.0.0/8 is allowed
### 2024-01-01
### v2 API
#1.0.0
` + "```\n## 1.0.0\n```\n~~~ sh\n## 1.0.1\n~~~\n<!--\n## 0.9.0\n-->\n    ## 0.8.0\n" + `
# License
## Terms
none
`, want: []promoter.Note{{Version: "2.0.0", Body: "### 1.2.0 to 2.0.0\nmove it\n### 1.2 and older\n### Changelog since v1.9.0\n### 10.0.0.0/8 is allowed\n### 2024-01-01\n### v2 API\n#1.0.0\n" +
			"```\n## 1.0.0\n```\n~~~ sh\n## 1.0.1\n~~~\n<!--\n## 0.9.0\n-->\n    ## 0.8.0"}}},
		"empty sections, repeated versions, odd line ends": {
			text: "\ufeff## 3.0.0\r\n\r\n## 2.0.0\r\n- a\r\n- b\r\n## 2.0.0\r\n- again\r\n",
			want: []promoter.Note{{Version: "2.0.0", Body: "- a\n- b"}},
		},
		"another artifact's versions": {artifact: "web", text: "## redis-2.0.0\na\n## web-1.0.0\nb\n", want: []promoter.Note{{Version: "1.0.0", Body: "b"}}},
		"a rule between sections":     {text: "## 1.1.0\na\n\n---\n\n## 1.0.0\nb\n***\n", want: []promoter.Note{{Version: "1.1.0", Body: "a"}, {Version: "1.0.0", Body: "b"}}},
		"no page":                     {text: "## [1.0.0](javascript:alert(1))\na\n", want: []promoter.Note{{Version: "1.0.0", Body: "a"}}},
		"prose":                       {text: "We moved our notes to 1.0.0.\nSee there.\n"},
		"nothing":                     {},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(c.want, Parse([]byte(c.text), c.artifact)); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func FuzzParse(f *testing.F) {
	f.Add("# Changelog\n## [1.2.0](https://example.com) (2024-01-01)\n- a\n1.1.0\n---\n- b\n", "web")
	f.Add("~~~\n## 1.0.0\n~~~\n<!-- -->\n[1.0.0]: https://x\n## web-1.0.0 - **x**\n", "web")
	f.Fuzz(func(t *testing.T, text, name string) {
		size := 0
		seen := map[string]bool{}
		for _, n := range Parse([]byte(text), name) {
			if n.Body == "" || n.Body != strings.TrimSpace(n.Body) || !utf8.ValidString(n.Body+n.Title+n.Version) {
				t.Errorf("body %q", n.Body)
			}
			if versionForm.FindString(n.Version) != n.Version || seen[n.Version] {
				t.Errorf("version %q", n.Version)
			}
			if n.URL != "" && web(n.URL) == "" || strings.ContainsAny(n.URL, " \n") || strings.Contains(n.Title, "\n") {
				t.Errorf("title %q, address %q", n.Title, n.URL)
			}
			seen[n.Version] = true
			size += len(n.Body)
		}
		if size > 3*len(text) { // a byte that is not text becomes three
			t.Errorf("%d bytes of notes from %d", size, len(text))
		}
	})
}

func BenchmarkParse(b *testing.B) {
	var text strings.Builder
	for i := range 2000 {
		fmt.Fprintf(&text, "## [1.%d.0](https://example.com/compare/v1.%d.0...v1.%d.0) (2024-01-01)\n\n### Bug Fixes\n\n* a fix of something ([#%d](https://example.com/%d))\n\n", 2000-i, 1999-i, 2000-i, i, i)
	}
	data := []byte(text.String())
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		if len(Parse(data, "web")) != 2000 {
			b.Fatal("notes are missing")
		}
	}
}
