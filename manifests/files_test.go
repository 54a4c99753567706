package manifests

import (
	"strings"
	"testing"
)

// TestFilesOfOtherServers: two servers load files of one name, and how these begin
// tells whose they are.
func TestFilesOfOtherServers(t *testing.T) {
	servers, err := Load()
	if err != nil {
		t.Fatal(err)
	}
	begins := func(text string) Head {
		return func(_ string, bytes int) []byte { return []byte(text)[:min(bytes, len(text))] }
	}
	for _, c := range []struct{ server, begins, wrong string }{
		{"LIGHTGBM_SERVER", "tree\nversion=v4", ""},
		{"XGBOOST_SERVER", "binf", ""},
		{"XGBOOST_SERVER", "tree\nversion=v4", "model.bst is a model for LIGHTGBM_SERVER"},
		{"LIGHTGBM_SERVER", "binf", "model.bst does not begin as its models do"},
		{"LIGHTGBM_SERVER", "", "model.bst does not begin as its models do"},
	} {
		err := servers.CheckFiles(c.server, []string{"model.bst"}, begins(c.begins))
		if (err == nil) != (c.wrong == "") || err != nil && !strings.Contains(err.Error(), c.wrong) {
			t.Errorf("%s with a file that begins %q: %v, want %q", c.server, c.begins, err, c.wrong)
		}
	}
}

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
		{"LIGHTGBM_SERVER", []string{"model.bst"}, nil},
		{"LIGHTGBM_SERVER", []string{"model.cbm"}, []string{"there is model.cbm, which is for CATBOOST_SERVER"}},
		{"CATBOOST_SERVER", []string{"model.bin"}, nil},
		{"CATBOOST_SERVER", []string{"tumours.cbm"}, []string{"it loads model.cbm, model.bin", "name it model.cbm"}},
		{"PYTORCH_SERVER", []string{"model.pt2"}, nil},
		{"PYTORCH_SERVER", []string{"2/net.pt"}, nil},
		{"PYTORCH_SERVER", []string{"model.onnx"}, []string{"there is model.onnx, which is for ONNX_SERVER"}},
		{"SKLEARN_SERVER", []string{"model.pt2"}, []string{"there is model.pt2, which is for PYTORCH_SERVER"}},
		{"BENTOML_SERVER", []string{"bento.yaml", "src/service.py"}, nil},
		{"BENTOML_SERVER", []string{"service.py", "bentofile.yaml"}, []string{"there is bentofile.yaml; bentoml build makes a Bento of it"}},
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
