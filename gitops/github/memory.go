package github

import (
	"bytes"
	"container/list"
	"io"
	"net/http"
	"sync"
)

// How much is remembered: a page of a hundred pulls with long bodies is some
// megabytes.
const (
	memoryBytes  = 64 << 20
	longestBytes = 16 << 20
)

// memory is the transport that asks for what it has seen before only if it
// has changed. GitHub does not count such an answer against the limit. It may
// be forgotten at any time: nothing but speed depends on it.
type memory struct {
	base http.RoundTripper

	mu     sync.Mutex
	byKey  map[string]*list.Element
	recent list.List // of *remembered, the latest first
	bytes  int
}

// news are the headers that are of the answer itself and not of what it says:
// what is remembered of them is old.
var news = []string{"Date", "X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Used", "X-RateLimit-Reset", "X-RateLimit-Resource"}

type remembered struct {
	key, tag string
	header   http.Header
	body     []byte
}

// RoundTrip implements http.RoundTripper.
func (m *memory) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.Method != http.MethodGet || req.Header.Get("Range") != "" {
		return m.base.RoundTrip(req)
	}
	key := req.URL.String() + "\n" + req.Header.Get("Accept")
	have := m.recall(key)
	if have != nil {
		req = req.Clone(req.Context())
		req.Header.Set("If-None-Match", have.tag)
	}
	resp, err := m.base.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	switch {
	case resp.StatusCode == http.StatusNotModified && have != nil:
		_ = resp.Body.Close()
		header := have.header.Clone()
		for _, name := range news {
			header.Del(name)
			if said := resp.Header.Values(name); len(said) > 0 {
				header[http.CanonicalHeaderKey(name)] = said
			}
		}
		header.Set("X-From-Cache", "1") // go-github: these are no news of the limit
		return &http.Response{
			Status: "200 OK", StatusCode: http.StatusOK, Proto: resp.Proto, ProtoMajor: resp.ProtoMajor, ProtoMinor: resp.ProtoMinor,
			Header: header, Body: io.NopCloser(bytes.NewReader(have.body)), ContentLength: int64(len(have.body)), Request: req,
		}, nil
	case resp.StatusCode != http.StatusOK || resp.Header.Get("ETag") == "":
		return resp, nil
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, longestBytes+1))
	if err != nil {
		_ = resp.Body.Close()
		return nil, err
	}
	if len(body) > longestBytes {
		resp.Body = struct {
			io.Reader
			io.Closer
		}{io.MultiReader(bytes.NewReader(body), resp.Body), resp.Body}
		return resp, nil
	}
	_ = resp.Body.Close()
	resp.Body = io.NopCloser(bytes.NewReader(body))
	m.keep(&remembered{key: key, tag: resp.Header.Get("ETag"), header: resp.Header.Clone(), body: body})
	return resp, nil
}

func (m *memory) recall(key string) *remembered {
	m.mu.Lock()
	defer m.mu.Unlock()
	e, ok := m.byKey[key]
	if !ok {
		return nil
	}
	m.recent.MoveToFront(e)
	return e.Value.(*remembered)
}

func (m *memory) keep(r *remembered) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.byKey == nil {
		m.byKey = map[string]*list.Element{}
	}
	if e, ok := m.byKey[r.key]; ok {
		m.forget(e)
	}
	m.byKey[r.key] = m.recent.PushFront(r)
	m.bytes += len(r.body)
	for m.bytes > memoryBytes {
		m.forget(m.recent.Back())
	}
}

func (m *memory) forget(e *list.Element) {
	r := m.recent.Remove(e).(*remembered)
	delete(m.byKey, r.key)
	m.bytes -= len(r.body)
}
