package kustomize

import (
	"net/url"
	"path"
	"strings"

	"promoter/detectors"
	"promoter/promoter"
)

// remote is an entry of a kustomization that is fetched: a directory of a Git
// repository, or a file that a Git host serves.
type remote struct {
	repo    string // clone URL
	dir     string // path within the repository; "" when the file is a release's asset
	version string // as written; "" for the default branch
	at      int    // offset of version in the entry
	served  bool   // a file that the host serves, not a directory of a clone
}

// editable reports whether an edit of the pin's version writes what the
// address needs: the version is replaced where it was read, and no second
// copy in a file's name is left behind.
func (r remote) editable(p detectors.Pin) bool {
	if r.version == "" {
		return true
	}
	const probe = "0.0.0-probe"
	text := p.Place.Written
	lead := strings.Index(text, strings.TrimSpace(text))
	head, tail := text[:lead+r.at], text[lead+r.at+len(r.version):]
	if got, err := p.Rewrite(probe, ""); err != nil || got != head+probe+tail {
		return false
	}
	return !r.served || !strings.Contains(tail, strings.TrimPrefix(r.version, "v"))
}

// isRemote reports whether kustomize would fetch an entry instead of reading
// it from the repository.
func isRemote(s string) bool {
	if strings.Contains(s, "://") || strings.HasPrefix(s, "git::") {
		return true
	}
	lower := strings.ToLower(s)
	if strings.HasPrefix(lower, "github.com/") || strings.HasPrefix(lower, "github.com:") || strings.HasPrefix(lower, "gh:") {
		return true
	}
	host, rest, ok := strings.Cut(s, "/")
	if !ok {
		return false
	}
	// "git@host:org/repo", and the old form "host/org/repo?ref=v1".
	if user, _, at := strings.Cut(host, "@"); at && user != "" && strings.Contains(host, ":") {
		return true
	}
	_, query, asks := strings.Cut(rest, "?")
	return asks && strings.Contains(host, ".") && !strings.HasPrefix(host, ".") && strings.Contains("&"+query, "&ref=")
}

// parseRemote takes an entry apart by kustomize's rules: "//", "_git/" and
// ".git" end the repository, otherwise it has two path elements; "ref" in the
// query goes before "version". An address that no Git repository can be read
// from is refused with a reason.
func parseRemote(s string) (remote, string) {
	address, query, _ := strings.Cut(s, "?")
	if strings.HasPrefix(address, "gh:") {
		address = "github.com/" + address[len("gh:"):]
	}
	if strings.HasPrefix(address, "file://") {
		return remote{}, "a repository on the machine that builds it"
	}
	r, isFile, reason := servedFile(s, address)
	if isFile && !hasRef(query) {
		return r, reason
	}
	host, rest, scp := splitHost(strings.TrimPrefix(address, "git::"))
	repoPath, dir := splitRepository(rest)
	sep := "/"
	if scp {
		sep = ":"
	}
	if r.repo = detectors.CloneURL(host + sep + repoPath); r.repo == "" {
		return remote{}, "not an address of a Git repository"
	}
	r.dir = strings.Trim(dir, "/")
	if strings.HasPrefix(path.Clean(r.dir), "..") {
		return remote{}, "the path leaves the repository"
	}
	r.version, r.at, r.served = "", 0, false
	for _, key := range []string{"ref", "version"} {
		v, at := parameter(s, key)
		if v == "" {
			continue
		}
		if plain, err := url.QueryUnescape(v); err != nil || plain != v {
			return remote{}, "the ref is percent-encoded"
		}
		r.version, r.at = v, at
		break
	}
	return r, ""
}

func hasRef(query string) bool {
	for p := range strings.SplitSeq(query, "&") {
		if k, v, _ := strings.Cut(p, "="); (k == "ref" || k == "version") && v != "" {
			return true
		}
	}
	return false
}

// parameter finds a query parameter and where its value stands in s.
func parameter(s, key string) (string, int) {
	at := strings.IndexByte(s, '?') + 1
	if at == 0 {
		return "", 0
	}
	for p := range strings.SplitSeq(s[at:], "&") {
		if k, v, ok := strings.Cut(p, "="); ok && k == key && v != "" {
			return v, at + len(k) + 1
		}
		at += len(p) + 1
	}
	return "", 0
}

// splitHost cuts "scheme://user@host" or "user@host" from the path behind it,
// and says whether a colon stood between them.
func splitHost(s string) (host, rest string, scp bool) {
	scheme := ""
	if i := strings.Index(s, "://"); i >= 0 {
		scheme, s = s[:i+3], s[i+3:]
	}
	i := strings.IndexByte(s, '/')
	if colon := strings.IndexByte(s, ':'); scheme == "" && colon >= 0 && (i < 0 || colon < i) {
		return s[:colon], s[colon+1:], true
	}
	if i < 0 {
		return scheme + s, "", false
	}
	return scheme + s[:i], s[i+1:], false
}

