package crossed

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	kit "github.com/prime-radiant/radiant/tests/kit/cases"
	"github.com/prime-radiant/radiant/tests/kit/programs"
	"github.com/prime-radiant/radiant/tests/kit/source"
	"github.com/prime-radiant/radiant/tests/kit/tools"
)

// asking is one and the same request to a route of a Bento: as the Bento takes it, and
// as clients of each protocol send it.
type asking struct {
	name, api, route string
	// own is the body for the Bento itself; with a file, it is what the form's member
	// file has.
	own  string
	file bool
	// asked are requests and the answers to them: see [said]. Those of seldon are for
	// both transports.
	asked []exchange
}

// exchange is a request in a protocol over a transport. An empty answer is any.
type exchange struct{ protocol, transport, request, answer string }

// rows64 are 64 flowers.
func rows64() string {
	var rows []string
	for i := range 64 {
		rows = append(rows, fmt.Sprintf("[%d.%d,%d.5,%d.25,0.%d]", 4+i%4, i%10, 2+i%2, 1+i%6, i+1))
	}
	return strings.Join(rows, ",")
}

func askings() []asking {
	all := []asking{
		{name: "a table", api: "kinds", route: "/flowers/kinds",
			own: `{"flowers":[{"sepal_length":6,"sepal_width":2.7,"petal_length":5.1,"petal_width":1.6},{"sepal_length":5,"sepal_width":3.5,"petal_length":1.5,"petal_width":0.25}]}`,
			asked: []exchange{
				{"seldon", "", `{"data":{"names":["petal_width","petal_length","sepal_width","sepal_length"],"ndarray":[[1.6,5.1,2.7,6],[0.25,1.5,3.5,5]]}}`,
					`{"data":{"names":["kind","chance"],"ndarray":ROWS}}`},
				{"seldon", "", `{"jsonData":{"flowers":[{"sepal_length":6,"sepal_width":2.7,"petal_length":5.1,"petal_width":1.6},{"sepal_length":5,"sepal_width":3.5,"petal_length":1.5,"petal_width":0.25}],"digits":3}}`,
					`{"data":{"names":["kind","chance"],"ndarray":ROWS}}`},
				{"tensorflow", "rest", `{"instances":[{"sepal_length":6,"sepal_width":2.7,"petal_length":5.1,"petal_width":1.6},{"petal_width":0.25,"sepal_length":5,"sepal_width":3.5,"petal_length":1.5}]}`,
					`{"predictions":OWN}`},
				{"tensorflow", "grpc", `{"model_spec":{"name":"m"},"inputs":{"sepal_length":DOUBLES(6,5),"sepal_width":DOUBLES(2.7,3.5),"petal_length":DOUBLES(5.1,1.5),"petal_width":DOUBLES(1.6,0.25)}}`,
					`{"outputs":{"chance":{"doubleVal":CHANCES}}}`},
				{"v2", "rest", `{"inputs":[COLUMN(petal_width,1.6,0.25),COLUMN(sepal_length,6,5),COLUMN(sepal_width,2.7,3.5),COLUMN(petal_length,5.1,1.5)]}`,
					`{"outputs":[{"name":"kind","datatype":"BYTES","shape":[2,1],"data":KINDS},{"name":"chance","datatype":"FP64","shape":[2,1],"data":CHANCES}]}`},
			}},
		{name: "text", api: "read", route: "/read", own: `{"text":"6.0 2.7 5.1 1.6"}`, asked: []exchange{
			{"seldon", "", `{"strData":"6.0 2.7 5.1 1.6"}`, `{"strData":"OWN"}`},
			{"seldon", "", `{"data":{"ndarray":["6.0 2.7 5.1 1.6"]}}`, `{"data":{"ndarray":["OWN"]}}`},
			{"tensorflow", "rest", `{"instances":["6.0 2.7 5.1 1.6"]}`, `{"predictions":["OWN"]}`},
			{"tensorflow", "grpc", `{"model_spec":{"name":"m"},"inputs":{"text":{"dtype":"DT_STRING","tensor_shape":{"dim":[{"size":1}]},"string_val":["Ni4wIDIuNyA1LjEgMS42"]}}}`,
				`{"outputs":{"output-0":{"stringVal":["BASE64"]}}}`},
			{"v2", "rest", `{"inputs":[{"name":"text","datatype":"BYTES","shape":[1],"data":["6.0 2.7 5.1 1.6"]}]}`, `{"outputs":[{"datatype":"BYTES","shape":[1],"data":["OWN"]}]}`},
			{"v2", "grpc", `{"model_name":"m","inputs":[{"name":"text","datatype":"BYTES","shape":[1],"contents":{"bytes_contents":["Ni4wIDIuNyA1LjEgMS42"]}}]}`,
				`{"outputs":[{"datatype":"BYTES","shape":["1"],"contents":{"bytesContents":["BASE64"]}}]}`},
		}},
		{name: "two numbers", api: "grown", route: "/grown", own: `{"length":2.5,"width":0.75}`, asked: []exchange{
			{"seldon", "", `{"jsonData":{"length":2.5,"width":0.75}}`, `{"data":{"tensor":{"shape":[1],"values":[OWN]}}}`},
			{"tensorflow", "rest", `{"inputs":{"length":[2.5],"width":0.75}}`, `{"outputs":[OWN]}`},
			{"tensorflow", "grpc", `{"model_spec":{"name":"m"},"inputs":{"length":DOUBLES(2.5),"width":DOUBLES(0.75)}}`, `{"outputs":{"output-0":{"doubleVal":[OWN]}}}`},
			{"v2", "rest", `{"inputs":[{"name":"width","datatype":"FP32","shape":[1],"data":[0.75]},{"name":"length","datatype":"FP64","shape":[1],"data":[2.5]}]}`,
				`{"outputs":[{"datatype":"FP64","shape":[1],"data":[OWN]}]}`},
			{"v2", "grpc", `{"model_name":"m","inputs":[{"name":"width","datatype":"FP32","shape":[1],"contents":{"fp32_contents":[0.75]}},{"name":"length","datatype":"FP64","shape":[1],"contents":{"fp64_contents":[2.5]}}]}`,
				`{"outputs":[{"datatype":"FP64","shape":["1"],"contents":{"fp64Contents":[OWN]}}]}`},
		}},
		{name: "a number, and the default of another", api: "grown", route: "/grown", own: `{"length":2.5}`, asked: []exchange{
			{"seldon", "", `{"data":{"ndarray":[2.5]}}`, `{"data":{"ndarray":[OWN]}}`},
			{"tensorflow", "rest", `{"instances":[2.5]}`, `{"predictions":[OWN]}`},
		}},
		{name: "a file", api: "table", route: "/table", own: "6.0,2.7,5.1,1.6\n5,3.5,1.5,0.25\n", file: true, asked: []exchange{
			{"seldon", "", `{"binData":"BYTES"}`, `{"data":{"tensor":{"shape":[2,3],"values":[FLAT]}}}`},
			{"tensorflow", "rest", `{"inputs":{"b64":"BYTES"}}`, `{"outputs":OWN}`},
			{"tensorflow", "grpc", `{"model_spec":{"name":"m"},"inputs":{"file":{"dtype":"DT_STRING","tensor_shape":{"dim":[{"size":1}]},"string_val":["BYTES"]}}}`,
				`{"outputs":{"output-0":{"doubleVal":[FLAT]}}}`},
			{"v2", "grpc", `{"model_name":"m","inputs":[{"name":"file","datatype":"BYTES","shape":[1],"contents":{"bytes_contents":["BYTES"]}}]}`,
				`{"outputs":[{"datatype":"FP64","shape":["2","3"],"contents":{"fp64Contents":[FLAT]}}]}`},
		}},
	}
	for count, rows := range map[int]string{1: "[6,2.7,5.1,1.6]", 64: rows64()} {
		flat := strings.NewReplacer("[", "", "]", "").Replace(rows)
		all = append(all, asking{name: fmt.Sprintf("an array of %d rows", count), api: "classify", route: "/classify", own: `{"measures":[` + rows + `]}`, asked: []exchange{
			{"seldon", "", `{"data":{"ndarray":[` + rows + `]}}`, `{"data":{"ndarray":OWN}}`},
			{"seldon", "", fmt.Sprintf(`{"data":{"tensor":{"shape":[%d,4],"values":[%s]}}}`, count, flat), `{"data":{"tensor":{"values":[FLAT]}}}`},
			{"tensorflow", "rest", `{"instances":[` + rows + `]}`, `{"predictions":OWN}`},
			{"tensorflow", "grpc", fmt.Sprintf(`{"model_spec":{"name":"m"},"inputs":{"measures":{"dtype":"DT_DOUBLE","tensor_shape":{"dim":[{"size":%d},{"size":4}]},"double_val":[%s]}}}`, count, flat),
				`{"outputs":{"output-0":{"doubleVal":[FLAT]}}}`},
			{"v2", "rest", fmt.Sprintf(`{"inputs":[{"name":"measures","datatype":"FP64","shape":[%d,4],"data":[%s]}]}`, count, flat),
				fmt.Sprintf(`{"outputs":[{"datatype":"FP64","shape":[%d,3],"data":[FLAT]}]}`, count)},
			{"v2", "grpc", fmt.Sprintf(`{"model_name":"m","inputs":[{"name":"measures","datatype":"FP64","shape":[%d,4],"contents":{"fp64_contents":[%s]}}]}`, count, flat),
				`{"outputs":[{"datatype":"FP64","contents":{"fp64Contents":[FLAT]}}]}`},
		}})
	}
	return all
}

