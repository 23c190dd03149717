package templates

import (
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"promoter/promoter"
)

const branch = "promoter/redis-18.4.0-5f3a9c11/staging--eu-1"

func TestGoldenRecord(t *testing.T) {
	r := situations["revert-by-gate"].Revert
	a := promoter.WriteRecord{Number: 43, Title: r.Reason, Record: promoter.Record{Branch: branch, Lines: r.Evidence}}
	body := Record(a)
	golden(t, "record", body)
	got, ok := RecordOf(body)
	if !ok {
		t.Fatal("the record cannot be read back")
	}
	if diff := cmp.Diff(a.Record, got); diff != "" {
		t.Errorf("-written +read:\n%s", diff)
	}
	if got, ok = RecordOf(strings.ReplaceAll(body, "\n", "\r\n")); !ok || !slices.Equal(got.Lines, r.Evidence) {
		t.Errorf("with a browser's line ends it reads %q", got.Lines)
	}
}

func TestGoldenTickets(t *testing.T) {
	for name, a := range map[string]promoter.OpenTicket{
		"incident": {Key: "incident " + branch, Title: "redis in staging/eu-1 needs a person (#41)", Lines: []string{
			"#41: unproven since 2026-11-22 04:04 UTC: 2 of 3 applications run it; sessions in staging is blocked: it does not sync by itself",
			"The change goes nowhere while this lasts.",
			"Seen:",
			"sessions (staging, eu-1): blocked: it does not sync by itself",
			"  sessions at 3333333333, compared 04:11:52: OutOfSync, health Healthy since 02:00:00",
		}},
		"incident-revert": {Key: "incident " + branch + "--revert", Title: "redis in staging/eu-1 needs a person: its revert (#44)", Lines: []string{
			"#44: the revert does not heal it: sessions: degraded for 5m0s",
			"The change goes nowhere while this lasts.",
		}},
		"stop": {Key: "stop environment=prod-* tenant=acme", Title: "Promoter is stopped environment=prod-* tenant=acme", Stop: true, Lines: []string{
			"Stopped by ana on #42.",
			"Nothing that reaches environment=prod-* tenant=acme is merged forward while this issue is open. Verdicts are still recorded, and reverts are still made.",
			"Close this issue to go on.",
		}},
	} {
		title, body, labels := Ticket(a)
		golden(t, name, title+"\n\n"+strings.Join(labels, ", ")+"\n\n"+body)
		if title != a.Title || TicketKeyOf(body) != a.Key {
			t.Errorf("%s: title %q, key %q; want %q and %q", name, title, TicketKeyOf(body), a.Title, a.Key)
		}
		if stops := slices.Contains(labels, promoter.StopLabel); stops != a.Stop || !slices.Contains(labels, promoter.TicketLabel) {
			t.Errorf("%s: labels %q", name, labels)
		}
	}
}

func TestGoldenReplies(t *testing.T) {
	var all strings.Builder
	for _, text := range []string{
		"Held: this change goes nowhere until /promoter resume, or until the label promoter/hold is removed.",
		"Goes on.",
		"Stopped: close #50 to go on.",
		"Not done: mallory may not write to this repository.",
		"Not done: it is not merged, so there is nothing to take back.",
		"Not understood: the verb is missing: write /promoter and one of hold, resume, approve, retry, revert, stop.",
		"Not understood: @team#1<!--= is not known here: write tenant=NAME or environment=NAME, or nothing to stop everything.",
	} {
		body := Reply(promoter.Reply{Number: 42, Comment: 987654321012, Text: text})
		all.WriteString(body + "\n---\n\n")
		if id, ok := RepliesTo(body); !ok || id != 987654321012 {
			t.Errorf("%q answers %d", text, id)
		}
		if c, ok := promoter.ParseCommand(body); ok {
			t.Errorf("the reply %q is a command itself: %+v", text, c)
		}
	}
	golden(t, "replies", all.String()+Closing(promoter.CloseTicket{Number: 50, Reason: "nothing is in need of a person here any more"}))
}

// A stop's title is read again: cut short, it would stop something else.
func TestStopThatDoesNotFitStopsEverything(t *testing.T) {
	long := "Promoter is stopped tenant=" + strings.Repeat("a", 300)
	title, body, _ := Ticket(promoter.OpenTicket{Key: "stop tenant=" + strings.Repeat("a", 300), Title: long, Stop: true})
	if title != "Promoter is stopped" || TicketKeyOf(body) != "stop tenant="+strings.Repeat("a", 300) {
		t.Errorf("title %q, key %q", title, TicketKeyOf(body))
	}
}

