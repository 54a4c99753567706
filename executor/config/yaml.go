package config

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"gopkg.in/yaml.v3"

	"github.com/prime-radiant/radiant/apis/yamljson"
)

// decodeDeployment reads the first SeldonDeployment of a YAML stream (JSON is
// YAML). Errors say the line.
func decodeDeployment(data []byte) (*deployment, error) {
	data = yamljson.Escapes(data)
	stream := yaml.NewDecoder(bytes.NewReader(data))
	for {
		var root yaml.Node
		if err := stream.Decode(&root); errors.Is(err, io.EOF) {
			return nil, errors.New("no document of kind SeldonDeployment")
		} else if err != nil {
			return nil, err
		}
		if len(root.Content) == 0 {
			continue
		}
		if d, err := decodeDocument(root.Content[0], len(data)); d != nil || err != nil {
			return d, err
		}
	}
}

// decodeDocument returns the deployment that a document holds; nil for one of
// another kind.
func decodeDocument(n *yaml.Node, size int) (*deployment, error) {
	var wrong []error
	text, err := yamljson.New(size, func(_ string, n *yaml.Node, message string) {
		wrong = append(wrong, fmt.Errorf("line %d: %s", n.Line, message))
	}).JSON(n, "", 0)
	d := &deployment{}
	mistyped := json.Unmarshal(text.Bytes, d)
	if d.Kind != "SeldonDeployment" {
		return nil, nil
	}
	if err := errors.Join(append(wrong, err)...); err != nil {
		return nil, err
	}
	var kind *json.UnmarshalTypeError
	if errors.As(mistyped, &kind) {
		return nil, fmt.Errorf("line %d: %s: want %s, have a %s", text.Line(int(kind.Offset)), kind.Field, kind.Type, kind.Value)
	}
	return d, mistyped
}
