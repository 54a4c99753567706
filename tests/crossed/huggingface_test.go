package crossed

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/prime-radiant/radiant/tests/kit/long"
	"github.com/prime-radiant/radiant/tests/kit/programs"
	"github.com/prime-radiant/radiant/tests/kit/source"
	"github.com/prime-radiant/radiant/tests/kit/tools"
)

// huggingFace is a command that serves a folder, and where it listens.
func huggingFace(t *testing.T, folder, task string) (cmd *exec.Cmd, address string) {
	t.Helper()
	port := programs.FreePort(t)
	cmd = exec.Command(tools.Path(t, "long-huggingface"), source.Path("manifests", "python", "huggingface_server.py"), "start", folder)
	cmd.Env = append(os.Environ(), "MLSERVER_MODEL_IMPLEMENTATION=mlserver_huggingface.HuggingFaceRuntime", "MLSERVER_MODEL_NAME=m",
		"MLSERVER_MODEL_URI="+folder, "MLSERVER_PARALLEL_WORKERS=0", "MLSERVER_HOST=127.0.0.1", fmt.Sprintf("MLSERVER_HTTP_PORT=%d", port),
		fmt.Sprintf("MLSERVER_GRPC_PORT=%d", programs.FreePort(t)), fmt.Sprintf("MLSERVER_METRICS_PORT=%d", programs.FreePort(t)),
		"HF_HUB_OFFLINE=1", fmt.Sprintf(`PREDICTIVE_UNIT_PARAMETERS=[{"name":"task","type":"STRING","value":%q}]`, task))
	return cmd, fmt.Sprintf("http://127.0.0.1:%d/v2/models/m", port)
}

// TestHuggingFaceWithoutPyTorch: TensorFlow alone says of texts what PyTorch said when the
// sample's model was written, which is in PyTorch's form.
func TestHuggingFaceWithoutPyTorch(t *testing.T) {
	long.Only(t)
	sample := source.Path("samples", "sentiment-huggingface")
	if err := exec.Command(tools.Path(t, "long-huggingface"), "-c", "import torch").Run(); err == nil {
		t.Fatal("PyTorch is there")
	}
	cmd, address := huggingFace(t, filepath.Join(sample, "model"), "text-classification")
	runCommand(t, cmd)
	await(t, address+"/ready")

	request := read(t, filepath.Join(sample, "texts.json"))
	var want []sentiment
	if err := json.Unmarshal(read(t, filepath.Join(sample, "answers.json")), &want); err != nil {
		t.Fatal(err)
	}
	status, text := post(t, address+"/infer", "application/json", bytes.NewReader(request))
	var answer struct{ Outputs []struct{ Data []string } }
	if err := json.Unmarshal([]byte(text), &answer); status != http.StatusOK || err != nil || len(answer.Outputs) != 1 || len(answer.Outputs[0].Data) != len(want) {
		t.Fatalf("status %d, %v: %s", status, err, text)
	}
	for i, said := range answer.Outputs[0].Data {
		var got sentiment
		if err := json.Unmarshal([]byte(said), &got); err != nil || got.Label != want[i].Label || math.Abs(got.Score-want[i].Score) > 1e-5 {
			t.Errorf("text %d: %v: %s, want %v", i, err, said, want[i])
		}
	}
}

type sentiment struct {
	Label string
	Score float64
}

// TestHuggingFaceThatCannotBeServed: what a folder lacks is said before something looks for
// it elsewhere.
func TestHuggingFaceThatCannotBeServed(t *testing.T) {
	long.Only(t)
	for name, c := range map[string]struct{ architecture, weights, task, want string }{
		"no weights":      {"BertForSequenceClassification", "", "text-classification", "has config.json and no weights: model.save_pretrained(FOLDER) of transformers writes model.safetensors"},
		"of PyTorch":      {"BertForSequenceClassification", "pytorch_model.bin", "text-classification", "has weights that PyTorch alone reads (pytorch_model.bin), and PyTorch is not here"},
		"no class for it": {"LlamaForCausalLM", "model.safetensors", "text-generation", "has LlamaForCausalLM for PyTorch alone, which is not here: HUGGINGFACE_SERVER takes it once"},
		"no pipeline":     {"BertModel", "model.safetensors", "object-detection", "has the task object-detection for PyTorch alone, which is not here"},
	} {
		t.Run(name, func(t *testing.T) {
			folder := t.TempDir()
			files := map[string]string{"config.json": fmt.Sprintf(`{"architectures": [%q]}`, c.architecture)}
			if c.weights != "" {
				files[c.weights] = ""
			}
			for file, text := range files {
				if err := os.WriteFile(filepath.Join(folder, file), []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			cmd, _ := huggingFace(t, folder, c.task)
			out, err := cmd.CombinedOutput()
			if err == nil || !strings.Contains(string(out), c.want) || strings.Contains(string(out), "Traceback") {
				t.Errorf("%v: %s\nwant %s", err, out, c.want)
			}
		})
	}
}

func read(t *testing.T, file string) []byte {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return text
}
