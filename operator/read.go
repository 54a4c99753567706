package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	v1 "github.com/prime-radiant/radiant/apis/v1"
	"github.com/prime-radiant/radiant/manifests"
)

// stdinName stands for standard input among the paths.
const stdinName = "-"

// readDeployments reads the deployments of files, of the YAML and JSON files
// in folders, and of standard input ("-"). The problems are warnings and
// notes; err holds everything that is an error ([v1.Problems] among them).
// What could be read is returned in any case.
func readDeployments(paths []string, stdin io.Reader) ([]v1.Document, []v1.Problem, error) {
	var docs []v1.Document
	var problems, wrong v1.Problems
	var errs []error
	if len(paths) == 0 {
		return nil, nil, errors.New("no file is given; name one by -f FILE, or -f - for standard input")
	}
	for _, path := range paths {
		files, err := deploymentFiles(path)
		errs = append(errs, err)
		for _, file := range files {
			some, said, err := readFile(file, stdin)
			docs, problems = append(docs, some...), append(problems, said...)
			var ps v1.Problems
			if errors.As(err, &ps) {
				wrong = append(wrong, ps...)
			} else {
				errs = append(errs, err)
			}
		}
	}
	errs = append(errs, wrong.Err())
	err := errors.Join(errs...)
	if err == nil && len(docs) == 0 {
		err = fmt.Errorf("no %s in %s%s", v1.Kind, strings.Join(paths, ", "), unread(paths))
	}
	return docs, problems, err
}

// checkDeployments reads and validates. All problems come in order of their
// places; err is what has no place, such as a file that is not there.
func checkDeployments(paths []string, stdin io.Reader, servers manifests.Servers) ([]v1.Document, v1.Problems, error) {
	docs, said, err := readDeployments(paths, stdin)
	problems := slices.Clone(v1.Problems(said))
	var wrong v1.Problems
	if errors.As(err, &wrong) {
		problems = append(problems, wrong...)
		err = withoutProblems(err)
	}
	for i := range docs {
		problems = append(problems, docs[i].Validate(v1.ValidateOptions{Servers: servers.Servers})...)
	}
	problems = append(problems, v1.ValidateSet(docs)...)
	problems.Sort()
	return docs, problems, err
}

// withoutProblems returns what else a joined error holds.
func withoutProblems(err error) error {
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return nil
	}
	var rest []error
	for _, e := range joined.Unwrap() {
		var problems v1.Problems
		if !errors.As(e, &problems) {
			rest = append(rest, e)
		}
	}
	return errors.Join(rest...)
}

// deploymentFiles lists the files that a path stands for.
func deploymentFiles(path string) ([]string, error) {
	if path == stdinName {
		return []string{path}, nil
	}
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("reading deployments: %w", err)
	}
	if !info.IsDir() {
		return []string{path}, nil
	}
	entries, err := os.ReadDir(path)
	if err != nil {
		return nil, fmt.Errorf("reading deployments: %w", err)
	}
	var files []string
	for _, e := range entries {
		if isManifest(e) {
			files = append(files, filepath.Join(path, e.Name()))
		}
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("reading deployments: folder %s holds no .yaml, .yml or .json file%s", path, unread([]string{path}))
	}
	return files, nil
}

func isManifest(e os.DirEntry) bool {
	return !e.IsDir() && slices.Contains([]string{".yaml", ".yml", ".json"}, filepath.Ext(e.Name()))
}

// mostUnread bounds what a message names.
const mostUnread = 10

// unread says in parentheses what the folders among paths hold that was not
// read, or is empty.
func unread(paths []string) string {
	var names []string
	for _, path := range paths {
		entries, _ := os.ReadDir(path) // A file has none.
		for _, e := range entries {
			switch name := filepath.Join(path, e.Name()); {
			case e.IsDir():
				names = append(names, "subfolder "+name)
			case !isManifest(e):
				names = append(names, "file "+name)
			}
		}
	}
	if len(names) == 0 {
		return ""
	}
	if n := len(names) - mostUnread; n > 0 {
		names = append(names[:mostUnread], fmt.Sprintf("and %d more", n))
	}
	return " (not read: " + strings.Join(names, ", ") + ")"
}

func readFile(path string, stdin io.Reader) ([]v1.Document, v1.Problems, error) {
	if path == stdinName {
		return v1.Decode("stdin", stdin)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, nil, fmt.Errorf("reading deployments: %w", err)
	}
	defer func() { _ = f.Close() }() // Nothing was written to it.
	return v1.Decode(path, f)
}
