package cli

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/prime-radiant/radiant/apis/kubeflow"
	"github.com/prime-radiant/radiant/apis/manifest"
	v1 "github.com/prime-radiant/radiant/apis/v1"
	"github.com/prime-radiant/radiant/wording"
)

// stdinName stands for standard input among the paths.
const stdinName = "-"

// input is where objects are read from.
type input struct {
	// jobs are the kinds of training jobs that are read besides deployments.
	jobs []manifest.Kind

	// paths are files, folders, and "-" for stdin.
	paths []string
	// recursive reads the folders in folders too.
	recursive bool
	// verbose names each file of a folder that holds no deployment.
	verbose bool
	stdin   io.Reader
}

// contents is what an input holds.
type contents struct {
	deployments []v1.Document
	jobs        []kubeflow.Document
}

// kinds are those of the objects that are read.
func (in input) kinds() []manifest.Kind {
	return append([]manifest.Kind{v1.ManifestKind()}, in.jobs...)
}

// kindNames writes the kinds as "A, B or C".
func (in input) kindNames() string { return wording.Listed(manifest.Names(in.kinds())) }

// readObjects reads the objects of files, of the YAML and JSON files in folders,
// and of standard input. The problems are warnings and notes; err holds
// everything that is an error ([v1.Problems] among them). What could be read is
// returned in any case.
func readObjects(from input) (contents, []v1.Problem, error) {
	var docs []manifest.Document
	var problems, wrong v1.Problems
	var errs []error
	paths := from.paths
	if len(paths) == 0 {
		return contents{}, nil, errors.New("no file is given; name one, a folder, or - for standard input")
	}
	for _, path := range paths {
		some, said, err := from.read(path)
		docs, problems = append(docs, some...), append(problems, said.Of(v1.SeverityNote)...)
		problems = append(problems, said.Of(v1.SeverityWarning)...)
		wrong = append(wrong, said.Of(v1.SeverityError)...)
		errs = append(errs, err)
	}
	errs = append(errs, wrong.Err())
	err := errors.Join(errs...)
	if err == nil && len(docs) == 0 {
		err = fmt.Errorf("no %s in %s%s", from.kindNames(), strings.Join(paths, ", "), from.unread(paths...))
	}
	var all contents
	for _, d := range docs {
		if deployment, ok := v1.DocumentOf(d); ok {
			all.deployments = append(all.deployments, deployment)
		}
		if job, ok := kubeflow.DocumentOf(d); ok {
			all.jobs = append(all.jobs, job)
		}
	}
	return all, problems, err
}

// read reads what one path stands for. Problems are of all severities; err is
// what has no position.
func (in input) read(path string) ([]manifest.Document, v1.Problems, error) {
	files, problems, err := in.files(path)
	errs := []error{err}
	var docs []manifest.Document
	var passed v1.Problems
	skipped := 0
	for _, file := range files {
		some, said, err := in.readFile(file)
		if file != path && !in.verbose && err == nil && isSkipped(some, said) {
			skipped, passed = skipped+1, said
			continue
		}
		docs, problems = append(docs, some...), append(problems, said...)
		var wrong v1.Problems
		if errors.As(err, &wrong) {
			problems = append(problems, wrong...)
		} else {
			errs = append(errs, err)
		}
	}
	if skipped > 1 {
		passed = v1.Problems{{Severity: v1.SeverityNote, File: path,
			Message: fmt.Sprintf("skipped %s without a %s (-v lists them)", wording.Count(skipped, "file"), in.kindNames())}}
	}
	return docs, append(problems, passed...), errors.Join(errs...)
}

// isSkipped reports whether a file is one that nothing was read of.
func isSkipped(docs []manifest.Document, said v1.Problems) bool {
	return len(docs) == 0 && len(said) > 0 && len(said.Of(v1.SeverityNote)) == len(said)
}

// checkObjects reads and validates. All problems come in order of their
// positions; err is what has no position, such as a file that is not there.
func checkObjects(from input, rules v1.ValidateOptions) (contents, v1.Problems, error) {
	all, said, err := readObjects(from)
	problems := slices.Clone(v1.Problems(said))
	var wrong v1.Problems
	if errors.As(err, &wrong) {
		problems = append(problems, wrong...)
		err = withoutProblems(err)
	}
	for i := range all.deployments {
		problems = append(problems, all.deployments[i].Validate(rules)...)
	}
	problems = append(problems, v1.ValidateSet(all.deployments)...)
	for i := range all.jobs {
		problems = append(problems, all.jobs[i].Validate()...)
	}
	problems = append(problems, kubeflow.ValidateSet(all.jobs)...)
	problems.Sort()
	return all, problems, err
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

// files lists the files that a path stands for, with a note for each folder
// that is left out.
func (in input) files(path string) ([]string, v1.Problems, error) {
	if path == stdinName {
		return []string{path}, nil, nil
	}
	info, err := os.Stat(path)
	if err != nil {
		return nil, nil, fmt.Errorf("reading deployments: %w", err)
	}
	if !info.IsDir() {
		return []string{path}, nil, nil
	}
	files, notes, err := in.filesIn(path)
	if err != nil {
		return nil, nil, fmt.Errorf("reading deployments: %w", err)
	}
	if len(files) == 0 {
		return nil, nil, fmt.Errorf("reading deployments: folder %s holds no .yaml, .yml or .json file%s", path, in.unread(path))
	}
	return files, notes, nil
}

// filesIn lists the manifests of a folder, in the order of their names. Hidden
// folders are passed over, and templates of Helm charts, which are no YAML.
func (in input) filesIn(root string) ([]string, v1.Problems, error) {
	var files []string
	var notes v1.Problems
	err := filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case path == root:
			return nil
		case e.IsDir() && (!in.recursive || strings.HasPrefix(e.Name(), ".")):
			return fs.SkipDir
		case e.IsDir() && isChartTemplates(path):
			notes = append(notes, v1.Problem{Severity: v1.SeverityNote, File: path, Message: "skipped: templates of a Helm chart; render them first"})
			return fs.SkipDir
		case isManifest(e):
			files = append(files, path)
		}
		return nil
	})
	return files, notes, err
}

// isChartTemplates reports whether a folder holds the templates of a chart.
func isChartTemplates(path string) bool {
	if filepath.Base(path) != "templates" {
		return false
	}
	_, err := os.Stat(filepath.Join(filepath.Dir(path), "Chart.yaml"))
	return err == nil
}

func isManifest(e os.DirEntry) bool {
	return !e.IsDir() && slices.Contains([]string{".yaml", ".yml", ".json"}, filepath.Ext(e.Name()))
}

// mostUnread bounds what a message names.
const mostUnread = 10

// unread says in parentheses what the folders among paths hold that was not
// read, or is empty.
func (in input) unread(paths ...string) string {
	var names []string
	for _, path := range paths {
		entries, _ := os.ReadDir(path) // A file has none.
		for _, e := range entries {
			switch name := filepath.Join(path, e.Name()); {
			case e.IsDir() && !in.recursive:
				names = append(names, "subfolder "+name)
			case e.IsDir():
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

func (in input) readFile(path string) ([]manifest.Document, v1.Problems, error) {
	if path == stdinName {
		return manifest.Read("stdin", in.stdin, in.kinds())
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, nil, fmt.Errorf("reading deployments: %w", err)
	}
	defer func() { _ = f.Close() }() // Nothing was written to it.
	return manifest.Read(path, f, in.kinds())
}
