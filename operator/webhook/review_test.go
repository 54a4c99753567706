package webhook

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	admissionv1 "k8s.io/api/admission/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/yaml"

	v1 "github.com/prime-radiant/radiant/apis/v1"
	"github.com/prime-radiant/radiant/expand"
	"github.com/prime-radiant/radiant/manifests"
)

const right = `
apiVersion: machinelearning.seldon.io/v1
kind: SeldonDeployment
metadata:
  name: iris
  namespace: models
  managedFields: [{manager: kubectl, operation: Apply, fieldsType: FieldsV1, fieldsV1: {"f:spec": {}}}]
spec:
  predictors:
  - name: default
    graph: {name: classifier, implementation: SKLEARN_SERVER, modelUri: "gs://models/iris"}
status: {state: Available}
`

// wrong has three errors and a warning.
const wrong = `
apiVersion: machinelearning.seldon.io/v1
kind: SeldonDeployment
metadata: {name: iris, namespace: models}
spec:
  protocol: rest
  predictors:
  - name: default
    engineResources: {limits: {cpu: 1}}
    replicas: -1
    graph: {name: classifier, type: MODEL}
`

// unreadable has a list where a number belongs, beside another error.
const unreadable = `
apiVersion: machinelearning.seldon.io/v1
kind: SeldonDeployment
metadata: {name: iris, namespace: models}
spec:
  protocol: rest
  predictors:
  - name: default
    componentSpecs:
    - spec: {containers: [{name: classifier, image: "a/b:1", ports: [{containerPort: [1]}]}]}
    graph: {name: classifier, type: MODEL}
`

