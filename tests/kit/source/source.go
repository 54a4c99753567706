// Package source says where the project's files are, so that what tests share
// works from any folder.
package source

import (
	"path/filepath"
	"runtime"
)

// Path is the path of a file or folder of the checkout, from its parts below the
// root. It is for tests: a program built with -trimpath has no such path.
func Path(parts ...string) string {
	_, here, _, _ := runtime.Caller(0)
	root := filepath.Join(filepath.Dir(here), "..", "..", "..")
	return filepath.Join(append([]string{root}, parts...)...)
}
