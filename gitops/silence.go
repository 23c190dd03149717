package gitops

import (
	"context"

	"promoter/promoter"
)

// Silencer keeps alerts silent for a while.
type Silencer interface {
	// Silences are those of ours, for this repository, that hold now.
	Silences(ctx context.Context) ([]promoter.Silence, error)
	// Keep makes a silence hold from now on; one that is there is renewed.
	Keep(ctx context.Context, a promoter.KeepSilence) error
	// End ends a silence. To end none is no error.
	End(ctx context.Context, a promoter.EndSilence) error
}
