package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"golang.org/x/term"

	"promoter/gitops/loop"
	"promoter/promoter"
	"promoter/test/world/forge"
)

// tale tells what happens on a stage, as it happens.
type tale struct {
	*stage
	out   io.Writer
	color bool
	began time.Time // of the world

	loop   *loop.Loop
	titles map[int]string // of the pulls that the story is about
	links  map[int]string
	revert int // the pull that takes the bad release back

	counted, explained, approved bool // what was told

	merged, failed, restored time.Time // of the bad release
}

// patience is how long the story may take, by the wall.
const patience = 100 * time.Second

func (t *tale) say(format string, args ...any) { fmt.Fprintf(t.out, format+"\n", args...) }

func (t *tale) passed() string { return promoter.Span(t.clock.Now().Sub(t.began)) }

// tell is the story.
func (t *tale) tell(ctx context.Context) error {
	t.titles, t.links = map[int]string{}, map[int]string{}
	t.say("A shop's GitOps repository: three environments, two tenants, delivered by Argo CD.")
	t.say("Everything is on loopback, and %d times as fast as on your clock. Have a look:\n", demoRate)
	t.say("  Pull requests  %s", t.pages())
	t.say("  Argo CD        %s\n", t.world.ArgoCD)
	if err := t.scan(ctx); err != nil {
		return err
	}
	t.say("\nTwo of these releases are about to travel. storefront 2.6.0 is good. redis 18.4.0")
	t.say("starts and stays Healthy, but in staging it fails 12 %% of all requests. Nobody has")
	t.say("told Promoter which is which.\n\n$ promoter serve\n")
	if err := t.serve(ctx); err != nil {
		return err
	}
	t.say("\nWhy it was taken back, in the words of #%d:\n", t.revert)
	if err := t.quote(t.revert); err != nil {
		return err
	}
	t.say("\nstorefront 2.6.0 runs in every environment. redis 18.4.0 was found bad %s after its", promoter.Span(t.failed.Sub(t.merged)))
	t.say("merge into staging, which ran 18.1.0 again %s later; production never had it.", promoter.Span(t.restored.Sub(t.failed)))
	return nil
}

// scan shows the versions, and how much more there is.
func (t *tale) scan(ctx context.Context) error {
	t.say("$ promoter scan\n")
	var b bytes.Buffer
	if err := runScan(ctx, scanFlags{survey: t.survey(), output: "table", complete: true}, &b, io.Discard); err != nil {
		return err
	}
	versions, rest, _ := strings.Cut(b.String(), "LEGACY AND DRIFT")
	t.say("%s", strings.TrimRight(versions, "\n"))
	t.say("… and %d findings of legacy and drift", strings.Count(rest, "\n          at "))
	return nil
}

// serve does what `promoter serve` does, by the world's clock, until the story
// is told.
func (t *tale) serve(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, patience, fmt.Errorf("the story was not told within %s", patience))
	defer cancel()
	w, err := t.open(ctx)
	if err != nil {
		return err
	}
	defer w.close()
	told := false
	var failure error
	run, stop := context.WithCancel(ctx)
	defer stop()
	t.loop = loop.New(loop.Options{
		Clock: t.clock, Poll: 2 * time.Minute, Deadline: 6 * time.Hour,
		Look: func(ctx context.Context) (loop.Report, error) {
			_, d, err := w.settle(ctx, t.act)
			if err == nil {
				told, err = t.follow(d)
			}
			if failure = err; told {
				stop()
			}
			return loop.Report{Wake: d.Wake}, err
		},
	})
	w.hint = t.loop.Hint
	_ = t.loop.Run(run) // it ends with its context, and we know why that is done
	if told {
		return nil
	}
	return errors.Join(context.Cause(ctx), failure)
}

// The words of the story are as wide as the widest; what has no time of its own
// is indented.
const (
	wordWidth = 8
	indent    = "          "
)

// line tells one step of a pull.
func (t *tale) line(color, word string, number int, more string) {
	word = fmt.Sprintf("%-*s", wordWidth, word)
	if t.color && color != "" {
		word = color + word + "\x1b[0m"
	}
	text := fmt.Sprintf("%s  %s #%-3d %-50s %s", t.clock.Now().Format("15:04:05"), word, number, t.titles[number], more)
	t.say("%s", strings.TrimRight(text, " "))
}

const (
	green = "\x1b[32m"
	red   = "\x1b[31m"
	bold  = "\x1b[1m"
)

// act tells of an action what a person would want to hear.
func (t *tale) act(x done) {
	if x.err != nil || x.stale {
		return // the next look finds what is to be done
	}
	switch a := x.action.(type) {
	case promoter.Open:
		t.opened(a, x.detail)
	case promoter.Merge:
		if t.titles[a.Number] != "" {
			t.line(bold, "merged", a.Number, "")
		}
		if t.titles[a.Number] == "staging: redis 18.1.0 -> 18.4.0" {
			t.merged = t.clock.Now()
		}
	case promoter.WriteRecord:
		t.failed = t.clock.Now()
		t.line(red, "FAILED", a.Number, "")
		for _, l := range wrap(a.Title, 84) {
			t.say("%s%s", indent, l)
		}
		t.say("%swhat was measured is written on #%d", indent, a.Number)
	case promoter.Close:
		if t.titles[a.Number] != "" && !strings.HasPrefix(a.Reason, "superseded") {
			reason, _, _ := strings.Cut(a.Reason, ": ")
			t.line("", "closed", a.Number, reason)
		}
	case promoter.WriteSeal:
		t.sealed(a)
	}
}

