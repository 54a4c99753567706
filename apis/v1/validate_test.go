package v1

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// problemsOf validates a spec in a deployment that is otherwise right.
func problemsOf(t *testing.T, spec string) []string {
	t.Helper()
	d := parse(t, "metadata: {name: d}\nspec: "+spec)
	got := []string{}
	for _, p := range Validate(d, testRules()) {
		got = append(got, p.Error())
	}
	return got
}

// Fragments of the deployments below. All of them are right.
const (
	model      = `graph: {name: m}, componentSpecs: [{spec: {containers: [{name: m, image: i}]}}]`
	containers = `componentSpecs: [{spec: {containers: [{name: a, image: i}, {name: b, image: i}, {name: c, image: i}]}}]`
)

// check runs cases of a spec and what is said of it.
func check(t *testing.T, cases []validateCase) {
	t.Helper()
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			want := c.want
			if want == nil {
				want = []string{}
			}
			if diff := cmp.Diff(want, problemsOf(t, c.spec)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

type validateCase struct {
	name, spec string
	want       []string
}

func TestValidateDeployment(t *testing.T) {
	check(t, []validateCase{
		{"right", `{predictors: [{name: p, ` + model + `}]}`, nil},
		{"right, all enums", `{protocol: kfserving, transport: grpc, serverType: rpc, predictors: [{name: p, ` + model + `}]}`, nil},
		{"enums", `{protocol: v3, transport: http, serverType: Kafka, predictors: [{name: p, ` + model + `}]}`, []string{
			`error: spec.protocol: Invalid protocol "v3"; use seldon, tensorflow, v2 or kfserving`,
			`error: spec.transport: Invalid transport "http"; use rest or grpc`,
			`error: spec.serverType: Invalid serverType "Kafka"; use rpc or kafka (did you mean kafka?)`,
		}},
		{"misspelt protocol", `{protocol: tensroflow, predictors: [{name: p, ` + model + `}]}`, []string{
			`error: spec.protocol: Invalid protocol "tensroflow"; use seldon, tensorflow, v2 or kfserving (did you mean tensorflow?)`,
		}},
		{"no predictors", `{predictors: []}`, []string{`error: spec.predictors: Graph contains no predictors: write at least one`}},
		{"predictor names", `{predictors: [{name: p, traffic: 100, ` + model + `}, {name: p, ` + model + `}, {` + model + `}, {name: My_P, ` + model + `}]}`, []string{
			`error: spec.predictors[1].name: Duplicate predictor name "p", first in spec.predictors[0]; rename one of them`,
			`error: spec.predictors[2].name: the predictor has no name`,
			`error: spec.predictors[3].name: predictor name "My_P" is not a DNS label: use lower case letters, digits and -, with a letter or digit at both ends; for example "my-p"`,
		}},
		{"kafka", `{serverType: kafka, predictors: [{name: p, svcOrchSpec: {env: [{name: KAFKA_BROKER, value: b}]}, ` + model + `}]}`, []string{
			`error: spec.predictors[0].svcOrchSpec.env: For kafka please supply svcOrchSpec envs KAFKA_BROKER, KAFKA_INPUT_TOPIC, KAFKA_OUTPUT_TOPIC: missing KAFKA_INPUT_TOPIC, KAFKA_OUTPUT_TOPIC`,
		}},
		{"counts", `{replicas: -1, predictors: [{name: p, replicas: -2, progressDeadlineSeconds: 0, ` + model + `}]}`, []string{
			`error: spec.replicas: -1 is negative; write 0 or more`,
			`error: spec.predictors[0].replicas: -2 is negative; write 0 or more`,
			`error: spec.predictors[0].progressDeadlineSeconds: 0 is not a number of seconds above 0`,
		}},
		{"labels and leftovers", `{predictors: [{name: p, labels: {a b: c, d: "e f"}, ssl: {}, engineResources: {limits: {cpu: 1}}, ` + model + `}]}`, []string{
			`error: spec.predictors[0].ssl.certSecretName: is missing: name the Secret that holds tls.crt and tls.key`,
			`warning: spec.predictors[0].engineResources: is ignored; write it as svcOrchSpec.resources`,
			`error: spec.predictors[0].labels[a b]: label "a b": name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')`,
			`error: spec.predictors[0].labels[d]: label value "e f": a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')`,
		}},
	})
}

func TestValidateMetadata(t *testing.T) {
	for _, c := range []struct{ metadata, want string }{
		{`{name: fine-1}`, ""},
		{`{name: a-very-long-seldon-deployment-name-that-goes-over-all-limits-of-labels}`, ""},
		{`{}`, `error: metadata.name: the deployment has no name; write one`},
		{`{name: 1st}`, `warning: metadata.name: deployment name "1st" begins with a digit`},
		{`{name: my.model}`, `error: metadata.name: deployment name "my.model" is not a DNS label`},
		{`{name: m, namespace: A}`, `error: metadata.namespace: namespace "A": a lowercase`},
	} {
		d := parse(t, "metadata: "+c.metadata+"\nspec: {predictors: [{name: p, "+model+"}]}")
		got := Validate(d, testRules())
		if c.want == "" && len(got) != 0 || c.want != "" && (len(got) != 1 || !strings.HasPrefix(got[0].Error(), c.want)) {
			t.Errorf("%s: got %q, want %q", c.metadata, got, c.want)
		}
	}
}

func TestValidateTraffic(t *testing.T) {
	const (
		sum    = `error: spec.predictors: Traffic must sum to 100 for multiple predictors: `
		single = `error: spec.predictors[0].traffic: Traffic must sum be 100 for a single predictor when set: it is %d; write 100 or leave it out`
	)
	for _, c := range []struct {
		name, predictors string
		want             []string
	}{
		{"one without", "-", nil},
		{"one with all", "100", nil},
		{"one with less", "50", []string{fmt.Sprintf(single, 50)}},
		{"one with more", "150", []string{fmt.Sprintf(single, 150)}},
		{"two", "60 40", nil},
		{"two, too much", "60 60", []string{sum + "60 + 60 = 120"}},
		{"two, nothing", "- -", []string{sum + "0 + 0 = 0"}},
		{"one beside nothing", "100 0", nil},
		{"negative", "120 -20", []string{`error: spec.predictors[1].traffic: traffic -20 is negative; write a percentage, 0 to 100`}},
		{"shadow beside one", "- shadow", nil},
		{"shadow of some requests", "100 shadow10", nil},
		{"shadow first", "shadow -", nil},
		{"shadow of too many", "100 shadow101", []string{
			`error: spec.predictors[1].traffic: shadow traffic is illegal, the traffic number should be between [0, 100]: it is 101`}},
		{"shadow alone", "shadow", []string{
			`error: spec.predictors[0].shadow: Shadow can not exist as only predictor: add the predictor that answers`}},
		{"two shadows", "100 shadow shadow", []string{`error: spec.predictors: Multiple shadows are not allowed: there are 2; keep one`}},
		{"shadow and a share", "40 shadow", []string{
			`warning: spec.predictors: the only predictor beside the shadow has traffic 40 and gets all of it`}},
		{"shadow counts not", "50 50 shadow50", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			var list []string
			for i, word := range strings.Fields(c.predictors) {
				fields := fmt.Sprintf("name: p%d, ", i)
				if rest, ok := strings.CutPrefix(word, "shadow"); ok {
					fields += "shadow: true, "
					word = rest
				}
				if word != "" && word != "-" {
					fields += "traffic: " + word + ", "
				}
				list = append(list, "{"+fields+model+"}")
			}
			want := c.want
			if want == nil {
				want = []string{}
			}
			if diff := cmp.Diff(want, problemsOf(t, "{predictors: ["+strings.Join(list, ", ")+"]}")); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestValidateServiceNames(t *testing.T) {
	check(t, []validateCase{
		{"same annotation", `{predictors: [{name: p, traffic: 50, annotations: {seldon.io/svc-name: s}, ` + model + `},
			{name: q, traffic: 50, annotations: {seldon.io/svc-name: s}, ` + model + `}]}`, []string{
			`error: spec.predictors[1].annotations[seldon.io/svc-name]: Found duplicate service name in seldon.io/svc-name with value s; choose another one`,
		}},
		{"not a name", `{predictors: [{name: p, annotations: {seldon.io/svc-name: 1_s}, ` + model + `}]}`, []string{
			`error: spec.predictors[0].annotations[seldon.io/svc-name]: service name "1_s": a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')`,
		}},
		{"predictor and node", `{predictors: [{name: p, traffic: 50, ` + model + `}, {name: p-m, traffic: 50, ` + model + `}]}`, []string{
			`error: spec.predictors[1].name: predictor "p-m" and node "m" of predictor "p" lead to one Service, d-p-m; rename one of them`,
		}},
	})
}

func TestValidateAnnotations(t *testing.T) {
	d := parse(t, `
metadata:
  name: d
  annotations: {seldon.io/engine-separate-pod: "true", seldon.io/rest-timeout: "20"}
spec:
  annotations: {seldon.io/no-engine: "true", seldon.io/engine-anything: x, seldon.io/engine-java-opt: x, seldon.io/engine-seperate-pod: "true", my/own: y, seldon.io/grpc-timout: "1"}
  predictors:
  - name: p
    annotations: {seldon.io/no-engine: "yes", seldon.io/rest-timeout: 5s, seldon.io/executor-logger-queue-size: many}
    `+strings.Trim(strings.ReplaceAll(model, ", component", "\n    component"), "{}")+`
`)
	got := []string{}
	for _, p := range Validate(d, testRules()) {
		got = append(got, p.Error())
	}
	want := []string{
		`warning: metadata.annotations[seldon.io/rest-timeout]: counts milliseconds: calls may take 20 ms; for seconds write "20000"`,
		`warning: metadata.annotations[seldon.io/rest-timeout]: does not reach the executor from here, only routes; write it in spec.annotations`,
		`warning: spec.annotations[seldon.io/engine-seperate-pod]: seldon.io/engine-seperate-pod only sets a variable of the executor; did you mean seldon.io/engine-separate-pod?`,
		`warning: spec.annotations[seldon.io/grpc-timout]: nothing reads the annotation seldon.io/grpc-timout; did you mean seldon.io/grpc-timeout?`,
		`warning: metadata.annotations[seldon.io/engine-separate-pod]: is not read here; write it in spec.annotations`,
		`warning: spec.annotations[seldon.io/no-engine]: is not read here; write it in the annotations of a predictor`,
		`error: spec.predictors[0].annotations[seldon.io/rest-timeout]: "5s" is not a whole number, so that the executor would not start; write "5000", which counts milliseconds`,
		`warning: spec.predictors[0].annotations[seldon.io/executor-logger-queue-size]: is not read here; write it in spec.annotations`,
		`warning: spec.predictors[0].annotations[seldon.io/no-engine]: "yes" is not "true", so there will be an executor`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestValidateNoExecutor(t *testing.T) {
	predictor := func(protocol, graph, container string) string {
		return `{protocol: ` + protocol + `, predictors: [{name: p, annotations: {seldon.io/no-engine: "true"}, graph: {name: m, ` + graph + `}, componentSpecs: [` + container + `]}]}`
	}
	const own = `{spec: {containers: [{name: m, image: mine}]}}`
	message := func(wire, outside string) []string {
		return []string{fmt.Sprintf(`error: spec.predictors[0].annotations[seldon.io/no-engine]: node "m" speaks %s, and without an executor `+
			`nothing translates it from %s: remove this annotation, or set spec.protocol to %[1]s`, wire, outside)}
	}
	check(t, []validateCase{
		{"same protocol", predictor("kfserving", `implementation: SKLEARN_SERVER, modelUri: m`, ""), nil},
		{"another one", predictor("seldon", `implementation: SKLEARN_SERVER, modelUri: m`, ""), message("v2", "seldon")},
		{"another one, skeleton", predictor("v2", `implementation: TENSORFLOW_SERVER, modelUri: m`, `{spec: {containers: [{name: m}]}}`), message("tensorflow", "v2")},
		{"image of the user's own", predictor("seldon", `implementation: SKLEARN_SERVER, modelUri: m`, own), nil},
		{"as the user says", predictor("seldon", `endpoint: {protocol: v2}`, own), message("v2", "seldon")},
		{"no server", predictor("v2", `type: MODEL`, own), nil},
		{"built-in", predictor("v2", `implementation: SIMPLE_MODEL`, ""), []string{
			`error: spec.predictors[0].annotations[seldon.io/no-engine]: SIMPLE_MODEL runs inside the executor, so there must be one: remove this annotation`,
		}},
	})
}

// TestValidateWayAnnotations: what they may hold is told by who reads them.
// TestValidateAfter: jobs that a deployment waits for are named by kind and name.
func TestValidateAfter(t *testing.T) {
	for _, c := range []struct{ value, want string }{
		{"tfjob/digits", ""},
		{"TFJob/digits, mpijob/more", ""},
		{"digits", `error: metadata.annotations[radiant.io/after]: "digits" does not say of which kind the job is; write tfjob/digits or mpijob/digits`},
		{"tfjb/digits", `error: metadata.annotations[radiant.io/after]: "tfjb/digits": nothing is known of jobs of the kind "tfjb"; use tfjob or mpijob (did you mean tfjob?)`},
		{"tfjob/digits,", `error: metadata.annotations[radiant.io/after]: names no job between its commas; write tfjob/NAME or mpijob/NAME`},
		{"tfjob/Digits", `error: metadata.annotations[radiant.io/after]: name of a job "Digits": a DNS-1035 label must`},
	} {
		d := &SeldonDeployment{}
		d.Annotations = map[string]string{AnnotationAfter: c.value}
		var said []string
		for _, p := range Validate(d, ValidateOptions{}) {
			if strings.Contains(p.Path, "radiant.io") {
				said = append(said, p.Error())
			}
		}
		if got := strings.Join(said, "\n"); got != c.want && (c.want == "" || !strings.HasPrefix(got, c.want)) {
			t.Errorf("%q: %s, want %s", c.value, got, c.want)
		}
	}
	d := &SeldonDeployment{}
	d.Annotations = map[string]string{"radiant.io/aftr": "tfjob/digits"}
	if said := Validate(d, ValidateOptions{}).Error(); !strings.Contains(said, "nothing reads the annotation radiant.io/aftr; did you mean radiant.io/after?") {
		t.Errorf("of a misspelt annotation it says: %s", said)
	}
	d.Annotations = nil
	d.Spec.Predictors = []PredictorSpec{{Name: "p", Annotations: map[string]string{AnnotationAfter: "tfjob/digits"}}}
	if said := Validate(d, ValidateOptions{}).Error(); !strings.Contains(said, "warning: spec.predictors[0].annotations[radiant.io/after]: is not read here; write it in spec.annotations") {
		t.Errorf("of an annotation of a predictor it says: %s", said)
	}
}

func TestValidateWayAnnotations(t *testing.T) {
	rules := testRules()
	rules.WayAnnotations = []WayAnnotation{
		{Name: "seldon.io/road"}, {Name: "seldon.io/road-retries", Number: true},
		{Name: "seldon.io/road-host", Faults: func(name string) []string {
			if name == "wrong" {
				return []string{"write another"}
			}
			return nil
		}},
	}
	d := parse(t, `metadata: {name: d}
spec:
  annotations: {seldon.io/road: "*", seldon.io/road-retries: some, seldon.io/road-host: "right, wrong", seldon.io/roadhost: x}
  predictors: [{name: p, `+model+`}]`)
	got := []string{}
	for _, p := range Validate(d, rules) {
		got = append(got, p.Error())
	}
	want := []string{
		`error: spec.annotations[seldon.io/road-host]: name "wrong": write another`,
		`warning: spec.annotations[seldon.io/road-retries]: "some" is not a whole number, so that no routes can be made of it`,
		`warning: spec.annotations[seldon.io/roadhost]: nothing reads the annotation seldon.io/roadhost; did you mean seldon.io/road-host?`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestValidateExplainer(t *testing.T) {
	predictor := func(protocol, explainer string) string {
		return `{protocol: ` + protocol + `, predictors: [{name: p, explainer: ` + explainer + `, ` + model + `}]}`
	}
	check(t, []validateCase{
		{"none", predictor("v2", `{}`), nil},
		{"right", predictor("v2", `{type: AnchorTabular, modelUri: gs://b/m, initParameters: '{"a": 1}'}`), nil},
		{"type", predictor("v2", `{type: Anchortabular}`), []string{
			`error: spec.predictors[0].explainer.type: Invalid explainer type "Anchortabular"; use ALE, AnchorImages, AnchorTabular, AnchorText, Contrastive, Counterfactuals, IntegratedGradients, KernelShap or TreeShap (did you mean AnchorTabular?)`,
		}},
		{"type of an image of the user's", predictor("seldon", `{type: Mine, containerSpec: {name: e, image: i}}`), nil},
		{"free type", predictor("seldon", `{type: Mine}`), []string{
			`warning: spec.predictors[0].explainer.type: nothing is known of the explainer type "Mine"; use ALE, AnchorImages, AnchorTabular, AnchorText, Contrastive, Counterfactuals, IntegratedGradients, KernelShap or TreeShap`,
		}},
		{"without type", predictor("seldon", `{modelUri: gs://b/m}`), []string{
			`warning: spec.predictors[0].explainer: the explainer has no type, so there will be none; use ALE, AnchorImages, AnchorTabular, AnchorText, Contrastive, Counterfactuals, IntegratedGradients, KernelShap or TreeShap`,
		}},
		{"parameters", predictor("v2", `{type: ALE, initParameters: "[1]", replicas: -1}`), []string{
			`error: spec.predictors[0].explainer.replicas: -1 is negative; write 0 or more`,
			`error: spec.predictors[0].explainer.initParameters: is not a JSON object in text, such as '{"threshold": 0.9}': json: cannot unmarshal array into Go value of type map[string]interface {}`,
		}},
	})
}

func TestDocumentValidateSkipsWhatWasNotRead(t *testing.T) {
	docs, _, err := Decode("f.yaml", strings.NewReader(`apiVersion: machinelearning.seldon.io/v1
kind: SeldonDeployment
metadata: {name: d}
spec:
  predictors:
  - {name: a, traffic: "60", `+model+`}
  - name: b
    traffic: 40
    graph: {name: m, type: MODLE}
    componentSpecs: [{spec: {containers: [{name: m, image: i}]}}]
`))
	if err == nil {
		t.Error("traffic in quotes was read")
	}
	got := docs[0].Validate(testRules())
	want := `f.yaml:9:28: error: spec.predictors[1].graph.type: Invalid type "MODLE"; ` +
		`use MODEL, ROUTER, COMBINER, TRANSFORMER, OUTPUT_TRANSFORMER or UNKNOWN_TYPE (did you mean MODEL?)`
	if len(got) != 1 || got[0].Error() != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestValidateSet(t *testing.T) {
	const head = "apiVersion: machinelearning.seldon.io/v1\nkind: SeldonDeployment\n"
	text := strings.Join([]string{
		head + "metadata: {name: a}\nspec: {predictors: [{name: b-c, " + model + "}]}\n",
		head + "metadata: {name: a-b}\nspec: {predictors: [{name: c, " + model + "}]}\n",
		head + "metadata: {name: a, namespace: other}\nspec: {predictors: [{name: b-c, " + model + "}]}\n",
		head + "metadata: {name: a, namespace: default}\nspec: {predictors: [{name: x, " + model + "}]}\n",
	}, "---\n")
	docs, _, err := Decode("f", strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	got := []string{}
	for _, p := range ValidateSet(docs) {
		got = append(got, p.Error())
	}
	want := []string{
		`f:9:28: error: spec.predictors[0].name: predictor "c" leads to the Service a-b-c, as does predictor "b-c" of deployment a (f:4); rename one of them`,
		`f:9:45: error: spec.predictors[0].graph.name: node "m" of predictor "c" leads to the Service a-b-c-m, as does node "m" of predictor "b-c" of deployment a (f:4); rename one of them`,
		`f:18:18: error: metadata.name: deployment default/a is given twice, first in f:3`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
