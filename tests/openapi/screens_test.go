package openapi

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"

	graphpage "github.com/prime-radiant/radiant/executor/openapi"
	"github.com/prime-radiant/radiant/executor/protocol"
	dtype "github.com/prime-radiant/radiant/executor/tensor"
	"github.com/prime-radiant/radiant/executor/translate"
	"github.com/prime-radiant/radiant/tests/kit/browser"
	"github.com/prime-radiant/radiant/tests/kit/openapi"
	"github.com/prime-radiant/radiant/tests/kit/tools"
)

// flowers is a graph of every kind of nodes, with a long name among them.
type flowers struct{ protocol *protocol.Protocol }

func (f flowers) Overview(context.Context) *graphpage.Graph {
	in := graphpage.Tensor{TensorSpec: translate.TensorSpec{Name: "float_input_of_the_model", DType: dtype.FP32, Shape: []int64{-1, 4}}}
	signatures := []graphpage.Signature{{Inputs: []graphpage.Tensor{in}}}
	node := func(depth int, name, kind, speaks string) graphpage.Node {
		return graphpage.Node{Name: name, Depth: depth, Type: kind, Speaks: speaks, Foreign: speaks != "" && speaks != f.protocol.Name,
			Asked: speaks != "", Answered: true, Signatures: signatures}
	}
	return &graphpage.Graph{Protocol: f.protocol, Nodes: []graphpage.Node{
		node(0, "scaler", "TRANSFORMER", "seldon"),
		node(1, "chooser", "ROUTER", "seldon"),
		node(2, "mean", "AVERAGE_COMBINER", ""),
		node(3, "trees", "MODEL, XGBOOST_SERVER", "v2"),
		node(3, "a-network-whose-name-is-as-long-as-kubernetes-allows-it", "MODEL, TENSORFLOW_SERVER", "tensorflow"),
		node(2, "lines", "MODEL, SKLEARN_SERVER", "v2"),
	}}
}

// TestPageOnScreens looks at the page on a desk and on a phone: the picture of
// the graph is there, nothing scrolls sideways, no lock is shown where nothing
// is locked, and the request in Python answers as it stands.
func TestPageOnScreens(t *testing.T) {
	chromium := browser.Start(t)
	python := filepath.Join(filepath.Dir(tools.Path(t, "peers-wrapper")), "python")
	seldon, err := protocol.Lookup("seldon")
	must(t, err)
	page := &graphpage.Page{
		Names: graphpage.Names{Deployment: "flowers", Namespace: "models", Predictor: "main"}, Document: "seldon", Source: flowers{seldon},
		Hints: graphpage.Hints{Files: fstest.MapFS{"predictors.json": {Data: []byte(`[{"name":"main","percent":75},{"name":"canary","percent":25},{"name":"dark","percent":100,"shadow":true}]`)}}},
	}
	const home = "/seldon/models/flowers"
	mux := http.NewServeMux()
	mux.Handle(home+"/api/v1.0/doc/", http.StripPrefix(home, page))
	mux.HandleFunc("POST "+home+"/api/v1.0/predictions", func(w http.ResponseWriter, r *http.Request) {
		var sent any
		if err := json.NewDecoder(r.Body).Decode(&sent); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(`{"data":{"names":["t:0","t:1","t:2"],"ndarray":[[0.25,0.5,0.25]]},"meta":{}}`))
	})
	server := httptest.NewServer(mux)
	defer server.Close()
	for _, width := range []int{1280, 390} {
		t.Run(strconv.Itoa(width), func(t *testing.T) {
			b := chromium.Open(t)
			b.Size(t, width, 900)
			openapi.Execute(t, b, server.URL+home+"/api/v1.0/doc/")
			drawn := b.Await(t, "the picture", `(i => i?.complete && i.naturalWidth ? i.currentSrc + " " + i.width + " " + i.naturalWidth : "")(document.querySelector("figure img"))`)
			if narrow := strings.Contains(drawn, "graph-narrow.svg"); narrow != (width < 700) {
				t.Errorf("the picture is %s", drawn)
			}
			b.Await(t, "the tab for Python", `(e => { e?.click(); return e ? "clicked" : ""; })([...document.querySelectorAll(".opblock.is-open h4")].find(e => e.innerText === "Python"))`)
			snippet := b.Await(t, "the request in Python", `[...document.querySelectorAll(".opblock.is-open pre")].map(e => e.innerText).find(s => s.includes("import requests")) ?? ""`)
			b.Picture(t, "page "+strconv.Itoa(width))
			if out, err := exec.CommandContext(t.Context(), python, "-c", snippet).CombinedOutput(); err != nil || !strings.Contains(string(out), "0.25") {
				t.Errorf("%s\n%v: %s", snippet, err, out)
			}
			openapi.Fits(t, b, width)
			if locks := b.Await(t, "locks", `String(document.querySelectorAll(".authorization__btn, .auth-wrapper").length)`); locks != "0" {
				t.Errorf("%s locks are shown", locks)
			}
			_, complaints := b.Seen()
			if len(complaints) > 0 {
				t.Errorf("the browser complains: %s", strings.Join(complaints, "\n"))
			}
		})
	}
}
