package config

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/prime-radiant/radiant/executor/jsonerror"
	"github.com/prime-radiant/radiant/graph"
)

// Predictor is the part of a SeldonDeployment's predictor that is used here;
// other fields are passed over.
type Predictor struct {
	Name           string            `json:"name"`
	Annotations    map[string]string `json:"annotations"`
	Graph          graph.Node        `json:"graph"`
	ComponentSpecs []ComponentSpec   `json:"componentSpecs"`
}

// ComponentSpec is a pod of a predictor.
type ComponentSpec struct {
	Spec struct {
		Containers []Container `json:"containers"`
	} `json:"spec"`
}

// Container is the server of the node that has its name.
type Container struct {
	Name  string `json:"name"`
	Image string `json:"image"`
}

// Version is what the predictor's annotations say of its version.
func (p *Predictor) Version() string { return p.Annotations["version"] }

// Images returns the images of the predictor's containers by name.
func (p *Predictor) Images() map[string]string {
	images := map[string]string{}
	for i := range p.ComponentSpecs {
		for _, c := range p.ComponentSpecs[i].Spec.Containers {
			images[c.Name] = c.Image
		}
	}
	return images
}

type deployment struct {
	Kind     string `json:"kind"`
	Metadata struct {
		Name      string `json:"name"`
		Namespace string `json:"namespace"`
	} `json:"metadata"`
	Spec struct {
		Predictors []Predictor `json:"predictors"`
	} `json:"spec"`
}

// predictorVariable holds base64 of the JSON of one predictor.
const predictorVariable = "ENGINE_PREDICTOR"

func (c *Config) readPredictor(s *source) error {
	if s.file != "" {
		return c.readFile(s.file)
	}
	encoded := strings.TrimSpace(s.predictor)
	if encoded == "" {
		return fmt.Errorf("no predictor: set %s or --file", predictorVariable)
	}
	text, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil {
		return fmt.Errorf("reading predictor: %s is not base64: %w", predictorVariable, err)
	}
	if err := json.Unmarshal(text, &c.Predictor); err != nil {
		return fmt.Errorf("reading predictor: %s holds no predictor in JSON: %w", predictorVariable, jsonerror.Told(err, text))
	}
	return nil
}

// readFile takes the predictor, and the names that no flag gave, from a
// SeldonDeployment document.
func (c *Config) readFile(path string) error {
	if ext := filepath.Ext(path); !slices.Contains([]string{".yaml", ".yml", ".json"}, ext) {
		return fmt.Errorf("--file %s: want a name that ends in .yaml, .yml or .json", path)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("reading --file: %w", err)
	}
	d, err := decodeDeployment(data)
	if err != nil {
		return fmt.Errorf("reading %s: %w", path, err)
	}
	if c.Deployment == "" {
		c.Deployment = d.Metadata.Name
	}
	if c.Namespace == "" {
		c.Namespace = d.Metadata.Namespace
	}
	if c.Namespace == "" {
		c.Namespace = "default"
	}
	var names []string
	for _, p := range d.Spec.Predictors {
		names = append(names, p.Name)
		if p.Name == c.PredictorName || c.PredictorName == "" && len(d.Spec.Predictors) == 1 {
			c.PredictorName, c.Predictor = p.Name, p
			// A user's document comes without what the operator fills in.
			c.Predictor.Graph.Walk(func(_ string, n *graph.Node) { n.SetType() })
			return nil
		}
	}
	if len(names) == 0 {
		return fmt.Errorf("reading %s: spec.predictors is empty", path)
	}
	return fmt.Errorf("reading %s: no predictor %q: set --predictor to one of %s", path, c.PredictorName, strings.Join(names, ", "))
}
