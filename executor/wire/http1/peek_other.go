//go:build !linux

package http1

import "errors"

// peeks reports whether a socket has something to read, where that can be told.
func peeks(uintptr) bool { return false }

// triesReads is true where [tryRead] works.
const triesReads = false

func tryRead(uintptr, []byte) (int, error) { return 0, errors.ErrUnsupported }
