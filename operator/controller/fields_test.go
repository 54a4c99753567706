package controller

import (
	"encoding/json"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"
)

func parsed(t *testing.T, text string) map[string]any {
	t.Helper()
	var fields map[string]any
	if err := yaml.Unmarshal([]byte(text), &fields); err != nil {
		t.Fatal(err)
	}
	return fields
}

func TestOwns(t *testing.T) {
	const fields = `{"f:metadata":{"f:labels":{"f:a":{}},"f:finalizers":{".":{},"v:\"x/y\"":{}}},
"f:spec":{"f:replicas":{},"f:args":{},"f:containers":{"k:{\"name\":\"c\"}":{".":{},"f:name":{},"f:image":{},
"f:ports":{"k:{\"containerPort\":80,\"protocol\":\"TCP\"}":{".":{},"f:containerPort":{}}}}}}}`
	for name, test := range map[string]struct {
		desired string
		want    bool
	}{
		"all":                {`{apiVersion: v1, kind: X, metadata: {name: n, namespace: ns, labels: {a: b}}, spec: {replicas: 1}}`, true},
		"a label is lost":    {`{metadata: {name: n, labels: {a: b, c: d}}}`, false},
		"a field is lost":    {`{spec: {paused: true}}`, false},
		"an atomic list":     {`{spec: {args: [a, b, {c: d}]}}`, true},
		"an item":            {`{spec: {containers: [{name: c, image: i}]}}`, true},
		"an item is lost":    {`{spec: {containers: [{name: c, image: i}, {name: d}]}}`, false},
		"a field of an item": {`{spec: {containers: [{name: c, command: [x]}]}}`, false},
		"a key with default": {`{spec: {containers: [{name: c, ports: [{containerPort: 80}]}]}}`, true},
		"another key":        {`{spec: {containers: [{name: c, ports: [{containerPort: 80, protocol: UDP}]}]}}`, false},
		"a set":              {`{metadata: {finalizers: [x/y]}}`, true},
		"a lost part of it":  {`{metadata: {finalizers: [x/y, z]}}`, false},
	} {
		if got := owns([]byte(fields), parsed(t, test.desired)); got != test.want {
			t.Errorf("%s: %t, want %t", name, got, test.want)
		}
	}
	if owns(nil, map[string]any{}) || owns([]byte("{"), map[string]any{}) {
		t.Error("fields that are not there, or cannot be read, are owned")
	}
}

func managed(manager string, operation metav1.ManagedFieldsOperationType, subresource, fields string) metav1.ManagedFieldsEntry {
	return metav1.ManagedFieldsEntry{Manager: manager, Operation: operation, APIVersion: "apps/v1", FieldsType: "FieldsV1",
		Subresource: subresource, FieldsV1: metav1.NewFieldsV1(fields)}
}

func TestHandOver(t *testing.T) {
	const both = `{"f:spec":{"f:paused":{},"f:replicas":{}}}`
	ours := managed(FieldManager, metav1.ManagedFieldsOperationApply, "", both)
	theirs := managed("manager", metav1.ManagedFieldsOperationUpdate, "", both)
	status := managed("manager", metav1.ManagedFieldsOperationUpdate, "status", `{"f:status":{}}`)
	edited := managed("kubectl-edit", metav1.ManagedFieldsOperationUpdate, "", `{"f:metadata":{"f:labels":{"f:x":{}}}}`)
	made := managed("another-build", metav1.ManagedFieldsOperationUpdate, "",
		`{"f:metadata":{"f:ownerReferences":{".":{},"k:{\"uid\":\"u\"}":{}}},"f:spec":{"f:replicas":{}}}`)
	pods := managed("argocd-controller", metav1.ManagedFieldsOperationApply, "", `{"f:spec":{"f:template":{"f:spec":{"f:hostNetwork":{}}}}}`)
	restart := managed("kubectl-rollout", metav1.ManagedFieldsOperationUpdate, "", `{"f:spec":{"f:template":{"f:metadata":{"f:annotations":{"f:x":{}}}}}}`)
	for name, test := range map[string]struct {
		entries []metav1.ManagedFieldsEntry
		desired string
		// want are the managers afterwards, and whether ours has the replicas.
		want string
	}{
		"nothing to do":             {[]metav1.ManagedFieldsEntry{ours, edited}, `{spec: {replicas: 1}}`, ""},
		"nobody's":                  {[]metav1.ManagedFieldsEntry{edited}, `{spec: {}}`, ""},
		"a predecessor's":           {[]metav1.ManagedFieldsEntry{theirs, edited, status}, `{spec: {replicas: 1}}`, "kubectl-edit manager/status radiant+replicas"},
		"who gave it its owner":     {[]metav1.ManagedFieldsEntry{made, edited}, `{spec: {replicas: 1}}`, "kubectl-edit radiant+replicas"},
		"who said what pods are":    {[]metav1.ManagedFieldsEntry{pods, edited, made}, `{spec: {replicas: 1}}`, "kubectl-edit radiant+replicas"},
		"who restarted pods":        {[]metav1.ManagedFieldsEntry{restart}, `{spec: {}}`, ""},
		"replicas are nobody's":     {[]metav1.ManagedFieldsEntry{theirs}, `{spec: {}}`, "radiant"},
		"an autoscaler comes":       {[]metav1.ManagedFieldsEntry{ours, edited}, `{spec: {}}`, "radiant kubectl-edit"},
		"another that is called so": {[]metav1.ManagedFieldsEntry{ours, theirs}, `{spec: {replicas: 1}}`, ""},
	} {
		o := &metav1.PartialObjectMetadata{}
		o.SetManagedFields(test.entries)
		controls := true
		o.SetOwnerReferences([]metav1.OwnerReference{{UID: "u", Controller: &controls}})
		entries, err := handOver(o, parsed(t, test.desired))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		var got []string
		for _, e := range entries {
			text := e.Manager
			if e.Subresource != "" {
				text += "/" + e.Subresource
			}
			if e.Manager == FieldManager {
				fields, err := json.Marshal(e.FieldsV1)
				if err != nil {
					t.Fatal(err)
				}
				if strings.Contains(string(fields), "f:replicas") {
					text += "+replicas"
				}
			}
			got = append(got, text)
		}
		if strings.Join(got, " ") != test.want {
			t.Errorf("%s: managers are %v, want %s", name, got, test.want)
		}
	}
}
