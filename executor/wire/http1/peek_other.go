//go:build !linux

package http1

// peeks reports whether a socket has something to read, where that can be told.
func peeks(uintptr) bool { return false }
