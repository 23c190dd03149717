package helmrepo

import (
	"cmp"
	"errors"
	"fmt"
	"io"
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
func readFull(src io.ReaderAt, size int64, charts []string, odd error) (*Index, error) {
	if size > maxFull {
		return nil, fmt.Errorf("read index: its layout needs a full parse (%v), and %d MB is more than the %d MB that one is tried on",
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
	entries  []Entry
	versions []*semver.Version
}

func (s byVersion) Len() int { return len(s.entries) }
func (s byVersion) Swap(i, j int) {
	s.entries[i], s.entries[j] = s.entries[j], s.entries[i]
	s.versions[i], s.versions[j] = s.versions[j], s.versions[i]
}
func (s byVersion) Less(i, j int) bool { return s.versions[i].LessThan(s.versions[j]) }

// sorted orders entries, all of which have valid versions, and never returns
// nil.
func sorted(entries []Entry) []Entry {
	s := byVersion{entries, make([]*semver.Version, len(entries))}
	for i := range entries {
		v, err := semver.NewVersion(entries[i].Version)
		if err != nil {
			v = &semver.Version{}
		}
		s.versions[i] = v
	}
	sort.Sort(sort.Reverse(s))
	if entries == nil {
		return []Entry{}
	}
	return entries
}
