package promoter

// Severity says how soon a finding must be dealt with.
type Severity string

// The severities, from worst to mildest.
const (
	Critical Severity = "critical" // broken already, or on the next restart
	High     Severity = "high"     // breaks by a known date, or unsupported software
	Medium   Severity = "medium"   // a risk that upgrades will meet
	Low      Severity = "low"      // untidy
)

// Finding is legacy or drift: a rule that something written in the repository
// breaks.
type Finding struct {
	Rule     string   `json:"rule"` // the rule's id, "chart-deprecated"
	Severity Severity `json:"severity"`
	Artifact Artifact `json:"artifact,omitzero"`
	Place    Place    `json:"place"`
	Also     []Place  `json:"also,omitempty"`   // further places of the same finding
	Evidence string   `json:"evidence"`         // what was seen, in one line
	Remedy   string   `json:"remedy"`           // what to write instead: names the new place or version
	Source   string   `json:"source,omitempty"` // a link that says why
}
