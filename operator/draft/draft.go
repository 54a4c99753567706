// Package draft writes a SeldonDeployment for a folder with a model, by what the
// folder holds.
package draft

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"

	v1 "github.com/prime-radiant/radiant/apis/v1"
	"github.com/prime-radiant/radiant/manifests"
)

// Model is what was found of a model, and what serves it.
type Model struct {
	// Folder holds the model, below the one that was looked through; "." is that
	// one itself.
	Folder string
	// File tells what kind of model it is.
	File string
	// Server is the implementation that serves it, such as SKLEARN_SERVER.
	Server string
	// Name is the one by which the server knows the model; empty: any will do.
	Name string
	// Parameters are what the server has to be told besides. Remark is a sentence
	// about them, or empty.
	Parameters []Parameter
	Remark     string
}

// Parameter is one of a node's, of type STRING.
type Parameter struct{ Name, Value string }

// Find looks through a folder for the one model that it holds, itself or in one
// of the folders in it. Where there is none, or several, the error says what was
// found.
func Find(folder fs.FS, servers manifests.Servers) (Model, error) {
	var found []Model
	var hints []string
	for _, dir := range foldersOf(folder) {
		sub, err := fs.Sub(folder, dir)
		if err != nil {
			return Model{}, fmt.Errorf("looking through %s: %w", dir, err)
		}
		models, hint, err := look(sub, servers)
		if err != nil {
			return Model{}, fmt.Errorf("looking through %s: %w", dir, err)
		}
		for i := range models {
			models[i].Folder = dir
		}
		found = append(found, models...)
		if hint != "" {
			hints = append(hints, in(dir)+hint)
		}
		if dir == "." && len(found) > 0 {
			break // What lies in folders below belongs to it.
		}
	}
	switch {
	case len(found) == 1:
		return found[0], nil
	case len(found) > 1:
		return Model{}, several(found)
	case len(hints) > 0:
		return Model{}, errors.New("no model that a server loads: " + strings.Join(hints, "; "))
	}
	return Model{}, nothing(folder, servers)
}

// foldersOf lists the folder itself and those in it.
func foldersOf(folder fs.FS) []string {
	dirs := []string{"."}
	entries, _ := fs.ReadDir(folder, ".") // Looking through it gives the error.
	for _, e := range entries {
		if e.IsDir() && !strings.HasPrefix(e.Name(), ".") {
			dirs = append(dirs, e.Name())
		}
	}
	return dirs
}

func in(dir string) string {
	if dir == "." {
		return ""
	}
	return dir + ": "
}

// several is the error of more than one model.
func several(found []Model) error {
	lines := make([]string, len(found))
	for i, m := range found {
		lines[i] = fmt.Sprintf("  %s (%s)", path.Join(m.Folder, m.File), m.Server)
	}
	return fmt.Errorf("found more than one model; name the folder of one, which holds no other:\n%s", strings.Join(lines, "\n"))
}

// mostNames bounds what a message names.
const mostNames = 8

// nothing is the error of a folder without a model.
func nothing(folder fs.FS, servers manifests.Servers) error {
	names, err := filesOf(folder)
	if err != nil {
		return err
	}
	has := "no files"
	if len(names) > mostNames {
		has = strings.Join(names[:mostNames], ", ") + fmt.Sprintf(" and %d more", len(names)-mostNames)
	} else if len(names) > 0 {
		has = strings.Join(names, ", ")
	}
	var known []string
	for _, name := range sorted(servers) {
		if files := servers.Servers[name].Files; len(files) > 0 {
			known = append(known, "  "+name+": "+strings.Join(files, ", "))
		}
	}
	return fmt.Errorf("found no model: there is %s. Servers load:\n%s\n  %s", has, strings.Join(known, "\n"),
		"HUGGINGFACE_SERVER: config.json beside weights; TRITON_SERVER: NAME/config.pbtxt or NAME/1/model.onnx")
}

// filesOf lists the files of a folder as far as servers look: those two folders
// down.
func filesOf(folder fs.FS) ([]string, error) {
	const deepest = 3
	var names []string
	err := fs.WalkDir(folder, ".", func(name string, e fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case name != "." && strings.HasPrefix(e.Name(), "."), e.IsDir() && strings.Count(name, "/") >= deepest:
			if e.IsDir() {
				return fs.SkipDir
			}
		case !e.IsDir():
			names = append(names, name)
		}
		return nil
	})
	return names, err
}

// DeploymentName makes a name of a folder's: that of the first folder around it
// which says more than that it holds a model.
func DeploymentName(folder string) string {
	for dir := filepath.Clean(folder); ; dir = filepath.Dir(dir) {
		base := filepath.Base(dir)
		name := label(base)
		if name != "" && !slices.Contains([]string{"model", "models", "export", "saved-model", "artifacts"}, name) && strings.Trim(name, "0123456789") != "" {
			return name
		}
		if dir == filepath.Dir(dir) {
			return "model"
		}
	}
}

// label makes a DNS label that begins with a letter, or nothing.
func label(text string) string {
	name := strings.Trim(strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z' || r >= '0' && r <= '9':
			return r
		case r >= 'A' && r <= 'Z':
			return r + 'a' - 'A'
		}
		return '-'
	}, text), "-0123456789")
	if len(name) > mostLetters {
		name = strings.TrimRight(name[:mostLetters], "-")
	}
	if len(validation.IsDNS1123Label(name)) > 0 {
		return ""
	}
	return name
}

// mostLetters is short enough for the names of all objects.
const mostLetters = 30

// Write returns the YAML of a deployment that serves a model. The URI is the
// place of the model's folder, from where the file is to be.
func Write(name, uri string, m Model, servers manifests.Servers) string {
	protocol, node, parameters := servers.Servers[m.Server].Protocol, cmp.Or(m.Name, name), m.Parameters
	if protocol == string(v1.ProtocolBentoML) { // No client speaks it.
		protocol = string(v1.ProtocolSeldon)
	}
	if label(node) != node {
		// The name of a node is that of a container. By another protocol the
		// executor asks for the model by the name that the parameter gives.
		node, protocol = name, "seldon"
		parameters = append([]Parameter{{"model_name", m.Name}}, parameters...)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "# Made by radiant init, since %s holds %s.\n", uri, m.File)
	if m.Remark != "" {
		b.WriteString("# " + m.Remark + "\n")
	}
	fmt.Fprintf(&b, `apiVersion: machinelearning.seldon.io/v1
kind: SeldonDeployment
metadata:
  name: %s
spec:
  protocol: %s
  predictors:
  - name: default
    graph:
      name: %s
      implementation: %s
      modelUri: %q
`, name, protocol, node, m.Server, uri)
	if len(parameters) > 0 {
		b.WriteString("      parameters:\n")
	}
	for _, p := range parameters {
		fmt.Fprintf(&b, "      - {name: %s, type: STRING, value: %q}\n", p.Name, p.Value)
	}
	return b.String()
}
