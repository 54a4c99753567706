package local

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	v1 "github.com/prime-radiant/radiant/apis/v1"
	"github.com/prime-radiant/radiant/graph"
)

// mostFiles bounds the files of one model that are looked at for changes.
const mostFiles = 10000

// madeOf lists what a predictor is made of that its YAML only names: folders of
// models on this machine, and files of code behind --exec. Paths are absolute.
func madeOf(d *v1.SeldonDeployment, p *v1.PredictorSpec, exec map[string]string) (models, code []string) {
	add := func(list *[]string, path string) {
		if absolute, err := filepath.Abs(path); err == nil && !slices.Contains(*list, absolute) {
			*list = append(*list, absolute)
		}
	}
	command := func(container string) {
		for _, name := range []string{d.Name + "/" + p.Name + "/" + container, p.Name + "/" + container, container} {
			if text, ok := exec[name]; ok {
				for _, file := range codeIn(text) {
					add(&code, file)
				}
				return
			}
		}
	}
	p.Graph.Walk(func(_ string, n *graph.Node) {
		// One that is refreshed is followed by what runs.
		if path, isFile := strings.CutPrefix(n.ModelURI, "file://"); isFile && n.ModelRefresh == "" {
			add(&models, filepath.FromSlash(path))
		}
		command(n.Name)
	})
	for i := range p.ComponentSpecs {
		for _, c := range p.ComponentSpecs[i].Spec.Containers {
			command(c.Name)
		}
	}
	return models, code
}

// codeIn finds the files that a command runs: words that are files, or modules of
// Python, seen from here.
func codeIn(command string) []string {
	var files []string
	for word := range strings.FieldsSeq(command) {
		word = strings.Trim(word, `'"`)
		module := strings.ReplaceAll(word, ".", string(filepath.Separator))
		for _, name := range []string{word, word + ".py", module + ".py", filepath.Join(module, "__init__.py")} {
			if info, err := os.Stat(name); err == nil && info.Mode().IsRegular() {
				files = append(files, name)
				break
			}
		}
	}
	return files
}

// stamp tells two states of what a predictor is made of apart, by the sizes and
// times of files: those of its models, and of code with those beside it that
// have the same ending, since one imports the other.
func stamp(models, code []string) string {
	sum := sha256.New()
	note := func(path string, info fs.FileInfo) {
		fmt.Fprintf(sum, "%s %d %d\n", path, info.Size(), info.ModTime().UnixNano())
	}
	for _, folder := range models {
		left := mostFiles
		_ = filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
			if left--; left < 0 {
				return fs.SkipAll
			}
			if err != nil || entry.IsDir() {
				return nil //nolint:nilerr // What cannot be read is for the server to say.
			}
			if info, err := entry.Info(); err == nil && !passing(path) {
				note(path, info)
			}
			return nil
		})
	}
	for _, file := range code {
		beside := []string{file}
		if ending := filepath.Ext(file); ending != "" {
			beside, _ = filepath.Glob(filepath.Join(filepath.Dir(file), "*"+ending))
		}
		for _, path := range beside {
			if info, err := os.Stat(path); err == nil && !passing(path) {
				note(path, info)
			}
		}
	}
	return hex.EncodeToString(sum.Sum(nil))
}

// passing reports whether a file is one that programs make on their way: hidden
// ones, those of editors, compiled Python.
func passing(path string) bool {
	name := filepath.Base(path)
	return strings.HasPrefix(name, ".") || strings.HasSuffix(name, "~") || strings.HasSuffix(name, ".pyc") || name == "__pycache__"
}

// mostFolders bounds the folders of one model that are watched.
const mostFolders = 200

// foldersOf are the folders in which a change can make another stamp.
func foldersOf(models, code []string) []string {
	var folders []string
	for _, model := range models {
		left := mostFolders
		_ = filepath.WalkDir(model, func(path string, entry fs.DirEntry, err error) error {
			if err != nil || !entry.IsDir() {
				return nil //nolint:nilerr // What cannot be read cannot be watched.
			}
			if left--; left < 0 {
				return fs.SkipAll
			}
			folders = append(folders, path)
			return nil
		})
	}
	for _, file := range code {
		folders = append(folders, filepath.Dir(file))
	}
	slices.Sort(folders)
	return slices.Compact(folders)
}
