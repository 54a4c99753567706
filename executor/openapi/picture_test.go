package openapi

import (
	"encoding/xml"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
)

// TestPictureIsOfTheGraph: each node is a box with its name, and each but the root
// has an arrow; what is called has no say in what is drawn.
func TestPictureIsOfTheGraph(t *testing.T) {
	g := oneNode(t, "seldon", "seldon")
	g.Nodes = []Node{
		{Name: "router", Type: "ROUTER", Speaks: "seldon"},
		{Name: "<a>&", Depth: 1, Type: "MODEL", Speaks: "v2", Foreign: true},
		{Name: "b", Depth: 1, Speaks: "seldon"},
		{Name: "b1", Depth: 2, Type: strings.Repeat("long ", 40)},
	}
	g.Shares = []Share{{Name: "main", Percent: 75}, {Name: "canary", Percent: 25}, {Name: "dark", Percent: 10, Shadow: true}}
	for _, narrow := range []bool{false, true} {
		text := string(Picture(names, g, narrow))
		wellFormed(t, text)
		for _, want := range []string{"router", "&lt;a&gt;&amp;", "MODEL (v2)", ">b<", "main 75 % (this page)", "canary 25 %", "dark: copies of 10 %", "…"} {
			if !strings.Contains(text, want) {
				t.Errorf("narrow %v: %q is missing in\n%s", narrow, want, text)
			}
		}
		if boxes, arrows := strings.Count(text, "<rect"), strings.Count(text, "marker-end"); boxes != 4 || arrows != 3 {
			t.Errorf("narrow %v: %d boxes and %d arrows", narrow, boxes, arrows)
		}
		within(t, text)
	}
}

func wellFormed(t *testing.T, text string) {
	t.Helper()
	d := xml.NewDecoder(strings.NewReader(text))
	for {
		_, err := d.Token()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			t.Fatalf("%v in\n%s", err, text)
		}
	}
}

// within fails where a box lies outside of the picture or upon another.
func within(t *testing.T, text string) {
	t.Helper()
	var width, height int
	if _, err := fmt.Sscanf(text[strings.Index(text, `width="`):], `width="%d" height="%d"`, &width, &height); err != nil {
		t.Fatal(err)
	}
	type place struct{ x, y, w, h int }
	var all []place
	for _, m := range regexp.MustCompile(`<rect x="\d+" y="\d+" width="\d+" height="\d+"`).FindAllString(text, -1) {
		var p place
		if _, err := fmt.Sscanf(m, `<rect x="%d" y="%d" width="%d" height="%d"`, &p.x, &p.y, &p.w, &p.h); err != nil {
			t.Fatal(err)
		}
		if p.x < 0 || p.y < 0 || p.x+p.w > width || p.y+p.h > height {
			t.Errorf("a box at %+v is outside of %d x %d", p, width, height)
		}
		for _, o := range all {
			if p.x < o.x+o.w && o.x < p.x+p.w && p.y < o.y+o.h && o.y < p.y+p.h {
				t.Errorf("%+v is upon %+v", p, o)
			}
		}
		all = append(all, p)
	}
}

func TestPictureIsServed(t *testing.T) {
	p := page(t)
	p.Hints.Files = fstest.MapFS{"predictors.json": {Data: []byte(`[{"name":"main","percent":75},{"name":"canary","percent":25}]`)}}
	for _, name := range []string{"graph.svg", "graph-narrow.svg"} {
		w := ask(p, "GET", "/api/v1.0/doc/"+name)
		if w.Code != http.StatusOK || w.Header().Get("Content-Type") != "image/svg+xml" || !strings.Contains(w.Body.String(), "canary 25 %") {
			t.Errorf("%s is %d %v\n%s", name, w.Code, w.Header(), w.Body)
		}
	}
}

var update = flag.Bool("update", false, "rewrite docs/graph.svg")

// TestPictureOfTheREADME holds the picture that the README shows to what pages
// show.
func TestPictureOfTheREADME(t *testing.T) {
	g := oneNode(t, "seldon", "seldon")
	g.Nodes = []Node{
		{Name: "scaler", Type: "TRANSFORMER", Speaks: "seldon"},
		{Name: "chooser", Depth: 1, Type: "ROUTER", Speaks: "seldon"},
		{Name: "mean", Depth: 2, Type: "AVERAGE_COMBINER"},
		{Name: "network", Depth: 3, Type: "TENSORFLOW_SERVER", Speaks: "tensorflow", Foreign: true},
		{Name: "trees", Depth: 3, Type: "XGBOOST_SERVER", Speaks: "v2", Foreign: true},
		{Name: "lines", Depth: 2, Type: "SKLEARN_SERVER", Speaks: "v2", Foreign: true},
	}
	g.Shares = []Share{{Name: "main", Percent: 90}, {Name: "canary", Percent: 10}}
	const file = "../../docs/graph.svg"
	got := Picture(names, g, false)
	if *update {
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("go test ./executor/openapi -run README -update (-want +got):\n%s", diff)
	}
}