// said writes what the Bento itself answered in the place of words: OWN as it stands,
// FLAT without the brackets of lists, ROWS, KINDS and CHANCES of its table, BASE64 of its
// text.
func said(t *testing.T, form, own string) string {
	t.Helper()
	var records []struct {
		Kind   string          `json:"kind"`
		Chance json.RawMessage `json:"chance"`
	}
	var rows, kinds, chances []string
	if json.Unmarshal([]byte(own), &records) == nil {
		for _, r := range records {
			rows = append(rows, fmt.Sprintf("[%q,%s]", r.Kind, r.Chance))
			kinds, chances = append(kinds, fmt.Sprintf("%q", r.Kind)), append(chances, string(r.Chance))
		}
	}
	list := func(all []string) string { return "[" + strings.Join(all, ",") + "]" }
	return strings.NewReplacer("OWN", own, "FLAT", strings.NewReplacer("[", "", "]", "").Replace(own), "ROWS", list(rows), "KINDS", list(kinds),
		"CHANCES", list(chances), "BASE64", base64.StdEncoding.EncodeToString([]byte(own))).Replace(form)
}

// sent writes the tensors that a request has in short: DOUBLES(1,2) and COLUMN(name,1,2).
func sent(a *asking, request string) string {
	request = strings.ReplaceAll(request, "BYTES\"}", base64.StdEncoding.EncodeToString([]byte(a.own))+"\"}")
	request = strings.ReplaceAll(request, "[\"BYTES\"]", `["`+base64.StdEncoding.EncodeToString([]byte(a.own))+`"]`)
	for _, word := range []string{"DOUBLES(", "COLUMN("} {
		for {
			before, rest, found := strings.Cut(request, word)
			if !found {
				break
			}
			inside, after, _ := strings.Cut(rest, ")")
			values := strings.Split(inside, ",")
			written := fmt.Sprintf(`{"dtype":"DT_DOUBLE","tensor_shape":{"dim":[{"size":%d}]},"double_val":[%s]}`, len(values), inside)
			if word == "COLUMN(" {
				written = fmt.Sprintf(`{"name":%q,"datatype":"FP64","shape":[%d,1],"data":[%s]}`, values[0], len(values)-1, strings.Join(values[1:], ","))
			}
			request = before + written + after
		}
	}
	return request
}

