package openapi

import (
	"math"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/prime-radiant/radiant/tests/kit/browser"
	"github.com/prime-radiant/radiant/tests/kit/openapi"
)

// TestPage opens each protocol's page behind the gateway of radiant local,
// presses "Try it out" and "Execute", and looks for the prediction.
func TestPage(t *testing.T) {
	chromium := browser.Start(t)
	gateway, output := serve(t, "mnist.yaml", "mnist-v2.yaml", "mnist-tensorflow.yaml")
	for _, c := range []struct {
		name, deployment, docs string
		// path is where a prediction is asked for.
		path string
		// announced is true if radiant local prints just this address.
		announced bool
	}{
		{"seldon", "mnist", "/api/v1.0/doc/", "/api/v1.0/predictions", true},
		{"v2", "mnist-v2", "/v2/docs/", "/v2/models/mnist-model/infer", true},
		{"tensorflow", "mnist-tensorflow", "/v1/docs/", "/v1/models/mnist-model:predict", true},
		{"seldon, as of old", "mnist", "/api/v0.1/doc/", "/api/v1.0/predictions", false},
		// The page needs the slash, for its parts.
		{"without the slash", "mnist-tensorflow", "/v1/docs", "/v1/models/mnist-model:predict", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := chromium.Open(t)
			home := "http://" + gateway + "/seldon/default/" + c.deployment
			info, scores := openapi.Execute(t, b, home+c.docs)
			b.Picture(t, c.name)
			if said := output.text(); c.announced && !strings.Contains(said, "in a browser: "+home+c.docs+"\n") {
				t.Errorf("radiant local does not say where the page is: %s", said)
			}
			for _, word := range []string{c.deployment, "images", "FP32", "[?, 784]", "scores", "[?, 10]"} {
				if !strings.Contains(info, word) {
					t.Errorf("the page does not say %q: %s", word, info)
				}
			}
			if len(scores) == 0 || len(scores)%10 != 0 {
				t.Errorf("the answer has %d numbers, want rows of 10 probabilities", len(scores))
			}
			for row := range slices.Chunk(scores, 10) {
				sum := 0.0
				for _, s := range row {
					sum += s
				}
				if math.Abs(sum-1) > 1e-3 {
					t.Errorf("the scores of a row add up to %v: %v", sum, row)
				}
			}
			requests, complaints := b.Seen()
			if len(complaints) > 0 {
				t.Errorf("the browser complains: %s", strings.Join(complaints, "\n"))
			}
			if !slices.Contains(requests, home+c.path) {
				t.Errorf("the page did not ask %s but %q", home+c.path, requests)
			}
			for _, r := range requests {
				if u, err := url.Parse(r); err != nil || u.Scheme != "data" && u.Host != gateway {
					t.Errorf("the page asked %s for something", r)
				}
			}
		})
	}
}
