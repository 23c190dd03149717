package sim

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"promoter/promoter"
	"promoter/promoter/config"
	"promoter/test/sim/drawn"
)

// story is a seed's: a world and what happens in it.
type story struct {
	seed   uint64
	yaml   string // the policy
	cfg    *config.Config
	envs   []ground
	steps  []step
	calm   bool // only faults of ours, and what a release does: the end is that of the calm run
	shape  uint64
	shared bool
	span   time.Duration // how long things happen
}

// step is one thing that happens.
type step struct {
	at   time.Duration
	kind string
	ours bool // a fault of Promoter's surroundings that must make no difference in the end
	pick uint64
	span time.Duration
}

func (s step) String() string {
	text := fmt.Sprintf("%s (%d)", s.kind, s.pick%1000)
	if s.span > 0 {
		text += fmt.Sprintf(" for %s", s.span)
	}
	return text
}

func chance(rng *rand.Rand, percent int) bool { return rng.IntN(100) < percent }

func oneOf[T any](rng *rand.Rand, list ...T) T { return list[rng.IntN(len(list))] }

// draw makes a story of a seed, under a user's own configuration if there is
// one.
func draw(seed uint64, own *config.Config) (*story, error) {
	return drawFrom(drawn.Seeded(seed), seed, own)
}

// drawFrom makes a story of random numbers.
func drawFrom(rng *rand.Rand, seed uint64, own *config.Config) (*story, error) {
	s := &story{seed: seed, shape: rng.Uint64(), calm: chance(rng, 20), shared: chance(rng, 25)}
	if own != nil {
		s.cfg, s.envs = own, grounds(own)
		if len(s.envs) == 0 {
			return nil, fmt.Errorf("draw a world: no environment of the configuration is in a wave")
		}
	} else {
		shape := drawn.Shapes[rng.IntN(len(drawn.Shapes))]
		for _, word := range strings.Fields(shape.Places) {
			parts := append(strings.Split(word, "/"), "", "")
			at := promoter.Reached{Environment: parts[0], Tenant: parts[1], Cluster: parts[2]}
			s.envs = append(s.envs, ground{at, strings.Trim(strings.ReplaceAll(word, "//", "/"), "/") + "/APP.yaml"})
		}
		s.yaml = drawn.Config(rng, shape.Waves, s.calm)
		cfg, err := config.Parse(config.Name, []byte(s.yaml))
		if err != nil {
			return nil, fmt.Errorf("seed %d: %w\n%s", seed, err, s.yaml)
		}
		s.cfg = cfg
	}
	s.span = time.Duration(3+rng.IntN(5)) * time.Hour
	s.happen(rng)
	slices.SortStableFunc(s.steps, func(a, b step) int { return int(a.at - b.at) })
	return s, nil
}

// ground is a place, and the file of an application there: APP stands for its
// name.
type ground struct {
	at   promoter.Reached
	file string
}

// grounds are places that a user's configuration knows: of its rules' patterns,
// or of the names that its waves hold.
func grounds(c *config.Config) []ground {
	var out []ground
	note := func(at promoter.Reached, file string) {
		if len(out) < 8 && !slices.ContainsFunc(out, func(g ground) bool { return g.at == at }) {
			out = append(out, ground{at, file})
		}
	}
	for _, rule := range c.Environments {
		for _, p := range rule.Paths {
			for _, word := range []string{"one", "two"} {
				path := instance(p, word)
				for _, file := range []string{path, path + "/APP.yaml", strings.TrimSuffix(path, "x") + "APP.yaml"} {
					if at, ok := c.Locate(file, "", ""); ok && strings.Contains(file, "APP") {
						note(promoter.Reached{Environment: at.Name, Tenant: at.Tenant, Cluster: at.Cluster}, file)
						break
					}
				}
			}
		}
	}
	if len(c.Environments) > 0 {
		return out
	}
	names := []string{"dev", "staging", "production"}
	if len(c.Waves) > 0 {
		names = nil
	}
	for _, w := range c.Waves {
		for _, e := range w.Environments {
			names = append(names, strings.ReplaceAll(e, "*", "one"))
		}
	}
	for _, e := range names {
		note(promoter.Reached{Environment: e}, e+"/APP.yaml")
	}
	return out
}

