package helmrepo

import (
	"bytes"
	"context"
	"fmt"
	"net/url"
	"strings"
	"time"

	"sigs.k8s.io/yaml"

	"promoter/detectors/source"
	"promoter/promoter"
)

// Archive fetches the archive of one version of a chart, of at most max bytes.
// Where it is says the index that the listing was read from: it is not asked
// for again.
func (s *Source) Archive(ctx context.Context, a promoter.Artifact, version string, max int64) (*source.Body, error) {
	if why := foreign(a); why != "" {
		return nil, fmt.Errorf("fetch chart: %s", why)
	}
	at, err := indexURL(strings.TrimRight(a.Source, "/"))
	if err != nil {
		return nil, err
	}
	body, err := s.client.Fetch(ctx, at, source.FetchOptions{MaxBytes: maxBody, MaxAge: time.Hour})
	if err != nil {
		return nil, err
	}
	where, err := s.locate(body, a.Name, version)
	if err != nil {
		return nil, err
	}
	base, err := url.Parse(at)
	if err != nil {
		return nil, fmt.Errorf("read repository's URL: it is not a URL")
	}
	u, err := base.Parse(where)
	if err != nil {
		return nil, fmt.Errorf("fetch chart %q %s: its address in the index is not a URL", a.Name, version)
	}
	if u.Host == base.Host && u.RawQuery == "" {
		u.RawQuery = base.RawQuery // as in Helm, a repository's query goes with its charts
	}
	return s.client.Fetch(ctx, u.String(), source.FetchOptions{MaxBytes: max, MaxAge: 24 * time.Hour})
}

// locate reads the first address of a version from an index.
func (s *Source) locate(index *source.Body, name, version string) (string, error) {
	f, err := index.Open()
	if err != nil {
		return "", fmt.Errorf("open cached index: %w", err)
	}
	defer f.Close()
	where := ""
	s.reading.Lock()
	defer s.reading.Unlock()
	_, err = readIndex(f, index.Size, []string{name}, func(raw []byte) {
		if where == "" && bytes.Contains(raw, []byte(version)) {
			where = addressIn(raw, version)
		}
	})
	switch {
	case err != nil:
		return "", err
	case where == "":
		return "", fmt.Errorf("fetch chart %q %s: the index says no address", name, version)
	}
	return where, nil
}

// addressIn is the first address of an entry, if it is of the version.
func addressIn(raw []byte, version string) string {
	type entry struct {
		Version string   `json:"version"`
		URLs    []string `json:"urls"`
	}
	var list []entry
	if bytes.HasPrefix(bytes.TrimSpace(raw), []byte("-")) {
		if yaml.Unmarshal(raw, &list) != nil {
			return ""
		}
	} else {
		var e entry
		if yaml.Unmarshal(raw, &e) != nil {
			return ""
		}
		list = []entry{e}
	}
	for _, e := range list {
		if e.Version == version && len(e.URLs) > 0 {
			return e.URLs[0]
		}
	}
	return ""
}
