package rollouts

import (
	"fmt"

	"promoter/promoter"
	"promoter/promoter/yamltree"
)

// LintCanary checks a Kayenta canary configuration (JSON or YAML) for the
// metrics that pass without data. Such files are not gates; they are read to
// say why not.
func LintCanary(file string, data []byte) []promoter.Finding {
	docs, errs := yamltree.Parse(data)
	r := &reader{file: file}
	for _, e := range errs {
		r.find(RuleUnreadable, promoter.Place{File: file, Line: e.Line}, "the file is not YAML or JSON here: "+e.Message, "mend it")
	}
	for i, d := range docs {
		r.doc = i
		for j, m := range d.Root.Get("metrics").Items() {
			canary := m.Get("analysisConfigurations", "canary")
			path := fmt.Sprintf("metrics[%d].analysisConfigurations.canary", j)
			name := m.Str("name")
			at := canary
			if at == nil {
				at, path = m, fmt.Sprintf("metrics[%d]", j)
			}
			if n := canary.Get("mustHaveData"); n == nil || n.Value != "true" {
				if n != nil {
					at = n
				}
				r.find(RuleMustHaveData, r.place(at, path, 0), fmt.Sprintf("metric %q: without mustHaveData it passes when there is none, and a group without any data counts as 100", name), "write mustHaveData: true")
			}
			if n := canary.Get("nanStrategy"); n != nil && n.Value == "replace" {
				r.find(RuleNaNPasses, r.place(n, path+".nanStrategy", 0), fmt.Sprintf("metric %q: the strategy replace makes missing values 0", name), "write nanStrategy: remove")
			}
		}
	}
	return r.findings
}
