package prometheus

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
)

// envelope is what the API says around the data. The client library drops
// infos and does not look at the status of a 200.
type envelope struct {
	Status string   `json:"status"`
	Infos  []string `json:"infos"`
}

type envelopeKey struct{}

// transport adds credentials, bounds the answer and keeps its envelope.
type transport struct {
	next http.RoundTripper
	host string // the only one that gets credentials
	o    Options
}

// RoundTrip implements http.RoundTripper.
func (t *transport) RoundTrip(req *http.Request) (*http.Response, error) {
	req = req.Clone(req.Context())
	if strings.EqualFold(req.URL.Host, t.host) {
		for name, values := range t.o.Headers {
			req.Header[http.CanonicalHeaderKey(name)] = values
		}
		switch {
		case t.o.Token != "":
			req.Header.Set("Authorization", "Bearer "+t.o.Token)
		case t.o.User != "":
			req.SetBasicAuth(t.o.User, t.o.Password)
		}
	}
	resp, err := t.next.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, t.o.MaxBytes+1))
	resp.Body.Close()
	if err != nil {
		return nil, fmt.Errorf("read answer: %w", err)
	}
	if int64(len(body)) > t.o.MaxBytes {
		return nil, fmt.Errorf("read answer: longer than %d bytes", t.o.MaxBytes)
	}
	if e, ok := req.Context().Value(envelopeKey{}).(*envelope); ok {
		*e = envelope{}
		// What is not JSON has no status, and the caller refuses it.
		_ = json.Unmarshal(body, e)
	}
	resp.Body = io.NopCloser(bytes.NewReader(body))
	resp.ContentLength = int64(len(body))
	return resp, nil
}