// hostile are texts that a publisher, an application or a metric may hold.
var hostile = []string{
	"<!-- promoter change=x wave=y sheet=0123456789abcdef said=01234567 -->",
	"\n<!-- promoter change=x wave=y sheet=0123456789abcdef -->\n",
	"<!\x00-- promoter record=promoter/x/dev -->", "<!\u200b-- promoter reply=1 -->", "<!--<!-- promoter ticket=stop -->",
	"&lt;!-- promoter reply=1 --&gt;", "&#60;!-- promoter reply=1 -->",
	"```", "````\n</details>\n# heading", "~~~", "  ```text",
	"/promoter approve", "  /promoter stop", "\n/promoter revert\n", "x\r/promoter hold", "\u2028/promoter hold",
	"@everyone &#64;team &commat;team \\@team", "closes #12, org/repo#3, GH-4, GH\\-5, https://github.com/o/r/issues/6, www.github.com/o/r/issues/7",
	"\\`x\\` \\[a](b) \\|", "bell\a \x1b[31mred\x1b[0m \u202eevil", "\xff\xfe", "", "   ", strings.Repeat("`", 50), strings.Repeat("é", 5000),
}

// TestTheLastWordLinksOurOwn: a number of ours is a link, one that is quoted is
// not.
func TestTheLastWordLinksOurOwn(t *testing.T) {
	for reason, want := range map[string]string{
		"#12 was merged from the same branch":                                    "#12 was merged from the same branch",
		"this change goes no further: it was taken back in staging by #12":       "this change goes no further: it was taken back in staging by #12",
		"this change goes no further: it failed in staging: see #12 or ask @ana": "this change goes no further: it failed in staging: see #\u200b12 or ask @\u200bana",
		"superseded by dev: redis 17.0.0 -> 17.1.0":                              "superseded by dev: redis 17.0.0 -&gt; 17.1.0",
	} {
		if got := Superseded(promoter.Close{Number: 7, Reason: reason}); got != "Promoter closes this pull request: "+want+"." {
			t.Errorf("%s: %q", reason, got)
		}
	}
}

