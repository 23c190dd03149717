package report

import (
	"fmt"
	"io"
	"strings"

	"promoter/promoter"
)

// Annotations prints findings, problems and newer versions as workflow
// commands, which GitHub Actions shows on the lines of a pull request.
func Annotations(w io.Writer, s Scan) error {
	p := &printer{w: w}
	say := func(level, title string, at promoter.Place, text string) {
		p.f("::%s file=%s,line=%d,title=%s::%s\n", level, property.Replace(at.File), max(at.Line, 1), property.Replace(title), data.Replace(text))
	}
	for _, f := range s.Findings {
		say(annotationLevel[f.Severity], f.Rule, f.Place, f.Evidence+". Do: "+f.Remedy)
	}
	for _, x := range s.Problems {
		say("error", "unreadable", x.Place, x.Message)
	}
	for _, r := range s.Rows {
		if r.Newest != "" {
			say("notice", "newer-version", r.Place, fmt.Sprintf("%s %s: %s is available (%s)", r.Artifact, shown(r), r.Newest, r.Update))
		}
	}
	return p.err
}

var annotationLevel = map[promoter.Severity]string{
	promoter.Critical: "error", promoter.High: "error", promoter.Medium: "warning", promoter.Low: "notice",
}

// Workflow commands end at the line's end, their properties at a comma or
// colon: text from a manifest must not begin a command of its own.
var (
	data     = strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A")
	property = strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A", ":", "%3A", ",", "%2C")
)
