package openapi

import (
	"encoding/json"
	"math"
	"strings"
	"testing"

	"github.com/prime-radiant/radiant/tests/kit/browser"
)

// Execute opens the page about a deployment, presses "Try it out" and
// "Execute", and returns what the page says of the deployment and the numbers
// of the prediction that are no whole ones. Anything but an answer with status
// 200 fails the test.
func Execute(t *testing.T, b *browser.Tab, page string) (info string, prediction []float64) {
	t.Helper()
	b.Go(t, page)
	info = b.Await(t, "the document", `document.querySelector(".info")?.innerText ?? ""`)
	const predict = "#operations-Predictions-Predict "
	b.Click(t, predict+".try-out__btn")
	b.Await(t, "the example", browser.Text(predict+"textarea"))
	b.Click(t, predict+".execute")
	status := b.Await(t, "the answer", browser.Text(predict+".live-responses-table tbody .response-col_status"))
	body := b.Await(t, "the body", browser.Text(predict+".live-responses-table tbody .response-col_description .highlight-code pre"))
	if !strings.HasPrefix(status, "200") {
		t.Errorf("the status is %s: %s", status, body)
	}
	return info, decimals(t, body)
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
		case map[string]any:
			for _, item := range v {
				collect(item)
			}
		}
	}
	collect(v)
	return all
}