func raw(t *testing.T, text string) runtime.RawExtension {
	t.Helper()
	if text == "" {
		return runtime.RawExtension{}
	}
	body, err := yaml.YAMLToJSON([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return runtime.RawExtension{Raw: body}
}

func rules(t *testing.T) v1.ValidateOptions {
	t.Helper()
	servers, err := manifests.Load()
	if err != nil {
		t.Fatal(err)
	}
	return new(expand.DefaultConfig()).Rules(servers)
}

func TestReview(t *testing.T) {
	wrongFields := []string{"spec.protocol", "spec.predictors[0].replicas", "spec.predictors[0].graph.name"}
	for _, c := range []struct {
		name      string
		operation admissionv1.Operation
		object    string
		old       string
		// refused are the fields at fault; warned are parts of the warnings.
		refused, warned []string
	}{
		{name: "right", operation: admissionv1.Create, object: right},
		{name: "wrong", operation: admissionv1.Create, object: wrong, refused: wrongFields, warned: []string{"engineResources: is ignored"}},
		{name: "from right to wrong", operation: admissionv1.Update, object: wrong, old: right, refused: wrongFields, warned: []string{"engineResources"}},
		{name: "from wrong to right", operation: admissionv1.Update, object: right, old: wrong},
		{
			name: "a label of what is wrong", operation: admissionv1.Update, old: wrong,
			object: strings.Replace(wrong, "metadata: {", "metadata: {labels: {team: a}, ", 1),
			warned: append([]string{"engineResources"}, wrongFields...),
		},
		{
			name: "another mistake in what is wrong", operation: admissionv1.Update, old: wrong,
			object: strings.Replace(wrong, "replicas: -1", "replicas: -2", 1), refused: wrongFields, warned: []string{"engineResources"},
		},
		{
			name: "a field that cannot be read", operation: admissionv1.Create, object: unreadable,
			refused: []string{"spec.predictors[0].componentSpecs[0].spec.containers[0].ports[0].containerPort", "spec.protocol"},
		},
		{
			name: "a misspelt field", operation: admissionv1.Create,
			object: strings.Replace(right, "modelUri", "modelURI: x, modelUri", 1), warned: []string{"graph.modelURI"},
		},
		{
			name: "scaling", operation: admissionv1.Create,
			object: strings.Replace(right, "- name: default\n", "- name: default\n    componentSpecs: [{scaleSpec: {minReplicas: 4, maxReplicas: 3, target: 0}, hpaSpec: {maxReplicas: 3}}]\n", 1),
			refused: []string{
				"spec.predictors[0].componentSpecs[0].scaleSpec", "spec.predictors[0].componentSpecs[0].scaleSpec.minReplicas", "spec.predictors[0].componentSpecs[0].scaleSpec.target",
			},
			warned: []string{"requests no cpu"},
		},
		{name: "deletion", operation: admissionv1.Delete, old: wrong},
		{name: "connection", operation: admissionv1.Connect},
	} {
		t.Run(c.name, func(t *testing.T) {
			resp := Review(&admissionv1.AdmissionRequest{
				UID: "7", Name: "iris", Operation: c.operation, Object: raw(t, c.object), OldObject: raw(t, c.old),
			}, rules(t))
			if resp.UID != "7" {
				t.Errorf("UID is %q", resp.UID)
			}
			if resp.Allowed != (len(c.refused) == 0) {
				t.Fatalf("allowed is %t: %v", resp.Allowed, resp.Result)
			}
			if !resp.Allowed {
				checkRefusal(t, resp.Result, c.refused)
			}
			if len(resp.Warnings) != len(c.warned) {
				t.Errorf("warnings are %q, want %q", resp.Warnings, c.warned)
			}
			for _, want := range c.warned {
				if !strings.Contains(strings.Join(resp.Warnings, "\n"), want) {
					t.Errorf("warnings lack %s: %q", want, resp.Warnings)
				}
			}
		})
	}
}

// checkRefusal looks for all fields, in the causes and in the message.
func checkRefusal(t *testing.T, status *metav1.Status, fields []string) {
	t.Helper()
	if status.Code != http.StatusUnprocessableEntity || status.Reason != metav1.StatusReasonInvalid {
		t.Errorf("status is %d %s", status.Code, status.Reason)
	}
	var causes []string
	for _, c := range status.Details.Causes {
		causes = append(causes, c.Field)
		if !strings.Contains(status.Message, "\n* "+c.Field+": "+c.Message) {
			t.Errorf("the message lacks the cause %v:\n%s", c, status.Message)
		}
	}
	less := func(a, b string) bool { return a < b }
	if diff := cmp.Diff(fields, causes, cmpopts.SortSlices(less)); diff != "" {
		t.Errorf("fields of causes (-want +got):\n%s", diff)
	}
}

// TestReviewKnowsThePortsOfTheInstallation: a port that is written as it will be
// is not warned of.
func TestReviewKnowsThePortsOfTheInstallation(t *testing.T) {
	const object = `
apiVersion: machinelearning.seldon.io/v1
kind: SeldonDeployment
metadata: {name: m}
spec: {predictors: [{name: p, graph: {name: m, endpoint: {httpPort: 9100}}, componentSpecs: [{spec: {containers: [{name: m, image: i}]}}]}]}
`
	for port, warnings := range map[int32]int{9100: 0, v1.UnitHTTPPort: 1} {
		r := rules(t)
		r.Ports.HTTP = port
		resp := Review(&admissionv1.AdmissionRequest{Operation: admissionv1.Create, Object: raw(t, object)}, r)
		if !resp.Allowed || len(resp.Warnings) != warnings {
			t.Errorf("containers from %d: allowed is %t, warnings are %q, want %d", port, resp.Allowed, resp.Warnings, warnings)
		}
	}
}

// TestReviewKnowsOfActivators: what needs one is refused where none is installed.
func TestReviewKnowsOfActivators(t *testing.T) {
	object := strings.Replace(right, "- name: default\n", "- name: default\n    componentSpecs: [{scaleSpec: {minReplicas: 0}}]\n", 1)
	for _, none := range []bool{false, true} {
		r := rules(t)
		r.NoActivator = none
		resp := Review(&admissionv1.AdmissionRequest{Operation: admissionv1.Create, Object: raw(t, object)}, r)
		if resp.Allowed == none {
			t.Errorf("without an activator: %t; allowed is %t: %v", none, resp.Allowed, resp.Result)
		}
		if none {
			checkRefusal(t, resp.Result, []string{"spec.predictors[0].componentSpecs[0].scaleSpec.minReplicas"})
		}
	}
}

func TestReviewOfWhatIsNoObject(t *testing.T) {
	for _, text := range []string{"", "[1]", `{"kind": "Pod", "apiVersion": "v1"}`} {
		resp := Review(&admissionv1.AdmissionRequest{Operation: admissionv1.Create, Object: runtime.RawExtension{Raw: []byte(text)}}, rules(t))
		if resp.Allowed || resp.Result.Code != http.StatusBadRequest {
			t.Errorf("%q: allowed is %t, result %v", text, resp.Allowed, resp.Result)
		}
	}
}

func TestHandler(t *testing.T) {
	handler := Handler(func(context.Context) (v1.ValidateOptions, error) { return rules(t), nil }, slog.New(slog.DiscardHandler))
	review, err := json.Marshal(admissionv1.AdmissionReview{
		TypeMeta: metav1.TypeMeta{APIVersion: "admission.k8s.io/v1", Kind: "AdmissionReview"},
		Request:  &admissionv1.AdmissionRequest{UID: "8", Name: "iris", Operation: admissionv1.Create, Object: raw(t, wrong)},
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		method, path, kind string
		body               []byte
		status             int
	}{
		{"POST", "/validate-machinelearning-seldon-io-v1-seldondeployment", "application/json", review, 200},
		{"POST", "/validate-machinelearning-seldon-io-v1alpha2-seldondeployment", "application/json; charset=utf-8", review, 200},
		{"POST", "/validate-machinelearning-seldon-io-v2-seldondeployment", "application/json", review, 404},
		{"GET", Path("v1"), "", nil, 405},
		{"POST", Path("v1"), "text/plain", review, 415},
		{"POST", Path("v1"), "application/json", review[:40], 400},
		{"POST", Path("v1"), "application/json", []byte("{}"), 400},
		{"POST", Path("v1"), "application/json", bytes.Repeat([]byte(" "), maxReview+1), 413},
	} {
		request := httptest.NewRequest(c.method, c.path, bytes.NewReader(c.body))
		request.Header.Set("Content-Type", c.kind)
		answer := httptest.NewRecorder()
		handler.ServeHTTP(answer, request)
		if answer.Code != c.status {
			t.Errorf("%s %s (%s): status %d, want %d", c.method, c.path, c.kind, answer.Code, c.status)
		}
		if c.status != 200 {
			continue
		}
		var got admissionv1.AdmissionReview
		if err := json.Unmarshal(answer.Body.Bytes(), &got); err != nil {
			t.Fatal(err)
		}
		if got.Kind != "AdmissionReview" || got.APIVersion != "admission.k8s.io/v1" || got.Response.UID != "8" || got.Response.Allowed {
			t.Errorf("answer is %s", answer.Body)
		}
	}
}

// TestNothingIsRefusedWithoutRules holds that settings which cannot be read
// keep nobody from working.
func TestNothingIsRefusedWithoutRules(t *testing.T) {
	review, err := json.Marshal(admissionv1.AdmissionReview{
		Request: &admissionv1.AdmissionRequest{UID: "9", Operation: admissionv1.Create, Object: raw(t, wrong)},
	})
	if err != nil {
		t.Fatal(err)
	}
	handler := Handler(func(context.Context) (v1.ValidateOptions, error) {
		return v1.ValidateOptions{}, errors.New("settings are broken")
	}, slog.New(slog.DiscardHandler))
	request := httptest.NewRequest(http.MethodPost, Path("v1"), bytes.NewReader(review))
	request.Header.Set("Content-Type", "application/json")
	answer := httptest.NewRecorder()
	handler.ServeHTTP(answer, request)
	var got admissionv1.AdmissionReview
	if err := json.Unmarshal(answer.Body.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	want := &admissionv1.AdmissionResponse{UID: "9", Allowed: true, Warnings: []string{"not checked: settings are broken"}}
	if diff := cmp.Diff(want, got.Response); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}
