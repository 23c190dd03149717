//go:build !unix

package repo

import (
	"context"
	"errors"
	"os"
)

// lockFile refuses where there is no lock that goes with the process.
func lockFile(context.Context, string) (*os.File, error) {
	return nil, errors.New("mirrors need a Unix system")
}
