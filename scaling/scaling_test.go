package scaling

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestWhatAnnotationsHoldComesBack: what expand writes is what the scaler and
// the activator read, durations as people write them.
func TestWhatAnnotationsHoldComesBack(t *testing.T) {
	want := Scaled{
		Policy: Policy{
			Metric: RPS, Target: 0.7, MaxReplicas: 3, InitialReplicas: 1, ActivationReplicas: 2, Window: Duration{time.Minute},
			PanicWindow: Duration{6 * time.Second}, PanicThreshold: 2, GracePeriod: Duration{90 * time.Second}, ContainerConcurrency: 4,
		},
		Predictor: "iris-default", ReportPort: 8000, Nodes: []string{"b"}, Fronts: []string{"iris-default-b"},
	}
	text, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	const written = `{"policy":{"metric":"rps","target":0.7,"minReplicas":0,"maxReplicas":3,"initialReplicas":1,"activationReplicas":2,` +
		`"window":"1m0s","panicWindow":"6s","panicThreshold":2,"scaleToZeroGracePeriod":"1m30s","containerConcurrency":4},` +
		`"predictor":"iris-default","reportPort":8000,"nodes":["b"],"fronts":["iris-default-b"]}`
	if diff := cmp.Diff(written, string(text)); diff != "" {
		t.Error(diff)
	}
	var got Scaled
	if err := json.Unmarshal(text, &got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if err := json.Unmarshal([]byte(`{"policy":{"window":"soon"}}`), &got); err == nil {
		t.Error("a window of no duration was read")
	}
}
