package config

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/prime-radiant/radiant/executor/jsonerror"
	"github.com/prime-radiant/radiant/graph"
)

// Versions reads what is said of the versions of models in the pod's annotations, by
// node: it may change while the pod runs. It is nil where nothing is said.
func (c *Config) Versions() (map[string]graph.LiveVersions, error) {
	data, err := os.ReadFile(c.Annotations)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading annotations: %w", err)
	}
	text, ok := parseAnnotations(string(data))[graph.VersionsAnnotation]
	if !ok {
		return nil, nil
	}
	var all map[string]graph.LiveVersions
	if err := json.Unmarshal([]byte(text), &all); err != nil {
		return nil, fmt.Errorf("%s: annotation %s: %w", c.Annotations, graph.VersionsAnnotation, jsonerror.Told(err, []byte(text)))
	}
	return all, nil
}

// readVersions gives the nodes of the graph what the annotation says.
func (c *Config) readVersions() error {
	all, err := c.Versions()
	if err != nil {
		return err
	}
	c.Predictor.Graph.Walk(func(_ string, n *graph.Node) {
		if said, ok := all[n.Name]; ok {
			n.GiveVersions(said)
		}
	})
	return nil
}
