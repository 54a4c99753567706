package samples

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/prime-radiant/radiant/tests/kit/cases"
	"github.com/prime-radiant/radiant/tests/kit/programs"
)

// TestExportsOfFrameworks: what torch.onnx and tf2onnx write is served to clients of all
// protocols as the framework itself answers, one row and 64.
func TestExportsOfFrameworks(t *testing.T) {
	t.Parallel()
	bin, folder := programs.Build(t), t.TempDir()
	var all cases.Case
	for _, name := range []string{"torch-opset23", "tf2onnx-opset18"} {
		said := answersOf(t, name)
		for _, protocol := range []string{"seldon", "tensorflow", "v2"} {
			e := export{name: name + "-" + protocol, folder: folder, t: t}
			e.deploy(name, protocol)
			all.Files = append(all.Files, e.name+".yaml")
			for _, rows := range []int{1, len(said.Pixels)} {
				all.Requests = append(all.Requests, e.requests(protocol, said, rows)...)
			}
		}
	}
	address, _ := serve(t, bin, folder, all)
	for _, r := range all.Requests {
		t.Run(r.Name, func(t *testing.T) {
			if err := cases.Run(address, folder, r); err != nil {
				t.Error(err)
			}
		})
	}
}

// answers are what a framework said of rows, which are flat, and have a shape each.
type answers struct {
	Shape  []int
	Pixels [][]float64
	Scores [][]float64
}

func models(t *testing.T, name string) string {
	t.Helper()
	path, err := filepath.Abs(filepath.Join("..", "python", "models", "exports", name))
	if err != nil {
		t.Fatal(err)
	}
	return path
}

func answersOf(t *testing.T, name string) answers {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(models(t, name), "answers.json"))
	if err != nil {
		t.Fatal(err)
	}
	var said answers
	if err := json.Unmarshal(text, &said); err != nil {
		t.Fatal(err)
	}
	return said
}

// export is the deployment of one model for one protocol.
type export struct {
	name, folder string
	t            *testing.T
}

func (e export) deploy(model, protocol string) {
	e.t.Helper()
	text := fmt.Sprintf(`apiVersion: machinelearning.seldon.io/v1
kind: SeldonDeployment
metadata: {name: %s}
spec:
  protocol: %s
  predictors:
  - name: default
    graph: {name: digits, implementation: ONNX_SERVER, modelUri: %q}
`, e.name, protocol, models(e.t, model))
	if err := os.WriteFile(filepath.Join(e.folder, e.name+".yaml"), []byte(text), 0o600); err != nil {
		e.t.Fatal(err)
	}
}

type object = map[string]any

// requests asks over REST and over gRPC.
func (e export) requests(protocol string, said answers, rows int) []cases.Request {
	var nested []any
	var flat, scores []float64
	for i := range rows {
		row, _ := nest(said.Pixels[i], said.Shape)
		nested = append(nested, row)
		flat = append(flat, said.Pixels[i]...)
		scores = append(scores, said.Scores[i]...)
	}
	shape := append([]int{rows}, said.Shape...)
	var dims []any
	for _, size := range shape {
		dims = append(dims, object{"size": size})
	}
	shapes := []string{fmt.Sprint(rows), fmt.Sprint(len(said.Scores[0]))}
	input := func(key string, values any) []any {
		return []any{object{"name": "pixels", "datatype": "FP32", "shape": shape, key: values}}
	}
	output := func(key string, shape, values any) object {
		return object{"outputs": []any{object{"name": "scores", "datatype": "FP32", "shape": shape, key: values}}}
	}
	switch path := "/seldon/default/" + e.name; protocol {
	case "seldon":
		ask, want := object{"data": object{"ndarray": nested}}, object{"data": object{"ndarray": said.Scores[:rows]}}
		return []cases.Request{
			e.request(rows, path+"/api/v1.0/predictions", "", ask, want),
			e.request(rows, "", "/seldon.protos.Seldon/Predict", ask, want),
		}
	case "tensorflow":
		return []cases.Request{
			e.request(rows, path+"/v1/models/digits:predict", "", object{"instances": nested}, object{"predictions": said.Scores[:rows]}),
			e.request(rows, "", "/tensorflow.serving.PredictionService/Predict", object{
				"model_spec": object{"name": "digits"},
				"inputs":     object{"pixels": object{"dtype": "DT_FLOAT", "tensor_shape": object{"dim": dims}, "float_val": flat}},
			}, object{"outputs": object{"scores": object{"dtype": "DT_FLOAT", "floatVal": scores}}}),
		}
	}
	return []cases.Request{
		e.request(rows, "/seldon/default/"+e.name+"/v2/models/digits/infer", "", object{"inputs": input("data", flat)},
			output("data", []int{rows, len(said.Scores[0])}, scores)),
		e.request(rows, "", "/inference.GRPCInferenceService/ModelInfer",
			object{"model_name": "digits", "inputs": input("contents", object{"fp32_contents": flat})},
			output("contents", shapes, object{"fp32Contents": scores})),
	}
}

// request writes what to send and what to expect into files: over REST if there is a path.
func (e export) request(rows int, path, method string, ask, want object) cases.Request {
	e.t.Helper()
	r := cases.Request{Transport: "rest", Path: path, Method: method, Tolerance: 1e-6}
	if path == "" {
		r.Transport, r.Headers = "grpc", map[string]string{"seldon": e.name, "namespace": "default"}
	}
	r.Name = fmt.Sprintf("%s, %s, %d rows", e.name, r.Transport, rows)
	r.BodyFile, r.ExpectFile = r.Name+", request.json", r.Name+", response.json"
	for file, value := range map[string]object{r.BodyFile: ask, r.ExpectFile: want} {
		text, err := json.Marshal(value)
		if err == nil {
			err = os.WriteFile(filepath.Join(e.folder, file), text, 0o600)
		}
		if err != nil {
			e.t.Fatal(err)
		}
	}
	return r
}

// nest gives values a shape, and returns what is left of them.
func nest(values []float64, shape []int) (any, []float64) {
	if len(shape) == 0 {
		return values[0], values[1:]
	}
	lists := make([]any, shape[0])
	for i := range lists {
		lists[i], values = nest(values, shape[1:])
	}
	return lists, values
}