// instance is a path that a pattern matches.
func instance(pattern, word string) string {
	var b strings.Builder
	for rest := pattern; rest != ""; {
		i := strings.IndexAny(rest, "*{")
		if i < 0 {
			b.WriteString(rest)
			break
		}
		b.WriteString(rest[:i])
		if rest[i] == '{' {
			_, after, _ := strings.Cut(rest[i:], "}")
			b.WriteString(word)
			rest = after
			continue
		}
		b.WriteString("x")
		rest = strings.TrimLeft(rest[i:], "*")
	}
	return b.String()
}

// deeds are what people do, and how often of a hundred.
var deeds = []string{
	"person merges", "person merges", "person pushes and merges", "person closes", "person reopens", "person pushes", "person rewrites", "person approves", "person approves", "person approves",
	"person objects", "person holds", "person unholds", "person labels retry", "person labels revert", "person comments hold", "person comments resume",
	"person comments retry", "person comments revert", "person comments stop", "person comments approve", "person labels approved", "person comments nonsense", "guest comments", "guest labels", "person pins back", "person pins ahead",
	"person reverts", "person edits beside", "person edits elsewhere", "person rewrites base", "person deletes branch", "person closes issue", "person opens stop",
	"person closes stop", "person between", "person between", "person between", "person drafts", "person readies", "person pins over", "person relabels superseded", "person unlabels retry", "withdraw", "retag", "retag", "retag", "retag",
}

// troubled are what goes wrong in clusters and metrics.
var troubled = []string{
	"stalled", "stalled", "stuck", "ill", "ill", "blamed", "blind", "blind", "blind", "gone", "blocked", "lies", "dark", "dark", "dark", "nan", "nan", "slander", "flatter", "engine", "engine", "engine", "partial list", "partial list", "half", "half", "half", "flaps", "ages",
}

// stumbling are faults of ours: what befalls looks and effects.
var stumbling = []string{
	"killed before", "killed after", "killed after", "fails", "answer lost", "write twice", "twice", "late", "reversed", "second bot", "second bot", "stale", "stale",
	"unreadable", "unread", "unlisted", "limited", "denied", "dim", "dim", "bot between", "bot between", "bot between", "last word late", "last word late",
}

// happen fills the story.
func (s *story) happen(rng *rand.Rand) {
	add := func(kind string, ours bool, at, span time.Duration) {
		s.steps = append(s.steps, step{at: at, kind: kind, ours: ours, pick: rng.Uint64(), span: span})
	}
	any := func() time.Duration { return time.Duration(rng.Int64N(int64(s.span))).Truncate(10 * time.Second) }
	short := func() time.Duration { return time.Duration(1+rng.IntN(60)) * time.Minute }
	add("release", false, time.Duration(rng.IntN(10))*time.Minute, 0)
	if chance(rng, 30) {
		add("skew", true, 0, 0)
	}
	if chance(rng, 50) {
		add("harm", false, 0, 0)
	}
	if !s.calm {
		for range rng.IntN(4) {
			add("release", false, any(), 0)
		}
		if chance(rng, 40) {
			add("harm", false, 0, 0)
		}
		if chance(rng, 70) {
			for range rng.IntN(8) {
				add(deeds[rng.IntN(len(deeds))], false, any(), 0)
			}
		}
		if chance(rng, 8) { // people approve what is rewritten at that moment
			for range 2 {
				add("when rewriting: "+oneOf(rng, ambushes["rewriting"]...), false, 0, 0)
			}
			for range 6 {
				add("person edits beside", false, time.Duration(rng.IntN(20))*time.Minute, 0)
			}
		}
		if chance(rng, 60) {
			for range 1 + rng.IntN(6) {
				event := oneOf(rng, sortedKeys(ambushes)...)
				add("when "+event+": "+oneOf(rng, ambushes[event]...), false, any(), 0)
			}
		}
		if chance(rng, 60) {
			for range rng.IntN(6) {
				span := short()
				if chance(rng, 15) {
					span = 6 * time.Hour // longer than anybody's patience
				}
				add(troubled[rng.IntN(len(troubled))], false, any(), span)
			}
		}
	}
	if chance(rng, 85) {
		for range rng.IntN(14) {
			add(stumbling[rng.IntN(len(stumbling))], true, any(), short())
		}
	}
	// People who look after what is theirs.
	for at := 20 * time.Minute; at < s.span; at += 70 * time.Minute {
		add("people review", false, at, 0)
	}
}
