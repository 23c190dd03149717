package promoter

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// BranchPrefix begins the name of every branch of ours, and of no other.
const BranchPrefix = "promoter/"

// maxSlug and maxBranch bound names: forges refuse refs of more than 255
// bytes, and people read them.
const (
	maxSlug   = 48
	maxBranch = 200
)

// Branch is what a branch's name says. The name is the key by which a later
// run, which remembers nothing, finds its work again.
type Branch struct {
	Change  string // the change's id
	Wave    string
	Part    string // the environment, tenant or cluster of a split wave, or ""
	Revert  bool
	Attempt int // 0 for the first
}

// Words of a branch's name that are no part of a wave.
const (
	wordRevert = "revert"
	wordAgain  = "again-"
)

// String formats the name: promoter/<change>/<wave>[--<part>][--revert][--again-<attempt>].
func (b Branch) String() string {
	s := BranchPrefix + b.Change + "/" + slug(b.Wave, maxSlug)
	if part := slug(b.Part, maxSlug); b.Part != "" {
		if part == wordRevert || strings.HasPrefix(part, wordAgain) {
			part += "-" + digest8(part) // a cluster may be called so
		}
		s += "--" + part
	}
	if b.Revert {
		s += "--" + wordRevert
	}
	if b.Attempt > 0 {
		s += fmt.Sprintf("--%s%d", wordAgain, b.Attempt)
	}
	if len(s) > maxBranch {
		s = s[:maxBranch-9] + "-" + digest8(s)
	}
	return s
}

// ParseBranch reads a branch's name back: the wave and the part as slugs.
// False for a name that is none of ours.
func ParseBranch(name string) (Branch, bool) {
	id, ok := ChangeOf(name)
	if !ok {
		return Branch{}, false
	}
	words := strings.Split(strings.TrimPrefix(name, BranchPrefix+id+"/"), "--")
	b := Branch{Change: id, Wave: words[0]}
	words = words[1:]
	if n := len(words); n > 0 && strings.HasPrefix(words[n-1], wordAgain) {
		if attempt, err := strconv.Atoi(words[n-1][len(wordAgain):]); err == nil {
			b.Attempt, words = attempt, words[:n-1]
		}
	}
	if n := len(words); n > 0 && words[n-1] == wordRevert {
		b.Revert, words = true, words[:n-1]
	}
	if len(words) > 1 {
		return Branch{}, false
	}
	if len(words) == 1 {
		b.Part = words[0]
	}
	return b, b.Wave != ""
}

// ChangeOf returns the id of the change that a branch of ours belongs to.
func ChangeOf(branch string) (string, bool) {
	rest, ok := strings.CutPrefix(branch, BranchPrefix)
	if !ok {
		return "", false
	}
	id, _, ok := strings.Cut(rest, "/")
	return id, ok && id != ""
}

// changeID names a change: the same artifacts going to the same versions have
// the same id in every environment, whatever they come from.
func changeID(key, name string, to map[Artifact]string) string {
	var parts []string
	label := ""
	for a, v := range to {
		parts = append(parts, a.String()+"="+v)
		label = v
	}
	slices.Sort(parts)
	if len(to) != 1 {
		label = ""
	}
	s := slug(name, maxSlug-12)
	if label != "" {
		s += "-" + slug(label, 20)
	}
	return s + "-" + digest8(key+"\x00"+strings.Join(parts, "\x00"))
}

// slug keeps letters, digits, dots and single dashes, so that it can stand in
// a ref, a file name and a URL. Text that had to be cut or loses everything
// ends in its digest.
func slug(s string, most int) string {
	if s != "" && len(s) <= most && !strings.ContainsFunc(s, func(r rune) bool { return (r < 'a' || r > 'z') && (r < '0' || r > '9') }) {
		return s // almost all are
	}
	var b strings.Builder
	for _, r := range strings.ToLower(s) {
		switch {
		case r >= 'a' && r <= 'z' || r >= '0' && r <= '9':
			b.WriteRune(r)
		case r == '.' && b.Len() > 0 && !strings.HasSuffix(b.String(), "."):
			b.WriteRune(r)
		case b.Len() > 0 && !strings.HasSuffix(b.String(), "-"):
			b.WriteByte('-')
		}
	}
	out := strings.Trim(b.String(), "-.")
	if out == "" || len(out) > most {
		out = strings.Trim(out[:min(len(out), most-9)], "-.") + "-" + digest8(s)
	}
	if strings.HasSuffix(out, ".lock") { // a ref may not end so
		out += "-"
	}
	return strings.TrimPrefix(out, "-")
}

func digest8(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:4])
}

// Trailers are what a commit of ours says of itself in its last lines.
type Trailers struct {
	Change string
	Wave   string
	From   []string // "chart https://charts.example.com redis = 18.1.0"
	To     []string
	Edits  []Edit // what the commit changes, each on a line of its own
}

// Trailer keys.
const (
	keyChange = "Promoter-Change"
	keyWave   = "Promoter-Wave"
	keyFrom   = "Promoter-From"
	keyTo     = "Promoter-To"
	keyEdit   = "Promoter-Edit"
)

// String formats the trailers, a line each.
func (t Trailers) String() string {
	var b strings.Builder
	line := func(key, value string) {
		if value != "" {
			fmt.Fprintf(&b, "%s: %s\n", key, oneLine(value))
		}
	}
	line(keyChange, t.Change)
	line(keyWave, t.Wave)
	for _, v := range t.From {
		line(keyFrom, v)
	}
	for _, v := range t.To {
		line(keyTo, v)
	}
	for _, e := range t.Edits {
		data, err := json.Marshal(e)
		if err != nil {
			panic(err) // unreachable: an edit holds plain data only
		}
		b.WriteString(keyEdit + ": " + string(data) + "\n") // JSON is one line, and its spaces count
	}
	return b.String()
}

// ParseTrailers reads the trailers of a commit message: the lines of its last
// paragraph.
func ParseTrailers(message string) Trailers {
	var t Trailers
	message = strings.TrimRight(strings.ReplaceAll(message, "\r\n", "\n"), "\n")
	last := message[strings.LastIndex(message, "\n\n")+1:]
	for line := range strings.SplitSeq(last, "\n") {
		key, value, ok := strings.Cut(line, ": ")
		if !ok {
			continue
		}
		switch key {
		case keyChange:
			t.Change = value
		case keyWave:
			t.Wave = value
		case keyFrom:
			t.From = append(t.From, value)
		case keyTo:
			t.To = append(t.To, value)
		case keyEdit:
			var e Edit
			if json.Unmarshal([]byte(value), &e) == nil {
				t.Edits = append(t.Edits, e)
			}
		}
	}
	return t
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

// EditsDigest is a digest of what edits change: places by file and path, old
// and new values. Byte offsets are left out, so that it survives changes
// elsewhere in the files.
func EditsDigest(edits []Edit) string {
	lines := make([]string, len(edits))
	for i, e := range edits {
		l := strconv.AppendQuote(make([]byte, 0, 160), e.Place.File)
		l = strconv.AppendInt(append(l, ' '), int64(e.Place.Doc), 10)
		for _, text := range []string{e.Place.Path, e.Place.Written, e.To, e.Image} {
			l = strconv.AppendQuote(append(l, ' '), text)
		}
		lines[i] = string(l)
		if e.Insert != (Insert{}) {
			lines[i] += fmt.Sprintf(" %q", e.Insert)
		}
	}
	slices.Sort(lines)
	sum := sha256.Sum256([]byte(strings.Join(lines, "\n")))
	return "sha256:" + hex.EncodeToString(sum[:16])
}
