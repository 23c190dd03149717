package scenario

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"promoter/promoter/config"
)

// Result is what became of a scenario.
type Result struct {
	About    string   // the text before the first section
	Laws     []int    // of its line "laws:"
	Cases    []string // of its lines "case:"
	Failures []Failure
	Looks    int
	Actions  int // that had an effect
	// Updated is the file with what happened in place of what was expected.
	// It is nil when the story could not be told to its end.
	Updated []byte
}

// Passed reports whether everything came as it was expected.
func (r Result) Passed() bool { return len(r.Failures) == 0 }

// Failure is an expectation that was not met, or a rule that was broken.
type Failure struct {
	File string
	Line int
	Text string // some lines: what was expected, what there was
}

func (f Failure) String() string { return fmt.Sprintf("%s:%d: %s", f.File, f.Line, f.Text) }

// Mistake is what cannot be understood in a scenario, and what to write
// instead.
type Mistake struct {
	File string
	Line int
	Text string
}

func (m Mistake) Error() string { return fmt.Sprintf("%s:%d: %s", m.File, m.Line, m.Text) }

// Mistakes are all of a scenario's, in the order of lines.
type Mistakes []Mistake

func (ms Mistakes) Error() string {
	lines := make([]string, len(ms))
	for i, m := range ms {
		lines[i] = m.Error()
	}
	return strings.Join(lines, "\n")
}

// Run tells the scenario in a file. Its own promoter.yaml counts; without one,
// the configuration that is given, and without that the default one. The error
// says what cannot be understood (Mistakes, config.Errors); what does not come
// as expected is in the result.
func Run(file string, data []byte, c *config.Config) (Result, error) {
	return tell(file, data, c, false)
}

// RunKilled is Run with a process that is killed after each of its actions, so
// that the next one finds the work half done. It does the same in the end, not
// in the same order: of what is expected, what the base branch reads must come.
// Pull requests may have other numbers, so the story ends where a person takes
// one by its number.
func RunKilled(file string, data []byte, c *config.Config) (Result, error) {
	return tell(file, data, c, true)
}

func tell(file string, data []byte, c *config.Config, killed bool) (Result, error) {
	s, err := read(file, data, c)
	if err != nil {
		return Result{}, err
	}
	r := &teller{world: s.world, file: file, killed: killed}
	r.result.About, r.result.Laws, r.result.Cases = s.about, s.laws, s.cases
	for _, st := range s.steps {
		if killed && st.numbered {
			break
		}
		if st.at != nil {
			if err := r.waitUntil(r.world.start.Add(*st.at)); err != nil {
				return r.broken(st.line, err), nil
			}
		}
		if st.do == nil {
			continue
		}
		if err := st.do(r); err != nil {
			return r.broken(st.line, err), nil
		}
	}
	if !killed {
		r.result.Updated = s.updated(r.got)
	}
	return r.result, nil
}

// broken ends a story at a step that could not be done.
func (r *teller) broken(line int, err error) Result {
	r.result.Failures = append(r.result.Failures, Failure{r.file, line, err.Error()})
	return r.result
}

// script is a scenario that was understood.
type script struct {
	about string
	laws  []int
	cases []string
	lines []string // of the whole file
	world *world
	steps []step
}

// step is one line of the story.
type step struct {
	line int
	at   *span // the time before it
	do   func(*teller) error
	// numbered is set where it names a pull request or an issue by its number.
	numbered bool
}

// section is a part of the file: its lines are numbered as in the file.
type section struct {
	name string
	line int // of the marker
	text []string
}

func sections(lines []string) (about []string, list []section) {
	for i, l := range lines {
		name, ok := strings.CutPrefix(strings.TrimRight(l, " \r"), "-- ")
		if name, end := strings.CutSuffix(name, " --"); ok && end {
			list = append(list, section{name: strings.TrimSpace(name), line: i + 1})
			continue
		}
		if len(list) == 0 {
			about = append(about, l)
		} else {
			list[len(list)-1].text = append(list[len(list)-1].text, l)
		}
	}
	return about, list
}

// read understands a file, or says everything that is wrong with it.
func read(file string, data []byte, c *config.Config) (*script, error) {
	s := &script{lines: strings.Split(strings.ReplaceAll(string(data), "\r\n", "\n"), "\n")}
	about, list := sections(s.lines)
	s.headed(about)
	p := &parser{file: file}
	byName := map[string]section{}
	for _, sec := range list {
		if !slices.Contains([]string{config.Name, "world", "story"}, sec.name) {
			p.wrong(sec.line, "there is no section %q: write %s, world or story", sec.name, config.Name)
		}
		if _, twice := byName[sec.name]; twice {
			p.wrong(sec.line, "a second section %q: write all of it in one", sec.name)
		}
		byName[sec.name] = sec
	}
	for _, name := range []string{"world", "story"} {
		if _, ok := byName[name]; !ok {
			p.wrong(len(s.lines), "the section %s is missing: write a line \"-- %s --\" and what belongs there", name, name)
		}
	}
	if sec, ok := byName[config.Name]; ok {
		own, err := config.Parse(file, []byte(strings.Repeat("\n", sec.line)+strings.Join(sec.text, "\n")))
		if err != nil {
			return nil, err
		}
		c = own
	}
	if c == nil {
		c = config.Default()
	}
	s.world = p.world(byName["world"], c)
	s.steps = p.story(byName["story"], s.world)
	if len(p.mistakes) > 0 {
		slices.SortStableFunc(p.mistakes, func(a, b Mistake) int { return a.Line - b.Line })
		return nil, p.mistakes
	}
	return s, nil
}

// headed reads what is counted of a scenario.
func (s *script) headed(about []string) {
	var text []string
	for _, l := range about {
		if list, ok := strings.CutPrefix(l, "laws:"); ok {
			for _, word := range strings.FieldsFunc(list, func(r rune) bool { return r == ',' || r == ' ' }) {
				if n, err := strconv.Atoi(word); err == nil {
					s.laws = append(s.laws, n)
				}
			}
			continue
		}
		if name, ok := strings.CutPrefix(l, "case:"); ok {
			s.cases = append(s.cases, strings.TrimSpace(name))
			continue
		}
		text = append(text, l)
	}
	s.about = strings.TrimSpace(strings.Join(text, "\n"))
}

// updated is the file with what there was in place of what was expected. The
// keys are the lines of the expectations.
func (s *script) updated(got map[int][]string) []byte {
	var out []string
	for i := 0; i < len(s.lines); i++ {
		out = append(out, s.lines[i])
		lines, ok := got[i+1]
		if !ok {
			continue
		}
		for _, l := range lines {
			out = append(out, "  "+l)
		}
		for i+1 < len(s.lines) && indented(s.lines[i+1]) {
			i++
		}
	}
	return []byte(strings.Join(out, "\n"))
}

func indented(l string) bool {
	return strings.TrimSpace(l) != "" && (l[0] == ' ' || l[0] == '\t')
}