func (t *tale) opened(a promoter.Open, detail string) {
	number, link := 0, ""
	if _, err := fmt.Sscanf(detail, "#%d %s", &number, &link); err != nil {
		return
	}
	m := a.Sheet.Members[0]
	ours := m.Artifact.Name == "redis" && m.To != "18.2.0" || strings.HasSuffix(m.Artifact.Name, "storefront") && m.To != "2.5.0"
	if !ours {
		return
	}
	t.titles[number], t.links[number] = a.Sheet.Title(), link
	if a.Sheet.Revert != nil {
		t.revert = number
	}
	t.line("", "opened", number, link)
}

func (t *tale) sealed(a promoter.WriteSeal) {
	switch {
	case t.titles[a.Number] == "":
	case a.Seal.Stage == promoter.StageConverged:
		t.line("", "running", a.Number, a.Seal.Reason)
	case a.Seal.Stage == promoter.StageVerdict && a.Seal.Verdict == promoter.Fail:
		t.line(red, "sealed", a.Number, "as failed: frozen everywhere")
	case a.Seal.Stage == promoter.StageVerdict && a.Number == t.revert:
		t.restored = t.clock.Now()
		t.line(green, "restored", a.Number, a.Seal.Reason[len("restored: "):])
	case a.Seal.Stage == promoter.StageVerdict:
		t.line(green, "passed", a.Number, a.Seal.Reason)
	}
}

// follow is what people do after a look, and what is shown at it. It reports
// whether all is told.
func (t *tale) follow(d promoter.Decision) (told bool, err error) {
	if !t.counted {
		t.counted = true
		others := 0
		for _, p := range t.hosted.Pulls() {
			if p.State == "open" && t.titles[p.Number] == "" {
				others++
			}
		}
		t.say("%sand %d more, of class C1, which a person merges", indent, others)
	}
	status := map[string]promoter.Status{}
	for _, l := range d.Lines {
		status[l.Subject+" "+l.To+" "+l.Environment] = l.Status
	}
	const good, back = "shop/storefront 2.6.0 ", "redis 18.1.0 staging"
	if status[back] == promoter.Verifying && !t.explained {
		t.explained = true
		t.explain(d)
	}
	if status[good+"staging"] == promoter.Passed && !t.approved {
		return false, t.approve()
	}
	all := []string{good + "dev", good + "staging", good + "production-globex", good + "production-acme", back}
	return !slices.ContainsFunc(all, func(k string) bool { return status[k] != promoter.Passed }), nil
}

// approve has acme's people agree to what reaches acme.
func (t *tale) approve() error {
	for number, title := range t.titles {
		if !strings.HasPrefix(title, "production/acme") {
			continue
		}
		for _, who := range []string{"ben", "cleo"} {
			if err := t.hosted.Review(number, who, "APPROVED"); err != nil {
				return err
			}
		}
		t.approved = true
		t.line("", "approved", number, "by ben and cleo of acme/platform: class C2")
		t.loop.Hint() // what a webhook would do
	}
	return nil
}

// explain shows what `promoter explain redis` says now.
func (t *tale) explain(d promoter.Decision) {
	d.Lines = slices.DeleteFunc(slices.Clone(d.Lines), func(l promoter.Line) bool { return l.Subject != "redis" || l.Status == promoter.Current })
	d.Wake = time.Time{}
	t.say("\n$ promoter explain redis\n")
	explainTo(t.out, d)
	t.say("")
}

// quote shows the text of a revert as far as it says why and what.
func (t *tale) quote(number int) error {
	i := slices.IndexFunc(t.hosted.Pulls(), func(p forge.Pull) bool { return p.Number == number })
	if i < 0 {
		return fmt.Errorf("quote #%d: there is none", number)
	}
	text, _, _ := strings.Cut(t.hosted.Pulls()[i].Body, "\n### What it does not put back")
	for l := range strings.Lines(strings.TrimSpace(text)) {
		t.say("  | %s", strings.TrimRight(l, "\n"))
	}
	t.say("  | … %s", t.links[number])
	return nil
}

func wrap(text string, width int) []string {
	var out []string
	line := ""
	for word := range strings.FieldsSeq(text) {
		if line != "" && len(line)+1+len(word) > width {
			out = append(out, line)
			line = ""
		}
		line = strings.TrimSpace(line + " " + word)
	}
	return append(out, line)
}

// colorful reports whether colours are wanted.
func colorful(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && os.Getenv("NO_COLOR") == "" && term.IsTerminal(int(f.Fd()))
}
