//go:build !(linux || darwin || freebsd)

package storage

import (
	"errors"
	"io/fs"
	"os"
)

// lock fails: what a killed process leaves behind stays there.
func lock(string) (*os.File, error) { return nil, errors.ErrUnsupported }

func isHeld(error) bool { return false }

func onDisk(info fs.FileInfo) int64 { return info.Size() }
