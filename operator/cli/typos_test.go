package cli

import (
	"strings"
	"testing"

	v1 "github.com/prime-radiant/radiant/apis/v1"
	"github.com/prime-radiant/radiant/operator/config"
)

// spotless is a deployment that nothing is wrong with.
const spotless = `apiVersion: machinelearning.seldon.io/v1
kind: SeldonDeployment
metadata:
  name: fraud
  namespace: models
spec:
  protocol: seldon
  transport: rest
  annotations:
    seldon.io/rest-timeout: "2000"
  predictors:
  - name: main
    replicas: 2
    traffic: 75
    labels:
      team: payments
    graph:
      name: scaler
      type: TRANSFORMER
      logger:
        mode: all
        url: http://collector.logs
      policy:
        timeout: 500ms
        retries:
          attempts: 2
      children:
      - name: trees
        implementation: XGBOOST_SERVER
        modelUri: s3://models/trees
        parameters:
        - name: method
          type: STRING
          value: predict
    componentSpecs:
    - spec:
        containers:
        - name: scaler
          image: registry.example/scaler:1
          env:
          - name: LEVEL
            value: "3"
          resources:
            requests:
              cpu: 100m
          volumeMounts:
          - name: data
            mountPath: /data
        volumes:
        - name: data
          emptyDir: {}
      hpaSpec:
        minReplicas: 1
        maxReplicas: 3
        metricsv2:
        - type: External
          external:
            metric:
              name: queue
            target:
              type: AverageValue
              averageValue: "10"
  - name: split
    traffic: 25
    graph:
      name: ab
      implementation: RANDOM_ABTEST
      parameters:
      - name: ratioA
        type: FLOAT
        value: "0.5"
      children:
      - name: a
        implementation: SKLEARN_SERVER
        modelUri: gs://models/a
      - name: b
        implementation: TENSORFLOW_SERVER
        modelUri: gs://models/b
`

// typo is one slip in the spotless deployment: text that stands in another's
// place, at its first appearance, and what is said at the line of the slip.
// Where two places do not fit together, told is the line that is named.
type typo struct{ right, wrong, want, told string }

