package helmrepo

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
)

// readJSON reads an index that is written in JSON, value by value. Helm reads
// such an index less strictly than YAML: keys in any capitals, the last of
// equal keys, unknown ones ignored. A *layoutError says that it is not JSON;
// it may still be YAML in flow style.
func readJSON(src io.ReaderAt, size int64, charts []string, each func([]byte)) (*Index, error) {
	in := &bounded{r: io.NewSectionReader(src, 0, size)}
	in.dec = json.NewDecoder(in)
	j := jsonReader{dec: in.dec, each: each, asked: make(map[string]bool, len(charts)),
		index: &Index{Charts: make(map[string][]Entry, len(charts)), Unread: map[string]error{}, Whole: true}}
	for _, c := range charts {
		j.asked[c] = true
	}
	err := j.readRoot()
	var syntax *json.SyntaxError
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return nil, errTruncated
	case errors.As(err, &syntax), errors.Is(err, errNotJSON):
		return nil, &layoutError{1, "it looks like JSON and is not"}
	case err != nil:
		return nil, fmt.Errorf("read index: %w", err)
	case !j.hasEntries:
		return nil, errNoEntries
	case j.apiVersion == "":
		return nil, errNoAPIVersion
	}
	for name, list := range j.index.Charts {
		j.index.Charts[name] = sorted(list)
	}
	return j.index, nil
}

var errNotJSON = errors.New("not JSON")

// bounded fails a read when the decoder holds more than maxEntry bytes that it
// has not consumed: one value is that large.
type bounded struct {
	r    io.Reader
	dec  *json.Decoder
	read int64
}

func (b *bounded) Read(p []byte) (int, error) {
	if b.read-b.dec.InputOffset() > maxEntry {
		return 0, fmt.Errorf("a value is larger than %d MB", maxEntry>>20)
	}
	n, err := b.r.Read(p)
	b.read += int64(n)
	return n, err
}

// jsonReader reads the index's object.
type jsonReader struct {
	dec        *json.Decoder
	asked      map[string]bool
	index      *Index
	apiVersion string
	hasEntries bool
	kept       int
	each       func(raw []byte) // or nil
}

// open consumes the delimiter that begins a value, or null, which it reports.
func (j *jsonReader) open(want json.Delim) (null bool, err error) {
	t, err := j.dec.Token()
	switch {
	case err != nil:
		return false, err
	case t == nil:
		return true, nil
	case t != want:
		return false, fmt.Errorf("%q stands where %q is expected", fmt.Sprint(t), want.String())
	}
	return false, nil
}

// key consumes an object's key.
func (j *jsonReader) key() (string, error) {
	t, err := j.dec.Token()
	if err != nil {
		return "", err
	}
	s, ok := t.(string)
	if !ok {
		return "", errNotJSON
	}
	return s, nil
}

func (j *jsonReader) readRoot() error {
	if _, err := j.open('{'); err != nil {
		return err
	}
	for j.dec.More() {
		key, err := j.key()
		if err != nil {
			return err
		}
		switch {
		case strings.EqualFold(key, "entries"):
			err = j.readEntries()
		case strings.EqualFold(key, "apiVersion"):
			err = j.dec.Decode(&j.apiVersion)
		default:
			err = j.readOther(key)
		}
		if err != nil {
			return err
		}
	}
	if _, err := j.dec.Token(); err != nil {
		return err
	}
	if _, err := j.dec.Token(); err != io.EOF {
		return errNotJSON
	}
	return nil
}

// readOther reads one more of the index's keys, as strictly as Helm's types.
func (j *jsonReader) readOther(key string) error {
	var raw json.RawMessage
	if err := j.dec.Decode(&raw); err != nil {
		return err
	}
	one, err := json.Marshal(map[string]json.RawMessage{key: raw})
	if err != nil {
		return err
	}
	return json.Unmarshal(one, &indexHead{})
}

func (j *jsonReader) readEntries() error {
	null, err := j.open('{')
	if null || err != nil {
		return err
	}
	j.hasEntries = true
	for j.dec.More() {
		name, err := j.key()
		if err != nil {
			return err
		}
		if !j.asked[name] {
			err = j.skipList()
		} else {
			err = j.readChart(name)
		}
		if err != nil {
			return err
		}
	}
	_, err = j.dec.Token()
	return err
}

// skipList steps over a chart's entries one by one, so that one of them at
// most is held in memory.
func (j *jsonReader) skipList() error {
	null, err := j.open('[')
	if null || err != nil {
		return err
	}
	var raw json.RawMessage
	for j.dec.More() {
		if err := j.dec.Decode(&raw); err != nil {
			return err
		}
	}
	_, err = j.dec.Token()
	return err
}

func (j *jsonReader) readChart(name string) error {
	delete(j.index.Charts, name)
	delete(j.index.Unread, name)
	null, err := j.open('[')
	if err != nil {
		return err
	}
	entries := []Entry{}
	for !null && j.dec.More() {
		var raw json.RawMessage
		if err := j.dec.Decode(&raw); err != nil {
			return err
		}
		if j.each != nil {
			j.each(raw)
		}
		var v *chartVersion
		if err := json.Unmarshal(raw, &v); err != nil {
			j.index.Unread[name] = fmt.Errorf("parse entry: %s", oneLine(err))
			continue
		}
		entries = keepValid(entries, []*chartVersion{v})
		if j.kept += 256 + len(bytes.TrimSpace(raw)); j.kept > maxKept {
			return fmt.Errorf("the charts asked for hold more than %d MB", maxKept>>20)
		}
	}
	if !null {
		if _, err := j.dec.Token(); err != nil {
			return err
		}
	}
	if j.index.Unread[name] == nil {
		j.index.Charts[name] = entries
	}
	return nil
}
