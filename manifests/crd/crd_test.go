package crd_test

import (
	"os/exec"
	"testing"

	"github.com/google/go-cmp/cmp"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"sigs.k8s.io/yaml"

	"github.com/prime-radiant/radiant/manifests/crd"
)

func TestDefinitionIsThatOfTheTypes(t *testing.T) {
	generate := exec.Command("go", "run", "./manifests/crd/generate")
	generate.Dir = "../.."
	want, err := generate.Output()
	if err != nil {
		t.Fatalf("generating the definition: %v", err)
	}
	if diff := cmp.Diff(string(want), string(crd.YAML())); diff != "" {
		t.Errorf("the definition is not what the types in apis/v1 say; run make generate (-want +got):\n%s", diff)
	}
}

// TestSize: kubectl apply copies what it applies into an annotation, and all
// annotations of an object have 256 KiB together.
func TestSize(t *testing.T) {
	const most = 256 << 10
	if n := len(crd.YAML()); n >= most {
		t.Errorf("the definition has %d bytes; plain kubectl apply takes less than %d", n, most)
	}
}

func TestName(t *testing.T) {
	var definition apiextensionsv1.CustomResourceDefinition
	if err := yaml.UnmarshalStrict(crd.YAML(), &definition); err != nil {
		t.Fatal(err)
	}
	if definition.Name != crd.Name {
		t.Errorf("the definition's name is %s, the constant %s", definition.Name, crd.Name)
	}
}
