package manifests

import (
	"strings"
	"testing"
)

func TestFilesOfAModel(t *testing.T) {
	servers, err := Load()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		server string
		files  []string
		wrong  []string // parts of the error; none: no error
	}{
		{"TENSORFLOW_SERVER", []string{"1/saved_model.pb", "1/variables/variables.index"}, nil},
		{"TENSORFLOW_SERVER", []string{"0003/saved_model.pbtxt"}, nil},
		{"TENSORFLOW_SERVER", []string{"model.keras"}, []string{"there is model.keras", `model.export("model/1")`}},
		{"TENSORFLOW_SERVER", []string{"weights.h5"}, []string{"there is weights.h5", `model.export("model/1")`}},
		{"TENSORFLOW_SERVER", []string{"saved_model.pb"}, []string{"there is saved_model.pb", "folder named by a number"}},
		{"TENSORFLOW_SERVER", []string{"export/saved_model.pb"}, []string{"there is export/saved_model.pb", "folder named by a number"}},
		{"SKLEARN_SERVER", []string{"model.joblib"}, nil},
		{"SKLEARN_SERVER", []string{"model.pkl", "notes.txt"}, nil},
		{"SKLEARN_SERVER", []string{"model-settings.json", "own.bin"}, nil},
		{"SKLEARN_SERVER", []string{"iris.joblib"}, []string{"it loads model.joblib, model.pickle, model.pkl", "name it model.joblib"}},
		{"XGBOOST_SERVER", []string{"model.json"}, nil},
		{"XGBOOST_SERVER", []string{"deep/model.json"}, []string{"it loads model.bst, model.json, model.ubj"}},
		{"MLFLOW_SERVER", []string{"MLmodel", "model.skops"}, nil},
		{"MLFLOW_SERVER", []string{"model.skops"}, []string{"it loads MLmodel"}},
		{"ONNX_SERVER", []string{"model.onnx", "model.onnx_data"}, nil},
		{"ONNX_SERVER", []string{"3/tumours.onnx"}, nil},
		{"ONNX_SERVER", []string{"model.joblib"}, []string{"it loads model.onnx", "there is model.joblib, which is for SKLEARN_SERVER"}},
		{"SKLEARN_SERVER", []string{"notes.txt", "model.onnx"}, []string{"there is model.onnx, which is for ONNX_SERVER"}},
		{"TENSORFLOW_SERVER", []string{"1/model.onnx"}, []string{"there is 1/model.onnx, which is for ONNX_SERVER"}},
		{"HUGGINGFACE_SERVER", []string{"anything"}, nil},
	} {
		err := servers.CheckFiles(c.server, c.files, nil)
		if (err == nil) != (len(c.wrong) == 0) {
			t.Errorf("%s with %q: %v", c.server, c.files, err)
			continue
		}
		for _, want := range c.wrong {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%s with %q: missing %q in: %v", c.server, c.files, want, err)
			}
		}
	}
}
