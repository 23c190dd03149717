package layout

import "strings"

// kind is what the names directly under a directory are names of.
type kind uint8

const (
	holdsEnvironments kind = iota + 1
	holdsOverlays
	holdsClusters
	holdsTenants
)

// holders are directories that say what they hold. They are plural, but for
// "env": a lone "cluster/" or "client/" is mostly the thing itself.
var holders = map[string]kind{
	"environments": holdsEnvironments,
	"envs":         holdsEnvironments,
	"env":          holdsEnvironments,
	"stages":       holdsEnvironments,
	"overlays":     holdsOverlays,
	"clusters":     holdsClusters,
	"tenants":      holdsTenants,
	"clients":      holdsTenants,
	"customers":    holdsTenants,
}

// sharedNames are directories whose content belongs to all that build on them.
var sharedNames = map[string]bool{
	"base": true, "bases": true, "common": true, "commons": true, "shared": true,
	"default": true, "defaults": true, "global": true, "all": true,
	"components": true, "template": true, "templates": true,
}

// canonical maps each well-known word to the name that reports use.
var canonical = map[string]string{
	"dev": "development", "devel": "development", "develop": "development", "development": "development",
	"test": "test", "tst": "test", "testing": "test",
	"qa": "qa", "qas": "qa",
	"int": "integration", "integration": "integration",
	"stage": "staging", "staging": "staging", "stg": "staging",
	"uat":     "uat",
	"preprod": "preproduction", "pre-prod": "preproduction", "preproduction": "preproduction", "pre-production": "preproduction", "ppd": "preproduction",
	"nonprod": "nonproduction", "non-prod": "nonproduction", "nonproduction": "nonproduction", "non-production": "nonproduction",
	"prod": "production", "prd": "production", "production": "production",
	"live":    "live",
	"sandbox": "sandbox", "sbx": "sandbox",
	"canary": "canary",
	"demo":   "demo",
}

// Canonical is the one name for a well-known environment word, in any case,
// or "" for every other word.
func Canonical(word string) string {
	// Most words are refused by their length or first letter.
	if len(word) < len("qa") || len(word) > len("non-production") ||
		strings.IndexByte("cdilnpqstu", word[0]|0x20) < 0 {
		return ""
	}
	if w, ok := canonical[word]; ok {
		return w
	}
	return canonical[strings.ReplaceAll(strings.ToLower(word), "_", "-")]
}

// regionWords tell one cluster of an environment from the next.
var regionWords = map[string]bool{
	"eu": true, "us": true, "uk": true, "ap": true, "apac": true, "emea": true, "amer": true, "ca": true, "sa": true, "af": true, "me": true, "cn": true,
	"north": true, "south": true, "east": true, "west": true, "central": true,
	"northeast": true, "northwest": true, "southeast": true, "southwest": true,
	"blue": true, "green": true,
}

// placeWords may follow an environment's word in a name without becoming its
// subject.
var placeWords = func() map[string]bool {
	w := map[string]bool{
		"cluster": true, "env": true, "environment": true, "values": true, "config": true,
		"overlay": true, "region": true, "zone": true, "k8s": true, "hub": true, "spoke": true,
	}
	for r := range regionWords {
		w[r] = true
	}
	return w
}()

// fileWords stand beside an environment's word in the names of files that
// hold its settings.
var fileWords = map[string]bool{
	"values": true, "value": true, "config": true, "settings": true, "helmfile": true,
	"kustomization": true, "helmrelease": true, "patch": true, "secrets": true,
	"cluster": true, "overrides": true, "override": true, "env": true, "chart": true,
}

// textExtensions end the names of files that may be named for an environment.
var textExtensions = map[string]bool{
	".gotmpl": true, ".tmpl": true, ".tpl": true, ".yaml": true, ".yml": true, ".json": true,
}