// TestBentoThatCannotBeServed: what is missing is said before BentoML starts, and what
// a service raises when it is made ends the program, which BentoML alone does not.
func TestBentoThatCannotBeServed(t *testing.T) {
	t.Parallel()
	python := tools.Path(t, "crossed-bento")
	const described = "name: irises\nversion: '1'\nservice: service:Irises\n"
	const whole = described + "bentoml_version: 1.4.39\ncreation_time: '2026-01-01T00:00:00+00:00'\nentry_service: Irises\n" +
		"services: [{name: Irises, service: ''}]\n"
	const service = "import bentoml\n\n\n@bentoml.service\nclass Irises:\n    def __init__(self):\n" +
		"        raise RuntimeError('the weights are of another size')\n"
	for _, c := range []struct {
		files map[string]string
		want  string
	}{
		{map[string]string{"irises.bento": "half of an archive"}, "irises.bento is no whole archive that bentoml export writes: file could not be opened successfully"},
		{map[string]string{"model.joblib": ""}, "holds neither bento.yaml nor one archive with the ending .bento"},
		{map[string]string{"bento.yaml": described + "models: [{tag: 'forest:7', module: bentoml.sklearn}]\n"},
			"the Bento irises:1 holds no model forest:7: bentoml export irises:1 packs them with it"},
		{map[string]string{"bento.yaml": whole, "src/service.py": service}, "the Bento irises:1 does not start: RuntimeError: the weights are of another size\n"},
		{map[string]string{"bento.yaml": described, "env/python/requirements.txt": "numpy\nno-such-library>=2  # of ours\nbentoml==1.4.39\n"},
			"the Bento irises:1 needs packages that BENTOML_SERVER does not bring: no-such-library>=2. Run it where they are"},
	} {
		folder := t.TempDir()
		for name, text := range c.files {
			path := filepath.Join(folder, name)
			if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		server := exec.CommandContext(t.Context(), python, source.Path("manifests", "python", "bento_server.py"),
			"--http-port", fmt.Sprint(programs.FreePort(t)), "--model-dir", folder, "--work-dir", t.TempDir())
		out, err := server.CombinedOutput()
		if err == nil || !strings.Contains(string(out), c.want) || c.files["src/service.py"] == "" && strings.Contains(string(out), "Traceback") {
			t.Errorf("%v: %s\nwant %s", err, out, c.want)
		}
	}
}

// TestBento: the Bento of samples/iris-bento answers clients of all protocols as it
// answers itself, and what it refuses names the node, the parameter and the reason.
func TestBento(t *testing.T) {
	t.Parallel()
	python, bin := tools.Path(t, "crossed-bento"), programs.Build(t)
	port, folder := programs.FreePort(t), t.TempDir()
	pack := exec.CommandContext(t.Context(), python, "-c", "import sys, tarfile; tarfile.open(sys.argv[1], 'w:xz').add(sys.argv[2], '.')",
		filepath.Join(folder, "irises.bento"), source.Path("samples", "iris-bento", "model"))
	if out, err := pack.CombinedOutput(); err != nil {
		t.Fatalf("packing the Bento: %v\n%s", err, out)
	}
	run(t, python, source.Path("manifests", "python", "bento_server.py"), "--http-port", fmt.Sprint(port), "--model-dir", folder, "--work-dir", t.TempDir())
	await(t, fmt.Sprintf("http://127.0.0.1:%d/readyz", port))
	whole, ways := t, map[string]*bentoWay{}
	before := func(protocol, api string) *bentoWay {
		if ways[protocol+api] == nil {
			ways[protocol+api] = leadToBento(whole, bin, port, protocol, api)
		}
		return ways[protocol+api]
	}
	for _, a := range askings() {
		t.Run(a.name, func(t *testing.T) {
			own := askBento(t, port, &a)
			for _, e := range a.asked {
				w := before(e.protocol, a.api)
				for _, transport := range []string{"rest", "grpc"} {
					if e.transport != "" && e.transport != transport {
						continue
					}
					if err := w.ask(t, transport, sent(&a, e.request), said(t, e.answer, own)); err != nil {
						t.Errorf("%s over %s, %s: %v", e.protocol, transport, e.request, err)
					}
				}
			}
		})
	}
	for _, c := range []struct{ api, request, want string }{
		{"classify", `{"data":{"ndarray":[[1,2,3]]}}`, `node "m": predict: cannot translate the request to protocol bentoml: "measures": the data has the shape [1 3], and the parameter takes [-1 4]`},
		{"grown", `{"jsonData":{"width":1}}`, `node "m": predict: cannot translate the request to protocol bentoml: "length": the route /grown wants this parameter, and the request does not bring it`},
		{"kinds", `{"jsonData":{"flowers":[{"petal_width":1}],"limit":1}}`, `node "m": predict: cannot translate the request to protocol bentoml: "limit": the route /flowers/kinds has no such parameter; it takes "flowers", "digits"`},
		{"read", `{"strData":"many petals"}`, `node "m": An unexpected error has occurred, please check the server log.`},
	} {
		t.Run("refused by "+c.api, func(t *testing.T) {
			if text := before("seldon", c.api).refused(t, c.request); !strings.Contains(text, c.want) {
				t.Errorf("%s\nwant %s", text, c.want)
			}
		})
	}
	t.Run("the requests that the page shows", func(t *testing.T) {
		for _, protocol := range []string{"seldon", "tensorflow", "v2"} {
			for _, api := range []string{"classify", "kinds", "read", "grown"} {
				before(protocol, api).askAsShown(t)
			}
		}
	})
}

// askBento asks the Bento itself.
func askBento(t *testing.T, port int, a *asking) string {
	t.Helper()
	body, kind := strings.NewReader(a.own), "application/json"
	if a.file {
		var form bytes.Buffer
		w := multipart.NewWriter(&form)
		part, err := w.CreateFormFile("file", "file.csv")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(part, a.own); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		body, kind = strings.NewReader(form.String()), w.FormDataContentType()
	}
	status, text := post(t, fmt.Sprintf("http://127.0.0.1:%d%s", port, a.route), kind, body)
	if status != http.StatusOK {
		t.Fatalf("the Bento itself answers %d: %s", status, text)
	}
	return text
}

func post(t *testing.T, url, kind string, body io.Reader) (status int, text string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, body)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", kind)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(answer)
}

