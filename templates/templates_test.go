package templates

import (
	"flag"
	"html"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"promoter/promoter"
)

var update = flag.Bool("update", false, "write the golden files anew")

func TestGoldenBodies(t *testing.T) {
	set, err := Load(nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, sheet := range situations {
		t.Run(name, func(t *testing.T) {
			title, body, err := set.Pull(sheet, now)
			if err != nil {
				t.Fatal(err)
			}
			golden(t, name, title+"\n\n"+body)
			if SheetOf(body) != sheet.Digest() || SaidOf(body) != sheet.Notice.Digest() {
				t.Errorf("marker names sheet %q and notice %q, want %q and %q", SheetOf(body), SaidOf(body), sheet.Digest(), sheet.Notice.Digest())
			}
		})
	}
}

// golden compares a text with the file that holds it as it was last read and
// found good.
func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name+".golden.md")
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("-want +got (go test ./templates -update writes it anew):\n%s", diff)
	}
}

func TestBodyStaysWithinTheForgesLimit(t *testing.T) {
	sheet := situations["first-wave"]
	sheet.Members = nil
	for range 200 {
		m := situations["first-wave"].Members[0]
		m.Notes = []promoter.Note{{Version: "18.4.0", Body: strings.Repeat("word ", 4000)}}
		m.Skipped = []string{strings.Repeat("é", 280)}
		sheet.Members = append(sheet.Members, m)
	}
	set, err := Load(nil)
	if err != nil {
		t.Fatal(err)
	}
	title, body, err := set.Pull(sheet, now)
	if err != nil {
		t.Fatal(err)
	}
	if len(body) > maxBody || len(title) > maxTitle {
		t.Errorf("body has %d bytes, title %d", len(body), len(title))
	}
	if !strings.Contains(body, "This text was cut") || SheetOf(body) != sheet.Digest() {
		t.Error("a cut body must say so and keep its marker")
	}
}

func TestOwnTemplates(t *testing.T) {
	own := fstest.MapFS{"title.tmpl": {Data: []byte("chore(deps): {{ .Title }}")}}
	set, err := Load(own)
	if err != nil {
		t.Fatal(err)
	}
	title, _, err := set.Pull(situations["first-wave"], now)
	if err != nil {
		t.Fatal(err)
	}
	if want := "chore(deps): dev: redis 18.1.0 -> 18.4.0"; title != want {
		t.Errorf("title %q, want %q", title, want)
	}
	if err := set.Title("{{ .Wave }}!"); err != nil {
		t.Fatal(err)
	}
	if title, _, err = set.Pull(situations["first-wave"], now); err != nil || title != "dev!" {
		t.Errorf("title %q, error %v; want the configuration's own", title, err)
	}
	for file, content := range map[string]string{"pul.md.tmpl": "x", "title.tmpl": "{{ .Titel }}", "pull.md.tmpl": "{{"} {
		set, err := Load(fstest.MapFS{file: {Data: []byte(content)}})
		if err == nil {
			_, _, err = set.Pull(situations["first-wave"], now)
		}
		if err == nil || !strings.Contains(err.Error(), file) {
			t.Errorf("%s with %q: error %v does not name the file", file, content, err)
		}
	}
}

func FuzzUntrusted(f *testing.F) {
	f.Add("hello @team, closes #12, GH-3, org/repo#4\n```\n<!-- promoter change=x -->\n</details>", 400)
	f.Add("&#64;team &amp;#64;team &commat;x &#10;@y \\@z", 300)
	f.Add("# h\n===\n[x]: javascript:1\n\u202e![i](u)", 50)
	f.Fuzz(func(t *testing.T, text string, limit int) {
		limit = 20 + limit&0xfff
		out := Untrusted(text, limit)
		if len(out) > limit+len("> …\n") {
			t.Fatalf("%d bytes, limit %d", len(out), limit)
		}
		for line := range strings.Lines(out) {
			if !strings.HasPrefix(line, ">") {
				t.Fatalf("line %q left the quote", line)
			}
			rest := strings.TrimPrefix(line, ">")
			if strings.ContainsAny(rest, "<>\r") {
				t.Fatalf("line %q holds HTML", line)
			}
			rest = html.UnescapeString(rest) // as a forge shows it
			if i := strings.IndexByte(rest, '@'); i >= 0 && !strings.HasPrefix(rest[i+1:], zwsp) {
				t.Fatalf("line %q mentions", line)
			}
		}
	})
}