func typos() []typo {
	return []typo{
		// The document.
		{"apiVersion: machinelearning.seldon.io/v1", "apiVersion: machinelearning.seldon.io/v2", "write machinelearning.seldon.io/v1", ""},
		{"apiVersion: machinelearning", "apiVersoin: machinelearning", "did you mean apiVersion?", ""},
		{"kind: SeldonDeployment", "kind: SeldonDeploment", "write SeldonDeployment", ""},
		{"name: fraud", "name: Fraud_Model", `for example "fraud-model"`, ""},
		{"namespace: models", "namespace: my models", "namespace", ""},
		{"metadata:", "meta-data:", "did you mean metadata?", ""},
		{"spec:", "specs:", "did you mean spec?", ""},
		// The shape of YAML.
		{"  protocol: seldon", "\tprotocol: seldon", "use spaces", ""},
		{"  transport: rest", "   transport: rest", "malformed", ""},
		{`timeout: "2000"`, `timeout: "2000`, "malformed", ""},
		{"replicas: 2", "replicas:2", "malformed", ""},
		{"traffic: 75", "traffic: 75\n    traffic: 80", "traffic", ""},
		{"replicas: 2", "replicas: {{ .Values.replicas }}", "fill it in first", ""},
		{"name: fraud", "name: ${NAME}", "fill it in first", ""},
		// Words.
		{"protocol: seldon", "protocol: sledon", "did you mean seldon?", ""},
		{"transport: rest", "transport: REST", "did you mean rest?", ""},
		{"type: TRANSFORMER", "type: TRANFORMER", "did you mean TRANSFORMER?", ""},
		{"mode: all", "mode: requests", "did you mean request?", ""},
		{"type: STRING", "type: string", "did you mean STRING?", ""},
		{"type: STRING", "type: BOOLEAN", "BOOL", ""},
		{"XGBOOST_SERVER", "xgboost", "did you mean XGBOOST_SERVER?", ""},
		{"SKLEARN_SERVER", "SKLEARN-SERVER", "did you mean SKLEARN_SERVER?", ""},
		{"TENSORFLOW_SERVER", "keras", "did you mean TENSORFLOW_SERVER?", ""},
		{"RANDOM_ABTEST", "RANDOM_AB_TEST", "did you mean RANDOM_ABTEST?", ""},
		// Fields.
		{"predictors:", "predictor:", "did you mean predictors?", ""},
		{"replicas: 2", "replica: 2", "did you mean replicas?", ""},
		{"modelUri: s3", "modelURI: s3", "did you mean modelUri?", ""},
		{"implementation: XGB", "implemention: XGB", "did you mean implementation?", ""},
		{"children:", "childs:", "did you mean children?", ""},
		{"componentSpecs:", "componentSpec:", "did you mean componentSpecs?", ""},
		{"image: registry", "Image: registry", "did you mean image?", ""},
		{"mountPath:", "mountpath:", "did you mean mountPath?", ""},
		{"minReplicas:", "min_replicas:", "did you mean minReplicas?", ""},
		{"attempts: 2", "attempt: 2", "did you mean attempts?", ""},
		{"seldon.io/rest-timeout", "seldon.io/rest-time-out", "seldon.io/rest-timeout", ""},
		{"requests:", "request:", "did you mean requests?", ""},
		// Values.
		{"replicas: 2", "replicas: two", "expected a whole number", ""},
		{"replicas: 2", "replicas: -2", "write 0 or more", ""},
		{`"2000"`, `2s`, "milliseconds", ""},
		{`"2000"`, `2000`, "write it in quotes", ""},
		{`value: "3"`, `value: 3`, "write it in quotes", ""},
		{`value: "0.5"`, `value: half`, "not a number", ""},
		{`value: "0.5"`, `value: "50"`, "between 0 and 1", ""},
		{"timeout: 500ms", "timeout: 500 ms", "duration such as 500ms", ""},
		{"traffic: 25", "traffic: 35", "75 + 35 = 110", "  predictors:"},
		{"cpu: 100m", "cpu: 100mm", "quantit", ""},
		{"url: http://collector.logs", "url: collector.logs", "http://", ""},
		{"s3://models/trees", "s4://models/trees", "use s3", ""},
		{"gs://models/a", "gcs://models/a", "did you mean gs?", ""},
		{"s3://models/trees", "./trees", "does not exist", ""},
		{"s3://models/trees", "s3://", "names no place", ""},
		// Names that belong together.
		{"- name: scaler\n          image", "- name: scalar\n          image", "did you mean scalar?", "      name: scaler"},
		{"- name: data\n            mountPath", "- name: date\n            mountPath", "did you mean data?", ""},
		{"- name: split", "- name: main", "Duplicate predictor name", ""},
		{"- name: b", "- name: a", "Duplicate node name", ""},
		{"name: ratioA", "name: ratioa", "ratioA", ""},
		{"maxReplicas: 3", "maxReplicas: 0", "maxReplicas", ""},
		{"team: payments", "team: our payments", "label value", ""},
	}
}

// TestTypos: each slip is told where it was made, with what to write.
func TestTypos(t *testing.T) {
	if said := judged(t, spotless); len(said) > 0 {
		t.Fatalf("the deployment without a slip:\n%v", said)
	}
	for _, slip := range typos() {
		t.Run(slip.wrong, func(t *testing.T) {
			at := strings.Index(spotless, slip.right)
			if at < 0 {
				t.Fatalf("there is no %q", slip.right)
			}
			first := strings.Count(spotless[:at], "\n") + 1
			if slip.told != "" {
				first = strings.Count(spotless[:strings.Index(spotless, slip.told)], "\n") + 1
			}
			last := first + strings.Count(slip.wrong, "\n")
			said := judged(t, spotless[:at]+slip.wrong+spotless[at+len(slip.right):])
			for _, p := range said {
				if p.Line >= first && p.Line <= last && strings.Contains(p.Message, slip.want) {
					return
				}
			}
			t.Errorf("nothing at line %d says %q; said was:\n%v", first, slip.want, said)
		})
	}
}

// judged is what validate says of a text, but for notes.
func judged(t *testing.T, text string) v1.Problems {
	t.Helper()
	settings, servers, err := installed(config.Default(), "")
	if err != nil {
		t.Fatal(err)
	}
	from := input{paths: []string{stdinName}, stdin: strings.NewReader(text)}
	all, problems, err := checkObjects(from, settings.Expand.Rules(servers))
	if err != nil && len(problems) == 0 {
		t.Fatal(err)
	}
	docs := all.deployments
	for i := range docs {
		here, err := source(&docs[i])
		if err != nil {
			t.Fatal(err)
		}
		problems = append(problems, docs[i].Locate(here.ModelProblems(servers))...)
	}
	return append(problems.Of(v1.SeverityError), problems.Of(v1.SeverityWarning)...)
}
