package local

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/prime-radiant/radiant/graph"
)

// What is looked through for models is bounded: a folder that the user trains in
// may hold anything.
const (
	deepestModel = 4
	mostEntries  = 20_000
	mostModels   = 3
)

// modelFiles are names of files by which a model is known; whether the model is the
// folder around the file.
func modelFiles() map[string]bool {
	return map[string]bool{
		"saved_model.pb": true, "*.keras": false, "*.h5": false, "*.onnx": true, "*.joblib": true,
		"*.safetensors": true, "*.pt": true, "*.pt2": true, "*.bst": true, "*.ubj": true,
	}
}

// writtenTo are the folders of this machine that a container is told of: its
// volumes, its working folder, and paths in its variables and words.
func writtenTo(layout *podLayout, container string) []string {
	var folders []string
	i := slices.IndexFunc(layout.containers, func(c containerLayout) bool { return c.spec.Name == container })
	c := &layout.containers[i]
	words := slices.Clone(c.command.Args)
	for _, e := range c.spec.Env {
		words = append(words, e.Value)
	}
	for _, text := range words {
		for _, word := range strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune(" \t\n\"'=;", r) }) {
			if strings.Contains(word, "/") && !strings.Contains(word, "://") {
				folders = append(folders, word)
			}
		}
	}
	for _, v := range layout.volumes {
		folders = append(folders, v.Dir())
	}
	return append(folders, c.command.Dir, ".")
}

// modelFolders are those of the models of a deployment that lie on this machine.
func modelFolders(s Source) []string {
	var folders []string
	d := s.localized()
	for i := range d.Spec.Predictors {
		d.Spec.Predictors[i].Graph.Walk(func(_ string, n *graph.Node) {
			if folder, ok := strings.CutPrefix(n.ModelURI, "file://"); ok {
				folders = append(folders, folder)
			}
		})
	}
	return folders
}

// modelsIn returns the models in folders that were written since a time, the
// newest first.
func modelsIn(folders []string, since time.Time) []string {
	newest := map[string]time.Time{}
	entries := 0
	looked := map[string]bool{} // Replicas are told of the same folders.
	for _, root := range folders {
		if absolute, err := filepath.Abs(root); err == nil && !looked[absolute] {
			looked[absolute] = true
			lookForModels(absolute, since, newest, &entries)
		}
	}
	models := make([]string, 0, len(newest))
	for path := range newest {
		models = append(models, path)
	}
	slices.SortFunc(models, func(a, b string) int {
		if order := newest[b].Compare(newest[a]); order != 0 {
			return order
		}
		return strings.Compare(a, b)
	})
	return models[:min(len(models), mostModels)]
}

func lookForModels(root string, since time.Time, newest map[string]time.Time, entries *int) {
	depth, known := strings.Count(root, string(filepath.Separator)), modelFiles()
	// What cannot be read holds no model for the user either.
	_ = filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
		if *entries++; err != nil || *entries > mostEntries {
			return fs.SkipAll
		}
		if e.IsDir() {
			if path != root && (strings.HasPrefix(e.Name(), ".") || strings.Count(path, string(filepath.Separator))-depth > deepestModel) {
				return fs.SkipDir
			}
			return nil
		}
		for pattern, folder := range known {
			if ok, _ := filepath.Match(pattern, e.Name()); !ok {
				continue
			}
			info, err := os.Stat(path)
			if err != nil || info.ModTime().Before(since) {
				return nil
			}
			if folder {
				path = filepath.Dir(path)
			}
			if at := info.ModTime(); at.After(newest[path]) {
				newest[path] = at
			}
		}
		return nil
	})
}
