package scan

import (
	"io/fs"
	"syscall"
)

func stampOf(info fs.FileInfo) stamp {
	if sys, ok := info.Sys().(*syscall.Stat_t); ok {
		return stampOfSystem(sys)
	}
	return stamp{size: info.Size(), mtime: info.ModTime().UnixNano()}
}

func stampOfSystem(sys *syscall.Stat_t) stamp {
	return stamp{size: sys.Size, mtime: sys.Mtim.Nano(), ctime: sys.Ctim.Nano(), inode: sys.Ino}
}
