package local

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"

	v1 "github.com/prime-radiant/radiant/apis/v1"
	"github.com/prime-radiant/radiant/bento"
	"github.com/prime-radiant/radiant/graph"
	"github.com/prime-radiant/radiant/manifests"
)

// stock is a deployment of a prepackaged server behind an executor.
const stock = `
apiVersion: machinelearning.seldon.io/v1
kind: SeldonDeployment
metadata: {name: stock}
spec:
  predictors:
  - name: main
    graph:
      name: clf
      implementation: TENSORFLOW_SERVER
      modelUri: the-model
`

// bentoStock is a deployment of a Bento.
var bentoStock = strings.Replace(stock, "TENSORFLOW_SERVER", "BENTOML_SERVER", 1) + "      parameters:\n      - {name: api_name, type: STRING, value: ROUTE}\n"

// mlserverStock is a deployment of a model of MLServer that is looked at for new versions.
var mlserverStock = strings.Replace(stock, "TENSORFLOW_SERVER", "SKLEARN_SERVER", 1) + "      modelRefresh: 60s\n"

func TestAModelThatCannotBeFetchedIsRefusedAtStart(t *testing.T) {
	for name, c := range map[string]struct {
		text  string
		files []string
		exec  map[string]string
		want  string
	}{
		"a scheme that is not fetched": {strings.Replace(stock, "the-model", "ftp://host/iris", 1), nil, nil,
			"deployment.yaml:11:17: error: spec.predictors[0].graph.modelUri: scheme ftp is not known; known are s3, gs, azblob, http, https, hf, oci, pvc, file, plain paths, and the remotes of rclone that RCLONE_CONFIG_FTP_TYPE and the like configure"},
		"a folder that is not there": {stock, nil, nil, "deployment.yaml:11:17: error: spec.predictors[0].graph.modelUri: DIR/the-model does not exist"},
		"a model of a command":       {withModel, nil, map[string]string{"clf": "true"}, "deployment.yaml:9:47: error: spec.predictors[0].graph.modelUri: DIR/the-model does not exist"},
		"a version that is not there": {strings.Replace(stock, "the-model", "the-model\n      versionTraffic: {\"7\": 100}", 1), []string{"3/saved_model.pb", "10/saved_model.pb", "notes/saved_model.pb"}, nil,
			"deployment.yaml:12:29: error: spec.predictors[0].graph.versionTraffic[7]: the model has no version 7; it has 3, 10"},
		"a route that is not there": {strings.Replace(bentoStock, "ROUTE", "classifi", 1), []string{"bento.yaml", bento.Schema}, nil,
			"deployment.yaml:13:47: error: spec.predictors[0].graph.parameters[0].value: the Bento has no route \"classifi\", which the node's parameter api_name names; use classify or describe (did you mean classify?)"},
		"a route that is not named": {strings.Replace(bentoStock, "{name: api_name, type: STRING, value: ROUTE}", "{name: model_input, type: STRING, value: x}", 1), []string{"bento.yaml", bento.Schema}, nil,
			"deployment.yaml:11:17: error: spec.predictors[0].graph.modelUri: the Bento has the routes classify or describe: give the node the parameter {name: api_name, type: STRING, value: classify}, or another of them"},
		"no version for MLServer": {mlserverStock, []string{"model.joblib"}, nil,
			"deployment.yaml:11:17: error: spec.predictors[0].graph.modelUri: there is no folder whose name is a number: with modelRefresh each version is in one of its own, such as 1/model.joblib"},
		"a version for MLServer without a model": {mlserverStock, []string{"9/model.joblib", "10/other.joblib"}, nil,
			"deployment.yaml:11:17: error: spec.predictors[0].graph.modelUri: version 10: the server finds no model there; it loads model.joblib, model.pickle, model.pkl, model-settings.json: there is other.joblib; name it model.joblib"},
		"a version that MLServer has not": {mlserverStock + "      versionTraffic: {\"7\": 100}\n", []string{"9/model.joblib"}, nil,
			"deployment.yaml:13:29: error: spec.predictors[0].graph.versionTraffic[7]: the model has no version 7; it has 9"},
		"a Bento for another server": {stock, []string{"bento.yaml", "src/model.joblib"}, nil, "there is bento.yaml, which is for BENTOML_SERVER"},
		"a model of Keras":           {stock, []string{"model.keras"}, nil, `model.export("model/1")`},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSession(t, c.text)
			s.options.BinDir, s.options.Exec = programs(t), c.exec
			dir := filepath.Dir(s.file)
			for _, file := range c.files {
				path := filepath.Join(dir, "the-model", file)
				if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(path, []byte(`{"routes":[{"name":"classify","route":"/classify"},{"name":"describe","route":"/describe"}]}`), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			err := Run(context.Background(), s.options)
			if want := strings.ReplaceAll(c.want, "DIR", dir); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("missing %q in: %v", want, err)
			}
			if s.screen.String() != "" {
				t.Errorf("something was started:\n%s", s.screen)
			}
		})
	}
}