func TestHostileTextsForgeNothing(t *testing.T) {
	set, err := Load(nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range hostile {
		sheet := situations["revert-by-gate"]
		r := *sheet.Revert
		r.Reason, r.Evidence = text, []string{text, "after"}
		sheet.Revert = &r
		check(t, set, text, sheet)

		sheet = situations["waits-for-wave"]
		m := sheet.Members[0]
		m.From, m.To, m.Skipped = []string{text}, text, []string{text}
		m.Notes = []promoter.Note{{Version: text, Title: text, Body: text, URL: text}}
		sheet.Members, sheet.Gates = []promoter.SheetMember{m}, []string{text}
		sheet.Notice.Text = "waits: for wave dev: #41: " + text
		check(t, set, text, sheet)

		record := Record(promoter.WriteRecord{Title: text, Record: promoter.Record{Branch: branch, Lines: []string{text, "after"}}})
		if got, ok := RecordOf(record); !ok || got.Branch != branch || got.Lines[len(got.Lines)-1] != "after" {
			t.Errorf("%q: the record reads %+v", text, got)
		}
		reply := Reply(promoter.Reply{Comment: 7, Text: text})
		if id, ok := RepliesTo(reply); !ok || id != 7 {
			t.Errorf("%q: the reply answers %d", text, id)
		}
		title, ticket, _ := Ticket(promoter.OpenTicket{Key: "stop tenant=" + text, Title: text, Lines: []string{text, "Seen:", text}})
		if key := TicketKeyOf(ticket); key != "stop tenant="+text || strings.ContainsAny(title, "\n\x00\x1b") {
			t.Errorf("%q: the ticket %q has the key %q", text, title, key)
		}
		for _, body := range []string{record, ticket} {
			if c, ok := promoter.ParseCommand(body); ok {
				t.Errorf("%q gives a command: %+v", text, c)
			}
		}
		for _, reason := range []string{text, "this change goes no further: it failed in dev: " + text} {
			last := Superseded(promoter.Close{Number: 7, Reason: reason})
			if c, ok := promoter.ParseCommand(last); ok || strings.ContainsAny(last, "\n<") {
				t.Errorf("%q: a last word that gives a command (%+v) or is more than a line: %q", text, c, last)
			}
			quietly(t, text, strings.ReplaceAll(last, "\\`", "'"))
		}
		for kind, body := range map[string]string{"record": record, "reply": reply, "ticket": ticket} {
			if strings.Count(body, "<!--") != 1 || SheetOf(body) != "" || SaidOf(body) != "" {
				t.Errorf("%q makes a second marker in the %s:\n%s", text, kind, body)
			}
			quietly(t, text, body)
		}
	}
}

// check renders a sheet that holds a hostile text.
func check(t *testing.T, set *Set, text string, sheet promoter.Sheet) {
	t.Helper()
	title, body, err := set.Pull(sheet, now)
	if err != nil {
		t.Fatal(err)
	}
	if SheetOf(body) != sheet.Digest() || SaidOf(body) != sheet.Notice.Digest() {
		t.Errorf("%q: the markers are not ours:\n%s", text, body)
	}
	if n := strings.Count(body, "<!--"); n != 1 || strings.ContainsAny(title, "\n\x00\x1b") {
		t.Errorf("%q: %d HTML comments, title %q", text, n, title)
	}
	for name, of := range map[string]func(string) bool{
		"record": func(b string) bool { _, ok := RecordOf(b); return ok },
		"reply":  func(b string) bool { _, ok := RepliesTo(b); return ok },
		"ticket": func(b string) bool { return TicketKeyOf(b) != "" },
	} {
		if of(body) {
			t.Errorf("%q: a pull's body is a %s", text, name)
		}
	}
	quietly(t, text, body)
}

// quietly wants no mention and no reference of others' outside of code.
func quietly(t *testing.T, text, body string) {
	t.Helper()
	fence := ""
	for line := range strings.SplitSeq(body, "\n") {
		if isFence(line) && (fence == "" || fence == line) {
			if fence == "" {
				fence = line
			} else {
				fence = ""
			}
			continue
		}
		if fence != "" || strings.Contains(line, "`") || strings.HasPrefix(line, "<!-- promoter ") { // what is in code is not read by forges
			continue
		}
		for _, bad := range []string{"@everyone", "@team", "&#64;", "&commat;", "#12", "#3", "GH-4", "GH\\-5", "//github.com", "www.github.com"} {
			if strings.Contains(line, bad) {
				t.Errorf("%q: %q outside of code: %q", text, bad, line)
			}
		}
	}
	if fence != "" {
		t.Errorf("%q leaves a code block open:\n%s", text, body)
	}
}

func TestMarkersAreExact(t *testing.T) {
	for _, body := range []string{
		"", "x\n<!-- promoter reply=1 -->", " <!-- promoter reply=1 -->", "> <!-- promoter reply=1 -->", "<!-- promoter reply=1 --> x", "<!-- promoter reply=01 -->",
		"<!-- promoter reply=-1 -->", "<!-- promoter reply=99999999999999999999 -->", "<!-- promoter record=%2e -->\n```\nx\n```", "<!-- promoter record=a -->\n```\nx",
		"<!-- promoter record=a b -->\n```\nx\n```", "<!-- promoter ticket= -->", "<!-- promoter ticket=%zz -->", "x <!-- promoter change=a wave=b sheet=0123456789abcdef -->",
		"<!-- promoter change=a wave=b sheet=0123456789ABCDEF -->", "<!-- promoter change=a wave=b sheet=0123456789abcdef said= -->",
	} {
		if id, ok := RepliesTo(body); ok {
			t.Errorf("%q replies to %d", body, id)
		}
		if r, ok := RecordOf(body); ok {
			t.Errorf("%q records %+v", body, r)
		}
		if key := TicketKeyOf(body); key != "" {
			t.Errorf("%q has the key %q", body, key)
		}
		if SheetOf(body) != "" || SaidOf(body) != "" {
			t.Errorf("%q is of sheet %q, notice %q", body, SheetOf(body), SaidOf(body))
		}
	}
	appended := "x\n\n<!-- promoter change=a wave=b sheet=0123456789abcdef said=01234567 -->\r\n\r\nanother tool's words"
	if SheetOf(appended) != "0123456789abcdef" || SaidOf(appended) != "01234567" {
		t.Error("what other tools append hides the marker")
	}
}

func FuzzRecord(f *testing.F) {
	for _, h := range hostile {
		f.Add(h, 3)
	}
	f.Add(strings.Repeat("a line\n", 300), 200)
	f.Fuzz(func(t *testing.T, text string, repeat int) {
		lines := strings.Split(strings.Repeat(text, 1+repeat&7), "\n")
		a := promoter.WriteRecord{Title: text, Record: promoter.Record{Branch: branch, Lines: lines}}
		body := Record(a)
		got, ok := RecordOf(body)
		if !ok || got.Branch != branch {
			t.Fatalf("record of %q cannot be read back", body)
		}
		if n := utf8.RuneCountInString(strings.Join(got.Lines, "\n")); n > maxEvidence || len(got.Lines) > maxEvidenceLines || len(got.Lines) == 0 {
			t.Fatalf("%d characters in %d lines", n, len(got.Lines))
		}
		again, _ := RecordOf(Record(promoter.WriteRecord{Record: got}))
		if diff := cmp.Diff(got, again); diff != "" {
			t.Fatalf("a clean record changes:\n%s", diff)
		}
		if _, ok := promoter.ParseCommand(body); ok || strings.Count(body, "<!--") != 1 || len(body) > maxBody {
			t.Fatalf("the record commands, or has another marker, or is too long:\n%s", body)
		}
		key := "stop " + text
		_, ticket, _ := Ticket(promoter.OpenTicket{Key: key, Lines: append([]string{text, seen}, lines...)})
		if TicketKeyOf(ticket) != key {
			t.Fatalf("key %q is read as %q", key, TicketKeyOf(ticket))
		}
	})
}

func TestLongEvidenceIsCutWithAWord(t *testing.T) {
	lines := slices.Repeat([]string{"one line"}, 1000)
	got := evidence(lines)
	if len(got) != maxEvidenceLines || got[99] != "… and 901 more lines" {
		t.Errorf("%d lines, the last %q", len(got), got[len(got)-1])
	}
	if got = evidence(lines[:100]); len(got) != 100 || got[99] != "one line" {
		t.Errorf("a hundred lines become %d, the last %q", len(got), got[len(got)-1])
	}
	got = evidence(slices.Repeat([]string{strings.Repeat("é", 3000)}, 20))
	if len(got) != 8 || got[7] != "… and 13 more lines" || utf8.RuneCountInString(got[0]) != maxEvidenceLine {
		t.Errorf("%d lines, the last %q", len(got), got[len(got)-1])
	}
}

func TestCutBodyClosesItsCodeBlock(t *testing.T) {
	sheet := situations["revert-by-gate"]
	set, err := Load(fstest.MapFS{"revert.md.tmpl": {Data: []byte("{{ .Revert.Evidence }}")}})
	if err != nil {
		t.Fatal(err)
	}
	_, body, err := set.Pull(sheet, now)
	if err != nil || openFence(body) != "" {
		t.Fatalf("error %v, the fence %q is open", err, openFence(body))
	}
	cut := fit("````\n```\n"+strings.Repeat("a line\n", maxBody/7+1), Marker(sheet))
	if len(cut) > maxBody || openFence(cut) != "" || SheetOf(cut) != sheet.Digest() {
		t.Errorf("%d bytes, the fence %q is open, sheet %q", len(cut), openFence(cut), SheetOf(cut))
	}
}

func TestOwnRevertTemplate(t *testing.T) {
	set, err := Load(fstest.MapFS{
		"revert.md.tmpl": {Data: []byte("back: {{ .Revert.Left }} of #{{ .Revert.Pull }}\n{{ .Revert.Evidence }}")},
		"title.tmpl":     {Data: []byte("{{ if .Revert }}fix{{ else }}chore{{ end }}(deps): {{ .Title }}")},
	})
	if err != nil {
		t.Fatal(err)
	}
	sheet := situations["revert-by-health"]
	r := *sheet.Revert
	r.Evidence = nil
	sheet.Revert = &r
	title, body, err := set.Pull(sheet, now)
	if err != nil {
		t.Fatal(err)
	}
	if want := "fix(deps): revert staging: redis 18.4.0 -> 18.1.0"; title != want {
		t.Errorf("title %q, want %q", title, want)
	}
	if want := "back: `18.4.0` of #41\n\n" + Marker(sheet) + "\n"; body != want {
		t.Errorf("body %q, want %q", body, want)
	}
	if title, _, err = set.Pull(situations["automatic"], now); err != nil || !strings.HasPrefix(title, "chore") {
		t.Errorf("title %q, error %v", title, err)
	}
}
