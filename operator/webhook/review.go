// Package webhook refuses wrong SeldonDeployments when they are applied. It is
// optional: the operator holds what is stored against the same rules and tells
// of problems in the status.
package webhook

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"strings"

	admissionv1 "k8s.io/api/admission/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	v1 "github.com/prime-radiant/radiant/apis/v1"
)

// Review answers one admission request by the rules of the API. It names all
// problems at once: in the message, for those who read, and as causes with
// their field paths, for programs. Warnings are handed on as warnings.
//
// Objects that are deleted are not looked at. An update that leaves the spec
// as it is passes with warnings, so that labels, annotations and finalizers of
// an object that was stored before a rule came can still be changed.
func Review(req *admissionv1.AdmissionRequest, rules v1.ValidateOptions) *admissionv1.AdmissionResponse {
	resp := &admissionv1.AdmissionResponse{UID: req.UID, Allowed: true}
	changes := req.Operation == admissionv1.Create || req.Operation == admissionv1.Update
	if !changes || req.SubResource != "" {
		return resp
	}
	spec, object, err := written(req.Object.Raw)
	if err != nil {
		resp.Allowed, resp.Result = false, badRequest(err)
		return resp
	}
	problems, err := validate(object, rules)
	if err != nil {
		resp.Allowed, resp.Result = false, badRequest(err)
		return resp
	}
	wrong := problems.Err() != nil
	if untouched := req.Operation == admissionv1.Update && sameSpec(req.OldObject.Raw, spec); wrong && !untouched {
		resp.Allowed, resp.Result = false, refusal(req, problems.Of(v1.SeverityError))
	} else {
		resp.Warnings = warnings(problems.Of(v1.SeverityError))
	}
	resp.Warnings = append(resp.Warnings, warnings(problems.Of(v1.SeverityWarning))...)
	return resp
}

// written returns the spec of an object, and the object without the parts that
// the API server writes.
func written(raw []byte) (spec any, object []byte, err error) {
	fields, err := decode(raw)
	if err != nil {
		return nil, nil, err
	}
	delete(fields, "status")
	if metadata, ok := fields["metadata"].(map[string]any); ok {
		delete(metadata, "managedFields")
	}
	object, err = json.Marshal(fields)
	return fields["spec"], object, err
}

func decode(raw []byte) (map[string]any, error) {
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.UseNumber()
	var fields map[string]any
	if err := decoder.Decode(&fields); err != nil {
		return nil, fmt.Errorf("reading the object under review: %w", err)
	}
	return fields, nil
}

// sameSpec is false also for an old object that cannot be read.
func sameSpec(old []byte, spec any) bool {
	fields, err := decode(old)
	return err == nil && reflect.DeepEqual(fields["spec"], spec)
}

// validate finds what is wrong with an object. The error is what keeps it from
// being looked at.
func validate(object []byte, rules v1.ValidateOptions) (v1.Problems, error) {
	docs, problems, err := v1.Decode("", bytes.NewReader(object))
	var wrong v1.Problems
	if err != nil && !errors.As(err, &wrong) {
		return nil, err
	}
	problems = append(problems, wrong...)
	if len(docs) == 0 && wrong == nil {
		return nil, fmt.Errorf("reading the object under review: it is no %s", v1.Kind)
	}
	for i := range docs {
		problems = append(problems, docs[i].Validate(rules)...)
	}
	for i := range problems {
		// Nobody wrote the lines of this text.
		problems[i].File, problems[i].Line, problems[i].Column = "", 0, 0
	}
	return problems, nil
}

// refusal is the status that clients get. kubectl prints its causes one a
// line; others print the message.
func refusal(req *admissionv1.AdmissionRequest, problems v1.Problems) *metav1.Status {
	lines := make([]string, len(problems))
	causes := make([]metav1.StatusCause, len(problems))
	for i, p := range problems {
		lines[i] = "* " + withPath(p)
		causes[i] = metav1.StatusCause{Type: metav1.CauseTypeFieldValueInvalid, Field: p.Path, Message: p.Message}
	}
	return &metav1.Status{
		Status:  metav1.StatusFailure,
		Code:    http.StatusUnprocessableEntity,
		Reason:  metav1.StatusReasonInvalid,
		Message: fmt.Sprintf("%s %q is invalid:\n%s", v1.Kind, req.Name, strings.Join(lines, "\n")),
		Details: &metav1.StatusDetails{Group: v1.Group, Kind: v1.Kind, Name: req.Name, Causes: causes},
	}
}

func badRequest(err error) *metav1.Status {
	return &metav1.Status{
		Status: metav1.StatusFailure, Code: http.StatusBadRequest, Reason: metav1.StatusReasonBadRequest, Message: err.Error(),
	}
}

func warnings(problems v1.Problems) []string {
	lines := make([]string, len(problems))
	for i, p := range problems {
		lines[i] = withPath(p)
	}
	return lines
}

func withPath(p v1.Problem) string {
	if p.Path == "" {
		return p.Message
	}
	return p.Path + ": " + p.Message
}
