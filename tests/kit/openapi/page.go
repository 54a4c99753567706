package openapi

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/prime-radiant/radiant/tests/kit/browser"
)

// Execute opens the page about a deployment, presses "Try it out" and
// "Execute", and returns what the page says of the deployment and the numbers
// of the prediction, row after row. Anything but an answer with status 200 fails
// the test.
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
	return info, predicted(t, body)
}

// Fits fails the test if the page that the browser shows on a screen of this width
// scrolls sideways.
func Fits(t *testing.T, b *browser.Tab, width int) {
	t.Helper()
	// A scroll bar takes some of the screen.
	wide := b.Await(t, "the width", `(e => e.scrollWidth > e.clientWidth ? String(e.scrollWidth) : "fits")(document.documentElement)`)
	if wide != "fits" {
		widest := b.Await(t, "what is wide", `[...document.querySelectorAll("body *")].filter(e => e.getBoundingClientRect().right > innerWidth + 1).slice(0, 12).map(e => e.tagName + "." + e.className + " " + Math.round(e.getBoundingClientRect().right)).join("\n") || "nothing"`)
		t.Errorf("the page is %s wide on a screen of %d: %s", wide, width, widest)
	}
}

// predicted are the numbers of an answer in any protocol: those in lists that
// hold nothing else, but for lists of sizes.
func predicted(t *testing.T, body string) []float64 {
	t.Helper()
	var answer any
	if err := json.Unmarshal([]byte(body), &answer); err != nil {
		t.Fatalf("the answer is not JSON: %v: %s", err, body)
	}
	var all []float64
	var collect func(any)
	collect = func(v any) {
		switch v := v.(type) {
		case []any:
			for _, item := range v {
				if number, ok := item.(float64); ok {
					all = append(all, number)
				}
				collect(item)
			}
		case map[string]any:
			for name, item := range v {
				if name != "shape" {
					collect(item)
				}
			}
		}
	}
	collect(answer)
	return all
}
