package builtin

import (
	"fmt"
	"path/filepath"
	"strconv"

	"github.com/prime-radiant/radiant/graph"
	"github.com/prime-radiant/radiant/reference"
)

// The parameters of a node have been checked when these read them; one that is
// neither given nor has a default is zero.

func whole(n *graph.Node, name string) int {
	v, _ := strconv.Atoi(n.Setting(name))
	return v
}

func number(n *graph.Node, name string) float64 {
	v, _ := strconv.ParseFloat(n.Setting(name), 64)
	return v
}

func truth(n *graph.Node, name string) bool { return n.Setting(name) == "true" }

// learns tells whether a detector learns from what it sees: as it is told, or
// else if there is nothing to read.
func learns(n *graph.Node) bool {
	if n.Setting("learn") == "" {
		return n.ModelURI == ""
	}
	return truth(n, "learn")
}

// reporter is what tells of the node's findings; nil: nobody is told.
func (w *World) reporter(n *graph.Node) (Reporter, error) {
	to := n.Setting(graph.EventsParameter)
	if to == "" || w.Reporter == nil {
		return nil, nil
	}
	if to == graph.DefaultEvents {
		to = ""
	}
	r, err := w.Reporter(n.Name, to)
	if err != nil {
		return nil, fmt.Errorf("parameter %s is %q: %w", graph.EventsParameter, n.Setting(graph.EventsParameter), err)
	}
	return r, nil
}

// file is the place of a file of the node's modelUri; empty: it has none.
func (w *World) file(n *graph.Node, name string) (string, error) {
	switch {
	case n.ModelURI == "":
		return "", nil
	case w.Files == "":
		return "", fmt.Errorf("modelUri: the executor has no folder of files for it (RADIANT_NODE_FILES)")
	}
	return filepath.Join(w.Files, n.Name, name), nil
}

// reference reads a reference of the node by the name of its file; nil: the node has
// no folder of files.
func (w *World) reference(n *graph.Node, name string) (*reference.Reference, error) {
	path, err := w.file(n, name)
	if err != nil || path == "" {
		return nil, err
	}
	r, err := reference.Read(path)
	if err != nil {
		return nil, fmt.Errorf("modelUri: %w", err)
	}
	return r, nil
}