// bentoWay is an executor before one route of the Bento.
type bentoWay struct {
	protocol   string
	http, grpc int
}

const bentoDocument = `{"apiVersion":"machinelearning.seldon.io/v1","kind":"SeldonDeployment","metadata":{"name":"crossed"},"spec":{"predictors":[{"name":"p","graph":
{"name":"m","type":"MODEL","parameters":[{"name":"api_name","type":"STRING","value":%q}],"endpoint":{"service_host":"127.0.0.1","httpPort":%d,"protocol":"bentoml"}}}]}}`

func leadToBento(t *testing.T, bin string, port int, protocol, api string) *bentoWay {
	t.Helper()
	w := &bentoWay{protocol, programs.FreePort(t), programs.FreePort(t)}
	file := filepath.Join(t.TempDir(), "deployment.json")
	if err := os.WriteFile(file, fmt.Appendf(nil, bentoDocument, api, port), 0o600); err != nil {
		t.Fatal(err)
	}
	run(t, filepath.Join(bin, "executor"), "--file", file, "--protocol", protocol, "--http_port", fmt.Sprint(w.http), "--grpc_port", fmt.Sprint(w.grpc))
	await(t, fmt.Sprintf("http://127.0.0.1:%d/ready", w.http))
	return w
}

// path and method are where clients ask.
func (w *bentoWay) path() string {
	return map[string]string{"seldon": "/api/v1.0/predictions", "tensorflow": "/v1/models/m:predict", "v2": "/v2/models/m/infer"}[w.protocol]
}

