//go:build !linux

package main

// available is known on Linux alone.
func available() (bytes int64, known bool) { return 0, false }
