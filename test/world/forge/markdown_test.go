package forge

import (
	"regexp"
	"strings"
	"testing"
)

var tag = regexp.MustCompile(`<[^>]*>?`)

var allowed = regexp.MustCompile(`^<(/?(p|ul|li|table|tr|td|th|pre|code|blockquote|b|i|br|sub|kbd|a|details|summary|h[1-6])|details open|a href="[^"<>]*")>$`)

// FuzzMarkdown: whatever is written, the page holds no other elements than
// ours, and no link that runs something.
func FuzzMarkdown(f *testing.F) {
	for _, seed := range []string{
		"# a\n\n- b `c` **d** _e_\n", "| a | b \\| c |\n|--|--|\n", "```\n<script>\n", "<details><summary>`x`</summary>", "[a](https://x/\"onclick=1)", "[`a`](javascript:x)",
		"\x000\x00 `a`", "**`a`**", "[a](https://`b`)", "> q\n> r", "<!-- <script> -->x<!--", "&lt;script&gt;", "<br><kbd>",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		out := string(markdown(text))
		for _, found := range tag.FindAllString(out, -1) {
			if !allowed.MatchString(found) {
				t.Errorf("%q became %q, which has %q", text, out, found)
			}
			if strings.Contains(strings.ToLower(found), "javascript:") && strings.HasPrefix(found, `<a href="j`) {
				t.Errorf("%q became %q", text, out)
			}
		}
	})
}