func (w *bentoWay) method() string {
	return map[string]string{
		"seldon": "/seldon.protos.Seldon/Predict", "tensorflow": "/tensorflow.serving.PredictionService/Predict", "v2": "/inference.GRPCInferenceService/ModelInfer",
	}[w.protocol]
}

func (w *bentoWay) ask(t *testing.T, transport, request, answer string) error {
	t.Helper()
	folder := t.TempDir()
	for name, text := range map[string]string{"request.json": request, "answer.json": answer} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	r := kit.Request{Transport: transport, Path: w.path(), Method: w.method(), BodyFile: "request.json", Tolerance: 1e-6}
	if answer != "" {
		r.ExpectFile = "answer.json"
	}
	port := w.http
	if transport == "grpc" {
		port = w.grpc
	}
	return kit.Run(fmt.Sprintf("127.0.0.1:%d", port), folder, r)
}

func (w *bentoWay) refused(t *testing.T, request string) string {
	t.Helper()
	status, text := post(t, fmt.Sprintf("http://127.0.0.1:%d%s", w.http, w.path()), "application/json", strings.NewReader(request))
	if status < http.StatusBadRequest {
		t.Errorf("%s is answered: %s", request, text)
	}
	return strings.ReplaceAll(text, `\"`, `"`)
}

// askAsShown sends the requests that the page and radiant local show, over both
// transports.
func (w *bentoWay) askAsShown(t *testing.T) {
	t.Helper()
	var document struct {
		Call struct {
			Path    string          `json:"path"`
			Request json.RawMessage `json:"request"`
			Known   bool            `json:"known"`
			GRPC    struct {
				Request json.RawMessage `json:"request"`
			} `json:"grpc"`
		} `json:"x-call"`
	}
	page := map[string]string{"seldon": "/api/v1.0/doc/seldon.json", "tensorflow": "/v1/docs/tensorflow.json", "v2": "/v2/docs/dataplane.json"}[w.protocol]
	resp, err := http.Get(fmt.Sprintf("http://127.0.0.1:%d%s", w.http, page)) //nolint:noctx // It is a program of the test.
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if err := json.NewDecoder(resp.Body).Decode(&document); err != nil {
		t.Fatal(err)
	}
	call := document.Call
	if !call.Known || len(call.GRPC.Request) == 0 {
		t.Errorf("%s: the request is a guess: %s, over gRPC %s", w.protocol, call.Request, call.GRPC.Request)
	}
	for transport, request := range map[string]string{"rest": string(call.Request), "grpc": string(call.GRPC.Request)} {
		if err := w.ask(t, transport, request, ""); err != nil {
			t.Errorf("%s over %s, %s: %v", w.protocol, transport, request, err)
		}
	}
}
