//go:build e2e

package e2e

import (
	"strings"
	"testing"

	"github.com/prime-radiant/radiant/tests/kit/browser"
	"github.com/prime-radiant/radiant/tests/kit/cases"
	"github.com/prime-radiant/radiant/tests/kit/openapi"
	"github.com/prime-radiant/radiant/tests/kit/stores"
)

// An unchanged manifest of version v1alpha2, whose model is in a bucket, is
// asked for a digit through the gateway.
func TestTensorFlowServing(t *testing.T) {
	w := newWorld(t, "default")
	w.models(map[string]stores.Files{"seldon-models": stores.Folder(t, "../../samples/mnist/model", "tfserving/mnist-model/")})
	w.kubectl("apply", "-f", "testdata/tfserving.yaml")
	w.available("tfserving")
	const path = "/seldon/default/tfserving/api/v1.0/predictions"
	requests := []cases.Request{
		{Transport: "rest", Path: path, BodyFile: "request.json", ExpectFile: "response.json", Tolerance: 1e-5},
		{
			Transport: "grpc", Method: "/seldon.protos.Seldon/Predict", Headers: map[string]string{"seldon": "tfserving", "namespace": "default"},
			BodyFile: "requests/seldon-tensor.json", ExpectFile: "requests/seldon-tensor.expect.json", Tolerance: 1e-5,
		},
	}
	for _, r := range requests {
		// A gateway follows routes a moment after they are written.
		w.eventually(r.Transport+" answers", func() error { return cases.Run(gatewayOf(r), "../../samples/mnist", r) })
	}
	tab := browser.Start(t).Open(t)
	info, scores := openapi.Execute(t, tab, "http://"+gatewayREST()+"/seldon/default/tfserving/api/v1.0/doc/")
	tab.Picture(t, "page")
	if err := mentions(info, "tfserving", "images", "[?, 784]", "[?, 10]"); err != nil {
		t.Errorf("the page: %v", err)
	}
	if len(scores) != 10 {
		t.Errorf("the page shows %d scores: %v", len(scores), scores)
	}
	w.delete("tfserving")
}

// The status says in words that a model is missing, and a right one heals it.
func TestMissingModel(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "missing-model")
	w.models(map[string]stores.Files{"models": stores.Folder(t, "../../samples/mnist/model", "mnist/")})
	manifest := func(uri string) string {
		return strings.NewReplacer("gs://seldon-models/tfserving/mnist-model", uri).Replace(read(t, "testdata/tfserving.yaml"))
	}
	w.applyText(manifest("gs://models/mnst"))
	w.eventually("the status tells of the model", func() error {
		return mentions(w.deployment("tfserving").Status.Description, "gs://models/mnst")
	})
	t.Logf("status: %s", w.deployment("tfserving").Status.Description)
	w.applyText(manifest("gs://models/mnist"))
	w.available("tfserving")
	w.delete("tfserving")
}
