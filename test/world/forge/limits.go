package forge

import (
	"encoding/json"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
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
		c.toosoon = true
		return &refusal{403, object{
			"message":           "API rate limit exceeded for user ID " + c.login + ".",
			"documentation_url": "https://docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api",
		}}
	}
	wait := s.secondary(c)
	if wait <= 0 {
		return nil
	}
	c.toosoon = true
	f := SecondaryLimit(403, 1, "")
	c.header.Set("Retry-After", strconv.Itoa(int((wait+time.Second-1)/time.Second)))
	return &refusal{f.Status, object{"message": f.Message, "documentation_url": f.Docs}}
}

// secondary returns how long a call would have to wait for the secondary
// limits: not at all, when they leave it room.
func (s *Server) secondary(c *request) (wait time.Duration) {
	now := s.opts.Now()
	for len(s.content) > 0 && !s.content[0].After(now.Add(-time.Hour)) {
		s.content = s.content[1:]
	}
	for len(s.points) > 0 && !s.points[0].at.After(now.Add(-time.Minute)) {
		s.points = s.points[1:]
	}
	if c.createsContent() {
		for _, l := range []struct {
			most   int
			window time.Duration
		}{{s.opts.ContentPerMinute, time.Minute}, {s.opts.ContentPerHour, time.Hour}} {
			// The call that must have left the window before one more fits.
			if i := len(s.content) - l.most; l.most > 0 && i >= 0 {
				wait = max(wait, s.content[i].Add(l.window).Sub(now))
			}
		}
	}
	if s.opts.PointsPerMinute > 0 && !c.graphql() {
		total := cost(c.Request)
		for _, p := range s.points {
			total += p.points
		}
		for _, p := range s.points {
			if total <= s.opts.PointsPerMinute {
				break
			}
			total -= p.points
			wait = max(wait, p.at.Add(time.Minute).Sub(now))
		}
	}
	return wait
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

// What GitHub's documentation publishes of its secondary limits.
const (
	PublishedContentPerMinute = 80
	PublishedContentPerHour   = 500
	PublishedPointsPerMinute  = 900
)

// spent are points that a call cost.
type spent struct {
	at     time.Time
	points int
}

// Counts say what was asked of the API since Forget.
type Counts struct {
	Calls     int // all of them
	Unchanged int // answered by 304
	Content   int // that created content, merges among them
	Merges    int
	Statuses  int // commit statuses that were set: no content
	Refused   int // by a limit or a fault that stands for one
	// BusiestMinute and BusiestHour are how much content was created at most
	// within such a time.
	BusiestMinute, BusiestHour int
	Points                     int // of REST
}

// Counts returns what was counted since Forget.
func (s *Server) Counts() Counts {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.counts
}

// tally counts a call that was answered.
func (s *Server) tally(c *request, status int) {
	now, n := s.opts.Now(), &s.counts
	n.Calls++
	switch {
	case status == 304:
		n.Unchanged++
	case c.toosoon, c.header.Get("Retry-After") != "":
		n.Refused++
		return
	}
	if !c.graphql() {
		n.Points += cost(c.Request)
		s.points = append(s.points, spent{now, cost(c.Request)})
	}
	switch {
	case status >= 300:
	case c.createsContent():
		n.Content++
		if strings.HasSuffix(c.URL.Path, "/merge") {
			n.Merges++
		}
		s.content = append(s.content, now)
		n.BusiestHour = max(n.BusiestHour, within(s.content, now.Add(-time.Hour)))
		n.BusiestMinute = max(n.BusiestMinute, within(s.content, now.Add(-time.Minute)))
	case c.Method == http.MethodPost && strings.Contains(c.URL.Path, "/statuses/"):
		n.Statuses++
	}
}

func within(all []time.Time, since time.Time) (n int) {
	for _, at := range slices.Backward(all) {
		if !at.After(since) {
			break
		}
		n++
	}
	return n
}

// cost is GitHub's table of points.
func cost(r *http.Request) int {
	if r.Method == http.MethodGet || r.Method == http.MethodHead {
		return 1
	}
	return 5
}

// contentPath are the calls that GitHub's documentation and its answers count
// as creating content: those that make or change pulls, issues, comments,
// reviews and labels, and that merge.
var contentPath = regexp.MustCompile(`/repos/[^/]+/[^/]+/(pulls(/\d+(/merge|/requested_reviewers|/reviews.*)?)?|issues(/\d+(/.*)?)?|issues/comments/\d+|labels.*)$`)

func (c *request) graphql() bool { return strings.HasSuffix(c.URL.Path, "/graphql") }

// createsContent also counts mutations, but for those of refs.
func (c *request) createsContent() bool {
	if c.graphql() {
		var in struct{ Query string }
		if json.Unmarshal(c.body, &in) != nil {
			return false
		}
		m := mutation.FindStringSubmatch(in.Query)
		return m != nil && m[1] != "updateRefs"
	}
	return c.Method != http.MethodGet && c.Method != http.MethodDelete && contentPath.MatchString(c.URL.Path)
}
