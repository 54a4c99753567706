// Generate writes the CustomResourceDefinition of SeldonDeployments from the
// Go types in apis/v1:
//
//	go run ./manifests/crd/generate > manifests/crd/seldondeployments.yaml
package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"sigs.k8s.io/yaml"

	v1 "github.com/prime-radiant/radiant/apis/v1"
)

const generator = "sigs.k8s.io/controller-tools/cmd/controller-gen@v0.23.0"

func main() {
	text, err := generate()
	if err != nil {
		fmt.Fprintln(os.Stderr, "generate:", err)
		os.Exit(1)
	}
	_, _ = os.Stdout.Write(text)
}

func generate() ([]byte, error) {
	cmd := exec.Command("go", "run", generator, "crd", "paths=./apis/v1", "output:stdout")
	cmd.Stderr = os.Stderr
	made, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("running controller-gen: %w", err)
	}
	var crd apiextensionsv1.CustomResourceDefinition
	if err := yaml.UnmarshalStrict(bytes.TrimPrefix(made, []byte("---\n")), &crd); err != nil {
		return nil, fmt.Errorf("reading what controller-gen wrote: %w", err)
	}
	serveAllVersions(&crd)
	return yaml.Marshal(document(crd))
}

// document is what is written of a definition: its status is the API server's.
func document(crd apiextensionsv1.CustomResourceDefinition) any {
	return struct {
		APIVersion string                                       `json:"apiVersion"`
		Kind       string                                       `json:"kind"`
		Metadata   map[string]any                               `json:"metadata"`
		Spec       apiextensionsv1.CustomResourceDefinitionSpec `json:"spec"`
	}{crd.APIVersion, crd.Kind, map[string]any{"name": crd.Name}, crd.Spec}
}

// serveAllVersions serves each version of the API by the schema of the stored
// one, so that an object of one version is an object of each.
func serveAllVersions(crd *apiextensionsv1.CustomResourceDefinition) {
	stored := crd.Spec.Versions[0]
	openArrays(stored.Schema.OpenAPIV3Schema)
	describe(stored.Schema.OpenAPIV3Schema, "", texts())
	crd.Spec.Versions = nil
	for _, name := range v1.Versions() {
		version := *stored.DeepCopy()
		version.Name, version.Storage = name, name == stored.Name
		crd.Spec.Versions = append(crd.Spec.Versions, version)
	}
	crd.Spec.Conversion = &apiextensionsv1.CustomResourceConversion{Strategy: apiextensionsv1.NoneConverter}
}

// openArrays moves the mark of values without a schema from arrays to their
// items: an API server takes it on objects alone.
func openArrays(schema *apiextensionsv1.JSONSchemaProps) {
	if schema.Type == "array" && schema.Items == nil {
		schema.Items = &apiextensionsv1.JSONSchemaPropsOrArray{Schema: &apiextensionsv1.JSONSchemaProps{
			Type: "object", XPreserveUnknownFields: schema.XPreserveUnknownFields,
		}}
		schema.XPreserveUnknownFields = nil
	}
	for name, property := range schema.Properties {
		openArrays(&property)
		schema.Properties[name] = property
	}
	if schema.Items != nil {
		openArrays(schema.Items.Schema)
	}
}
