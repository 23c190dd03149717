//go:build !linux && !darwin

package scan

import "io/fs"

// stampOf has size and time alone where the system's other words for a file
// are not known here.
func stampOf(info fs.FileInfo) stamp {
	return stamp{size: info.Size(), mtime: info.ModTime().UnixNano()}
}
