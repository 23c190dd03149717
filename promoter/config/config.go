// Package config reads promoter.yaml: bytes in, settings out, or every mistake
// with its line and what to write instead.
//
// It refuses to guess: unknown keys, overlapping waves and patterns that match
// nothing are errors. It reads no environment and no files; secrets are never
// part of it, only the names of the environment variables that hold them.
package config

import (
	"reflect"
	"slices"
	"sync"

	"promoter/promoter/slo/rollouts"
	"promoter/promoter/yamltree"
)

// Name is the file's name at the root of a GitOps repository.
const Name = "promoter.yaml"

// Config is the file, decoded. The `doc` tags are what the JSON schema and
// the reference page say of each key.
type Config struct {
	Version      int                    `yaml:"version" doc:"Format of this file: 1." enum:"1" default:"1"`
	Ignore       []string               `yaml:"ignore" doc:"Paths that are not scanned, as in .gitignore."`
	Environments []Environment          `yaml:"environments" doc:"Where each environment's files are. The first rule that matches a path wins."`
	Waves        []Wave                 `yaml:"waves" doc:"Environments that change together, in the order in which a change reaches them."`
	Classes      []ClassRule            `yaml:"classes" doc:"How careful a change must be, by what it touches. The first rule that matches wins; nothing matches: C3."`
	Policies     map[string]ClassPolicy `yaml:"policies" doc:"What each class (C1, C2, C3) asks before a merge." keys:"C1,C2,C3"`
	Updates      []Update               `yaml:"updates" doc:"Which versions are wanted. The first rule that matches wins."`
	Groups       []Group                `yaml:"groups" doc:"Artifacts that change together in one pull request."`
	Windows      []Window               `yaml:"windows" doc:"Times in which merges are allowed. Without one for an environment, any time is."`
	Freezes      []Freeze               `yaml:"freezes" doc:"Times in which nothing merges."`
	Pulls        Pulls                  `yaml:"pulls" doc:"How pull requests are opened and merged."`
	Extractors   []Extractor            `yaml:"extractors" doc:"Versions that no detector knows, found by a regular expression."`
	Sources      Sources                `yaml:"sources" doc:"How upstream versions are looked up."`
	Rules        Rules                  `yaml:"rules" doc:"Legacy and drift rules."`
	Delivery     Delivery               `yaml:"delivery" doc:"The engines that bring the repository to clusters. With one, Promoter proves what was merged, merges what may be merged and takes back what failed; without any it merges nothing." absent:"none: pull requests are opened, and people merge them"`
	Meters       []Meter                `yaml:"meters" doc:"What is asked for the services' own indicators."`
	Gates        []Gate                 `yaml:"gates" doc:"Conditions that must hold after a merge before the next wave."`
	Silences     []Silence              `yaml:"silences" doc:"Alerts that are silenced where a change was merged, for as long as it is being proven: short silences that are renewed, so that alerts speak again soon after Promoter has died."`

	file      string                    // what it is called in messages
	templates map[int][]rollouts.Metric // of the gates, by their number, once they are read
	once      sync.Once
	done      rules // the patterns, compiled once
}

// Environment maps paths to an environment. Captures such as {cluster} in a
// path stand for one path segment (or part of one) and may be used in name,
// tenant, cluster and labels: one rule names any number of environments.
type Environment struct {
	At       `yaml:"-"`
	Name     string            `yaml:"name" doc:"The environment's name; may use captures: \"prod-{cluster}\"." required:"true"`
	Paths    []string          `yaml:"paths" doc:"Path patterns with * ** and {captures}."`
	Apps     []string          `yaml:"apps" doc:"Instead of paths: Application names, with * and {captures}."`
	Clusters []string          `yaml:"clusters" doc:"Instead of paths: names of the clusters that applications are sent to, with * and {captures}."`
	Tenant   string            `yaml:"tenant" doc:"The client it belongs to; may use captures."`
	Cluster  string            `yaml:"cluster" doc:"Its cluster; may use captures."`
	Labels   map[string]string `yaml:"labels" doc:"Words that waves and rules select by; values may use captures."`
}

// Wave is a set of environments.
type Wave struct {
	At            `yaml:"-"`
	Name          string            `yaml:"name" doc:"The wave's name." required:"true" pattern:"^[A-Za-z0-9][A-Za-z0-9._-]*$"`
	Environments  []string          `yaml:"environments" doc:"Names of environments, with *."`
	Labels        map[string]string `yaml:"labels" doc:"Environments that carry all these labels."`
	After         []string          `yaml:"after" doc:"Waves that must have passed; the one before it when absent."`
	Split         string            `yaml:"split" doc:"One pull request for the wave (none), for each environment, tenant or cluster." enum:"none,environment,tenant,cluster" default:"none"`
	MaxConcurrent int               `yaml:"maxConcurrent" doc:"How many of the wave's pull requests may be open at once; 0: all." default:"0"`
	Soak          Duration          `yaml:"soak" doc:"How long every environment must stay healthy before the next wave." default:"0"`
	Quorum        string            `yaml:"quorum" doc:"The share of the wave's places that must have converged for those that cannot be reached to be set aside once delivery.patience is over, \"90%\"; they are never counted as good." absent:"all"`
	MaxFailures   string            `yaml:"maxFailures" doc:"How many of the wave's pull requests may fail, and be taken back, before the change is stopped everywhere: \"2\" or \"5%\"." absent:"none"`
}

