package forge

import (
	"net/http"
	"regexp"
	"strconv"
	"time"
)

// Fault is an answer that the forge gives instead of its own.
type Fault struct {
	Match   func(*http.Request) bool // nil: every API call
	Times   int                      // how often; negative: always
	Status  int
	Header  map[string]string
	Message string
	Docs    string // documentation_url
}

// SecondaryLimit is the fault of a secondary limit: status is 403 or 429, and
// retryAfter is the header's value, or empty where GitHub sends none.
func SecondaryLimit(status, times int, retryAfter string) *Fault {
	f := &Fault{
		Times: times, Status: status, Header: map[string]string{},
		Message: "You have exceeded a secondary rate limit. Please wait a few minutes before you try again.",
		Docs:    "https://docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api#about-secondary-rate-limits",
	}
	if retryAfter != "" {
		f.Header["Retry-After"] = retryAfter
	}
	return f
}

// Inject puts a fault in front of the API. The first that matches answers.
func (s *Server) Inject(f *Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = append(s.faults, f)
}

// Spend uses up requests of this hour's limit.
func (s *Server) Spend(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.window()
	s.used += n
}

func (s *Server) fault(r *http.Request) *Fault {
	for _, f := range s.faults {
		if f.Times != 0 && (f.Match == nil || f.Match(r)) {
			if f.Times > 0 {
				f.Times--
			}
			return f
		}
	}
	return nil
}

func (s *Server) window() {
	if now := s.opts.Now(); !now.Before(s.resets) {
		s.used, s.resets = 0, now.Add(time.Hour)
	}
}

// limit refuses a call that is one too many.
func (s *Server) limit(c *request) error {
	s.window()
	if s.used >= s.opts.Hourly {
		return &refusal{403, object{
			"message":           "API rate limit exceeded for user ID " + c.login + ".",
			"documentation_url": "https://docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api",
		}}
	}
	if n := s.opts.ContentPerMinute; n > 0 && createsContent(c.Request) {
		since, recent := s.opts.Now().Add(-time.Minute), 0
		for _, at := range s.content {
			if at.After(since) {
				recent++
			}
		}
		if recent >= n {
			f := SecondaryLimit(403, 1, "60")
			c.header.Set("Retry-After", "60")
			return &refusal{f.Status, object{"message": f.Message, "documentation_url": f.Docs}}
		}
	}
	return nil
}

func (s *Server) rateHeaders(h http.Header) {
	set := func(name string, value int64) {
		if h.Get(name) == "" { // a fault may have its own
			h.Set(name, strconv.FormatInt(value, 10))
		}
	}
	set("X-RateLimit-Limit", int64(s.opts.Hourly))
	set("X-RateLimit-Remaining", int64(max(0, s.opts.Hourly-s.used)))
	set("X-RateLimit-Used", int64(min(s.used, s.opts.Hourly)))
	set("X-RateLimit-Reset", s.resets.Unix())
	h.Set("X-RateLimit-Resource", "core")
}

// contentPath are the calls that GitHub's documentation and its answers count
// as creating content: pulls, comments, reviews, and what issues carry.
var contentPath = regexp.MustCompile(`/repos/[^/]+/[^/]+/(pulls(/\d+(/requested_reviewers|/reviews)?)?|issues/\d+(/.*)?|issues/comments/\d+|labels.*)$`)

func createsContent(r *http.Request) bool {
	return r.Method != http.MethodGet && r.Method != http.MethodDelete && contentPath.MatchString(r.URL.Path)
}
