package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"promoter/detectors"
	"promoter/detectors/all"
	"promoter/detectors/extractor"
	"promoter/detectors/legacy"
	"promoter/detectors/report"
	"promoter/detectors/scan"
	"promoter/detectors/source"
	sources "promoter/detectors/source/all"
	"promoter/detectors/source/ociregistry"
	"promoter/promoter"
	"promoter/promoter/config"
)

// surveyFlags say which repository is read and how its sources are asked.
type surveyFlags struct {
	root         string
	config       string
	cache        string
	noCache      bool
	offline      bool
	noLookup     bool
	allowPrivate []string
	mirrors      [][2]string // from, to; before the configured ones
	remote       string      // the repository's URL; the checkout's origin when empty
	committed    bool        // the root holds a commit's files and nothing else
	now          func() time.Time
}

// clock is the survey's; the system's where none is set.
func (f surveyFlags) clock() func() time.Time {
	if f.now != nil {
		return f.now
	}
	return time.Now
}

func (f *surveyFlags) register(c *cobra.Command) {
	fl := c.Flags()
	fl.StringVar(&f.config, "config", "", "configuration file (default: "+config.Name+" in the repository's root)")
	fl.StringVar(&f.cache, "cache-dir", "", "where indexes, tag lists and first-seen times are kept (default: the user's cache directory)")
	fl.BoolVar(&f.noCache, "no-cache", false, "read and ask everything again, and keep nothing")
	fl.BoolVar(&f.offline, "offline", false, "ask nobody: answer from the cache alone")
	fl.BoolVar(&f.noLookup, "no-lookup", false, "only say what is pinned and what is legacy")
	fl.StringSliceVar(&f.allowPrivate, "allow-private", nil, "hosts, host:port or CIDRs on private addresses that may be asked")
}

// surveyed is a repository with what its sources say of it.
type surveyed struct {
	root       string
	config     *config.Config
	inventory  *scan.Inventory
	listings   map[promoter.Artifact]promoter.Listing
	choices    map[int]promoter.Choice // by index in inventory.Pins
	findings   []promoter.Finding
	unanswered int // artifacts whose source gave no whole answer
	asked      bool
	noDigest   map[tagged]string // digests that were asked for in vain, and why
	asking     source.Options    // how sources are asked
}

// survey reads the repository, asks the sources and runs the rules.
func survey(ctx context.Context, f surveyFlags, stderr io.Writer) (*surveyed, error) {
	if info, err := os.Stat(f.root); err != nil {
		return nil, fmt.Errorf("scan %s: %w", f.root, err)
	} else if !info.IsDir() {
		return nil, fmt.Errorf("scan %s: it is a file: name the repository's directory", f.root)
	}
	cfg, err := loadConfig(f.root, f.config)
	if err != nil {
		return nil, err
	}
	cache, err := f.cacheDir()
	if err != nil {
		return nil, err
	}
	show := newProgress(stderr)
	defer show.done()
	list, err := detectorList(cfg)
	if err != nil {
		return nil, err
	}
	remote := f.remote
	if remote == "" && !f.committed {
		remote = remoteURL(ctx, f.root)
	}
	inv, err := scan.Run(ctx, scan.Options{
		Root: f.root, Detectors: list, CacheDir: cache, Remote: remote, Ignore: cfg.Ignore, Committed: f.committed,
		Progress: func(done, total int) { show.say("reading files", done, total) },
	})
	if err != nil {
		return nil, err
	}
	if inv.CacheErr != nil {
		show.done()
		fmt.Fprintf(stderr, "promoter: the next scan reads everything again: %v\n", inv.CacheErr)
	}
	cfg.Place(inv.Pins)
	now := f.clock()()
	s := &surveyed{root: f.root, config: cfg, inventory: inv, listings: map[promoter.Artifact]promoter.Listing{}, choices: map[int]promoter.Choice{}}
	if !f.noLookup {
		if err := s.ask(ctx, f, cache, show, now); err != nil {
			return nil, err
		}
	}
	s.judge(now)
	return s, nil
}

