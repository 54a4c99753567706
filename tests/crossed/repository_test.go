package crossed

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/prime-radiant/radiant/apis/inference"
	"github.com/prime-radiant/radiant/tests/kit/lines"
	"github.com/prime-radiant/radiant/tests/kit/programs"
	"github.com/prime-radiant/radiant/tests/kit/tools"
)

const lineSettings = `{"name":"line","implementation":"mlserver_sklearn.SKLearnModel","parameters":{"uri":"./model.joblib","version":%q}}`

// TestRepository has clients load a version by MLServer's repository API, through an
// executor that allows it.
func TestRepository(t *testing.T) {
	t.Parallel()
	python := tools.Path(t, "crossed-servers")
	bin := programs.Build(t)
	store, folder := t.TempDir(), t.TempDir()
	lines.Make(t, store, "2", "3", "4")
	// put moves a version to where the server looks.
	put := func(version string) {
		if err := os.WriteFile(filepath.Join(store, version, "model-settings.json"), fmt.Appendf(nil, lineSettings, version), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(filepath.Join(store, version), filepath.Join(folder, version)); err != nil {
			t.Fatal(err)
		}
	}
	put("2")
	s := serve(t, filepath.Dir(python), folder)
	rest, rpc := frontOf(t, bin, s, "line", "--repository_api", "all", "--full_health_checks")
	// answers are what the model makes of 1, over REST and gRPC.
	answers := func(want string) {
		t.Helper()
		_, body := post(t, rest+"/v2/models/line/infer", "application/json", strings.NewReader(`{"inputs":[{"name":"x","shape":[1,1],"datatype":"FP64","data":[1]}]}`))
		out, err := rpc.ModelInfer(t.Context(), &inference.ModelInferRequest{ModelName: "line", Inputs: []*inference.ModelInferRequest_InferInputTensor{
			{Name: "x", Datatype: "FP64", Shape: []int64{1, 1}, Contents: &inference.InferTensorContents{Fp64Contents: []float64{1}}},
		}})
		if err != nil || !strings.Contains(body, `"model_version":"`+want+`"`) || out.ModelVersion != want {
			t.Fatalf("want version %s: %s, and %v, %v", want, body, out, err)
		}
	}
	answers("2")
	put("3")
	answers("2")
	if status, body := post(t, rest+"/v2/repository/models/line/load", "application/json", strings.NewReader("")); status != http.StatusOK {
		t.Fatalf("loading: %d %s", status, body)
	}
	answers("3")
	put("4")
	if _, err := rpc.RepositoryModelLoad(t.Context(), &inference.RepositoryModelLoadRequest{ModelName: "line"}); err != nil {
		t.Fatal(err)
	}
	answers("4")
	index, err := rpc.RepositoryIndex(t.Context(), &inference.RepositoryIndexRequest{})
	if err != nil || len(index.Models) != 3 {
		t.Errorf("index over gRPC: %v, %v", index, err)
	}
	if status, body := post(t, rest+"/v2/repository/index", "", strings.NewReader("")); status != http.StatusOK || strings.Count(body, `"line"`) != 3 {
		t.Errorf("index: %d %s", status, body)
	}
	if status, body := post(t, rest+"/v2/repository/models/nobody/load", "application/json", strings.NewReader("")); status != http.StatusNotFound || !strings.Contains(body, "nobody") {
		t.Errorf("loading a model that is not there: %d %s", status, body)
	}
	if _, err := rpc.RepositoryModelUnload(t.Context(), &inference.RepositoryModelUnloadRequest{ModelName: "line"}); err != nil {
		t.Fatal(err)
	}
	if status, body := post(t, rest+"/v2/models/line/infer", "application/json", strings.NewReader(`{"inputs":[{"name":"x","shape":[1,1],"datatype":"FP64","data":[1]}]}`)); status != http.StatusNotFound {
		t.Errorf("a model that was unloaded answers %d %s", status, body)
	}
	response, err := http.Get(rest + "/ready")
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	if response.StatusCode != http.StatusOK {
		t.Errorf("without its model the server is said to be as ready as with it, and /ready answers %d", response.StatusCode)
	}
}

const frontDocument = `{"apiVersion":"machinelearning.seldon.io/v1","kind":"SeldonDeployment","metadata":{"name":"front"},"spec":{"predictors":[{"name":"p","graph":
{"name":%q,"type":"MODEL","endpoint":{"service_host":"127.0.0.1","httpPort":%d,"grpcPort":%d}}}]}}`

// frontOf starts an executor of protocol v2 in front of a model, and returns its URL and a
// client over gRPC.
func frontOf(t *testing.T, bin string, s server, model string, flags ...string) (rest string, rpc inference.GRPCInferenceServiceClient) {
	t.Helper()
	ports := [2]int{programs.FreePort(t), programs.FreePort(t)}
	file := filepath.Join(t.TempDir(), "deployment.json")
	if err := os.WriteFile(file, fmt.Appendf(nil, frontDocument, model, s.http, s.grpc), 0o600); err != nil {
		t.Fatal(err)
	}
	run(t, filepath.Join(bin, "executor"), append([]string{"--file", file, "--protocol", "v2",
		"--http_port", fmt.Sprint(ports[0]), "--grpc_port", fmt.Sprint(ports[1])}, flags...)...)
	rest = fmt.Sprintf("http://127.0.0.1:%d", ports[0])
	await(t, rest+"/ready")
	conn, err := grpc.NewClient(fmt.Sprintf("127.0.0.1:%d", ports[1]), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return rest, inference.NewGRPCInferenceServiceClient(conn)
}