func TestANodeThatIsLeftOutNeedsNoModel(t *testing.T) {
	s := newSession(t, strings.Replace(withModel, "        containers:\n", "        containers:\n        - {name: side, image: \"example.com/side:1\"}\n", 1))
	s.options.BinDir = programs(t)
	s.options.Exec = map[string]string{"clf": "", "side": "sleep 600"}
	s.run()
	text := s.screen.Await(t, "fetched/main/clf is left out, as --exec asks", "starting 1 deployment", "fetched/main/side: --exec sleep 600")
	s.stop()
	if strings.Contains(text, "model-initializer: it failed") {
		t.Errorf("a model was fetched for nobody:\n%s", text)
	}
}

func TestAChangeToAMissingModelChangesNothing(t *testing.T) {
	t.Parallel()
	s := newSession(t, withModel)
	s.options.BinDir = programs(t)
	s.options.Exec = map[string]string{"clf": execAct("model")}
	s.options.Watch = []string{s.file}
	model := filepath.Join(filepath.Dir(s.file), "the-model")
	if err := os.Mkdir(model, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(model, "name"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	s.start()
	pid := s.modelPID("/seldon/team/fetched/api/v1.0/predictions")
	s.write(strings.Replace(withModel, "./the-model", "ftp://host/model", 1))
	s.screen.Await(t, "error: spec.predictors[0].graph.modelUri: scheme ftp is not known", "not applied: what runs keeps running")
	if now := s.modelPID("/seldon/team/fetched/api/v1.0/predictions"); now != pid {
		t.Errorf("process %d was replaced by %d", pid, now)
	}
	s.stop()
}

// TestAModelOfAnotherNameIsRefused: MLServer takes the name in the folder, and the
// executor asks for the node's, so that the server is ready and each request 404.
func TestAModelOfAnotherNameIsRefused(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{"model.joblib": "", "model-settings.json": `{"name": "flowers"}`} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	layout := func(name string) *podLayout {
		spec := &corev1.Container{Name: "clf", Env: []corev1.EnvVar{{Name: envModelName, Value: name}}}
		return &podLayout{containers: []containerLayout{{spec: spec}}}
	}
	node := &graph.Node{Name: "clf", ModelURI: "file://" + filepath.ToSlash(dir)}
	server := manifests.Server{Protocol: "v2"}
	g := &generation{deployment: deploymentOf("")}
	err := g.otherName(layout("clf"), node, server)
	if err == nil || !strings.Contains(err.Error(), `calls the model "flowers", and requests ask for "clf"`) {
		t.Errorf("the error is %v", err)
	}
	if err := g.otherName(layout("flowers"), node, server); err != nil || len(g.notes) > 0 {
		t.Errorf("the right name: %v, %q", err, g.notes)
	}
	g.deployment = deploymentOf(v1.ProtocolV2)
	if err := g.otherName(layout("clf"), node, server); err != nil || len(g.notes) != 1 {
		t.Errorf("a client of v2 may ask for any name: %v, %q", err, g.notes)
	}
}
