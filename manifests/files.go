package manifests

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
)

// settingsFile is how MLServer is told of a model whose file it would not find.
const settingsFile = "model-settings.json"

// Head reads how a file of a model begins, as many bytes as are asked for; nil
// where it cannot be read.
type Head func(file string, bytes int) []byte

// CheckFiles reports whether the server called name can find a model of its own
// among files, which are names with slashes below the folder of the model. The
// error says what it looks for, and which server loads what is there. Without a
// head names alone are looked at.
func (s Servers) CheckFiles(name string, files []string, head Head) error {
	server := s.Servers[name]
	if err := server.CheckFiles(files); err != nil {
		for _, other := range slices.Sorted(maps.Keys(s.Servers)) {
			if i := slices.IndexFunc(files, func(file string) bool { return other != name && s.Servers[other].owns(file, head) }); i >= 0 {
				return fmt.Errorf("%w: there is %s, which is for %s", err, files[i], other)
			}
		}
		return err
	}
	for _, file := range files {
		if len(server.Files) == 0 || !server.loads(file) {
			continue
		}
		owner := s.Owner(file, head)
		if owner == "" && server.Begins != "" && head != nil && path.Base(file) != settingsFile {
			return fmt.Errorf("%s does not begin as its models do, by %q", file, server.Begins)
		}
		if owner != "" && owner != name {
			return fmt.Errorf("%s is a model for %s: it begins as the files of that server do", file, owner)
		}
	}
	return nil
}

// Owner is the server whose models begin as this file does, of those that load
// files of its name; empty: none is known.
func (s Servers) Owner(file string, head Head) string {
	for _, name := range slices.Sorted(maps.Keys(s.Servers)) {
		if server := s.Servers[name]; server.Begins != "" && server.loads(file) && server.begins(file, head) {
			return name
		}
	}
	return ""
}

func (s Server) begins(file string, head Head) bool {
	return head != nil && bytes.Equal(head(file, len(s.Begins)), []byte(s.Begins))
}

// owns reports whether a file is a model of this server and of no other kind, as
// far as its name and how it begins tell. JSON may be anybody's.
func (s Server) owns(file string, head Head) bool {
	return path.Ext(file) != ".json" && s.loads(file) && (s.Begins == "" || head == nil || s.begins(file, head))
}

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
