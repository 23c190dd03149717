package detectors

import "strings"

// role is what a key says about its value in a mapping that describes an image.
type role uint8

const (
	noRole         role = iota
	roleImage           // image, fooImage, imageName: a reference, with or without a tag
	roleRepository      // repository, imageRepository, repo
	roleTag             // tag, imageTag, image_tag, fooTag
	roleVersion         // version: a tag in some charts
	roleName            // name: a repository in some charts
	roleRegistry        // registry, imageRegistry
	roleDigest          // digest, sha, imageDigest
	roleReference       // reference: an image volume's
)

// suffixes decide a key's role; longer ones stand before those they end in.
// Keys are compared in lower case without "_" and "-".
var suffixes = [...]struct {
	text  string
	role  role
	alone bool // only as the whole key: as a suffix it says too little
}{
	{"imagerepository", roleRepository, false},
	{"repository", roleRepository, false},
	{"imagerepo", roleRepository, false},
	{"repo", roleRepository, true},
	{"imageregistry", roleRegistry, false},
	{"registry", roleRegistry, true},
	{"imagedigest", roleDigest, false},
	{"digest", roleDigest, true},
	{"imagesha", roleDigest, false},
	{"sha", roleDigest, true},
	{"sha256", roleDigest, true},
	{"imagename", roleImage, false},
	{"imagereference", roleImage, false},
	{"imageref", roleImage, false},
	{"imageuri", roleImage, false},
	{"image", roleImage, false},
	{"imagetag", roleTag, false},
	{"tag", roleTag, false},
	{"imageversion", roleVersion, false},
	{"version", roleVersion, true},
	{"name", roleName, true},
	{"reference", roleReference, true},
	{"ref", roleReference, true},
}

// lastBytes holds the last byte of each suffix: most keys are turned away by
// one look.
const lastBytes = "yota6efign"

func roleOf(key string) role {
	_, _, r := splitKey(key)
	return r
}

// splitKey returns what stands in a key before the part that gives it its role
// ("controller" of "controller_image_tag"), that part ("imagetag"), and the
// role. It allocates only for keys that have both.
func splitKey(key string) (base, suffix string, r role) {
	if len(key) < 3 || len(key) > 64 || strings.IndexByte(lastBytes, key[len(key)-1]|0x20) < 0 {
		return "", "", noRole
	}
	var buf [64]byte
	b := buf[:0]
	for i := range len(key) {
		switch c := key[i]; {
		case c == '_' || c == '-':
		case c >= 'A' && c <= 'Z':
			b = append(b, c|0x20)
		default:
			b = append(b, c)
		}
	}
	for _, s := range suffixes {
		n := len(b) - len(s.text)
		if n == 0 || n > 0 && !s.alone {
			if string(b[n:]) == s.text {
				return string(b[:n]), s.text, s.role
			}
		}
	}
	return "", "", noRole
}
