package v1

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/yaml"

	"github.com/prime-radiant/radiant/apis/manifest"
)

// decodeProblems lists all that Decode says about a text, in order.
func decodeProblems(text string) []string {
	_, problems, err := Decode("f.yaml", strings.NewReader(text))
	var errs Problems
	if errors.As(err, &errs) {
		problems = append(problems, errs...)
	} else if err != nil {
		return []string{err.Error()}
	}
	problems.Sort()
	got := []string{}
	for _, p := range problems {
		got = append(got, p.Error())
	}
	return got
}

func TestDecodeProblems(t *testing.T) {
	const head = "apiVersion: machinelearning.seldon.io/v1\nkind: SeldonDeployment\n"
	for _, c := range []struct {
		name, text string
		want       []string
	}{
		{"nothing wrong", head + "metadata:\n  name: d\n  creationTimestamp: null\n", nil},
		{"empty", "# nothing here\n---\n\n", nil},
		{"misspelt field",
			head + "spec:\n  predictors:\n  - name: p\n    grahp: {name: m}\n",
			[]string{"f.yaml:6:5: warning: spec.predictors[0].grahp: unknown field grahp; did you mean graph?"}},
		{"snake case",
			head + "spec:\n  predictors:\n  - graph:\n      endpoint:\n        http_port: 1\n",
			[]string{"f.yaml:7:9: warning: spec.predictors[0].graph.endpoint.http_port: unknown field http_port; did you mean httpPort?"}},
		{"other case",
			head + "spec:\n  predictors:\n  - componentSpecs:\n    - hpaSpec: {maxReplicas: 1, metricsV2: []}\n",
			[]string{"f.yaml:6:33: warning: spec.predictors[0].componentSpecs[0].hpaSpec.metricsV2: unknown field metricsV2; did you mean metricsv2?"}},
		{"misspelt inside a pod",
			head + "spec:\n  predictors:\n  - componentSpecs:\n    - spec:\n        containers:\n        - livenessProbe: {httpget: {}}\n",
			[]string{"f.yaml:8:27: warning: spec.predictors[0].componentSpecs[0].spec.containers[0].livenessProbe.httpget: unknown field httpget; did you mean httpGet?"}},
		{"misspelt inside a metric",
			head + "spec: {predictors: [{componentSpecs: [{hpaSpec: {maxReplicas: 1, metrics: [{type: Resource, resource: {name: cpu, targetUtilization: 1}}]}}]}]}\n",
			[]string{"f.yaml:3:115: warning: spec.predictors[0].componentSpecs[0].hpaSpec.metrics[0].resource.targetUtilization: unknown field targetUtilization"}},
		{"one level too high",
			head + "spec:\n  predictors:\n  - componentSpecs:\n    - containers: []\n",
			[]string{"f.yaml:6:7: warning: spec.predictors[0].componentSpecs[0].containers: unknown field containers; it belongs one level deeper, in spec"}},
		{"one level too deep",
			head + "spec:\n  predictors:\n  - graph:\n      name: m\n      traffic: 3\n",
			[]string{"f.yaml:7:7: warning: spec.predictors[0].graph.traffic: unknown field traffic; it belongs in spec.predictors[0]"}},
		{"nothing like it", head + "zzz: 1\n", []string{"f.yaml:3:1: warning: zzz: unknown field zzz"}},
		{"number as text",
			head + "spec:\n  predictors:\n  - graph:\n      parameters:\n      - {name: i, value: 1, type: INT}\n      - {name: b, value: true, type: BOOL}\n",
			[]string{
				`f.yaml:7:26: error: spec.predictors[0].graph.parameters[0].value: expected text, found the number 1; write it in quotes: "1"`,
				`f.yaml:8:26: error: spec.predictors[0].graph.parameters[1].value: expected text, found the boolean true; write it in quotes: "true"`,
			}},
		{"number as annotation", head + "spec: {annotations: {seldon.io/rest-timeout: 1000}}\n",
			[]string{`f.yaml:3:46: error: spec.annotations[seldon.io/rest-timeout]: expected text, found the number 1000; write it in quotes: "1000"`}},
		{"word that is a boolean", head + "metadata: {name: on, labels: {a: \"no\"}}\n",
			[]string{`f.yaml:3:18: error: metadata.name: expected text, found the word on, which YAML reads as a boolean; write it in quotes: "on"`}},
		{"text as number", head + "spec: {replicas: \"2\", predictors: [{traffic: half}]}\n",
			[]string{
				`f.yaml:3:18: error: spec.replicas: expected a whole number, found the text "2"; write it without quotes: 2`,
				`f.yaml:3:46: error: spec.predictors[0].traffic: expected a whole number, found the text "half"`,
			}},
		{"fraction and overflow", head + "spec: {replicas: 1.5, predictors: [{traffic: 99999999999}]}\n",
			[]string{
				`f.yaml:3:18: error: spec.replicas: expected a whole number, found the number 1.5`,
				`f.yaml:3:46: error: spec.predictors[0].traffic: the number 99999999999 is too large`,
			}},
		{"boolean", head + "spec: {predictors: [{shadow: \"true\"}, {shadow: yes}, {shadow: 1}]}\n",
			[]string{
				`f.yaml:3:30: error: spec.predictors[0].shadow: expected true or false, found the text "true"; write it without quotes: true`,
				`f.yaml:3:63: error: spec.predictors[2].shadow: expected true or false, found the number 1`,
			}},
		{"shapes", head + "metadata: [1]\nspec:\n  annotations: text\n  predictors:\n    name: p\n",
			[]string{
				"f.yaml:3:11: error: metadata: expected fields (name: value), found a list",
				`f.yaml:5:16: error: spec.annotations: expected a mapping (key: value), found the text "text"`,
				"f.yaml:7:5: error: spec.predictors: expected a list (lines that begin with -), found fields (name: value); put - before its first line",
			}},
		{"empty entry", head + "spec:\n  predictors:\n  -\n", []string{"f.yaml:5:4: error: spec.predictors[0]: the entry is empty"}},
		{"quantity", head + "spec: {predictors: [{svcOrchSpec: {resources: {limits: {cpu: 1 core, memory: .inf}}}}]}\n",
			[]string{
				`f.yaml:3:62: error: spec.predictors[0].svcOrchSpec.resources.limits[cpu]: expected a quantity such as 2, 500m or 1Gi, found the text "1 core"`,
				`f.yaml:3:78: error: spec.predictors[0].svcOrchSpec.resources.limits[memory]: expected a quantity such as 2, 500m or 1Gi, found the number .inf`,
			}},
		{"time", head + "metadata: {creationTimestamp: yesterday}\n",
			[]string{`f.yaml:3:31: error: metadata.creationTimestamp: expected a time such as 2006-01-02T15:04:05Z, found the text "yesterday"`}},
		{"key given twice", head + "spec:\n  protocol: v2\n  transport: rest\n  protocol: seldon\n",
			[]string{"f.yaml:6:3: warning: spec.protocol: protocol is given twice, first in line 4; this one counts"}},
		{"tab", head + "metadata:\n\tname: d\n",
			[]string{"f.yaml:4:1: error: the line is indented by a tab, which YAML does not allow; use spaces"}},
		{"wrong indentation", head + "spec:\n  protocol: v2\n transport: rest\n",
			[]string{"f.yaml:5:1: error: the YAML is malformed: did not find expected key"}},
		{"two colons", head + "metadata: {name: d}\nspec:\n  protocol: v2: v3\n",
			[]string{"f.yaml:5:1: error: the YAML is malformed: mapping values are not allowed in this context"}},
		{"tabs where they do no harm", head + "metadata: {name: d,\n\tlabels: {}}\nspec:\n  annotations:\n    a: |\n      x\n      \ty\n", nil},
		{"malformed, between good ones", head + "zz: 1\n---\na: [1\n---\n" + head + "yy: 1\n",
			[]string{
				"f.yaml:3:1: warning: zz: unknown field zz",
				"f.yaml:5:1: error: the YAML is malformed: did not find expected ',' or ']'",
				"f.yaml:9:1: warning: yy: unknown field yy",
			}},
		{"other kinds", "apiVersion: v1\nkind: Service\nmetadata: {name: s}\n",
			[]string{"f.yaml:1:1: note: Service s skipped: only a SeldonDeployment is read"}},
		{"kind of another case", "apiVersion: machinelearning.seldon.io/v1\nkind: Seldondeployment\n",
			[]string{`f.yaml:2:7: error: kind: kind "Seldondeployment" does not exist in machinelearning.seldon.io; write SeldonDeployment`}},
		{"version", "apiVersion: machinelearning.seldon.io/v2\nkind: SeldonDeployment\n",
			[]string{`f.yaml:1:13: error: apiVersion: "machinelearning.seldon.io/v2" is not a version of SeldonDeployment; write machinelearning.seldon.io/v1`}},
		{"no kind", "metadata: {name: d}\nspec: {}\n",
			[]string{"f.yaml:1:1: error: apiVersion and kind are missing; write apiVersion: machinelearning.seldon.io/v1, kind: SeldonDeployment"}},
		{"no object", "a: 1\n", []string{"f.yaml:1:1: note: skipped: not a Kubernetes object"}},
		{"text", "hello\n", []string{`f.yaml:1:1: note: skipped: not a Kubernetes object but the text "hello"`}},
		{"list of nothing", "apiVersion: v1\nkind: List\nitems: none\n",
			[]string{`f.yaml:3:8: error: items: expected a list of objects, found the text "none"`}},
		{"object without metadata", "apiVersion: v1\nkind: Namespace\n",
			[]string{"f.yaml:1:1: note: Namespace skipped: only a SeldonDeployment is read"}},
		{"wrong shapes of leaves", head + "spec: {predictors: [{componentSpecs: [{pdbSpec: {minAvailable: {}}}], graph: {name: [a]}}]}\n",
			[]string{
				"f.yaml:3:64: error: spec.predictors[0].componentSpecs[0].pdbSpec.minAvailable: expected a whole number, or text such as 25% or a port's name, found fields (name: value)",
				"f.yaml:3:85: error: spec.predictors[0].graph.name: expected text, found a list",
			}},
		{"tag", head + "metadata: {name: !secret x}\n",
			[]string{"f.yaml:3:18: error: metadata.name: expected text, found a value tagged !secret"}},
		{"merge of text", head + "spec: {<<: text}\n", []string{`f.yaml:3:12: error: spec: << merges a mapping, found the text "text"`}},
	} {
		t.Run(c.name, func(t *testing.T) {
			want := c.want
			if want == nil {
				want = []string{}
			}
			if diff := cmp.Diff(want, decodeProblems(c.text)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// TestDecodeValues compares with Kubernetes' own reading of the same text.
func TestDecodeValues(t *testing.T) {
	files, err := filepath.Glob("testdata/decode/*")
	if err != nil || len(files) == 0 {
		t.Fatalf("no test files (%v)", err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			docs, problems, err := Decode(file, strings.NewReader(string(text)))
			if err != nil || len(problems) != 0 || len(docs) != 1 {
				t.Fatalf("%d documents, %v, %v", len(docs), problems, err)
			}
			want := &SeldonDeployment{}
			read := yaml.UnmarshalStrict
			if filepath.Ext(file) == ".json" {
				read = func(text []byte, into any, _ ...yaml.JSONOpt) error { return json.Unmarshal(text, into) }
			}
			if err := read(text, want); err != nil {
				t.Fatal(err)
			}
			want.APIVersion = Group + "/" + Version
			if diff := cmp.Diff(want, docs[0].Deployment); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// TestDecodeOldForms: what the first manifests wrote in the JSON form of
// Protocol Buffers is read as what it means, and said so.
func TestDecodeOldForms(t *testing.T) {
	const pod = `componentSpecs: [{spec: {volumes: [{name: data, %s}], containers: [{name: m, env: [{name: K, valueFrom: {%s}}], readinessProbe: {%s, periodSeconds: 7}}]}}]`
	head := "kind: SeldonDeployment\napiVersion: machinelearning.seldon.io/v1alpha2\nspec: {predictors: [{name: p, "
	decode := func(volume, key, probe string) (*SeldonDeployment, Problems) {
		docs, problems, err := Decode("f", strings.NewReader(head+fmt.Sprintf(pod, volume, key, probe)+"}]}\n"))
		if err != nil {
			t.Fatal(err)
		}
		return docs[0].Deployment, problems
	}
	want, none := decode(`persistentVolumeClaim: {claimName: c}`, `secretKeyRef: {name: s, key: k}`, `tcpSocket: {port: http}`)
	if len(none) > 0 {
		t.Errorf("unexpected %v", none)
	}
	for name, handler := range map[string]string{"": "handler", " since 1.23": "probeHandler"} {
		got, problems := decode(`volumeSource: {persistentVolumeClaim: {claimName: c}}`,
			`secretKeyRef: {localObjectReference: {name: s}, key: k}`, handler+`: {tcpSocket: {port: http}}`)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("a probe's handler%s: (-want +got):\n%s", name, diff)
		}
		if len(problems) != 3 || len(problems.Of(SeverityWarning)) != 3 {
			t.Errorf("got %v, want three warnings", problems)
		}
		for _, p := range problems {
			if p.Line != 3 || !strings.Contains(p.Message, "one level too deep") {
				t.Errorf("got %v", p)
			}
		}
	}
	docs, _, err := Decode("f", strings.NewReader(head+"name: q, name: r}]}\n"))
	if err != nil || docs[0].Deployment.Spec.Predictors[0].Name != "r" {
		t.Errorf("of a key given twice the last one does not count: %v", err)
	}
}

func TestDecodeManyDocuments(t *testing.T) {
	docs, problems, err := Decode("f", strings.NewReader(`# first
---
apiVersion: machinelearning.seldon.io/v1alpha2
kind: SeldonDeployment
metadata: {name: one}
---
apiVersion: v1
kind: List
items:
- apiVersion: machinelearning.seldon.io/v1alpha3
  kind: SeldonDeployment
  metadata: {name: two}
- apiVersion: v1
  kind: Secret
  metadata: {name: s}
---
apiVersion: machinelearning.seldon.io/v1
kind: SeldonDeploymentList
items:
- metadata: {name: item}
...
---
{"apiVersion": "machinelearning.seldon.io/v1", "kind": "SeldonDeployment",
	"metadata": {"name": "three"}}
`))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, d := range docs {
		got = append(got, d.Deployment.APIVersion+" "+d.Deployment.Name)
	}
	want := []string{Group + "/v1 one", Group + "/v1 two", Group + "/v1 item", Group + "/v1 three"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("documents (-want +got):\n%s", diff)
	}
	if len(problems) != 1 || !strings.HasPrefix(problems[0].Error(), "f:13:3: note: Secret s skipped") {
		t.Errorf("problems %v", problems)
	}
}

func TestDecodeAliases(t *testing.T) {
	docs, problems, err := Decode("f", strings.NewReader(`
apiVersion: machinelearning.seldon.io/v1
kind: SeldonDeployment
spec:
  predictors:
  - &main
    name: &name main
    traffic: 80
    graph: {name: m, type: MODEL}
  - <<: [*main, {replicas: 7, traffic: 1}]
    name: other
    labels: {of: *name}
`))
	if err != nil || len(problems) != 0 {
		t.Fatal(problems, err)
	}
	p := docs[0].Deployment.Spec.Predictors[1]
	if p.Name != "other" || p.Traffic != 80 || *p.Replicas != 7 || p.Graph.Name != "m" || p.Labels["of"] != "main" {
		t.Errorf("merged predictor %+v", p)
	}
}

func TestDecodePosition(t *testing.T) {
	docs, _, err := Decode("f", strings.NewReader(`apiVersion: machinelearning.seldon.io/v1
kind: SeldonDeployment
metadata: {name: d, annotations: {a.b/c: "1"}}
spec:
  predictors:
  - name: p
    graph:
      name: m
      children:
      - name: c
`))
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string][2]int{
		"":                              {1, 1},
		"kind":                          {2, 7},
		"metadata.annotations[a.b/c]":   {3, 42},
		"metadata.annotations[x.y/z]":   {3, 21},
		"spec.predictors":               {5, 3},
		"spec.predictors[0]":            {6, 5},
		"spec.predictors[0].graph":      {7, 5},
		"spec.predictors[0].graph.type": {7, 5},
		"spec.predictors[0].graph.children[0].name": {10, 15},
		"spec.predictors[0].graph.children[1].name": {9, 7},
		"spec.predictors[3].name":                   {5, 3},
	} {
		line, column := docs[0].Position(path)
		if [2]int{line, column} != want {
			t.Errorf("%q: got %d:%d, want %d:%d", path, line, column, want[0], want[1])
		}
	}
}

func TestDecodeBombs(t *testing.T) {
	const head = "apiVersion: machinelearning.seldon.io/v1\nkind: SeldonDeployment\n"
	var wide strings.Builder
	wide.WriteString(head + "spec:\n  predictors:\n  - graph: &a0 {name: x}\n")
	for i := range 12 {
		last := string(rune('a' + i))
		wide.WriteString("  - graph: &" + string(rune('b'+i)) + " {name: x, children: [" +
			strings.TrimSuffix(strings.Repeat("*"+last+", ", 9), ", ") + "]}\n")
	}
	deep := head + "spec: {predictors: [{graph: " + strings.Repeat("{children: [", 300) + strings.Repeat("]}", 300) + "}]}\n"
	for _, c := range []struct{ name, text, want string }{
		{"width", strings.Replace(wide.String(), "&a0", "&a", 1), "multiply"},
		{"depth", deep, "nested deeper"},
		{"cycle", head + "spec: {predictors: [{graph: &x {name: a, children: [*x]}}]}\n", "nested deeper"},
		{"cycle of merges", head + "spec: &x {<<: *x}\n", "nested deeper"},
		{"cycle in a leaf", head + "metadata: {creationTimestamp: &x [*x, *x]}\n", "nested deeper"},
		{"length", strings.Repeat("# comment\n", manifest.MaxFile/10+1), "longer than 16 MiB"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := decodeProblems(c.text)
			if len(got) != 1 || !strings.Contains(got[0], c.want) {
				t.Errorf("got %d problems %.300q, want one with %q", len(got), got, c.want)
			}
		})
	}
}

type brokenReader struct{}

func (brokenReader) Read([]byte) (int, error) { return 0, errors.New("disk on fire") }

func TestDecodeReadError(t *testing.T) {
	if _, _, err := Decode("f", brokenReader{}); err == nil || err.Error() != "reading f: disk on fire" {
		t.Errorf("error %v", err)
	}
}

func FuzzDecode(f *testing.F) {
	files, err := filepath.Glob("testdata/decode/*")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(text))
	}
	f.Add("a: &a [*a]\n---\n%TAG ! x\n--- !x\n<<: {")
	f.Fuzz(func(t *testing.T, text string) {
		docs, problems, err := Decode("f", strings.NewReader(text))
		var errs Problems
		if errors.As(err, &errs) {
			problems = append(problems, errs...)
		}
		for i := range docs {
			problems = append(problems, docs[i].Validate(testRules())...)
		}
		problems = append(problems, ValidateSet(docs)...)
		lines := 2
		for _, r := range text {
			if strings.ContainsRune("\n\r\u0085\u2028\u2029", r) { // YAML's line breaks
				lines++
			}
		}
		for _, p := range problems {
			if p.Line < 1 || p.Line > lines {
				t.Errorf("line %d of %d: %s", p.Line, lines, p)
			}
		}
		for i := range docs {
			copied := docs[i].Deployment.DeepCopy()
			Default(copied, testRules().DefaultOptions)
		}
	})
}
