//go:build linux || darwin || freebsd

package storage

import (
	"errors"
	"io/fs"
	"os"
	"syscall"
)

// lock takes the folder for this process, until the file is closed or the
// process ends, however it ends. It fails where another process has it, and on
// file systems without locks.
func lock(dir string) (*os.File, error) {
	f, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		_ = f.Close()
		return nil, err
	}
	return f, nil
}

// isHeld reports whether lock failed since another has the folder.
func isHeld(err error) bool { return errors.Is(err, syscall.EWOULDBLOCK) }

// onDisk is how many bytes of the disk a file takes: one that has holes has less than
// its size.
func onDisk(info fs.FileInfo) int64 {
	if s, ok := info.Sys().(*syscall.Stat_t); ok {
		return s.Blocks * 512 // The unit of stat, whatever the disk's is.
	}
	return info.Size()
}