// ClassRule says which class a change belongs to.
type ClassRule struct {
	At    `yaml:"-"`
	Class string `yaml:"class" doc:"C1 infrastructure, C2 co-managed, C3 routine." enum:"C1,C2,C3" required:"true"`
	Match Match  `yaml:"match" doc:"What it applies to; all that is given must fit."`
}

// Match selects pins.
type Match struct {
	Artifacts    []string `yaml:"artifacts" doc:"Artifact names or full references, with *." glob:"name"`
	Kinds        []string `yaml:"kinds" doc:"chart, image, git or galaxy." enum:"chart,image,git,galaxy"`
	Paths        []string `yaml:"paths" doc:"Files, with * and **." glob:"path"`
	Environments []string `yaml:"environments" doc:"Environment names, with *." glob:"name"`
	Tenants      []string `yaml:"tenants" doc:"Tenant names, with *." glob:"name"`
}

// ClassPolicy is what a class asks before a merge.
type ClassPolicy struct {
	At        `yaml:"-"`
	Merge     string    `yaml:"merge" doc:"manual: a person merges; approval: Promoter merges once so many people have approved; automatic: Promoter merges when nothing is in the way. Without an engine in delivery Promoter merges nothing, whatever stands here." enum:"automatic,approval,manual" default:"manual"`
	Approvals Approvals `yaml:"approvals" doc:"Who must approve, and how many."`
	Soak      Duration  `yaml:"soak" doc:"At least this long between waves, whatever the wave says." default:"0"`
	Revert    string    `yaml:"revert" doc:"How a pull request that takes a failed change back is merged: automatic, approval, manual, or never: none is opened, and a person is asked." enum:"automatic,approval,manual,never" absent:"as delivery.reverts says"`
}

// Approvals says who must approve.
type Approvals struct {
	Count int      `yaml:"count" doc:"How many; 1 when absent." default:"1"`
	From  []string `yaml:"from" doc:"Logins or org/team names; anyone who may review when absent." absent:"anyone who may review"`
}

// Update says which versions are wanted.
type Update struct {
	At                `yaml:"-"`
	Match             Match    `yaml:"match" doc:"What it applies to; everything when absent."`
	Allow             string   `yaml:"allow" doc:"The largest step: major, minor, patch, digest or none." enum:"major,minor,patch,digest,none"`
	Constraint        string   `yaml:"constraint" doc:"Only versions within it: \"<2\"."`
	Ignore            []string `yaml:"ignore" doc:"Versions or constraints never to propose."`
	MinimumReleaseAge Duration `yaml:"minimumReleaseAge" doc:"A release must have been seen for this long."`
	Prereleases       bool     `yaml:"prereleases" doc:"Propose pre-releases too." default:"false"`
	Security          bool     `yaml:"security" doc:"The security lane: no minimum release age, no window, before everything else." default:"false"`
}

// Group is artifacts that must move together.
type Group struct {
	At        `yaml:"-"`
	Name      string   `yaml:"name" doc:"The group's name: part of branch names and titles." required:"true"`
	Artifacts []string `yaml:"artifacts" doc:"Names or references, with *; in the order in which they must change: CRDs and control planes before their users." glob:"name" required:"true"`
	Ordered   bool     `yaml:"ordered" doc:"One pull request for each member, each after the one before it has arrived; without it, one for all." default:"false"`
	Lockstep  bool     `yaml:"lockstep" doc:"All members go to the same version: the newest that every one of them has." default:"false"`
}

// Window is a recurring time in which merges are allowed.
type Window struct {
	At           `yaml:"-"`
	Environments []string `yaml:"environments" doc:"Names, with *." glob:"name"`
	Tenants      []string `yaml:"tenants" doc:"Names, with *." glob:"name"`
	Days         []string `yaml:"days" doc:"mon tue wed thu fri sat sun; every day when absent." enum:"mon,tue,wed,thu,fri,sat,sun"`
	From         string   `yaml:"from" doc:"Start, \"22:00\"." required:"true" pattern:"^([01]?[0-9]|2[0-3]):[0-5][0-9]$"`
	To           string   `yaml:"to" doc:"End, \"04:00\"; before From: the next day." required:"true" pattern:"^([01]?[0-9]|2[0-3]):[0-5][0-9]$"`
	Zone         string   `yaml:"zone" doc:"IANA time zone, \"Europe/Berlin\"; UTC when absent."`
}

// Freeze is a time in which nothing merges.
type Freeze struct {
	At           `yaml:"-"`
	Name         string   `yaml:"name" doc:"Why, in a few words: it is shown to people." required:"true"`
	Environments []string `yaml:"environments" doc:"Names, with *; all when absent." glob:"name"`
	Tenants      []string `yaml:"tenants" doc:"Names, with *; all when absent." glob:"name"`
	From         string   `yaml:"from" doc:"\"2026-12-20\" or \"2026-12-20T18:00\"." required:"true"`
	To           string   `yaml:"to" doc:"The first moment after it." required:"true"`
	Zone         string   `yaml:"zone" doc:"IANA time zone; UTC when absent."`
}