func splitRepository(p string) (repo, dir string) {
	if head, tail, ok := strings.Cut(p, "_git/"); ok {
		name, dir, _ := strings.Cut(tail, "/")
		return head + "_git/" + name, dir
	}
	if repo, dir, ok := strings.Cut(p, "//"); ok {
		return repo, dir
	}
	if repo, dir, ok := strings.Cut(p, ".git"); ok && (dir == "" || dir[0] == '/') {
		return repo, dir
	}
	parts := strings.SplitN(p, "/", 3)
	if len(parts) < 3 {
		return p, ""
	}
	return parts[0] + "/" + parts[1], parts[2]
}

// servedFile reads addresses of single files that Git hosts serve: release
// assets and raw files. It reports false for what is no such address.
func servedFile(s, address string) (remote, bool, string) {
	scheme, rest, ok := strings.Cut(address, "://")
	if !ok || scheme != "https" && scheme != "http" {
		return remote{}, false, ""
	}
	host, p, _ := strings.Cut(rest, "/")
	segs := strings.Split(p, "/")
	base := len(address) - len(p) // where segs begin in address
	if len(s) > len(address) && s[:len(address)] != address {
		return remote{}, false, ""
	}
	index := func(n int) int { // offset of segment n
		return base + len(strings.Join(segs[:n], "/")) + min(n, 1)
	}
	find := func(words ...string) int { // segments after an owner and a name
		for i := 2; i+len(words) < len(segs); i++ {
			if strings.Join(segs[i:i+len(words)], "/") == strings.Join(words, "/") {
				return i
			}
		}
		return -1
	}
	made := func(owner, from, to int) (remote, string) {
		repo := strings.TrimSuffix(strings.Join(segs[:owner], "/"), "/-")
		if host == "raw.githubusercontent.com" {
			host = "github.com"
		}
		version := strings.Join(segs[from:to], "/")
		r := remote{repo: detectors.CloneURL(scheme + "://" + host + "/" + repo), version: version, at: index(from), served: true}
		if strings.Contains(version, "%") {
			return r, "the ref is percent-encoded"
		}
		if r.repo == "" || version == "" {
			return r, "not an address of a file in a Git repository"
		}
		return r, ""
	}
	raw := func(owner, from int) (remote, string) {
		from, to := refSegments(segs, from)
		r, reason := made(owner, from, to)
		r.dir = strings.Join(segs[to:], "/")
		return r, reason
	}
	if host == "raw.githubusercontent.com" && len(segs) > 3 {
		r, reason := raw(2, 2)
		return r, true, reason
	}
	if i := find("releases", "latest", "download"); i > 0 {
		r, reason := made(i, i+1, i+2)
		return r, true, reason
	}
	if i := find("releases", "download"); i > 0 && i+3 < len(segs) {
		r, reason := made(i, i+2, len(segs)-1)
		return r, true, reason
	}
	if i := find("-", "releases"); i > 0 && i+3 < len(segs) {
		r, reason := made(i, i+2, i+3)
		return r, true, reason
	}
	if i := find("-", "raw"); i > 0 && i+3 < len(segs) {
		r, reason := raw(i, i+2)
		return r, true, reason
	}
	for _, sort := range []string{"tag", "branch", "commit"} { // Gitea and Forgejo
		if i := find("raw", sort); i == 2 && len(segs) > 5 {
			r, reason := raw(2, 4)
			return r, true, reason
		}
	}
	if i := find("raw"); i == 2 && len(segs) > 4 && (host == "github.com" || host == "bitbucket.org") {
		r, reason := raw(2, 3)
		return r, true, reason
	}
	if isYAML(p) && !strings.Contains(p, "//") && !strings.Contains(p, ".git/") && host != "github.com" {
		return remote{}, true, "a file of a host that lists no versions"
	}
	return remote{}, false, ""
}

// refSegments says which segments are the ref of a raw file's path. A slash
// within a ref cannot be told from one behind it, except where only both
// segments together end in a version ("kustomize/v5.0.0").
func refSegments(segs []string, from int) (int, int) {
	if from+2 < len(segs) && segs[from] == "refs" && (segs[from+1] == "tags" || segs[from+1] == "heads") {
		return from + 2, from + 3
	}
	form := func(s string) promoter.Form { return promoter.Classify(promoter.Git, promoter.ByGit, s) }
	if from+2 < len(segs) && form(segs[from]) == promoter.Floating && strings.Contains(segs[from+1], ".") &&
		form(segs[from+1]) == promoter.Exact && !isYAML(segs[from+1]) {
		return from, from + 2
	}
	return from, from + 1
}

func isYAML(p string) bool {
	switch strings.ToLower(path.Ext(p)) {
	case ".yaml", ".yml", ".json":
		return true
	}
	return false
}
