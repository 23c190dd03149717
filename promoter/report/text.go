package report

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"promoter/promoter"
)

// Value is a measure's number as people read it, or that there is none.
func (m Measure) Value() string {
	switch {
	case m.Unknown != "":
		return "unknown"
	case m.Share != nil:
		return fmt.Sprintf("%.1f %%", 100*m.Share.Ratio)
	case m.Time != nil:
		if m.N == 1 {
			return m.Time.P50.String()
		}
		return fmt.Sprintf("p50 %s, p90 %s", m.Time.P50, m.Time.P90)
	case m.Rate != nil:
		return fmt.Sprintf("%.2f", *m.Rate)
	case m.Count != nil:
		return fmt.Sprint(*m.Count)
	}
	return "unknown"
}

// Text says what the number is of, or why there is none.
func (m Measure) Text() string {
	var parts []string
	switch {
	case m.Unknown != "":
		parts = append(parts, m.Unknown)
	case m.Share != nil:
		parts = append(parts, fmt.Sprintf("%d of %d %s", m.Share.Part, m.N, m.Of))
	case m.Count != nil:
		parts = append(parts, m.Of)
	default:
		parts = append(parts, fmt.Sprintf("n=%d (%s)", m.N, m.Of))
		if m.Time != nil && m.N > 1 {
			parts = append(parts, fmt.Sprintf("mean %s, longest %s", m.Time.Mean, m.Time.Max))
		}
	}
	return strings.Join(append(parts, m.Notes...), "; ")
}

// String is the duration in words that people use.
func (s Seconds) String() string { return promoter.Span(time.Duration(s).Round(time.Second)) }

func (r Report) heading() string {
	const day = "2006-01-02 15:04"
	what := map[string]string{KindRollouts: "what Promoter did", KindHistory: "what Git alone tells"}[r.Kind]
	h := fmt.Sprintf("%s: %s, %s to %s UTC (%s)", r.Of, what, r.Since.UTC().Format(day), r.Until.UTC().Format(day), promoter.Span(r.Until.Sub(r.Since).Round(time.Minute)))
	if r.Filter != "" {
		h += ", only " + r.Filter
	}
	return h
}

// columns are a row's cells, and its heads.
func (r Report) columns() []string {
	if r.Kind == KindHistory {
		return []string{"wave", "moves", "put back", "wave spread", "n"}
	}
	return []string{"wave", "merges", "passed", "failed", "undecided", "taken back", "wave duration", "n"}
}

func (r Report) cells(w Row) []string {
	took := "unknown"
	switch {
	case w.Duration != nil && w.Complete == 1:
		took = w.Duration.P50.String()
	case w.Duration != nil:
		took = fmt.Sprintf("p50 %s, p90 %s", w.Duration.P50, w.Duration.P90)
	}
	if r.Kind == KindHistory {
		return []string{w.Wave, fmt.Sprint(w.Merged), fmt.Sprint(w.TakenBack), took, fmt.Sprint(w.Complete)}
	}
	return []string{w.Wave, fmt.Sprint(w.Merged), number(w.Passed), number(w.Failed), number(w.Undecided), fmt.Sprint(w.TakenBack), took, fmt.Sprint(w.Complete)}
}

func number(n *int) string {
	if n == nil {
		return "unknown"
	}
	return fmt.Sprint(*n)
}

// Text is the report for a terminal.
func (r Report) Text() string {
	var b strings.Builder
	b.WriteString(r.heading() + "\n\n")
	rows := [][]string{}
	for _, m := range r.Measures {
		rows = append(rows, []string{m.Title, m.Value(), m.Text()})
	}
	table(&b, rows)
	if len(r.Waves) > 0 {
		b.WriteByte('\n')
		rows = [][]string{upper(r.columns())}
		for _, w := range r.Waves {
			rows = append(rows, r.cells(w))
		}
		table(&b, rows)
	}
	if len(r.Gaps) > 0 {
		b.WriteString("\nNOT WHOLE\n")
		for _, g := range r.Gaps {
			b.WriteString("  " + g + "\n")
		}
	}
	return b.String()
}

func upper(words []string) []string {
	out := make([]string, len(words))
	for i, w := range words {
		out[i] = strings.ToUpper(w)
	}
	return out
}

// table writes rows in columns.
func table(b *strings.Builder, rows [][]string) {
	var widths []int
	for _, row := range rows {
		for i, c := range row {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], utf8.RuneCountInString(c))
		}
	}
	for _, row := range rows {
		line := ""
		for i, c := range row {
			line += c
			if i < len(row)-1 {
				line += strings.Repeat(" ", widths[i]-utf8.RuneCountInString(c)+2)
			}
		}
		b.WriteString(strings.TrimRight(line, " ") + "\n")
	}
}

// Markdown is the report for a page or a comment. What others wrote stands in
// it as text.
func (r Report) Markdown() string {
	var b strings.Builder
	b.WriteString("## " + plain(r.heading()) + "\n\n| Measure | Value | Of |\n|---|---|---|\n")
	for _, m := range r.Measures {
		fmt.Fprintf(&b, "| %s | %s | %s |\n", plain(m.Title), m.Value(), plain(m.Text()))
	}
	if len(r.Waves) > 0 {
		heads := r.columns()
		b.WriteString("\n| " + strings.Join(heads, " | ") + " |\n|" + strings.Repeat("---|", len(heads)) + "\n")
		for _, w := range r.Waves {
			cells := r.cells(w)
			cells[0] = plain(cells[0])
			b.WriteString("| " + strings.Join(cells, " | ") + " |\n")
		}
	}
	if len(r.Gaps) > 0 {
		b.WriteString("\nNot whole:\n\n")
		for _, g := range r.Gaps {
			b.WriteString("- " + plain(g) + "\n")
		}
	}
	b.WriteString("\n<details><summary>What the measures mean</summary>\n\n")
	for _, d := range Definitions(r.Kind) {
		fmt.Fprintf(&b, "- **%s**: %s\n", d.Title, plain(d.Means))
	}
	b.WriteString("\n</details>\n")
	return b.String()
}

var markdown = strings.NewReplacer("\\", "\\\\", "|", "\\|", "<", "&lt;", ">", "&gt;", "`", "\\`", "*", "\\*", "_", "\\_", "[", "\\[", "]", "\\]", "@", "@\u200b", "#", "#\u200b", "\n", " ", "\r", " ")

// plain is text that means nothing in Markdown, mentions nobody and links
// nothing.
func plain(s string) string { return markdown.Replace(s) }
