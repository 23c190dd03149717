package detectors

import (
	"net/url"
	"path"
	"strings"

	"promoter/promoter"
)

// ChartArtifact names a chart by its repository's URL and its name there. In a
// registry the name is the last path element, however the two were divided:
// "oci://ghcr.io" with "org/redis" is "oci://ghcr.io/org" with "redis".
func ChartArtifact(repository, chart string) promoter.Artifact {
	repository, chart = strings.TrimRight(strings.TrimSpace(repository), "/"), strings.Trim(chart, "/")
	rest, oci := strings.CutPrefix(repository, "oci://")
	if !oci {
		return promoter.Artifact{Kind: promoter.Chart, Name: chart, Source: repository}
	}
	dir, name := path.Split(strings.Trim(rest+"/"+chart, "/"))
	if dir == "" {
		return promoter.Artifact{Kind: promoter.Chart, Name: chart, Source: repository}
	}
	return promoter.Artifact{Kind: promoter.Chart, Name: name, Source: "oci://" + strings.TrimRight(dir, "/")}
}

// publicHosts serve every public repository over HTTPS, so that the ways to
// write its address are one. Other hosts keep SSH, whose HTTPS address cannot
// be known.
var publicHosts = map[string]bool{
	"github.com": true, "gitlab.com": true, "bitbucket.org": true, "codeberg.org": true, "gitea.com": true,
}

// CloneURL spells a Git repository's clone address the one way that stands for
// all: no ".git", no credentials, no trailing slash, a lower-case host, HTTPS
// for public hosts. It returns "" for what is no address of a repository.
func CloneURL(address string) string {
	s := strings.TrimPrefix(strings.TrimSpace(address), "git::")
	if s == "" || strings.ContainsAny(s, "{}$<>\\") || strings.ContainsFunc(s, func(c rune) bool { return c <= ' ' || c > '~' }) {
		return ""
	}
	scheme, rest, ok := strings.Cut(s, "://")
	if !ok {
		scheme = "https"
		// "git@host:org/repo", or "host/org/repo" with no scheme at all.
		host, p, scp := strings.Cut(s, ":")
		if scp = scp && !strings.Contains(host, "/"); scp {
			scheme, s = "ssh", host+"/"+strings.TrimLeft(p, "/")
		}
		if !scp && !strings.Contains(strings.SplitN(s, "/", 2)[0], ".") {
			return ""
		}
		rest = s
	}
	scheme = strings.ToLower(scheme)
	switch scheme {
	case "git", "git+https":
		scheme = "https"
	case "git+ssh":
		scheme = "ssh"
	case "https", "http", "ssh":
	default:
		return ""
	}
	u, err := url.Parse(scheme + "://" + rest)
	if err != nil || u.Hostname() == "" {
		return ""
	}
	host := strings.ToLower(u.Host)
	switch strings.ToLower(u.Hostname()) {
	case "ssh.github.com", "www.github.com":
		host = "github.com"
	case "altssh.gitlab.com":
		host = "gitlab.com"
	}
	name := strings.TrimSuffix(strings.Trim(path.Clean("/"+u.EscapedPath()), "/"), ".git")
	if name == "" {
		return ""
	}
	bare, _, _ := strings.Cut(host, ":")
	if publicHosts[bare] {
		return "https://" + bare + "/" + name
	}
	if scheme == "ssh" {
		user := "git"
		if u.User != nil && u.User.Username() != "" {
			user = u.User.Username()
		}
		return "ssh://" + user + "@" + host + "/" + name
	}
	return scheme + "://" + host + "/" + name
}
