//go:build !linux && !darwin

package scan

import (
	"io/fs"
	"os"
)

// handle is an open file.
type handle struct{ *os.File }

func open(name string) (handle, error) {
	f, err := os.Open(name)
	return handle{f}, err
}

func (h handle) stamp() (s stamp, regular bool, err error) {
	info, err := h.Stat()
	if err != nil {
		return stamp{}, false, err
	}
	return stampOf(info), info.Mode().IsRegular(), nil
}

// stampOf has size and time alone where the system's other words for a file
// are not known here.
func stampOf(info fs.FileInfo) stamp {
	return stamp{size: info.Size(), mtime: info.ModTime().UnixNano()}
}
