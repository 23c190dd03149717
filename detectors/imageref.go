package detectors

import (
	"strings"

	"promoter/promoter"
)

// DockerHub is the registry of images that name none.
const DockerHub = "docker.io"

// ImageRef is an image reference taken apart by Docker's rules.
type ImageRef struct {
	Written    string // the whole reference, as written
	Registry   string // host with its port; DockerHub when none is written
	Repository string // path below the host, "library/" put before Docker Hub's own images
	Tag        string // "" when none is written
	Digest     string // "sha256:…", "" when none is written
	// Hosted is set when the reference names its registry itself.
	Hosted bool
}

// Artifact is what the reference pins, without its version.
func (r ImageRef) Artifact() promoter.Artifact {
	return promoter.Artifact{Kind: promoter.Image, Name: r.Repository, Source: r.Registry}
}

// Form is the form of a pin that is written as r.
func (r ImageRef) Form() promoter.Form {
	if r.Tag == "" && r.Digest != "" {
		return promoter.Digest
	}
	return ClassifyTag(r.Tag)
}

// ParseImage takes an image reference apart as Docker does: the part before
// the first slash is a registry only if it holds a dot or a colon or is
// "localhost". It reports false for what no container runtime would accept.
func ParseImage(s string) (ImageRef, bool) {
	ref := ImageRef{Written: s}
	name := s
	if i := strings.IndexByte(name, '@'); i >= 0 {
		ref.Digest, name = name[i+1:], name[:i]
		if !validDigest(ref.Digest) {
			return ImageRef{}, false
		}
	}
	// A colon after the last slash starts the tag; before it, a port.
	if i := strings.LastIndexByte(name, ':'); i > strings.LastIndexByte(name, '/') {
		ref.Tag, name = name[i+1:], name[:i]
		if !validTag(ref.Tag) {
			return ImageRef{}, false
		}
	}
	ref.Registry = DockerHub
	if host, rest, ok := strings.Cut(name, "/"); ok && isHost(host) {
		if !validHost(host) {
			return ImageRef{}, false
		}
		ref.Registry, ref.Hosted, name = canonicalHost(host), true, rest
	}
	if !validRepository(name) {
		return ImageRef{}, false
	}
	if ref.Registry == DockerHub && !strings.Contains(name, "/") {
		name = "library/" + name
	}
	ref.Repository = name
	return ref, true
}

// canonicalHost maps Docker Hub's several names to one, so that the same image
// is one artifact.
func canonicalHost(host string) string {
	host = strings.ToLower(host)
	switch host {
	case "index.docker.io", "registry-1.docker.io", "registry.hub.docker.com":
		return DockerHub
	}
	return host
}

func isHost(s string) bool {
	return s == "localhost" || strings.ContainsAny(s, ".:")
}

// maxName is the longest repository name, host included, that registries take.
const maxName = 255

func validHost(s string) bool {
	host, port := s, ""
	if strings.HasPrefix(s, "[") {
		end := strings.IndexByte(s, ']')
		if end < 2 || strings.Trim(s[1:end], "0123456789abcdefABCDEF:") != "" {
			return false
		}
		if rest := s[end+1:]; rest != "" {
			if rest[0] != ':' {
				return false
			}
			return allDigits(rest[1:])
		}
		return true
	}
	if i := strings.LastIndexByte(s, ':'); i >= 0 {
		if host, port = s[:i], s[i+1:]; !allDigits(port) {
			return false
		}
	}
	for label := range strings.SplitSeq(host, ".") {
		if label == "" || label[0] == '-' || label[len(label)-1] == '-' {
			return false
		}
		for i := range len(label) {
			if c := label[i]; !isAlnum(c) && (c < 'A' || c > 'Z') && c != '-' {
				return false
			}
		}
	}
	return len(s) <= maxName
}

// validRepository checks path components: lower-case letters and digits with
// one dot, one or two underscores, or any number of dashes between them.
func validRepository(s string) bool {
	if s == "" || len(s) > maxName {
		return false
	}
	for part := range strings.SplitSeq(s, "/") {
		if part == "" || !isAlnum(part[0]) || !isAlnum(part[len(part)-1]) {
			return false
		}
		for i := 0; i < len(part); {
			if isAlnum(part[i]) {
				i++
				continue
			}
			j := i
			for j < len(part) && !isAlnum(part[j]) {
				j++
			}
			if sep := part[i:j]; sep != "." && sep != "_" && sep != "__" && strings.Trim(sep, "-") != "" {
				return false
			}
			i = j
		}
	}
	return true
}

func validTag(s string) bool {
	if s == "" || len(s) > 128 || s[0] == '.' || s[0] == '-' {
		return false
	}
	for i := range len(s) {
		if c := s[i]; !isAlnum(c) && (c < 'A' || c > 'Z') && c != '_' && c != '.' && c != '-' {
			return false
		}
	}
	return true
}

// validDigest checks "sha256:" or "sha512:" and as many hex digits as they have.
func validDigest(s string) bool {
	algorithm, hash, _ := strings.Cut(s, ":")
	switch algorithm {
	case "sha256":
		return len(hash) == 64 && isHex(hash)
	case "sha512":
		return len(hash) == 128 && isHex(hash)
	}
	return false
}

// ClassifyTag says what an image tag is: a version, a name that moves, a
// commit, or nothing. A registry knows no ranges: a tag such as "1.x" is a name
// that moves.
func ClassifyTag(tag string) promoter.Form {
	if form := promoter.Classify(promoter.Image, promoter.ByContainer, tag); form != promoter.Range {
		return form
	}
	return promoter.Floating
}

func isAlnum(c byte) bool { return c >= 'a' && c <= 'z' || c >= '0' && c <= '9' }

func allDigits(s string) bool {
	return s != "" && strings.Trim(s, "0123456789") == ""
}

// isHex reports whether s is lower-case hexadecimal, as hashes are printed.
func isHex(s string) bool {
	for i := range len(s) {
		if c := s[i]; (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return s != ""
}
