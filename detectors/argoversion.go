package detectors

import (
	"net/url"
	"strings"

	"promoter/promoter"
)

// ArgoGitForm says what Argo CD takes a Git source's targetRevision for, and
// which part of it is the version.
func ArgoGitForm(revision string) (form promoter.Form, version string) {
	// What is said to be a tag is one, whatever it is called.
	if tag, ok := strings.CutPrefix(revision, "refs/tags/"); ok {
		return promoter.Exact, tag
	}
	return promoter.Classify(promoter.Git, promoter.ByArgoCD, revision), revision
}

// GitArtifact names a Git repository by its clone URL.
func GitArtifact(cloneURL string) promoter.Artifact {
	source := CloneURL(cloneURL)
	if source == "" {
		source = strings.TrimRight(cloneURL, "/")
	}
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
