package crd_test

import (
	"os/exec"
	"regexp"
	"strings"
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

// TestFieldsAreExplained: kubectl explain says of each field what it is and, of
// those that people write, an example; nothing there is a link of Go's. An API
// server refuses a text for the metadata of the object itself.
func TestFieldsAreExplained(t *testing.T) {
	var definition apiextensionsv1.CustomResourceDefinition
	if err := yaml.UnmarshalStrict(crd.YAML(), &definition); err != nil {
		t.Fatal(err)
	}
	for _, version := range definition.Spec.Versions {
		seen := 0
		explained(t, version.Schema.OpenAPIV3Schema, version.Name, &seen)
		if least := 200; seen < least {
			t.Errorf("%s has %d fields, want %d or more", version.Name, seen, least)
		}
	}
}

func explained(t *testing.T, schema *apiextensionsv1.JSONSchemaProps, path string, seen *int) {
	for name, property := range schema.Properties {
		*seen++
		at := path + "." + name
		if !strings.Contains(path, ".") && name == "metadata" {
			if property.Description != "" {
				t.Errorf("%s has a text", at)
			}
			continue
		}
		text, example, found := strings.Cut(property.Description, "\nExample: ")
		if strings.TrimSpace(text) == "" {
			t.Errorf("%s has no text", at)
		}
		if (!found || example == "") && !strings.Contains(at, ".status") {
			t.Errorf("%s has no example", at)
		}
		if regexp.MustCompile(`\[[A-Z][A-Za-z.]*\]`).MatchString(text) {
			t.Errorf("%s has a link of Go's: %s", at, text)
		}
		explained(t, &property, at, seen)
	}
	if schema.Items != nil {
		explained(t, schema.Items.Schema, path+"[]", seen)
	}
	if schema.AdditionalProperties != nil && schema.AdditionalProperties.Schema != nil {
		explained(t, schema.AdditionalProperties.Schema, path+"{}", seen)
	}
}
