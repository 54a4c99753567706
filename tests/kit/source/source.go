// Package source says where the project's files are, so that what tests share
// works from any folder.
package source

import (
	"os"
	"path/filepath"
	"sync"
)

// Path is the path of a file or folder of the checkout, from its parts below the
// root. It is for tests and their programs, which start in a folder of the checkout.
func Path(parts ...string) string {
	return filepath.Join(append([]string{root()}, parts...)...)
}

// root is the folder with go.mod that the program started in or below. What the
// compiler wrote down of its sources would not do: -trimpath leaves it out.
var root = sync.OnceValue(func() string {
	here, err := os.Getwd()
	if err != nil {
		panic(err)
	}
	for dir := here; ; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		if dir == filepath.Dir(dir) {
			panic("no go.mod in or above " + here)
		}
	}
})
