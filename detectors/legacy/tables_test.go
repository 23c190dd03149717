package legacy

import (
	"slices"
	"strings"
	"testing"
	"time"

	"promoter/promoter"
)

func TestMovesTable(t *testing.T) {
	t.Parallel()
	for _, m := range moves {
		name := string(m.kind) + " " + m.source + " " + strings.Join(m.names, ",")
		if _, err := time.Parse(time.DateOnly, m.date); err != nil {
			if _, err := time.Parse("2006-01", m.date); err != nil {
				t.Errorf("%s: date %q", name, m.date)
			}
		}
		if !strings.HasPrefix(m.link, "https://") || m.what == "" || m.to == "" {
			t.Errorf("%s: link %q, what %q, to %q", name, m.link, m.what, m.to)
		}
		if strings.HasSuffix(m.source, "/") {
			t.Errorf("%s: a slash at the end", name)
		}
		example := promoter.Artifact{Kind: m.kind, Source: m.source, Name: "x"}
		if len(m.names) > 0 {
			example.Name = strings.TrimSuffix(m.names[0], "/")
			if strings.HasSuffix(m.names[0], "/") {
				example.Name += "/x"
			}
		}
		got := moveOf(example, now)
		if got == nil || got.what != m.what {
			t.Errorf("%s: an artifact of it is not found", name)
			continue
		}
		if r := got.remedy(example); strings.ContainsAny(r, "{}") {
			t.Errorf("%s: remedy %q", name, r)
		}
		if moveOf(example, day("2019-01-01")) != nil {
			t.Errorf("%s: known before it happened", name)
		}
	}
}

func TestProductsTable(t *testing.T) {
	t.Parallel()
	claimed := map[string]string{}
	for _, p := range products {
		if p.name == "" || p.page == "" || len(p.all()) == 0 || len(p.images)+len(p.charts)+len(p.bitnami) == 0 {
			t.Errorf("incomplete: %+v", p)
		}
		for _, c := range p.all() {
			if c.end != "" {
				if _, err := time.Parse(time.DateOnly, c.end); err != nil {
					t.Errorf("%s %s: %v", p.name, c.number, err)
				}
			}
			if got, ok := p.cycleOf(c.number + ".1"); !ok || got.number != c.number && !strings.HasPrefix(got.number, c.number+".") {
				t.Errorf("%s: version %s.1 is of cycle %q", p.name, c.number, got.number)
			}
		}
		for _, n := range append(slices.Clone(p.images), p.charts...) {
			if claimed[n] != "" {
				t.Errorf("%s is of %s and of %s", n, claimed[n], p.name)
			}
			claimed[n] = p.name
		}
	}
}
