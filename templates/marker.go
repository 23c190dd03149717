package templates

import (
	"fmt"
	"net/url"
	"regexp"
	"strconv"
	"strings"

	"promoter/promoter"
)

// Markers are HTML comments on lines of their own by which a later run finds
// what an earlier one wrote. They are an index for people and tools, never
// authority: whoever reads one asks the forge who wrote the text around it.
// Only these exact lines are markers. Texts from outside cannot hold one: what
// quotes them breaks every "<!--" (see Code, Untrusted and evidence).
var (
	pullMarker   = regexp.MustCompile(`^<!-- promoter change=[^\s<>]* wave=[^\s<>]* sheet=([0-9a-f]{16})(?: said=([0-9a-f]{8}))? -->$`)
	recordMarker = regexp.MustCompile(`^<!-- promoter record=([^\s<>]+) -->$`)
	replyMarker  = regexp.MustCompile(`^<!-- promoter reply=([1-9][0-9]{0,18}) -->$`)
	ticketMarker = regexp.MustCompile(`^<!-- promoter ticket=([^\s<>]+) -->$`)
)

// Marker is the line that ends every pull's body: the digest of the sheet it
// was written from, and of the notice that was put on the head with it.
func Marker(sheet promoter.Sheet) string {
	said := ""
	if d := sheet.Notice.Digest(); d != "" {
		said = " said=" + d
	}
	return fmt.Sprintf("<!-- promoter change=%s wave=%s sheet=%s%s -->", encode(sheet.Change), encode(sheet.Wave), sheet.Digest(), said)
}

// SheetOf reads the sheet's digest from a pull's body, or "".
func SheetOf(body string) string {
	sheet, _ := digests(body)
	return sheet
}

// SaidOf reads from a pull's body the digest of the notice that was last put
// on its head, or "".
func SaidOf(body string) string {
	_, said := digests(body)
	return said
}

// digests reads the last marker of a pull's body. It need not be the last
// line: other tools append to bodies, and that is no reason to write ours
// anew.
func digests(body string) (sheet, said string) {
	lines := strings.Split(body, "\n")
	for i := len(lines) - 1; i >= 0; i-- {
		if m := pullMarker.FindStringSubmatch(strings.TrimRight(lines[i], "\r ")); m != nil {
			return m[1], m[2]
		}
	}
	return "", ""
}

// RepliesTo reads which comment a comment of ours answers.
func RepliesTo(body string) (commentID int64, ok bool) {
	m := first(replyMarker, body)
	if m == "" {
		return 0, false
	}
	id, err := strconv.ParseInt(m, 10, 64)
	return id, err == nil
}

// TicketKeyOf reads the key of an issue of ours, or "".
func TicketKeyOf(body string) string {
	key, _ := decode(first(ticketMarker, body))
	return key
}

// first is what the marker in a text's first line names, or "": what stands
// further down may be somebody's quotation.
func first(marker *regexp.Regexp, body string) string {
	line, _, _ := strings.Cut(body, "\n")
	if m := marker.FindStringSubmatch(strings.TrimRight(line, "\r ")); m != nil {
		return m[1]
	}
	return ""
}

// encode writes a text so that it can stand in a marker whatever is in it, and
// can be read where it is a name.
func encode(s string) string {
	var b strings.Builder
	for i := range len(s) {
		c := s[i]
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("-._/=*", c) >= 0 {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}

// decode reads what encode wrote; false for what it would have written
// otherwise.
func decode(s string) (string, bool) {
	out, err := url.PathUnescape(s)
	if err != nil || encode(out) != s {
		return "", false
	}
	return out, true
}
