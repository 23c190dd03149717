package config

import "strings"

// within finds an environment's word in a longer name.
func (in *inference) within(name, env string) (before, word, after string) {
	for start := 0; start < len(name); {
		end := start + partLen(name[start:])
		for _, to := range []int{end, start + len(strings.TrimRight(name[start:end], "0123456789"))} {
			if w := name[start:to]; w != "" && in.isPure(w, env) {
				return name[:start], w, name[to:]
			}
		}
		// A word written as two: "pre-prod".
		if end < len(name) {
			two := end + 1 + partLen(name[end+1:])
			if w := name[start:two]; in.isPure(w, env) {
				return name[:start], w, name[two:]
			}
		}
		start = end + 1
	}
	return "", "", ""
}

func partLen(s string) int {
	if i := strings.IndexAny(s, "-_."); i >= 0 {
		return i
	}
	return len(s)
}

// family is how the names of several clusters of an environment are built.
type family struct{ pattern, env string }

// families finds, for each cluster, the pattern that its name shares with
// others of its environment.
func (in *inference) families() map[string]family {
	members := map[family][]string{}
	seen := map[string]bool{}
	for i := range in.sites {
		s := &in.sites[i]
		if s.clusterAt < 0 || seen[s.cluster] {
			continue
		}
		seen[s.cluster] = true
		env, _ := in.Words.Name(s.cluster)
		if env == "" || s.clusterAt == s.envAt && s.pure {
			members[family{pattern: "{cluster}"}] = append(members[family{pattern: "{cluster}"}], s.cluster)
			continue
		}
		before, word, after := in.within(s.cluster, env)
		if before != "" {
			before = "{fleet}" + before[len(before)-1:]
		}
		switch {
		case after == "":
		case strings.ContainsAny(after[:1], "-_."):
			after = after[:1] + "{id}"
		default:
			after = "{id}"
		}
		f := family{before + word + after, env}
		members[f] = append(members[f], s.cluster)
	}
	out := map[string]family{}
	for f, names := range members {
		for _, n := range names {
			if len(names) == 1 && f.env != "" {
				out[n] = family{n, f.env}
			} else {
				out[n] = f
			}
		}
	}
	return out
}
