package diff

import (
	"bytes"
	"encoding/base64"
	"encoding/json"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"github.com/prime-radiant/radiant/operator/controller"
)

// noise are the fields of metadata that the API server keeps for itself.
func noise() []string {
	return []string{"managedFields", "resourceVersion", "uid", "generation", "creationTimestamp", "selfLink"}
}

// bookkeeping are the annotations by which programs remember what they did.
func bookkeeping() []string {
	return []string{
		controller.AnnotationHash, "kubectl.kubernetes.io/last-applied-configuration",
		"seldon.io/last-applied", "deployment.kubernetes.io/revision",
	}
}

// text writes an object as people read it. Of nothing it is empty.
func text(o *unstructured.Unstructured) ([]byte, error) {
	if o == nil {
		return nil, nil
	}
	o = o.DeepCopy()
	delete(o.Object, "status")
	if metadata, ok := o.Object["metadata"].(map[string]any); ok {
		for _, key := range noise() {
			delete(metadata, key)
		}
		if annotations, ok := metadata["annotations"].(map[string]any); ok {
			for _, key := range bookkeeping() {
				delete(annotations, key)
			}
			if len(annotations) == 0 {
				delete(metadata, "annotations")
			}
		}
		references, _ := metadata["ownerReferences"].([]any)
		for _, r := range references {
			if fields, ok := r.(map[string]any); ok {
				delete(fields, "uid")
			}
		}
	}
	openPredictors(o.Object)
	return yaml.Marshal(o.Object)
}

// openPredictors replaces what executors are given, JSON in base64, by JSON.
func openPredictors(value any) {
	switch value := value.(type) {
	case map[string]any:
		if text, ok := value["value"].(string); ok && value["name"] == "ENGINE_PREDICTOR" {
			value["value"] = opened(text)
		}
		for _, field := range value {
			openPredictors(field)
		}
	case []any:
		for _, item := range value {
			openPredictors(item)
		}
	}
}

// opened is indented JSON, or the text itself where it is something else.
func opened(text string) string {
	body, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return text
	}
	var out bytes.Buffer
	if err := json.Indent(&out, body, "", "  "); err != nil {
		return text
	}
	return out.String() + "\n"
}
