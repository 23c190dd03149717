package templates

import (
	"fmt"
	"regexp"
	"strings"

	"promoter/promoter"
)

// Record is the comment that keeps the evidence of a failure under its pull.
// RecordOf reads it back.
func Record(a promoter.WriteRecord) string {
	return fmt.Sprintf(`<!-- promoter record=%s -->

**Failed:** %s

What was seen, quoted as it came:

%s

<sub>Kept as evidence: the verdict itself is the commit status %s on the merge commit, and a pull request that takes this one back quotes these lines.</sub>
`, encode(a.Record.Branch), Inline(a.Title), fenced(a.Record.Lines), Code(promoter.Seal{Stage: promoter.StageVerdict}.Context()))
}

// RecordOf reads a comment that Record wrote: the branch, and the lines as
// they were quoted. False for any other comment. Who wrote it is the caller's
// question.
func RecordOf(body string) (promoter.Record, bool) {
	branch, ok := decode(first(recordMarker, body))
	if !ok || branch == "" {
		return promoter.Record{}, false
	}
	lines, ok := unfenced(body)
	if !ok {
		return promoter.Record{}, false
	}
	return promoter.Record{Branch: branch, Lines: lines}, true
}

// Reply is the comment that answers a command. RepliesTo reads which one.
func Reply(a promoter.Reply) string {
	return fmt.Sprintf("<!-- promoter reply=%d -->\n\n%s\n", a.Comment, told(a.Text))
}

// Ticket is an issue: its title, which for a stop says what is stopped and is
// read again, its body, and its labels. TicketKeyOf reads its key.
func Ticket(a promoter.OpenTicket) (title, body string, labels []string) {
	var b strings.Builder
	fmt.Fprintf(&b, "<!-- promoter ticket=%s -->\n", encode(a.Key))
	lines := a.Lines
	for len(lines) > 0 {
		line := lines[0]
		lines = lines[1:]
		if line == seen {
			b.WriteString("\nWhat was seen, quoted as it came:\n\n" + fenced(lines) + "\n")
			break
		}
		b.WriteString("\n" + told(line) + "\n")
	}
	b.WriteString("\n" + foot(a) + "\n")
	labels = []string{promoter.TicketLabel}
	if a.Stop {
		labels = append(labels, promoter.StopLabel)
	}
	return ticketTitle(a), b.String(), labels
}

// seen is the line of a ticket after which evidence follows.
const seen = "Seen:"

// stopped is the title of a stop without a scope: everything.
const stopped = "Promoter is stopped"

// ticketTitle is plain text on one line. What is stopped is read from a stop's
// title: one that does not fit would stop something else, and so it stops
// everything.
func ticketTitle(a promoter.OpenTicket) string {
	title := strings.Join(strings.Fields(normalize(a.Title)), " ")
	if a.Stop && len(title) > maxTitle {
		return stopped
	}
	return truncate(title, maxTitle, "…")
}

// foot says what a person can do about an issue.
func foot(a promoter.OpenTicket) string {
	if a.Stop {
		return "Its title says what is stopped: `environment=NAME` and `tenant=NAME`, in which `*` stands for any text; everything where it says neither."
	}
	branch, ok := promoter.ParseBranch(strings.TrimPrefix(a.Key, "incident "))
	if ok && branch.Revert {
		return "Promoter never reverts a revert: from here on it is a person's. This issue is closed when nothing needs a person here any more."
	}
	return "To steer it, comment under the pull request: `/promoter revert` takes it back, `/promoter retry` goes on with what has failed. " +
		"This issue is closed when nothing needs a person here any more."
}

// Closing is the comment with which an issue of ours is closed.
func Closing(a promoter.CloseTicket) string {
	return "Closed: " + told(a.Reason) + ".\n"
}

// Superseded is the comment with which a pull of ours is closed.
func Superseded(a promoter.Close) string {
	return "Promoter closes this pull request: " + told(a.Reason) + "."
}

// ownReference is how sentences of the core begin that name a pull or issue:
// these numbers are ours, and may be links. Whatever follows may be quoted.
var ownReference = regexp.MustCompile(`^(?:waits(?: for a person)?: |waits )?(?:for wave [^#:]{1,80}: |stopped by |held by the label [a-z/]{1,40} on |this change goes no further: it was taken back in [^#:]{1,80} by |Stopped: close |Stopped by [^ #]{1,80} on )?#[0-9]{1,9}\b`)

// told is a sentence of the core, in which the words of others may stand: on
// one line, quiet but for the number that it begins with.
func told(text string) string {
	text = uncommanded(strings.Join(strings.Fields(normalize(text)), " "))
	head := ownReference.FindString(text)
	if head == "" {
		return Inline(text)
	}
	i := strings.IndexByte(head, '#')
	rest := truncate(text[len(head):], 1000, "…")
	return inline.Replace(quiet(head[:i])) + head[i:] + inline.Replace(quiet(rest))
}

// status is a notice as the line of a body.
func status(n promoter.Notice) string {
	text := n.Text
	if rest, ok := strings.CutPrefix(text, "waits for a person: a person merges it"); ok {
		text = "waits for a person to merge it" + rest
	} else if rest, ok := strings.CutPrefix(text, "waits: for "); ok {
		text = "waits for " + rest
	}
	return told(text)
}
