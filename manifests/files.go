package manifests

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
)

// CheckFiles reports whether the server can find a model among files, which
// are names with slashes below the folder of the model. The error says what
// it looks for.
func (s Server) CheckFiles(files []string) error {
	if len(s.Files) == 0 || slices.ContainsFunc(files, s.loads) {
		return nil
	}
	text := "the server finds no model there; it loads " + strings.Join(s.Files, ", ")
	for _, hint := range s.FileHints {
		if i := slices.IndexFunc(files, func(file string) bool { return fits(hint.File, file) }); i >= 0 {
			return fmt.Errorf("%s: there is %s; %s", text, files[i], hint.Do)
		}
	}
	return errors.New(text)
}

func (s Server) loads(file string) bool {
	return slices.ContainsFunc(s.Files, func(pattern string) bool { return fits(pattern, file) })
}

func fits(pattern, name string) bool {
	ok, err := path.Match(pattern, name)
	return ok && err == nil
}
