// Package legacy looks at a whole inventory and says what of it is old, gone,
// unsafe or has drifted apart. Each rule is one function with an id, and all
// of them stand in one list.
//
// Rules are pure: they ask nobody and read no clock. A rule that needs what a
// source says is silent where the source did not answer: no listing is no
// evidence. Their tables carry dates, and links that say the same.
package legacy

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"promoter/detectors"
	"promoter/promoter"
)

// Input is what the rules look at.
type Input struct {
	Pins     []promoter.Pin
	Facts    []detectors.Fact
	Links    []detectors.Link
	Listings map[promoter.Artifact]promoter.Listing // of what was asked
	Choices  map[int]promoter.Choice                // by index in Pins
	Now      time.Time
	// StaleAfter is how long a chart may go without a release; zero means
	// [DefaultStaleAfter].
	StaleAfter time.Duration
}

// DefaultStaleAfter is two years.
const DefaultStaleAfter = 2 * 365 * 24 * time.Hour

// Rule is one kind of finding.
type Rule struct {
	ID       string
	Severity promoter.Severity // of its worst finding
	Doc      string            // one line: what it finds
	Link     string            // why it matters
	// Check finds it in an inventory. It is nil for a rule that the detector
	// By reports while it reads files.
	Check func(Input) []promoter.Finding
	By    string
}

// Rules are all rules, in the order in which they are printed.
func Rules() []Rule {
	return []Rule{
		{
			ID: "source-gone", Severity: promoter.Critical, Check: sourceGone,
			Doc:  "a chart repository, registry or image that no longer exists",
			Link: "https://helm.sh/docs/topics/chart_repository/",
		},
		{
			ID: "source-frozen", Severity: promoter.High, Check: sourceFrozen,
			Doc:  "a chart repository or image that gets no more releases or security fixes",
			Link: "https://kubernetes.io/blog/2025/11/11/ingress-nginx-retirement/",
		},
		{
			ID: "source-moved", Severity: promoter.Medium, Check: sourceMoved,
			Doc:  "a chart or image that is published elsewhere now",
			Link: "https://kubernetes.io/blog/2023/03/10/image-registry-redirect/",
		},
		{
			ID: "kube-api-removed", Severity: promoter.Critical, By: "kubeapi",
			Doc:  "an object of an API version that is no longer served",
			Link: "https://kubernetes.io/docs/reference/using-api/deprecation-guide/",
		},
		{
			ID: "kube-api-deprecated", Severity: promoter.High, By: "kubeapi",
			Doc:  "an object of an API version that is deprecated",
			Link: "https://kubernetes.io/docs/reference/using-api/deprecation-policy/",
		},
		{
			ID: "end-of-life", Severity: promoter.High, Check: endOfLife,
			Doc:  "software past the end of its support, or about to be (by endoflife.date of " + asOf + ")",
			Link: "https://endoflife.date/",
		},
		{
			ID: "chart-deprecated", Severity: promoter.Medium, Check: chartDeprecated,
			Doc:  "a chart that its publisher marks as deprecated",
			Link: "https://helm.sh/docs/topics/charts/#deprecating-charts",
		},
		{
			ID: "chart-stale", Severity: promoter.Low, Check: chartStale,
			Doc:  "a chart without a release for a long time (two years, if not set)",
			Link: "https://helm.sh/docs/topics/charts/#deprecating-charts",
		},
		{
			ID: "helm-v2-chart", Severity: promoter.Low, By: "chart",
			Doc:  "a chart in the form of Helm 2",
			Link: "https://helm.sh/docs/topics/v2_v3_migration/",
		},
		{
			ID: "floating-version", Severity: promoter.High, Check: floatingVersion,
			Doc:  "a tag or branch that moves by itself, with no digest beside it",
			Link: "https://kubernetes.io/docs/concepts/containers/images/#image-names",
		},
		{
			ID: "missing-version", Severity: promoter.High, Check: missingVersion,
			Doc:  "a chart, image or base with no version written: whatever is newest is deployed",
			Link: "https://helm.sh/docs/topics/charts/#charts-and-versioning",
		},
		{
			ID: "range-in-production", Severity: promoter.Medium, Check: rangeInProduction,
			Doc:  "a version range in production: releases are deployed without a commit",
			Link: "https://argo-cd.readthedocs.io/en/stable/user-guide/tracking_strategies/",
		},
		{
			ID: "version-skew", Severity: promoter.Low, Check: versionSkew,
			Doc:  "environments that run different versions of the same artifact",
			Link: "https://opengitops.dev/",
		},
		{
			ID: "chart-two-sources", Severity: promoter.Low, Check: chartTwoSources,
			Doc:  "the same chart taken from two repositories",
			Link: "https://helm.sh/docs/topics/chart_repository/",
		},
		{
			ID: "image-override", Severity: promoter.Medium, Check: imageOverride,
			Doc:  "an image tag in values that holds back what the chart's upgrade brings",
			Link: "https://helm.sh/docs/topics/charts/#the-appversion-field",
		},
		{
			ID: "helmfile-beside-gitops", Severity: promoter.Low, Check: helmfileBeside,
			Doc:  "releases driven by helmfile beside Argo CD or Flux",
			Link: "https://opengitops.dev/",
		},
		{
			ID: "docker-hub-anonymous", Severity: promoter.Low, Check: dockerHub,
			Doc:  "images from Docker Hub, which limits pulls without an account",
			Link: "https://docs.docker.com/docker-hub/usage/pulls/",
		},
	}
}

