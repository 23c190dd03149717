package argocd

import (
	"path"
	"slices"
	"strings"
	"sync"

	"promoter/promoter"
	"promoter/promoter/converge"
)

// readsFile says whether an application reads a file of the repository: Yes
// where its sources say so, Unknown where it may, for a kustomization or a
// chart need not read all that is below it.
func readsFile(s *converge.ArgoSnapshot, ours func(repo string) bool, branch, file string) converge.Answer {
	answer := converge.No
	for i, source := range s.Sources {
		if source.Chart != "" || !ours(source.Repo) || !follows(source.Revision, branch) {
			continue
		}
		if slices.Contains(valueFiles(s, source, ours), file) {
			return converge.Yes
		}
		dir := cleaned(source.Path)
		if source.Path == "" && source.Ref != "" || !below(file, dir) {
			continue // a source that is only referred to renders nothing itself
		}
		kind := ""
		if i < len(s.Kinds) {
			kind = s.Kinds[i]
		}
		here := path.Dir(file) == dir
		switch {
		case kind == "Directory" && (here || source.Recurse):
			return converge.Yes
		case kind == "Directory":
		case here && (kind == "Kustomize" || kind == "Helm" && isChartFile(file)):
			return converge.Yes
		default:
			answer = converge.Unknown
		}
	}
	// What refers to another source by $name reads it although it is of the
	// foreign source that the name is written.
	for _, source := range s.Sources {
		if source.Chart != "" && slices.Contains(valueFiles(s, source, ours), file) {
			return converge.Yes
		}
	}
	return answer
}

// isChartFile reports whether Helm reads a file of a chart's own directory
// without being told to.
func isChartFile(file string) bool {
	switch path.Base(file) {
	case "Chart.yaml", "Chart.lock", "values.yaml", "requirements.yaml", "requirements.lock":
		return true
	}
	return false
}

// valueFiles are the files of our repository that a source takes values from.
func valueFiles(s *converge.ArgoSnapshot, source converge.ArgoSource, ours func(repo string) bool) []string {
	var out []string
	for name := range strings.SplitSeq(source.Values, "\n") {
		switch {
		case name == "" || strings.Contains(name, "://"):
		case strings.HasPrefix(name, "$"):
			ref, rest, _ := strings.Cut(name[1:], "/")
			for _, other := range s.Sources {
				if other.Ref == ref && ours(other.Repo) {
					out = append(out, cleaned(rest))
				}
			}
		case source.Chart != "" || !ours(source.Repo):
		case strings.HasPrefix(name, "/"):
			out = append(out, cleaned(name))
		default:
			out = append(out, cleaned(path.Join(source.Path, name)))
		}
	}
	return out
}

// paths are what an application reads of our repository, as far as its sources
// say, and the files that are known to reach it.
func (w *work) paths(s *converge.ArgoSnapshot, changed bool) []string {
	var out []string
	for _, source := range s.Sources {
		out = append(out, valueFiles(s, source, w.ours)...)
		if source.Chart == "" && w.ours(source.Repo) && (source.Path != "" || source.Ref == "") {
			out = append(out, cleaned(source.Path))
		}
	}
	if changed || len(out) == 0 {
		for _, m := range w.question.Moves {
			out = append(out, m.Place.File)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// moved says whether the question's moves are in what an application reads.
func (w *work) moved(s *converge.ArgoSnapshot) converge.Answer {
	answer := converge.No
	for _, m := range w.question.Moves {
		reads := readsFile(s, w.ours, w.history.Branch(), m.Place.File)
		if pins(s, m) && reads == converge.No {
			reads = converge.Unknown // others pin the same
		}
		if reads == converge.Yes {
			return converge.Yes
		}
		if reads == converge.Unknown {
			answer = converge.Unknown
		}
	}
	return answer
}

// pins reports whether an application's own spec is at one end of a move.
func pins(s *converge.ArgoSnapshot, m promoter.Move) bool {
	return slices.ContainsFunc(s.Sources, func(source converge.ArgoSource) bool {
		return isSource(m.Artifact, source) && (source.Revision == m.From || source.Revision == target(m, source.Revision))
	})
}

// sameRepo tells our repository from others, of which there are few among very
// many sources.
func sameRepo(as string) func(repo string) bool {
	var known sync.Map
	return func(repo string) bool {
		if is, ok := known.Load(repo); ok {
			return is.(bool)
		}
		is := converge.SameRepo(repo, as)
		known.Store(repo, is)
		return is
	}
}

func follows(revision, branch string) bool {
	return revision == "" || revision == "HEAD" || branch == "" || strings.TrimPrefix(revision, "refs/heads/") == branch
}

// cleaned is a path relative to the repository's root, which is ".".
func cleaned(name string) string { return path.Clean(strings.TrimPrefix(path.Clean("/"+name), "/")) }

func below(file, dir string) bool { return dir == "." || strings.HasPrefix(file, dir+"/") }
