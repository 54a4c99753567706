//go:build linux || darwin || freebsd

package transfer

import "golang.org/x/sys/unix"

// free is how many bytes and how many files there is room for in a folder.
// Both are negative where the file system does not say.
func free(dir string) (bytes, files int64) {
	var s unix.Statfs_t
	if err := unix.Statfs(dir, &s); err != nil {
		return -1, -1
	}
	bytes, files = int64(s.Bavail)*int64(s.Bsize), int64(s.Ffree) //nolint:gosec,unconvert // their types differ by system
	if s.Files == 0 {
		files = -1
	}
	return bytes, files
}
