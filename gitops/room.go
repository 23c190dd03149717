package gitops

import "promoter/promoter"

// room asks a forge that takes only so many calls in a time whether a step
// forward can be made now, before any part of it is. A retreat, what records
// and what calls for people is not asked about: a wave of many pulls leaves
// room for those.
func (e *Executor) room(a promoter.Action) error {
	paced, ok := e.Forge.(Paced)
	if !ok {
		return nil
	}
	switch a := a.(type) {
	case promoter.Open:
		if a.Sheet.Revert == nil {
			return paced.Room(3) // the pull, its labels, its reviewers
		}
	case promoter.Update:
		if a.Sheet.Revert == nil {
			return paced.Room(1)
		}
	case promoter.Merge:
		if b, ok := promoter.ParseBranch(a.Branch); !ok || !b.Revert {
			return paced.Room(1)
		}
	}
	return nil
}
