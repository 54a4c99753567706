package openapi

import (
	"bytes"
	"encoding/json"
	"io/fs"
	"slices"

	"github.com/prime-radiant/radiant/executor/tensor"
)

// Hints are what somebody knows of a deployment that its servers do not tell,
// as files: request.json is a request that works, over REST in the clients'
// protocol; NODE.json holds the inputs of a node's model, as
//
//	{"inputs": [{"datatype": "FP64", "shape": [-1, 2], "columns": ["age", "city"], "row": [41, "rome"], "frame": true}]}
//
// and predictors.json the deployment's predictors as a list of [Share].
// Only datatype and shape are needed. Files may come later than the first
// question for the document; what cannot be read counts as not there.
type Hints struct{ Files fs.FS }

// largestHint is the largest file that is looked into.
const largestHint = 1 << 20

// requestHint is the file of a request.
const requestHint = "request.json"

// sharesHint is the file of the predictors.
const sharesHint = "predictors.json"

// add fills in what the servers did not tell.
func (h Hints) add(g *Graph) {
	if h.Files == nil {
		return
	}
	if text := h.read(requestHint); json.Valid(text) {
		var compact bytes.Buffer
		_ = json.Compact(&compact, text) // It is valid.
		g.Request = compact.Bytes()
	}
	if json.Unmarshal(h.read(sharesHint), &g.Shares) != nil {
		g.Shares = nil
	}
	for i := range g.Nodes {
		n := &g.Nodes[i]
		told := slices.ContainsFunc(n.Signatures, func(s Signature) bool { return len(s.Inputs) > 0 })
		if told || n.Speaks == "" {
			continue
		}
		if inputs := h.Inputs(n.Name); len(inputs) > 0 {
			n.Signatures, n.Learned = []Signature{{Inputs: inputs}}, true
		}
	}
}

// Inputs are what the model of a node takes; none: that is not known.
func (h Hints) Inputs(node string) []Tensor {
	if h.Files == nil {
		return nil
	}
	return readInputs(h.read(node + ".json"))
}

func (h Hints) read(name string) []byte {
	info, err := fs.Stat(h.Files, name)
	if err != nil || info.Size() > largestHint {
		return nil
	}
	text, err := fs.ReadFile(h.Files, name)
	if err != nil {
		return nil
	}
	return text
}

func readInputs(text []byte) []Tensor {
	var told struct {
		Inputs []struct {
			Name     string            `json:"name"`
			Datatype string            `json:"datatype"`
			Shape    []int64           `json:"shape"`
			Columns  []string          `json:"columns"`
			Row      []json.RawMessage `json:"row"`
			Frame    bool              `json:"frame"`
		} `json:"inputs"`
	}
	if json.Unmarshal(text, &told) != nil {
		return nil
	}
	var all []Tensor
	for _, in := range told.Inputs {
		t := Tensor{Columns: in.Columns, Row: in.Row}
		t.Name, t.Shape = in.Name, in.Shape
		t.DType, _ = tensor.ParseDType(in.Datatype)
		t.Frame = in.Frame && len(t.Columns) == len(t.Row)
		all = append(all, t)
	}
	return all
}
