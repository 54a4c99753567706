package apiserver_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"
	"sigs.k8s.io/yaml"

	"github.com/prime-radiant/radiant/expand"
)

// foreign reports whether a kind is one of another project, whose definition is
// not at hand: that of the Gateway API is.
func foreign(gk schema.GroupKind) bool {
	return gk.Group != gatewayv1.GroupName && slices.ContainsFunc(expand.AllKinds(), func(k expand.Kind) bool {
		return k.Optional && k.GroupKind() == gk
	})
}

// TestGoldenObjectsAreTaken: what deployments expand to is taken by an API
// server, applied server-side as the operator does: unknown fields are
// errors then.
func TestGoldenObjectsAreTaken(t *testing.T) {
	c := writer(t)
	if err := shared.Install(t.Context(), gatewayDefinitions(t)...); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob("../../expand/testdata/*.out.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("%d files, error %v", len(files), err)
	}
	taken := map[string]int{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for document := range bytes.SplitSeq(text, []byte("\n---\n")) {
			u := &unstructured.Unstructured{}
			if err := yaml.Unmarshal(document, &u.Object); err != nil {
				t.Fatalf("%s: %v", file, err)
			}
			kind := u.GroupVersionKind()
			if foreign(kind.GroupKind()) {
				continue
			}
			u.SetNamespace("default")
			u.SetOwnerReferences(nil) // The API server does not look for the owner, but wants its uid.
			err := c.Apply(t.Context(), client.ApplyConfigurationFromUnstructured(u), client.DryRunAll, client.FieldOwner("test"), client.ForceOwnership)
			if err != nil {
				t.Errorf("%s: %s %s: %v", filepath.Base(file), kind.Kind, u.GetName(), err)
			}
			taken[kind.Kind]++
		}
	}
	for _, kind := range []string{"Deployment", "Service", "HorizontalPodAutoscaler", "PodDisruptionBudget", "Ingress", "HTTPRoute", "GRPCRoute"} {
		if taken[kind] == 0 {
			t.Errorf("no %s was applied", kind)
		}
	}
}

// gatewayDefinitions are those of the Gateway API in the version that is
// linked, of the channel in which a shadow may get a part of the requests.
func gatewayDefinitions(t *testing.T) [][]byte {
	t.Helper()
	dir, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "sigs.k8s.io/gateway-api").Output()
	if err != nil {
		t.Fatalf("looking for the Gateway API: %v", err)
	}
	var documents [][]byte
	for _, name := range []string{"httproutes", "grpcroutes"} {
		file := filepath.Join(strings.TrimSpace(string(dir)), "config/crd/experimental/gateway.networking.k8s.io_"+name+".yaml")
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		documents = append(documents, text)
	}
	return documents
}