func detectorList(cfg *config.Config) ([]detectors.Detector, error) {
	if len(cfg.Extractors) == 0 {
		return all.List(), nil
	}
	var rules []extractor.Rule
	for _, x := range cfg.Extractors {
		for _, files := range x.Files {
			rules = append(rules, extractor.Rule{
				Name: x.Name, Files: files, Match: x.Match, Kind: promoter.Kind(x.Kind), Dep: x.Of, Source: x.Source,
			})
		}
	}
	own, err := extractor.New(rules)
	if err != nil {
		return nil, err
	}
	return all.List(own), nil // the user knows better than we do
}

func (f surveyFlags) cacheDir() (string, error) {
	if f.noCache {
		return "", nil
	}
	if f.cache != "" {
		return f.cache, nil
	}
	base, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("find a cache directory: %w: name one with --cache-dir, or use --no-cache", err)
	}
	return filepath.Join(base, "promoter"), nil
}

// ask looks every artifact up once.
func (s *surveyed) ask(ctx context.Context, f surveyFlags, cache string, show *progress, now time.Time) error {
	if cache == "" {
		dir, err := os.MkdirTemp("", "promoter-")
		if err != nil {
			return err
		}
		defer os.RemoveAll(dir)
		cache = dir
	}
	src := s.config.Sources
	credentials, err := source.EnvironmentCredentials(os.Getenv)
	if err != nil {
		fmt.Fprintf(show.w, "promoter: read credentials: %v\n", err)
	}
	o := source.Options{
		CacheDir: cache, Offline: f.offline, AllowPrivate: append(src.AllowPrivate, f.allowPrivate...),
		Concurrency: src.Concurrency, Budget: src.Budget, Timeout: time.Duration(src.Timeout),
		UserAgent: "promoter/" + version(), Credentials: credentials, Now: f.clock(),
	}
	for _, m := range f.mirrors {
		o.Mirrors = append(o.Mirrors, source.Mirror{Prefix: m[0], To: m[1]})
	}
	for _, m := range src.Mirrors {
		o.Mirrors = append(o.Mirrors, source.Mirror{Prefix: m.From, To: m.To})
	}
	if s.asking = o; f.noCache {
		s.asking.CacheDir = "" // the one of this look is gone after it
	}
	client, err := source.NewClient(o)
	if err != nil {
		return err
	}
	artifacts := s.artifacts()
	show.say("asking sources", 0, len(artifacts))
	for _, l := range sources.New(client).Lookup(ctx, artifacts) {
		s.listings[l.Artifact] = l
		if l.Unknown != "" {
			s.unanswered++
		}
	}
	s.asked = true
	s.choose(now)
	if s.pinDigests(ctx, ociregistry.New(client), show) {
		s.choose(now)
	}
	return client.Close()
}

// artifacts are those that a source can be asked about, each once, in the
// order of their first pin.
func (s *surveyed) artifacts() []promoter.Artifact {
	seen := map[promoter.Artifact]bool{}
	var out []promoter.Artifact
	for _, p := range s.inventory.Pins {
		if p.Artifact.Source != "" && p.Artifact.Name != "" && !seen[p.Artifact] {
			seen[p.Artifact] = true
			out = append(out, p.Artifact)
		}
	}
	return out
}

// judge runs the legacy rules.
func (s *surveyed) judge(now time.Time) {
	in := legacy.Input{
		Pins: s.inventory.Pins, Facts: s.inventory.Facts, Links: s.inventory.Links,
		Listings: s.listings, Choices: s.choices, Now: now, StaleAfter: time.Duration(s.config.Rules.StaleAfter),
	}
	s.findings = append(s.findings, s.inventory.Findings...)
	for _, rule := range legacy.Rules() {
		if rule.Check != nil {
			s.findings = append(s.findings, rule.Check(in)...)
		}
	}
	off := map[string]bool{}
	for _, id := range s.config.Rules.Disable {
		off[id] = true
	}
	kept := s.findings[:0]
	for _, x := range s.findings {
		if !off[x.Rule] {
			kept = append(kept, x)
		}
	}
	s.findings = kept
	report.SortFindings(s.findings)
}

