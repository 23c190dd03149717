package forge

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

type object = map[string]any

var shaForm = regexp.MustCompile(`^[0-9a-f]{40}$`)

// request is one call of the API.
type request struct {
	*http.Request
	grant
	token   string
	repo    *Repo
	body    []byte
	header  http.Header // of the answer
	toosoon bool        // a limit refused it
}

// handler answers a call; its error is a *refusal, or a fault of ours.
type handler func(c *request) (status int, answer any, err error)

// refusal is an answer that is no success.
type refusal struct {
	status int
	body   object
}

func (r *refusal) Error() string { return fmt.Sprint(r.status, " ", r.body["message"]) }

const docs = "https://docs.github.com/rest"

func refuse(status int, message string) error {
	return &refusal{status, object{"message": message, "documentation_url": docs, "status": strconv.Itoa(status)}}
}

func notFound() error { return refuse(404, "Not Found") }

// invalid is GitHub's answer to a field that it does not take.
func invalid(resource, field, code string) error {
	return &refusal{422, object{"message": "Validation Failed", "documentation_url": docs, "status": "422", "errors": []object{{"resource": resource, "field": field, "code": code}}}}
}

func custom(resource, message string) error {
	return &refusal{422, object{"message": "Validation Failed", "documentation_url": docs, "status": "422", "errors": []object{{"resource": resource, "code": "custom", "message": message}}}}
}

// Call is a request that was answered.
type Call struct {
	Method, Path string
	Status       int
	Content      bool // GitHub counts it as creating content; also one that was refused
}

// Calls returns the API calls since Forget, in order.
func (s *Server) Calls() []Call {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.calls)
}

// Forget empties the list of calls and their counts. What was used of the
// limits stays used.
func (s *Server) Forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls, s.counts = nil, Counts{}
}

// serve wraps a handler with everything that all calls have in common.
func (s *Server) serve(needsRepo bool, h handler) http.HandlerFunc {
	return func(w http.ResponseWriter, hr *http.Request) {
		body, err := io.ReadAll(http.MaxBytesReader(w, hr.Body, 40<<20))
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		c := &request{Request: hr, body: body, header: w.Header()}
		status, answer, err := s.answer(c, needsRepo, h)
		var no *refusal
		if errors.As(err, &no) {
			status, answer = no.status, no.body
		} else if err != nil {
			status, answer = 500, object{"message": err.Error(), "documentation_url": docs}
		}
		s.write(w, c, status, answer)
	}
}

func (s *Server) answer(c *request, needsRepo bool, h handler) (int, any, error) {
	if f := s.fault(c.Request); f != nil {
		for k, v := range f.Header {
			c.header.Set(k, v)
		}
		return f.Status, object{"message": f.Message, "documentation_url": f.Docs}, nil
	}
	if c.token = tokenOf(c.Request); c.token != "" && !strings.HasPrefix(c.token, "eyJ") { // else a JWT, which its handler checks
		g, ok := s.login(c.token)
		if !ok {
			return 0, nil, refuse(401, "Bad credentials")
		}
		c.grant = g
	}
	if err := s.limit(c); err != nil {
		return 0, nil, err
	}
	if needsRepo {
		if c.repo = s.repos[c.PathValue("owner")+"/"+c.PathValue("repo")]; c.repo == nil {
			return 0, nil, notFound()
		}
		if c.Method != http.MethodGet {
			switch {
			case c.login == "":
				return 0, nil, refuse(401, "Requires authentication")
			case !c.write:
				return 0, nil, refuse(403, "Resource not accessible by integration")
			}
		}
		if err := c.repo.sync(); err != nil {
			return 0, nil, err
		}
		if err := c.repo.queueTurns(); err != nil {
			return 0, nil, err
		}
	}
	return h(c)
}

// write sends an answer: with an ETag, and as 304 where the client has it.
func (s *Server) write(w http.ResponseWriter, c *request, status int, answer any) {
	var data []byte
	if answer != nil {
		var b bytes.Buffer
		e := json.NewEncoder(&b)
		e.SetEscapeHTML(false)
		if err := e.Encode(answer); err != nil {
			status, data = 500, []byte(`{"message":"the answer cannot be encoded"}`)
		} else {
			data = bytes.TrimSuffix(b.Bytes(), []byte("\n"))
		}
	}
	h := w.Header()
	h.Set("Content-Type", "application/json; charset=utf-8")
	h.Set("X-GitHub-Media-Type", "github.v3; format=json")
	if c.Method == http.MethodGet && status == 200 {
		tag := fmt.Sprintf(`W/"%x"`, sha256.Sum256(append([]byte(h.Get("Link")), data...)))
		h.Set("ETag", tag)
		h.Set("Cache-Control", "private, max-age=60, s-maxage=60")
		if c.Header.Get("If-None-Match") == tag {
			status, data = 304, nil
		}
	}
	if status != 304 && status != 401 {
		s.used++
	}
	s.rateHeaders(h)
	s.calls = append(s.calls, Call{c.Method, strings.TrimPrefix(c.URL.RequestURI(), "/api/v3"), status, c.createsContent()})
	s.tally(c, status)
	w.WriteHeader(status)
	_, _ = w.Write(data) // the client is gone, and will ask again
}

// decode reads the body of a call.
func (c *request) decode(into any) error {
	if err := json.Unmarshal(c.body, into); err != nil {
		return refuse(400, "Problems parsing JSON")
	}
	return nil
}

// page cuts a list to the page that is asked for and says in a Link header
// which there are.
func page[T any](c *request, all []T) []T {
	q := c.URL.Query()
	size, number := 30, 1
	if n, err := strconv.Atoi(q.Get("per_page")); err == nil && n > 0 {
		size = min(n, 100)
	}
	if n, err := strconv.Atoi(q.Get("page")); err == nil && n > 0 {
		number = n
	}
	last := max(1, (len(all)+size-1)/size)
	var links []string
	link := func(n int, rel string) {
		u := url.URL{Scheme: "http", Host: c.Host, Path: c.URL.Path}
		v := c.URL.Query()
		v.Set("page", strconv.Itoa(n))
		u.RawQuery = v.Encode()
		links = append(links, fmt.Sprintf("<%s>; rel=%q", u.String(), rel))
	}
	if number > 1 {
		link(number-1, "prev")
	}
	if number < last {
		link(number+1, "next")
		link(last, "last")
	}
	if number > 1 {
		link(1, "first")
	}
	if links != nil {
		c.header.Set("Link", strings.Join(links, ", "))
	}
	from := min((number-1)*size, len(all))
	return all[from:min(from+size, len(all))]
}

func stamp(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.UTC().Format(time.RFC3339)
}
