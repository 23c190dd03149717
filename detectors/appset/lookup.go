package appset

import (
	"path"
	"strconv"
	"strings"

	"promoter/detectors"
)

// templatesAt are the scalars of the set's templates that stand at a rendered
// Application's path. For a path into embedded YAML that is not there, it is
// the scalar that the YAML is in.
func (l *linker) templatesAt(at string) []detectors.Cursor {
	var found []detectors.Cursor
	outer, inner, embedded := strings.Cut(at, "|")
	for _, root := range l.roots {
		c := follow(root, outer)
		if !c.IsScalar() {
			continue
		}
		if embedded {
			in := c
			in.File = l.masked
			docs, _ := in.Embedded()
			for _, d := range docs {
				if d = follow(d, inner); d.IsScalar() {
					d.File = l.set.File
					c = d
				}
			}
		}
		found = append(found, c)
	}
	return found
}

// follow walks a path as detectors.JoinKey and JoinItem write it.
func follow(c detectors.Cursor, at string) detectors.Cursor {
	for at != "" && c.Node != nil {
		switch at[0] {
		case '.':
			at = at[1:]
		case '[':
			end := strings.IndexByte(at, ']')
			i, err := strconv.Atoi(at[1:max(end, 1)])
			items := c.Items()
			if end < 0 || err != nil || i >= len(items) {
				return detectors.Cursor{}
			}
			c, at = items[i], at[end+1:]
		case '"':
			quoted, err := strconv.QuotedPrefix(at)
			if err != nil {
				return detectors.Cursor{}
			}
			key, err := strconv.Unquote(quoted)
			if err != nil {
				return detectors.Cursor{}
			}
			c, at = c.Get(key), at[len(quoted):]
		default:
			end := strings.IndexAny(at, ".[")
			if end < 0 {
				end = len(at)
			}
			c, at = c.Get(at[:end]), at[end:]
		}
	}
	return c
}

// raw is a template scalar's text as written.
func (l *linker) raw(c detectors.Cursor) string {
	return string(l.set.File.Data[c.Node.Start:c.Node.End])
}

func (l *linker) isOpen(c detectors.Cursor) bool { return detectors.IsTemplate(l.raw(c)) }

// handle notes that the template scalars were dealt with.
func (l *linker) handle(list []detectors.Cursor) {
	for _, c := range list {
		l.handled[c.Node.Start] = true
	}
}

// unknownReason says which generator keeps a rendered text unknown.
func (l *linker) unknownReason(text, otherwise string) string {
	if m := unknownMarks.FindStringSubmatch(text); m != nil {
		for kind := range l.eval.unknown {
			if strings.ToLower(kind) == m[1] {
				return needs(kind)
			}
		}
	}
	if len(l.eval.unknown) == 1 && unclear.MatchString(text) {
		for kind := range l.eval.unknown {
			return needs(kind)
		}
	}
	if len(l.eval.unknown) == 0 && (detectors.IsTemplate(text) || strings.Contains(text, "<no value>")) {
		return "no generator gives a value: " + strings.TrimPrefix(otherwise, detectors.SkipTemplated)
	}
	return otherwise
}

// maxExpanded bounds how many directories an unknown part of a path may stand
// for.
const maxExpanded = 500

// links adds edges of a rendered Application. A path that is known in part
// leads to everything that it can be, because a change there may reach the
// Application.
func (l *linker) links(list []detectors.Link, app string) {
	r := l.report(l.set.File.Path)
	for _, link := range list {
		if unclear.MatchString(link.Repo) {
			continue
		}
		from := l.set.place
		if cs := l.templatesAt(link.From.Path); len(cs) > 0 {
			from = cs[0].Place()
			from.Written = l.raw(cs[0])
		}
		link.From, link.App = from, app
		own := link.Repo == "" || l.world.own(link.Repo)
		if own {
			link.Repo = ""
		}
		if !unclear.MatchString(link.To) {
			// A path that is not there is reached by nobody's change.
			if !own || l.world.repo.Holds(link.To) {
				r.Links = append(r.Links, link)
			}
			continue
		}
		if !own {
			continue
		}
		for _, to := range l.expand(unclear.ReplaceAllString(link.To, "*"), link.Via == "source.path") {
			link.To = to
			r.Links = append(r.Links, link)
		}
	}
}

// expand lists the directories, or files, that a path with unknown parts can be.
func (l *linker) expand(pattern string, dirs bool) []string {
	candidates := l.world.repo.Paths
	if dirs {
		candidates = l.world.directories()
	}
	var found []string
	for _, c := range candidates {
		if ok, err := path.Match(pattern, c); ok && err == nil {
			if found = append(found, c); len(found) == maxExpanded {
				break
			}
		}
	}
	return found
}
