package training

import (
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/prime-radiant/radiant/apis/kubeflow"
)

// TestAStatusWithoutCounts: what others write into a status, or a definition that is
// not ours lets in, counts no pods and stops nothing.
func TestAStatusWithoutCounts(t *testing.T) {
	job, _, err := decode(&unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "kubeflow.org/v1", "kind": "TFJob", "metadata": map[string]any{"name": "j"},
		"spec": map[string]any{"tfReplicaSpecs": map[string]any{}},
		"status": map[string]any{"restarts": int64(2), "replicaStatuses": map[string]any{
			"Worker": nil, "PS": map[string]any{"active": int64(1)},
		}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	s := job.State()
	if len(s.ReplicaStatuses) != 1 || s.ReplicaStatuses[kubeflow.PS].Active != 1 || s.Restarts != 2 {
		t.Errorf("the status is read as %+v", s)
	}
}
