package scan

import (
	"context"
	"fmt"
	"path/filepath"
)

// Paths lists the files that a scan of root finds, sorted, without reading
// any: what Git ignores and what the further patterns name are left out.
func Paths(ctx context.Context, root string, ignore []string) ([]string, error) {
	root, err := filepath.Abs(root)
	if err == nil {
		root, err = filepath.EvalSymlinks(root)
	}
	if err != nil {
		return nil, fmt.Errorf("find repository: %w", err)
	}
	found, err := walk(ctx, root, ignore, false)
	if err != nil {
		return nil, err
	}
	return found.paths, nil
}
