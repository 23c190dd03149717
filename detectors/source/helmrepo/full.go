package helmrepo

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"
	"sort"
	"strings"
	"time"

	"github.com/Masterminds/semver/v3"
	"helm.sh/helm/v3/pkg/chart"
	"sigs.k8s.io/yaml"
)

// maxFull is the largest index that a full parse is tried on: it needs some 25
// times the index's size in memory.
const maxFull = 32 << 20

// chartVersion is an entry as Helm's loader declares it (pkg/repo in Helm
// 3.16). It is declared once more because that package links registry clients,
// and with Helm's own chart.Metadata first, because the YAML conversion looks
// at the first field's type.
type chartVersion struct {
	*chart.Metadata
	URLs     []string  `json:"urls"`
	Created  time.Time `json:"created"`
	Removed  bool      `json:"removed,omitempty"`
	Digest   string    `json:"digest,omitempty"`
	Checksum string    `json:"checksum,omitempty"`
	Engine   string    `json:"engine,omitempty"`
	Tiller   string    `json:"tillerVersion,omitempty"`
	URL      string    `json:"url,omitempty"`
}

// indexHead is everything of an index but its entries.
type indexHead struct {
	ServerInfo  map[string]any    `json:"serverInfo,omitempty"`
	APIVersion  string            `json:"apiVersion"`
	Generated   time.Time         `json:"generated"`
	PublicKeys  []string          `json:"publicKeys,omitempty"`
	Annotations map[string]string `json:"annotations,omitempty"`
}

// indexFile is a whole index.
type indexFile struct {
	ServerInfo  map[string]any             `json:"serverInfo,omitempty"`
	APIVersion  string                     `json:"apiVersion"`
	Generated   time.Time                  `json:"generated"`
	Entries     map[string][]*chartVersion `json:"entries"`
	PublicKeys  []string                   `json:"publicKeys,omitempty"`
	Annotations map[string]string          `json:"annotations,omitempty"`
}

var errNoAPIVersion = errors.New("read index: no apiVersion: this is not a chart repository's index")

// readFull parses the whole index as Helm does.
func readFull(src io.ReaderAt, size int64, charts []string, each func([]byte), odd error) (*Index, error) {
	if size > maxFull {
		return nil, fmt.Errorf("read index: its layout needs a full parse (%w), and %d MB is more than the %d MB that one is tried on",
			odd, size>>20, maxFull>>20)
	}
	data := make([]byte, size)
	if _, err := io.ReadFull(io.NewSectionReader(src, 0, size), data); err != nil {
		return nil, fmt.Errorf("read index: %w", err)
	}
	if cutInLine(data) {
		return nil, errTruncated
	}
	var f indexFile
	if err := yaml.UnmarshalStrict(data, &f); err != nil {
		return nil, fmt.Errorf("parse index: %s", oneLine(err))
	}
	if f.APIVersion == "" {
		return nil, errNoAPIVersion
	}
	if f.Entries == nil {
		return nil, errNoEntries
	}
	x := &Index{Charts: map[string][]Entry{}, Unread: map[string]error{}, Whole: true, Full: odd}
	for _, name := range charts {
		if list, ok := f.Entries[name]; ok {
			for _, v := range list {
				if raw, err := yaml.Marshal(v); each != nil && err == nil {
					each(raw)
				}
			}
			x.Charts[name] = sorted(keepValid(nil, list))
		}
	}
	return x, nil
}

// cutInLine reports whether the text ends within an indented line or list
// item: a writer ends an index with a line break, or with a bracket.
func cutInLine(data []byte) bool {
	text := string(data[max(0, len(data)-maxLine):])
	if strings.HasSuffix(text, "\n") {
		return false
	}
	last := text[strings.LastIndexByte(text, '\n')+1:]
	return strings.HasPrefix(last, " ") || strings.HasPrefix(last, "-") || strings.HasPrefix(last, "\t")
}

