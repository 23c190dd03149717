package report

// Definition says what a measure means.
type Definition struct {
	Key, Title, Means string
}

// Keys of measures.
const (
	keySuccess   = "upgradeSuccessRate"
	keyCanary    = "canaryPassRate"
	keyDetect    = "timeToDetect"
	keyRollback  = "timeToRollback"
	keyRestore   = "timeToRestore"
	keyWave      = "waveDuration"
	keyPer100    = "rollbacksPer100"
	keyPerWeek   = "rollbacksPerWeek"
	keyCoverage  = "observabilityCoverage"
	keyLead      = "leadTime"
	keyProven    = "leadTimeProven"
	keyApproved  = "approved"
	keyRefused   = "refused"
	keyHolds     = "holds"
	keyStops     = "stops"
	keyIncidents = "incidents"
	keyByHand    = "byHand"

	keyMoves    = "moves"
	keyArrived  = "arrivalRate"
	keyStood    = "timeToTakeBack"
	keyLeadPart = "leadTimeBegun"
	keySpread   = "waveSpread"
	keyWho      = "byMachines"
)

// Definitions are those of a report's kind: rollouts or history.
func Definitions(kind string) []Definition {
	if kind == KindHistory {
		return historyDefinitions
	}
	return rolloutDefinitions
}

// The kinds of report.
const (
	KindRollouts = "rollouts"
	KindHistory  = "history"
)

var rolloutDefinitions = []Definition{
	{keySuccess, "upgrade success rate", "changes that arrived in their last wave, nowhere sealed as failed or taken back, of all that ended"},
	{keyCanary, "canary pass rate", "verdicts that are pass, of all verdicts on merges into the change's first wave"},
	{keyDetect, "time to detect", "from a merge to the verdict that it failed"},
	{keyRollback, "time to roll back", "from the verdict that a merge failed to the merge of the revert that takes it back"},
	{keyRestore, "time to restore", "from the verdict that a merge failed to the seal that what stood before runs again"},
	{keyWave, "wave duration", "from a change's first merge into a wave to its last pass verdict there, of waves that it has passed whole"},
	{keyPer100, "rollbacks per 100 merges", "merged reverts, per hundred merges"},
	{keyPerWeek, "rollbacks per week", "merged reverts, per week looked at"},
	{keyCoverage, "observability coverage", "merges that at least one metric gate judged (it said pass or fail), of all merges whose statuses were read"},
	{keyLead, "lead time", "from the opening of a change's first pull to its last merge into its last wave, when nothing is left there"},
	{keyProven, "lead time, proven", "the same, to the last pass verdict there: of changes that arrived"},
	{keyApproved, "merges with an approval", "merges that a person approved by a review, a comment or a label, of all that were asked about"},
	{keyRefused, "refused by people", "pulls of ours that people closed"},
	{keyHolds, "holds", "pulls under the hold label now, and those that a comment asked to hold"},
	{keyStops, "stops", "issues opened that stopped everything, or a scope"},
	{keyIncidents, "incidents", "issues in which we asked for a person, from their opening to their closing"},
	{keyByHand, "versions by hand", "moves that came to the branch without a pull of ours, of all moves"},
}

var historyDefinitions = []Definition{
	{keyMoves, "version moves", "commits that brought an artifact from one version to another; what is new, removed or renamed is none"},
	{keySuccess, "upgrade success rate", "needs verdicts: see arrived and kept"},
	{keyArrived, "arrived and kept", "releases that all of their last wave came to read and that were nowhere taken back, of those that arrived or were taken back; of artifacts that stand in at least two waves"},
	{keyCanary, "canary pass rate", "needs verdicts"},
	{keyDetect, "time to detect", "needs verdicts"},
	{keyStood, "time to take back", "from the commit that brought a version to the one that put the version before it back; Git does not tell how much of it was finding out"},
	{keySpread, "wave spread", "from the first commit that brought a release to a wave to the one by which all places there read it"},
	{keyPer100, "rollbacks per 100 moves", "moves that put back the version that stood before, per hundred other moves"},
	{keyPerWeek, "rollbacks per week", "moves that put back the version that stood before, per week looked at"},
	{keyCoverage, "observability coverage", "needs verdicts"},
	{keyLeadPart, "lead time, begun", "from a release's first commit anywhere to the first one in its last wave; of artifacts that stand in at least two waves, and of releases that took the waves in turn"},
	{keyLead, "lead time, complete", "the same, to the commit by which all places of the last wave read it"},
	{keyWho, "moves by machines", "moves whose author is a bot, by what it is called, of all moves"},
	{keyApproved, "merges with an approval", "needs the forge"},
}

// measure begins the one with a key.
func measure(list []Definition, key, of string) Measure {
	for _, d := range list {
		if d.Key == key {
			return Measure{Key: key, Title: d.Title, Of: of}
		}
	}
	panic("report: no definition of " + key) // unreachable: a test computes them all
}
