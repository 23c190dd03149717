// Package httpprobe walks a user's journey over HTTP and says which share of
// its attempts went well: steps with a status, a body and a time limit each.
//
// It refuses to blame a service for what may be our own network: when no
// attempt reaches any server, that is an error and not a failure. It cannot be
// asked about the past, and it follows no redirect into a private network
// unless it is told to, so that a page on the internet cannot make it knock at
// doors inside. Headers go only to the host that they were written for.
package httpprobe

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"time"

	"promoter/promoter/slo"
)

// Step is one request of a journey and what it must answer.
type Step struct {
	Method  string        // GET (if empty), HEAD or POST
	Path    string        // relative to the base that is asked
	Headers http.Header   //
	Body    string        // of a POST
	Status  []int         // any of these; 200 if empty
	Match   string        // a regular expression that the body matches
	Absent  string        // one that it does not
	Within  time.Duration // until the whole body is read; 0: Options.Timeout
}

// Options are a journey and how to walk it.
type Options struct {
	Steps    []Step
	Attempts int           // in one sample; 3
	Pause    time.Duration // between attempts
	Timeout  time.Duration // of a step; 10s
	MaxBytes int64         // of a body; 1 MiB
	CA       []byte        // PEM, instead of the system's authorities
	// AllowPrivate lets redirects lead to private addresses.
	AllowPrivate bool
	// CountUnreachable makes it a failure of the service when no attempt
	// reaches a server. A sentinel should then prove that our network is well.
	CountUnreachable bool
	Now              func() time.Time // time.Now if nil
}

// Probe walks one journey. It is safe for concurrent use.
type Probe struct {
	o              Options
	steps          []step
	first, guarded http.RoundTripper // guarded refuses private addresses
}

type step struct {
	Step
	match, absent *regexp.Regexp
}

// New checks the journey.
func New(o Options) (*Probe, error) {
	if len(o.Steps) == 0 {
		return nil, errors.New("open probe: a journey without steps always goes well")
	}
	if o.Attempts <= 0 {
		o.Attempts = 3
	}
	if o.Timeout <= 0 {
		o.Timeout = 10 * time.Second
	}
	if o.MaxBytes <= 0 {
		o.MaxBytes = 1 << 20
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	p := &Probe{o: o}
	for i, s := range o.Steps {
		compiled, err := s.compile(o.Timeout)
		if err != nil {
			return nil, fmt.Errorf("open probe: step %d: %w", i+1, err)
		}
		p.steps = append(p.steps, compiled)
	}
	var err error
	p.first, p.guarded, err = transports(o)
	return p, err
}

func (s Step) compile(limit time.Duration) (step, error) {
	out := step{Step: s}
	switch s.Method {
	case "":
		out.Method = http.MethodGet
	case http.MethodGet, http.MethodHead, http.MethodPost:
	default:
		return out, fmt.Errorf("method %q is none of GET, HEAD, POST", s.Method)
	}
	if s.Body != "" && out.Method != http.MethodPost {
		return out, fmt.Errorf("a %s has no body", out.Method)
	}
	if (s.Match != "" || s.Absent != "") && out.Method == http.MethodHead {
		return out, errors.New("a HEAD answers without a body to match")
	}
	if len(out.Status) == 0 {
		out.Status = []int{http.StatusOK}
	}
	if out.Within <= 0 || out.Within > limit {
		out.Within = limit
	}
	u, err := url.Parse(s.Path)
	if err != nil || u.Host != "" || u.Scheme != "" {
		return out, fmt.Errorf("path %q is not relative to the base", s.Path)
	}
	for _, x := range []struct {
		text string
		to   **regexp.Regexp
	}{{s.Match, &out.match}, {s.Absent, &out.absent}} {
		if x.text != "" {
			if *x.to, err = regexp.Compile(x.text); err != nil {
				return out, fmt.Errorf("read pattern %q: %w", x.text, err)
			}
		}
	}
	return out, nil
}

// maxAge is how old an instant may be to still mean now.
const maxAge = time.Minute

// Sample walks the journey from base, as often as the options say. The value
// is the share of attempts that went well, the events their number.
func (p *Probe) Sample(ctx context.Context, base string, at time.Time, _ time.Duration) (slo.Result, error) {
	if d := p.o.Now().Sub(at); d > maxAge || d < -maxAge {
		return slo.Result{}, fmt.Errorf("probe %q: only now can be probed, not %s", base, at.UTC().Format(time.RFC3339))
	}
	u, err := url.Parse(base)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || u.User != nil {
		return slo.Result{}, fmt.Errorf("probe %q: not an http or https URL without credentials", base)
	}
	r := slo.Result{Counted: true, NewestAt: at}
	well, reached := 0, false
	for n := range p.o.Attempts {
		if n > 0 && !wait(ctx, p.o.Pause) {
			break
		}
		r.Events++
		seen, err := p.attempt(ctx, u)
		reached = reached || seen
		if err == nil {
			well++
		} else if note := err.Error(); !slices.Contains(r.Notes, note) {
			r.Notes = append(r.Notes, note)
		}
	}
	if err := ctx.Err(); err != nil { // ours to end, and no verdict on the service
		return slo.Result{}, fmt.Errorf("probe %q: %w", base, err)
	}
	if !reached && !p.o.CountUnreachable {
		return slo.Result{}, fmt.Errorf("probe %q: no server was reached: %s", base, r.Notes[0])
	}
	r.Values = []slo.Value{{Series: base, Number: float64(well) / r.Events}}
	return r, nil
}

// wait reports whether the context still lives after d.
func wait(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
