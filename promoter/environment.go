package promoter

import (
	"cmp"
	"slices"
	"strings"
)

// usualOrder is the way of a change through environments where nobody has
// written it down. Names that are not in it stand just before production.
var usualOrder = []string{
	"local", "sandbox", "dev", "development", "test", "qa", "int", "integration", "canary", "demo", "uat",
	"nonproduction", "stage", "stg", "staging", "preprod", "preproduction", "", "prd", "prod", "production", "live",
}

// CompareEnvironments orders names as changes usually pass through them.
func CompareEnvironments(a, b string) int {
	return cmp.Or(environmentRank(a)-environmentRank(b), strings.Compare(a, b))
}

func environmentRank(name string) int {
	if i := slices.Index(usualOrder, name); i >= 0 && name != "" {
		return i
	}
	for i, known := range usualOrder {
		if known != "" && (strings.HasPrefix(name, known+"-") || strings.HasSuffix(name, "-"+known) || strings.HasPrefix(name, known+"/")) {
			return i
		}
	}
	return slices.Index(usualOrder, "")
}
