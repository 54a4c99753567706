package draft

import (
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/prime-radiant/radiant/bento"
	"github.com/prime-radiant/radiant/manifests"
	"github.com/prime-radiant/radiant/wording"
)

// settingsFile is how MLServer is told of a model.
const settingsFile = "model-settings.json"

// look finds the models whose files lie in a folder. What explains all of the
// folder comes first: a table of kinds, of which the first one counts. The hint
// says what to do where files are of a model, and no server loads them so.
func look(folder fs.FS, servers manifests.Servers) (models []Model, hint string, err error) {
	names, err := filesOf(folder)
	if err != nil {
		return nil, "", err
	}
	for _, kind := range []func(contents, manifests.Servers) []Model{packed, described, logged, repository, transformer, loaded} {
		if found := kind(contents{folder, names}, servers); len(found) > 0 {
			return found, "", nil
		}
	}
	return nil, hintOf(contents{folder, names}, servers), nil
}

// contents are the files of a folder.
type contents struct {
	folder fs.FS
	names  []string
}

// matching is the first file that fits a pattern, or "".
func (c contents) matching(pattern string) string {
	i := slices.IndexFunc(c.names, func(name string) bool {
		ok, err := path.Match(pattern, name)
		return ok && err == nil
	})
	if i < 0 {
		return ""
	}
	return c.names[i]
}

// packed is a Bento, which holds the files of its models. What its routes are lies in
// it; of several, the first by name is asked.
func packed(c contents, _ manifests.Servers) []Model {
	if c.matching(bento.File) == "" {
		return nil
	}
	m := Model{File: bento.File, Server: "BENTOML_SERVER"}
	schema, err := fs.ReadFile(c.folder, bento.Schema)
	if err != nil {
		return []Model{m}
	}
	routes, err := bento.Routes(schema)
	if err != nil || len(routes) < 2 {
		return []Model{m}
	}
	names := bento.Names(routes)
	m.Parameters = []Parameter{{bento.Parameter, names[0]}}
	m.Remark = bento.Parameter + " is one of " + wording.Listed(names) + "."
	return []Model{m}
}

// described is a model that MLServer's own file describes.
func described(c contents, servers manifests.Servers) []Model {
	if c.matching(settingsFile) == "" {
		return nil
	}
	var settings struct{ Name, Implementation string }
	if !c.read(settingsFile, &settings) {
		return nil
	}
	for _, name := range sorted(servers) {
		for _, e := range servers.Servers[name].Env {
			if e.Name == "MLSERVER_MODEL_IMPLEMENTATION" && e.Value == settings.Implementation {
				return []Model{{File: settingsFile, Server: name, Name: settings.Name}}
			}
		}
	}
	return nil
}

// logged is a model of MLflow, whose folder holds the files of a library too.
func logged(c contents, _ manifests.Servers) []Model {
	if c.matching("MLmodel") == "" {
		return nil
	}
	return []Model{{File: "MLmodel", Server: "MLFLOW_SERVER"}}
}

// repository is one of Triton: a folder for each model, and in it one for each
// version.
func repository(c contents, _ manifests.Servers) []Model {
	var models []Model
	for _, pattern := range []string{
		"*/config.pbtxt", "*/[0-9]*/model.onnx", "*/[0-9]*/model.plan", "*/[0-9]*/model.pt", "*/[0-9]*/model.graphdef",
		"*/[0-9]*/model.savedmodel/*", "*/[0-9]*/model.py",
	} {
		for _, name := range c.names {
			model, _, _ := strings.Cut(name, "/")
			ok, err := path.Match(pattern, name)
			if ok && err == nil && !slices.ContainsFunc(models, func(m Model) bool { return m.Name == model }) {
				models = append(models, Model{File: name, Server: "TRITON_SERVER", Name: model})
			}
		}
	}
	return models
}

// transformer is a model as Hugging Face's library saves it.
func transformer(c contents, _ manifests.Servers) []Model {
	var config struct {
		ModelType     string `json:"model_type"`
		Architectures []string
	}
	weights := slices.ContainsFunc([]string{"*.safetensors", "pytorch_model*.bin", "tf_model.h5", "onnx/*.onnx", "*.onnx"}, func(pattern string) bool {
		return c.matching(pattern) != ""
	})
	if c.matching("config.json") == "" || !weights || !c.read("config.json", &config) || config.ModelType == "" {
		return nil
	}
	m := Model{File: "config.json", Server: "HUGGINGFACE_SERVER"}
	for _, architecture := range config.Architectures {
		for _, task := range tasks() {
			if strings.HasSuffix(architecture, task.ending) {
				m.Parameters = []Parameter{{"task", task.name}}
				return []Model{m}
			}
		}
	}
	return []Model{m}
}

// task is what a model of Hugging Face's library is for, told by how the name of
// its class ends.
type task struct{ ending, name string }

func tasks() []task {
	return []task{
		{"ForSequenceClassification", "text-classification"},
		{"ForTokenClassification", "token-classification"},
		{"ForQuestionAnswering", "question-answering"},
		{"ForMaskedLM", "fill-mask"},
		{"ForCausalLM", "text-generation"},
		{"LMHeadModel", "text-generation"},
		{"ForConditionalGeneration", "text2text-generation"},
		{"ForImageClassification", "image-classification"},
	}
}

// loaded is what servers find by the names of files.
func loaded(c contents, servers manifests.Servers) []Model {
	var models []Model
	for _, name := range sorted(servers) {
		for _, pattern := range servers.Servers[name].Files {
			file := c.matching(pattern)
			if file == "" || pattern == settingsFile || pattern == "model.json" && !c.isXGBoost(file) {
				continue
			}
			if owner := servers.Owner(file, c.head); owner != "" && owner != name || owner == "" && servers.Servers[name].Begins != "" {
				continue
			}
			models = append(models, Model{File: file, Server: name})
			break
		}
	}
	return models
}

// isXGBoost tells XGBoost's JSON from anybody's.
func (c contents) isXGBoost(name string) bool {
	var fields map[string]json.RawMessage
	return c.read(name, &fields) && fields["learner"] != nil
}

// read decodes a file in JSON; it reports false where it is none.
func (c contents) read(name string, to any) bool {
	text, err := fs.ReadFile(c.folder, name)
	return err == nil && json.Unmarshal(text, to) == nil
}

// hintOf says what to do with files that are a model's, and are not loaded.
func hintOf(c contents, servers manifests.Servers) string {
	if file := c.matching("*.txt"); file != "" && string(c.head(file, 5)) == "tree\n" {
		return "there is " + file + " of LightGBM; for LIGHTGBM_SERVER, name it model.bst"
	}
	for _, name := range sorted(servers) {
		for _, hint := range servers.Servers[name].FileHints {
			file := c.matching(hint.File)
			if file == "" || path.Ext(file) == ".json" && !c.isXGBoost(file) {
				continue
			}
			return "there is " + file + "; for " + name + ", " + hint.Do
		}
	}
	return ""
}

// head reads how a file begins.
func (c contents) head(name string, size int) []byte {
	file, err := c.folder.Open(name)
	if err != nil {
		return nil
	}
	start := make([]byte, size)
	n, err := io.ReadFull(file, start)
	if errors.Join(err, file.Close()) != nil {
		return nil
	}
	return start[:n]
}

func sorted(servers manifests.Servers) []string { return slices.Sorted(maps.Keys(servers.Servers)) }
