// Generate writes the parts of the manifests that follow from tables, into the
// folder that it is given: the kinds and the ways into the cluster of package
// expand, the settings of operator/config, and the messages of the open inference
// protocol for servers in Python.
//
//	go run ./manifests/generate manifests
package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Lines that hold these words begin and end a part that is written here.
const (
	begin = "BEGIN made by make generate"
	end   = "END made by make generate"
)

// part is what a file has of the table.
type part struct {
	file  string
	write func(file string) (string, error)
}

func parts() []part {
	const chart = "helm/radiant-operator/"
	return []part{
		{"operator/role.yaml", between(rules)},
		{chart + "values.yaml", between(values)},
		{chart + "templates/_settings.tpl", between(settings)},
		{chart + "values.schema.json", schema},
		{"python/modelserver/inference_descriptor.py", between(descriptor)},
	}
}

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "generate:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) != 1 {
		return fmt.Errorf("name the folder of the manifests")
	}
	for _, p := range parts() {
		path := filepath.Join(args[0], p.file)
		text, err := rewritten(path, p)
		if err != nil {
			return fmt.Errorf("writing %s: %w", path, err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// rewritten is a file with its part as the table says.
func rewritten(path string, p part) (string, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	return p.write(string(text))
}

// between writes what lies between the two lines that mark a part.
func between(write func() string) func(string) (string, error) {
	return func(text string) (string, error) {
		before, rest, ok := strings.Cut(text, begin)
		line, rest, ok2 := strings.Cut(rest, "\n")
		_, after, ok3 := strings.Cut(rest, end)
		if !ok || !ok2 || !ok3 {
			return "", fmt.Errorf("there are no lines with %q and %q", begin, end)
		}
		// The last line begins as the first one does.
		mark := before[strings.LastIndexByte(before, '\n')+1:]
		return before + begin + line + "\n" + write() + mark + end + after, nil
	}
}