// Pulls is how pull requests are opened and merged.
type Pulls struct {
	At        `yaml:"-"`
	Base      string   `yaml:"base" doc:"The branch that is deployed; the repository's default when absent." absent:"the repository's default branch"`
	Ahead     string   `yaml:"ahead" doc:"next: open the next wave's pull request only; all: open all waves' at once, later ones as drafts." enum:"next,all" default:"next"`
	Newer     string   `yaml:"newer" doc:"What a newer release does while one is under way: finish (it waits until that has passed every wave), hold (it waits while that is being verified somewhere) or latest (it takes over)." enum:"finish,hold,latest" default:"finish"`
	MaxOpen   int      `yaml:"maxOpen" doc:"Open pull requests of ours at once; 10 when absent. Those that Promoter merges by itself are counted apart from those that wait for people." default:"10"`
	Labels    []string `yaml:"labels" doc:"Labels put on every pull request."`
	Reviewers []string `yaml:"reviewers" doc:"Logins, or org/team names."`
	Assignees []string `yaml:"assignees" doc:"Logins."`
	Method    string   `yaml:"method" doc:"How pull requests are meant to be merged: merge, squash or rebase; any that the repository permits when absent." enum:"merge,squash,rebase" absent:"the first that the repository permits"`
	Title     string   `yaml:"title" doc:"Template of titles." absent:"the built-in one"`
	SplitBase bool     `yaml:"splitBase" doc:"Where a shared file would reach a later wave, write an overlay patch for the early environments instead of waiting." default:"false"`
	Templates string   `yaml:"templates" doc:"Folder with files that replace the built-in templates." absent:"the built-in ones"`
	Author    string   `yaml:"author" doc:"Commits' author, \"Name <mail>\"." absent:"Promoter"`
}

// Extractor is the user's own detector.
type Extractor struct {
	At     `yaml:"-"`
	Name   string   `yaml:"name" doc:"Shown as the detector's name." required:"true"`
	Files  []string `yaml:"files" doc:"Path patterns with * and **." required:"true"`
	Match  string   `yaml:"match" doc:"Regular expression (RE2). The group \"version\" is the version; groups name, source, digest say the rest." required:"true"`
	Kind   string   `yaml:"kind" doc:"chart, image, git or galaxy." enum:"chart,image,git,galaxy"`
	Of     string   `yaml:"artifact" doc:"The artifact's name, where no group gives it."`
	Source string   `yaml:"source" doc:"Where it is listed, where no group gives it."`
}

// Sources is how versions are looked up.
type Sources struct {
	AllowPrivate []string `yaml:"allowPrivate" doc:"Hosts, host:port or CIDRs on private addresses that may be asked."`
	Mirrors      []Mirror `yaml:"mirrors" doc:"Hosts or URL prefixes that are asked elsewhere: pull-through caches, air-gapped sites."`
	Concurrency  int      `yaml:"concurrency" doc:"Requests at once to one host; 4 when absent." default:"4"`
	Budget       int      `yaml:"budget" doc:"Requests to one host in one run; 300 when absent." default:"300"`
	Timeout      Duration `yaml:"timeout" doc:"For one request; 30s when absent." default:"30s"`
}

// Mirror rewrites a host or URL prefix.
type Mirror struct {
	At   `yaml:"-"`
	From string `yaml:"from" doc:"Host or URL prefix as the repository writes it." required:"true"`
	To   string `yaml:"to" doc:"What is asked instead." required:"true"`
}

// Rules are the settings of the legacy rules.
type Rules struct {
	Disable    []string `yaml:"disable" doc:"Rule ids that are not wanted."`
	StaleAfter Duration `yaml:"staleAfter" doc:"A chart without a release for this long is reported; 730d when absent." default:"730d"`
}

// Parse reads the file. On any mistake it returns all of them as Errors and
// no configuration.
func Parse(file string, data []byte) (*Config, error) {
	d := &decoder{file: file}
	docs, errs := yamltree.Parse(data)
	for _, e := range errs {
		d.errs = append(d.errs, Error{file, e.Line, e.Message})
	}
	if len(docs) > 1 {
		d.errs = append(d.errs, Error{file, docs[1].Line, "a second YAML document: write everything in one"})
	}
	c := &Config{Version: 1, file: file}
	if len(docs) > 0 && docs[0].Root != nil && len(d.errs) == 0 {
		d.decode(docs[0].Root, reflect.ValueOf(c).Elem(), "")
	}
	c.check(d)
	if len(d.errs) > 0 {
		slices.SortStableFunc(d.errs, func(a, b Error) int { return a.Line - b.Line })
		return nil, d.errs
	}
	return c, nil
}

// Default is the configuration of a repository without the file.
func Default() *Config { return &Config{Version: 1} }