// oneLine shortens a parser's error to a line that can be shown.
func oneLine(err error) string {
	s := strings.Join(strings.Fields(err.Error()), " ")
	if len(s) > 300 {
		s = s[:300] + "…"
	}
	return s
}

// keepValid appends the entries that Helm's loader keeps, in their order.
func keepValid(to []Entry, list []*chartVersion) []Entry {
	for _, v := range list {
		if v == nil {
			continue
		}
		if v.Metadata == nil {
			v.Metadata = &chart.Metadata{}
		}
		v.APIVersion = cmp.Or(v.APIVersion, chart.APIVersionV1)
		if err := v.Validate(); err != nil && !skippable(err) {
			continue
		}
		to = append(to, Entry{
			Name:       v.Name,
			Version:    v.Version,
			AppVersion: v.AppVersion,
			Digest:     v.Digest,
			Created:    v.Created,
			Deprecated: v.Deprecated,
			KubeRange:  v.KubeVersion,
			Home:       v.Home,
			Changes:    v.Annotations[changesKey],
		})
	}
	return to
}

// skippable is the validation error that Helm's loader forgives: JFrog's
// repositories strip the dependencies' aliases.
func skippable(err error) bool {
	var invalid chart.ValidationError
	return errors.As(err, &invalid) &&
		strings.HasPrefix(invalid.Error(), "validation: more than one dependency with name or alias")
}

// byVersion sorts as Helm's SortEntries: newest first, and versions that are
// equal but for their build metadata in whatever order sort.Sort leaves them.
type byVersion struct {
	entries []Entry
	numbers [][3]uint64       // of versions that are three numbers, or
	parsed  []*semver.Version // of any
}

func (s byVersion) Len() int { return len(s.entries) }

func (s byVersion) Swap(i, j int) {
	s.entries[i], s.entries[j] = s.entries[j], s.entries[i]
	if s.parsed != nil {
		s.parsed[i], s.parsed[j] = s.parsed[j], s.parsed[i]
		return
	}
	s.numbers[i], s.numbers[j] = s.numbers[j], s.numbers[i]
}

func (s byVersion) Less(i, j int) bool {
	if s.parsed != nil {
		return s.parsed[i].LessThan(s.parsed[j])
	}
	return slices.Compare(s.numbers[i][:], s.numbers[j][:]) < 0
}

// sorted orders entries, all of which have valid versions, and never returns
// nil.
func sorted(entries []Entry) []Entry {
	if entries == nil {
		return []Entry{}
	}
	s := byVersion{entries: entries, numbers: make([][3]uint64, len(entries))}
	for i, e := range entries {
		n, ok := threeNumbers(e.Version)
		if !ok {
			s.parsed = make([]*semver.Version, len(entries))
			break
		}
		s.numbers[i] = n
	}
	for i := range s.parsed {
		v, err := semver.NewVersion(entries[i].Version)
		if err != nil { // left out before
			v = &semver.Version{}
		}
		s.parsed[i] = v
	}
	sort.Sort(sort.Reverse(s))
	return entries
}

// validVersion reports what semver.NewVersion accepts, without its regular
// expression for what most versions are: three numbers.
func validVersion(s string) bool {
	if _, ok := threeNumbers(s); ok {
		return true
	}
	_, err := semver.NewVersion(s)
	return err == nil
}

// threeNumbers reads "1.2.3" with numbers of at most 18 digits that have no
// leading zero.
func threeNumbers(s string) (n [3]uint64, ok bool) {
	part, start := 0, 0
	for i := 0; i <= len(s); i++ {
		if i < len(s) && s[i] >= '0' && s[i] <= '9' {
			n[part] = n[part]*10 + uint64(s[i]-'0')
			continue
		}
		if i == start || i-start > 18 || s[start] == '0' && i-start > 1 {
			return n, false
		}
		if i == len(s) {
			return n, part == 2
		}
		if s[i] != '.' || part == 2 {
			return n, false
		}
		part++
		start = i + 1
	}
	return n, false
}
