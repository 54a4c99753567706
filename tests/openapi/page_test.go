package openapi

import (
	"encoding/json"
	"fmt"
	"math"
	"net/url"
	"slices"
	"strings"
	"testing"
)

// TestPage opens each protocol's page behind the gateway of radiant local,
// presses "Try it out" and "Execute", and looks for the prediction.
func TestPage(t *testing.T) {
	chromium(t)
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
			b := openTab(t)
			home := "http://" + gateway + "/seldon/default/" + c.deployment
			must(t, b.call(soon(t), "Page.navigate", object{"url": home + c.docs}, nil))
			if said := output.text(); c.announced && !strings.Contains(said, "in a browser: "+home+c.docs+"\n") {
				t.Errorf("radiant local does not say where the page is: %s", said)
			}
			info := b.await(t, "the document", `document.querySelector(".info")?.innerText ?? ""`)
			for _, word := range []string{c.deployment, "images", "FP32", "[?, 784]", "scores", "[?, 10]"} {
				if !strings.Contains(info, word) {
					t.Errorf("the page does not say %q: %s", word, info)
				}
			}
			const predict = "#operations-Predictions-Predict "
			b.click(t, predict+".try-out__btn")
			b.await(t, "the example", text(predict+"textarea"))
			b.click(t, predict+".execute")
			status := b.await(t, "the answer", text(predict+".live-responses-table tbody .response-col_status"))
			body := b.await(t, "the body", text(predict+".live-responses-table tbody .response-col_description .highlight-code pre"))
			b.picture(t, c.name)
			if !strings.HasPrefix(status, "200") {
				t.Errorf("the status is %s", status)
			}
			scores := decimals(t, body)
			sum := 0.0
			for _, s := range scores {
				sum += s
			}
			if len(scores) != 10 || math.Abs(sum-1) > 1e-3 {
				t.Errorf("the answer has %d numbers that add up to %v, want 10 probabilities: %s", len(scores), sum, body)
			}
			requests, complaints := b.seen()
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

// text is a script for the text of an element.
func text(selector string) string {
	return fmt.Sprintf(`(e => e?.value || e?.innerText || "")(document.querySelector(%q))`, selector)
}

// decimals are the numbers in JSON that are no whole ones.
func decimals(t *testing.T, body string) []float64 {
	t.Helper()
	var v any
	if err := json.Unmarshal([]byte(body), &v); err != nil {
		t.Fatalf("the answer is not JSON: %v: %s", err, body)
	}
	var all []float64
	var collect func(any)
	collect = func(v any) {
		switch v := v.(type) {
		case float64:
			if v != math.Trunc(v) {
				all = append(all, v)
			}
		case []any:
			for _, item := range v {
				collect(item)
			}
		case object:
			for _, item := range v {
				collect(item)
			}
		}
	}
	collect(v)
	return all
}
