package local

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	v1 "github.com/prime-radiant/radiant/apis/v1"
)

// exampleCall is how a protocol is asked for a prediction.
type exampleCall struct {
	// path follows the deployment's prefix; MODEL stands for the graph's name.
	path string
	// docs is the page about the deployment, also behind the prefix.
	docs string
	// document is its name there, without extension.
	document string
	// body is a request that is well formed, to be filled by the user.
	body string
	// method is the gRPC method.
	method string
	// sameOverGRPC: a request over gRPC is the same in JSON.
	sameOverGRPC bool
	// fits reports whether the top-level fields are those of a request.
	fits func(fields map[string]json.RawMessage) bool
}

// exampleCalls has a line for each protocol.
func exampleCalls() map[v1.Protocol]exampleCall {
	return map[v1.Protocol]exampleCall{
		v1.ProtocolSeldon: {
			path: "api/v1.0/predictions", docs: "api/v1.0/doc/", document: "seldon", body: `{"data": {"ndarray": [[1.0, 2.0, 3.0]]}}`, method: "seldon.protos.Seldon/Predict", sameOverGRPC: true,
			fits: func(fields map[string]json.RawMessage) bool {
				return hasAny(fields, "data", "strData", "jsonData", "binData")
			},
		},
		v1.ProtocolTensorFlow: {
			path: "v1/models/MODEL:predict", docs: "v1/docs/", document: "tensorflow", body: `{"instances": [[1.0, 2.0, 3.0]]}`, method: "tensorflow.serving.PredictionService/Predict",
			fits: func(fields map[string]json.RawMessage) bool {
				return hasAny(fields, "instances") || hasAny(fields, "inputs") && !isV2(fields)
			},
		},
		v1.ProtocolV2: {
			path: "v2/models/MODEL/infer", docs: "v2/docs/", document: "dataplane", method: "inference.GRPCInferenceService/ModelInfer",
			body: `{"inputs": [{"name": "x", "shape": [1, 3], "datatype": "FP64", "data": [1.0, 2.0, 3.0]}]}`,
			fits: isV2,
		},
	}
}

func hasAny(fields map[string]json.RawMessage, names ...string) bool {
	return slices.ContainsFunc(names, func(name string) bool { return fields[name] != nil })
}

// isV2 reports whether inputs is a list of named tensors.
func isV2(fields map[string]json.RawMessage) bool {
	var inputs []struct{ Name, Datatype string }
	return json.Unmarshal(fields["inputs"], &inputs) == nil && len(inputs) > 0 && inputs[0].Datatype != ""
}

// guessed is printed where the request is one that fits few models.
const guessed = `  No model of it tells what it takes, so this request is a guess. A request.json
  beside the YAML is printed here in its place, and shown on the page.
`

// longestBody is the longest request that stands in a printed line; longer ones
// are in a file.
const longestBody = 400

// example prints lines that ask the deployment through the gateway. Keep puts
// a request that is too long for a line into a file and returns its name.
func example(s Source, port int, a asked, keep func(name string, body []byte) string) string {
	d := s.Deployment
	call := exampleCalls()[d.Spec.Protocol.Canonical()]
	file := requestFile(s, call)
	name := d.Namespace + "." + d.Name
	var b strings.Builder
	home := fmt.Sprintf("http://localhost:%d/seldon/%s/%s", port, d.Namespace, d.Name)
	data, _ := sent(a.Request, file, func() string { return keep(name+".json", a.Request) })
	fmt.Fprintf(&b, "  curl -s %s%s -H 'Content-Type: application/json' -d %s\n", home, a.Path, data)
	if a.GRPC != nil {
		same := file
		if !call.sameOverGRPC {
			same = ""
		}
		data, input := sent(a.GRPC.Request, same, func() string { return keep(name+".grpc.json", a.GRPC.Request) })
		if input != "" {
			data, input = "@", " < "+input
		}
		fmt.Fprintf(&b, "  grpcurl -plaintext -H 'seldon: %s' -H 'namespace: %s' -d %s localhost:%d %s%s\n",
			d.Name, d.Namespace, data, port, a.GRPC.Method, input)
	}
	if len(d.Spec.Predictors) > 1 {
		var names []string
		for i := range d.Spec.Predictors {
			names = append(names, d.Spec.Predictors[i].Name)
		}
		fmt.Fprintf(&b, "  of one predictor alone: -H '%s: NAME' (%s)\n", v1.HeaderPredictor, strings.Join(names, ", "))
	}
	if !d.Spec.Predictors[0].NoExecutor() {
		b.WriteString("  in a browser: " + home + "/" + call.docs + "\n")
	}
	if !a.Known && file == "" {
		b.WriteString(guessed)
	}
	return b.String()
}

// sent is how the line of a program names a request: as @FILE, with the file's
// name, or quoted.
func sent(request []byte, file string, keep func() string) (data, name string) {
	if file == "" && len(request) > longestBody {
		file = keep()
	}
	if file != "" {
		return "@" + shellWord(file), shellWord(file)
	}
	var compact bytes.Buffer
	_ = json.Compact(&compact, request) // It is valid, or printed as far as it is.
	return "'" + strings.ReplaceAll(compact.String(), "'", `'\''`) + "'", ""
}

// largestExample is the largest file that is looked into.
const largestExample = 1 << 20

// requestFile finds a file beside the deployment's that holds a request of
// its protocol over REST. Files named after the deployment come first, then
// request.json and others that begin so, then those that may be another
// deployment's, then those named after the protocol. The name is absolute, since
// lines are pasted into terminals that are elsewhere.
func requestFile(s Source, call exampleCall) string {
	if s.File == "" {
		return ""
	}
	dir, err := filepath.Abs(filepath.Dir(s.File))
	if err != nil {
		return ""
	}
	protocol := string(s.Deployment.Spec.Protocol.Canonical())
	var names []string
	for _, pattern := range []string{s.Deployment.Name + "-request.json", "request.json", "request*.json", "*request*.json", filepath.Join("requests", protocol+".json"), filepath.Join("requests", "*.json")} {
		found, err := filepath.Glob(filepath.Join(dir, pattern))
		if err == nil {
			names = append(names, found...)
		}
	}
	for _, name := range names {
		if strings.Contains(filepath.Base(name), "grpc") {
			continue
		}
		if info, err := os.Stat(name); err != nil || info.Size() > largestExample {
			continue
		}
		text, err := os.ReadFile(name)
		var fields map[string]json.RawMessage
		if err == nil && json.Unmarshal(text, &fields) == nil && call.fits(fields) {
			return name
		}
	}
	return ""
}

// shellWord quotes a word for the shell where it needs that.
func shellWord(word string) string {
	if strings.IndexFunc(word, func(c rune) bool { return !strings.ContainsRune("/._-+=:,@%", c) && !isAlphanumeric(c) }) < 0 {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}

func isAlphanumeric(c rune) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
}
