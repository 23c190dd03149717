package config

import (
	"fmt"
	"time"

	"promoter/promoter"
	"promoter/promoter/slo"
)

// Silence keeps alerts silent while a change is being proven.
type Silence struct {
	At           `yaml:"-"`
	Name         string   `yaml:"name" doc:"What it is called in messages." required:"true" pattern:"^[A-Za-z0-9][A-Za-z0-9._-]*$"`
	Meter        string   `yaml:"meter" doc:"Name of the alertmanager in meters." required:"true"`
	Match        string   `yaml:"match" doc:"Label matchers of the alerts: namespace=\"{{app}}\", severity=\"warning\". {{environment}} {{tenant}} {{cluster}} {{app}} are filled in; at least one must be, so that only what changes falls silent." required:"true"`
	Environments []string `yaml:"environments" doc:"Names of the environments that it is about, with *." glob:"name" absent:"all"`
	Tenants      []string `yaml:"tenants" doc:"Names, with *." glob:"name" absent:"all"`
	Classes      []string `yaml:"classes" doc:"Only changes of these classes." enum:"C1,C2,C3" absent:"all"`
}

func (c *Config) checkSilences(at complain) {
	names := map[string]int{}
	for i, s := range c.Silences {
		unique(names, s.Name, s.Line, fmt.Sprintf("silences[%d]", i), at)
		if s.Name != "" && !plainName.MatchString(s.Name) {
			at(s.Line, "silence %q: a name has letters, digits, dots, dashes and underscores", s.Name)
		}
		where := fmt.Sprintf("silence %q", s.Name)
		m, ok := c.meter(s.Meter)
		switch {
		case !ok:
			at(s.Line, "%s: there is no meter %q: %s", where, s.Meter, c.meterNames())
		case m.Kind != "alertmanager":
			at(s.Line, "%s: meter %q is no alertmanager, and knows no silences", where, s.Meter)
		}
		if len(s.per()) == 0 {
			at(s.Line, "%s: match names no place, and would silence everything: write one of {{environment}}, {{tenant}}, {{cluster}} or {{app}} into it", where)
			continue
		}
		all := slo.Scope{Environment: "e", Tenant: "t", Cluster: "c", App: "a"}
		if _, err := slo.Render(s.Match, slo.Matchers, all, 0, time.Time{}); err != nil {
			at(s.Line, "%s: %v", where, err)
		}
	}
	if len(c.Silences) > 0 && !c.Delivery.Delivers() {
		at(c.Silences[0].Line, "silences: without an engine nobody knows when a change is being proven: write delivery.argocd or delivery.flux, or take the silences out")
	}
}

func (s Silence) per() []string { return slo.Gate{Query: s.Match}.Placeholders() }

// silences are what policy knows of the silences.
func (c *Config) silences() []promoter.SilenceRule {
	var out []promoter.SilenceRule
	for _, s := range c.Silences {
		rule := promoter.SilenceRule{Name: s.Name, Environments: s.Environments, Tenants: s.Tenants, Per: s.per()}
		for _, class := range s.Classes {
			rule.Classes = append(rule.Classes, promoter.Class(class))
		}
		out = append(out, rule)
	}
	return out
}
