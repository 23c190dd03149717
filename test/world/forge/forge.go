// Package forge is a host of Git repositories and pull requests with the shape
// of GitHub's API, on loopback: the demo's forge, and what the GitHub driver
// is tested against.
//
// Its repositories are real: bare Git repositories that any client clones and
// pushes over HTTP, and what it merges it really merges. Its manners are
// GitHub's too, the awkward ones above all: whether a pull can be merged is
// computed late, the commit of a test merge looks like that of a merge, an
// unchanged answer is a 304, and who asks too much is told to wait.
//
// It refuses to be reached from elsewhere, and to be more than a world for
// tests: it holds what is no commit in memory, and forgets it when it stops.
package forge

import (
	"context"
	"crypto/rsa"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"sort"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Options say how the forge behaves.
type Options struct {
	// Dir holds the repositories. Without it they live in a directory of the
	// server's own, which Close removes.
	Dir string
	// Addr is where it listens: "127.0.0.1:0" without it. Only loopback.
	Addr string
	// Now is the forge's clock; time.Now without it.
	Now func() time.Time
	// Hourly is the primary limit, in requests; 5,000 without it.
	Hourly int
	// ContentPerMinute and ContentPerHour are the secondary limits on calls
	// that create content, PointsPerMinute that on all calls of REST, of which
	// a read is one point and a write five. Zero enforces none; all is counted
	// all the same. GitHub's own are the constants Published….
	ContentPerMinute, ContentPerHour, PointsPerMinute int
	// MergeableAfter is how many times a pull is asked for before it says
	// whether it can be merged.
	MergeableAfter int
	// TokenRefusals is how often a new installation token is refused first.
	TokenRefusals int
}

// Server is a running forge.
type Server struct {
	URL string // of its pages; API() is that of its API

	opts     Options
	dir      string
	own      bool // dir is removed on Close
	server   *http.Server
	front    atomic.Pointer[Front]
	api, web *http.ServeMux
	ctx      context.Context // ends with Close
	stop     context.CancelFunc
	hooks    *deliveries
	mu       sync.Mutex // guards all below, and one API request at a time
	repos    map[string]*Repo
	tokens   map[string]grant
	apps     map[int64]*app
	faults   []*Fault
	calls    []Call
	teams    map[string]map[string]string // state of each member, by "org/team"
	counts   Counts
	content  []time.Time // when content was created within the last hour
	points   []spent     // within the last minute
	used     int         // requests in this hour
	resets   time.Time   // when the hour ends
	lastID   int64
}

// grant is what a token allows.
type grant struct {
	login    string
	write    bool
	until    time.Time // zero: for ever
	refusals int       // how often the token is still refused: a new one may not be known everywhere yet
}

type app struct {
	id           int64
	login        string
	key          *rsa.PublicKey
	installation int64
}

// Start starts a forge without repositories.
func Start(o Options) (*Server, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Hourly == 0 {
		o.Hourly = 5000
	}
	if o.Addr == "" {
		o.Addr = "127.0.0.1:0"
	}
	s := &Server{opts: o, dir: o.Dir, repos: map[string]*Repo{}, tokens: map[string]grant{}, apps: map[int64]*app{}, teams: map[string]map[string]string{}}
	if host, _, err := net.SplitHostPort(o.Addr); err != nil || !net.ParseIP(host).IsLoopback() {
		return nil, fmt.Errorf("listen on %q: only addresses of loopback are served", o.Addr)
	}
	if s.dir == "" {
		dir, err := os.MkdirTemp("", "forge-")
		if err != nil {
			return nil, err
		}
		s.dir, s.own = dir, true
	}
	l, err := net.Listen("tcp", o.Addr)
	if err != nil {
		return nil, err
	}
	s.URL = "http://" + l.Addr().String()
	s.ctx, s.stop = context.WithCancel(context.Background())
	s.hooks = newDeliveries(s.ctx)
	s.api, s.web = http.NewServeMux(), http.NewServeMux()
	s.routes()
	s.server = &http.Server{Handler: http.HandlerFunc(s.fronted), ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = s.server.Serve(l) }() // ends with Close; its error is then ErrServerClosed
	return s, nil
}

// Close stops the server and ends its Git processes.
func (s *Server) Close() error {
	s.stop()
	err := s.server.Close()
	s.hooks.wait()
	if s.own {
		err = errors.Join(err, os.RemoveAll(s.dir))
	}
	return err
}

// API returns the base URL of the API, as GitHub Enterprise has it.
func (s *Server) API() string { return s.URL + "/api/v3/" }

// AddToken lets whoever has the token act as login; without write, only read.
func (s *Server) AddToken(token, login string, write bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tokens[token] = grant{login: login, write: write}
}

// AddApp makes a GitHub App and installs it everywhere. It acts as
// slug + "[bot]".
func (s *Server) AddApp(id int64, slug string, key *rsa.PublicKey) (installation int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	installation = s.id()
	s.apps[id] = &app{id: id, login: slug + "[bot]", key: key, installation: installation}
	return installation
}

var nameForm = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]*$`)

// Create makes an empty repository whose default branch is main.
func (s *Server) Create(owner, name string) (*Repo, error) {
	if !nameForm.MatchString(owner) || !nameForm.MatchString(name) {
		return nil, fmt.Errorf("create repository %q: not a name", owner+"/"+name)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	full := owner + "/" + name
	if s.repos[full] != nil {
		return nil, fmt.Errorf("create repository %s: it exists", full)
	}
	r := &Repo{
		Owner: owner, Name: name, Base: "main", MergeMethods: []string{"merge", "squash", "rebase"},
		server: s, id: s.id(), dir: filepath.Join(s.dir, owner, name+".git"), labels: map[string]int64{}, roles: map[string]string{}, statuses: map[string][]status{}, created: s.now(),
	}
	if err := os.MkdirAll(r.dir, 0o755); err != nil {
		return nil, err
	}
	for _, args := range [][]string{
		{"init", "-q", "--bare"},
		{"symbolic-ref", "HEAD", "refs/heads/" + r.Base},
		{"config", "uploadpack.allowAnySHA1InWant", "true"},
		{"config", "uploadpack.allowFilter", "true"},
		{"config", "gc.auto", "0"},
		{"config", "receive.autogc", "false"},
	} {
		if _, err := r.git(nil, nil, args...); err != nil {
			return nil, err
		}
	}
	s.repos[full] = r
	return r, nil
}

// Repo returns a repository, or nil.
func (s *Server) Repo(owner, name string) *Repo {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.repos[owner+"/"+name]
}

func (s *Server) sorted() []*Repo {
	var all []*Repo
	for _, r := range s.repos {
		all = append(all, r)
	}
	sort.Slice(all, func(i, j int) bool { return all[i].full() < all[j].full() })
	return all
}

func (s *Server) id() int64 { s.lastID++; return s.lastID }

// Now is the forge's clock.
func (s *Server) Now() time.Time { return s.opts.Now() }

// now is the clock in the resolution that the API has.
func (s *Server) now() time.Time { return s.opts.Now().UTC().Truncate(time.Second) }

// login returns whom a token belongs to, and whether it is known.
func (s *Server) login(token string) (grant, bool) {
	g, ok := s.tokens[token]
	if !ok || !g.until.IsZero() && s.opts.Now().After(g.until) {
		return grant{}, false
	}
	if g.refusals > 0 {
		g.refusals--
		s.tokens[token] = g
		return grant{}, false
	}
	return g, true
}

// tokenOf reads the credentials of a request, in all the ways there are.
func tokenOf(r *http.Request) string {
	if _, password, ok := r.BasicAuth(); ok {
		return password
	}
	kind, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if strings.EqualFold(kind, "bearer") || strings.EqualFold(kind, "token") {
		return strings.TrimSpace(token)
	}
	return ""
}
