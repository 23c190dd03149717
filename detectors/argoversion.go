package detectors

import (
	"net/url"
	"regexp"
	"strings"

	"github.com/Masterminds/semver/v3"

	"promoter/promoter"
)

// ArgoChartForm says what Argo CD takes a chart's targetRevision for: a
// version if it parses as one, otherwise a constraint. It does not accept
// anything else, except tags and digests in a registry.
func ArgoChartForm(revision string, oci bool) promoter.Form {
	switch {
	case revision == "":
		return promoter.Missing
	case oci && validDigest(revision):
		return promoter.Digest
	case isVersion(revision):
		return promoter.Exact
	case isConstraint(revision):
		return promoter.Range
	}
	return promoter.Floating
}

var (
	fullCommit = regexp.MustCompile(`^([0-9a-f]{40}|[0-9a-f]{64})$`)
	// shortCommit is what Argo CD takes for a cut commit when no ref has that name.
	shortCommit = regexp.MustCompile(`^[0-9a-fA-F]{7,40}$`)
	// releaseTag is a tag of one of several things in a repository: "redis-1.2.3".
	releaseTag = regexp.MustCompile(`[-_/@]v?\d+\.\d+\.\d+([-+][0-9A-Za-z.+-]+)?$`)
)

// ArgoGitForm says what Argo CD takes a Git source's targetRevision for, and
// which part of it is the version: a commit, a tag that parses as a version, a
// constraint over tags, or a name. A name that does not end in a whole version
// may be a branch and counts as floating.
func ArgoGitForm(revision string) (form promoter.Form, version string) {
	if revision == "" {
		return promoter.Missing, ""
	}
	tag, isTag := strings.CutPrefix(revision, "refs/tags/")
	switch {
	case isTag && fullCommit.MatchString(tag), isTag:
		return promoter.Exact, tag
	case fullCommit.MatchString(revision):
		return promoter.Commit, revision
	case isVersion(revision):
		return promoter.Exact, revision
	case shortCommit.MatchString(revision):
		return promoter.Commit, revision
	case isConstraint(revision):
		return promoter.Range, revision
	case releaseTag.MatchString(revision):
		return promoter.Exact, revision
	}
	return promoter.Floating, revision
}

func isVersion(s string) bool {
	_, err := semver.NewVersion(s)
	return err == nil
}

func isConstraint(s string) bool {
	_, err := semver.NewConstraint(s)
	return err == nil
}

// GitArtifact names a Git repository by its clone URL.
func GitArtifact(cloneURL string) promoter.Artifact {
	source := strings.TrimRight(cloneURL, "/")
	_, name, _ := strings.Cut(repositoryKey(cloneURL), "/")
	if name == "" {
		name = source
	}
	return promoter.Artifact{Kind: promoter.Git, Name: name, Source: source}
}

// repositoryKey brings the ways to write a clone URL (https, ssh, scp-like,
// with and without .git or a user) to one: "github.com/org/repo".
func repositoryKey(s string) string {
	s = strings.TrimSpace(s)
	if _, rest, ok := strings.Cut(s, "://"); ok {
		if u, err := url.Parse(s); err == nil && u.Host != "" {
			rest = u.Hostname() + u.Path
		}
		s = rest
	} else if host, rest, ok := strings.Cut(s, ":"); ok && !strings.Contains(host, "/") {
		s = host + "/" + strings.TrimLeft(rest, "/")
	}
	if i := strings.IndexByte(s, '@'); i >= 0 && !strings.Contains(s[:i], "/") {
		s = s[i+1:]
	}
	s = strings.TrimRight(s, "/")
	return strings.ToLower(strings.TrimSuffix(s, ".git"))
}

// SameRepository reports whether two clone URLs name one repository.
func SameRepository(a, b string) bool { return a != "" && repositoryKey(a) == repositoryKey(b) }