// rule is the rule with an id. It panics for one that is not in the list,
// which a test of every rule would show.
func rule(id string) Rule {
	rules := Rules()
	return rules[slices.IndexFunc(rules, func(r Rule) bool { return r.ID == id })]
}

// order is the pins' indexes by where they stand, so that findings come out
// the same however the inventory was gathered.
func (in Input) order() []int {
	out := make([]int, len(in.Pins))
	for i := range out {
		out[i] = i
	}
	compare := func(a, b int) int {
		p, q := &in.Pins[a], &in.Pins[b]
		if c := comparePlaces(&p.Place, &q.Place); c != 0 {
			return c
		}
		return cmp.Or(strings.Compare(p.Artifact.String(), q.Artifact.String()), strings.Compare(p.Version, q.Version))
	}
	if !slices.IsSortedFunc(out, compare) { // a scan's pins are
		slices.SortStableFunc(out, compare)
	}
	return out
}

func comparePlaces(a, b *promoter.Place) int {
	if c := strings.Compare(a.File, b.File); c != 0 {
		return c
	}
	return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Start, b.Start))
}

// findings gathers findings of one rule: what is the same at several places is
// one finding with further places.
type findings struct {
	rule  Rule
	list  []promoter.Finding
	index map[told]int
}

// told is what makes two findings of a rule one.
type told struct {
	artifact         string
	severity         promoter.Severity
	evidence, remedy string
}

func gather(id string) *findings { return &findings{rule: rule(id), index: map[told]int{}} }

// add takes a finding whose rule, and where they are empty severity and link,
// are the rule's.
func (fs *findings) add(f promoter.Finding) {
	f.Rule = fs.rule.ID
	if f.Severity == "" {
		f.Severity = fs.rule.Severity
	}
	if f.Source == "" {
		f.Source = fs.rule.Link
	}
	key := told{f.Artifact.String(), f.Severity, f.Evidence, f.Remedy}
	if i, ok := fs.index[key]; ok {
		fs.list[i].Also = append(fs.list[i].Also, f.Place)
		return
	}
	fs.index[key] = len(fs.list)
	fs.list = append(fs.list, f)
}

// wordsOf are the lower-case words of a name: "eu-prod_1" gives eu, prod, 1.
func wordsOf(name string) []string {
	return strings.FieldsFunc(strings.ToLower(name), func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < '0' || r > '9')
	})
}

// production reports whether a pin is deployed to production, as far as its
// environment's name, or else its cluster's, says so.
func production(p *promoter.Pin) bool {
	words := wordsOf(cmp.Or(p.Environment, p.Cluster))
	found := false
	for _, w := range words {
		switch strings.TrimRight(w, "0123456789") {
		case "non", "pre", "not", "nonprod", "preprod":
			return false
		case "prod", "prd", "production", "live":
			found = true
		}
	}
	return found
}

// resolved is the version a pin stands for now: the written one of an exact
// pin, the newest in range of a range; "" when it is not known.
func (in Input) resolved(i int) string {
	if c, ok := in.Choices[i]; ok && c.Current != nil {
		return c.Current.Version
	}
	if in.Pins[i].Form == promoter.Exact {
		return in.Pins[i].Version
	}
	return ""
}

// answered reports whether a listing is there and whole.
func answered(l promoter.Listing, ok bool) bool {
	return ok && l.Unknown == "" && l.Gone == "" && len(l.Releases) > 0
}