// choose compares each pin with its listing. A listing is read once, and pins
// that are written alike share their choice: a fleet has few of them.
func (s *surveyed) choose(now time.Time) {
	type key struct {
		artifact        promoter.Artifact
		version, digest string
		form            promoter.Form
		consumer        promoter.Consumer
		rule            int
	}
	catalogs := map[promoter.Artifact]*promoter.Catalog{}
	known := map[key]promoter.Choice{}
	for i, p := range s.inventory.Pins {
		l, ok := s.listings[p.Artifact]
		if !ok {
			continue
		}
		wanted, rule := s.config.Wanted(p)
		k := key{p.Artifact, p.Version, p.Digest, p.Form, p.Consumer, rule}
		c, ok := known[k]
		if !ok {
			catalog := catalogs[p.Artifact]
			if catalog == nil {
				catalog = promoter.Read(l)
				catalogs[p.Artifact] = catalog
			}
			c = catalog.Choose(p, wanted, now)
			known[k] = c
		}
		s.choices[i] = c
	}
}

// report is the survey as it is printed.
func (s *surveyed) report() report.Scan {
	r := report.Scan{
		Root: s.root, Files: s.inventory.Files, Findings: s.findings,
		Skips: s.inventory.Skips, Problems: s.inventory.Problems, NotAsked: !s.asked,
	}
	r.Rows = make([]report.Row, 0, len(s.inventory.Pins))
	for i, p := range s.inventory.Pins {
		row := report.Row{Pin: p}
		c, ok := s.choices[i]
		switch {
		case ok:
			fill(&row, c)
			if why := s.digestUnknown(p, c); why != "" {
				row.Held = why
			}
		case !s.asked:
			row.Unknown = ""
		case p.Artifact.Name == "":
			row.Unknown = "the image's repository is the chart's default, not written here"
		default:
			row.Unknown = "nothing here says where it comes from"
		}
		r.Rows = append(r.Rows, row)
	}
	r.Coverage = report.Cover(r.Rows, r.Skips)
	return r
}

func fill(row *report.Row, c promoter.Choice) {
	row.Unknown = c.Unknown
	if c.Current != nil {
		row.Resolved = c.Current.Version
	}
	if c.Latest != nil {
		row.Latest = c.Latest.Version
	}
	if len(c.Held) > 0 {
		row.Held = c.Held[0].Release.Version + ": " + c.Held[0].Why
	}
	if c.NewestAllowed != nil && len(c.Updates) > 0 {
		row.Newest = c.NewestAllowed.Version
		row.Update = c.Update
	}
}

// sayProblems names the files that could not be read whole: what they pin is
// not known to the decision.
func (s *surveyed) sayProblems(stderr io.Writer) {
	for _, p := range s.inventory.Problems {
		fmt.Fprintf(stderr, "promoter: cannot read %s: %s\n", p.Place, p.Message)
	}
}

// remoteURL is the URL the checkout was cloned from, or "": it only helps to
// recognise the repository's references to itself.
func remoteURL(ctx context.Context, root string) string {
	out, err := exec.CommandContext(ctx, "git", "-C", root, "config", "--get", "remote.origin.url").Output()
	if err != nil {
		var missing *exec.ExitError
		if !errors.As(err, &missing) {
			return ""
		}
	}
	return strings.TrimSpace(string(out))
}

// progress is one changing line on a terminal's stderr; elsewhere it is silent.
type progress struct {
	w     io.Writer
	on    bool
	start time.Time
}

func newProgress(w io.Writer) *progress {
	f, ok := w.(*os.File)
	return &progress{w: w, on: ok && term.IsTerminal(int(f.Fd())), start: time.Now()}
}

func (p *progress) say(what string, done, total int) {
	if p.on {
		fmt.Fprintf(p.w, "\r\x1b[K%s: %d of %d (%s)", what, done, total, since(p.start))
	}
}

func (p *progress) done() {
	if p.on {
		fmt.Fprint(p.w, "\r\x1b[K")
	}
}
