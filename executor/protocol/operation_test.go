package protocol

import (
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/prime-radiant/radiant/executor/message"
	"github.com/prime-radiant/radiant/graph"
)

func TestOperations(t *testing.T) {
	type found struct {
		Action         Action
		Verb           string
		Model, Version string
		Methods        string
	}
	for _, c := range []struct {
		protocol, method, path string
		want                   *found
		known                  bool
	}{
		{"seldon", "POST", "/api/v1.0/predictions", &found{Predict, "", "", "", "OPTIONS,POST"}, true},
		{"seldon", "POST", "/api/v0.1/feedback", &found{Feedback, "", "", "", "OPTIONS,POST"}, true},
		{"seldon", "GET", "/api/v1.0/status/a", &found{Status, "", "a", "", "GET,OPTIONS"}, true},
		{"seldon", "GET", "/api/v1.0/status", &found{Ready, "", "", "", "GET,OPTIONS"}, true},
		{"seldon", "GET", "/api/v0.1/status", nil, false},
		{"seldon", "GET", "/api/v1.0/metadata", &found{GraphMetadata, "", "", "", "GET,OPTIONS"}, true},
		{"seldon", "DELETE", "/ready", &found{Ready, "", "", "", ""}, true},
		{"seldon", "GET", "/api/v1.0/predictions", nil, true},
		{"seldon", "HEAD", "/api/v1.0/status/a", nil, true},
		{"seldon", "OPTIONS", "/api/v1.0/predictions", &found{Predict, "", "", "", "OPTIONS,POST"}, true},
		{"seldon", "POST", "/api/v1.0/predictions/", nil, false},
		{"seldon", "POST", "/v1/models/m:predict", nil, false},
		{"tensorflow", "POST", "/v1/models/m:predict", &found{Predict, "", "m", "", "OPTIONS,POST"}, true},
		{"tensorflow", "POST", "/v1/models/m/:predict", &found{Predict, "", "m", "", "OPTIONS,POST"}, true},
		{"tensorflow", "POST", "/v1/models/:predict", &found{Predict, "", "", "", "OPTIONS,POST"}, true},
		{"tensorflow", "POST", "/v1/models:predict", &found{Predict, "", "", "", "OPTIONS,POST"}, true},
		{"tensorflow", "POST", "/v1/models/m/versions/7:predict", &found{Predict, "", "m", "7", "OPTIONS,POST"}, true},
		{"tensorflow", "POST", "/v1/models/m:classify", &found{Predict, "classify", "m", "", "OPTIONS,POST"}, true},
		{"tensorflow", "POST", "/v1/models/m:stop", nil, true},
		{"tensorflow", "GET", "/v1/models/m", &found{Status, "", "m", "", "GET,OPTIONS"}, true},
		{"tensorflow", "GET", "/v1/models/m/metadata", &found{Metadata, "", "m", "", "GET,OPTIONS"}, true},
		{"tensorflow", "GET", "/v1/models/m/versions/7/metadata", &found{Metadata, "", "m", "7", "GET,OPTIONS"}, true},
		{"tensorflow", "GET", "/v1/models/m/versions/1:predict", nil, true},
		{"tensorflow", "GET", "/v1/models/m/versions/one", nil, false},
		{"tensorflow", "POST", "/v1/models/m/versions/one:predict", nil, false},
		{"tensorflow", "GET", "/v1/models/m/labels/stable:predict", nil, true},
		{"tensorflow", "GET", "/v1/models/../metadata", nil, false},
		{"v2", "POST", "/v2/models/m/infer", &found{Predict, "", "m", "", "OPTIONS,POST"}, true},
		{"v2", "POST", "/v2/models/infer", &found{Predict, "", "", "", "OPTIONS,POST"}, true},
		{"v2", "POST", "/v2/models/m/versions/2/infer", &found{Predict, "", "m", "2", "OPTIONS,POST"}, true},
		{"v2", "GET", "/v2/models/m", &found{Metadata, "", "m", "", "GET,OPTIONS"}, true},
		{"v2", "GET", "/v2/models/m/ready", &found{Status, "", "m", "", "GET,OPTIONS"}, true},
		{"v2", "GET", "/v2", &found{ServerMetadata, "", "", "", "GET,OPTIONS"}, true},
		{"v2", "GET", "/v2/health/live", &found{Live, "", "", "", "GET,OPTIONS"}, true},
		{"v2", "GET", "/v2/models/", nil, false},
		{"v2", "GET", "/v2/models/a/b/c", nil, false},
		{"v2", "GET", "", nil, false},
	} {
		p, err := Lookup(c.protocol)
		if err != nil {
			t.Fatal(err)
		}
		m, ok, known := NewOperations(p).Find(c.method, c.path)
		var got *found
		if ok {
			got = &found{m.Operation.Action, m.Operation.Verb, m.Model, m.Version, ""}
			if m.Methods != nil {
				got.Methods = m.Methods[0]
			}
		}
		if diff := cmp.Diff(c.want, got); diff != "" || known != c.known {
			t.Errorf("%s %s %s: known %v\n%s", c.protocol, c.method, c.path, known, diff)
		}
	}
}

// Each path of a version or a label reaches a node as itself.
func TestVersionsAndLabelsStayApart(t *testing.T) {
	p := tensorflow()
	for path, want := range map[string]message.Model{
		"/v1/models/m/versions/7:predict":        {Name: "m", Version: "7"},
		"/v1/models/m/versions/007:predict":      {Name: "m", Version: "007"},
		"/v1/models/m/labels/stable:predict":     {Name: "m", Label: "stable"},
		"/v1/models/m/labels/2024:predict":       {Name: "m", Label: "2024"},
		"/v1/models/m/labels/stable:two:predict": {},
	} {
		found, ok, _ := NewOperations(p).Find(http.MethodPost, path)
		got := message.Model{Name: found.Model, Version: found.Version, Label: found.Label}
		if got != want || ok != (want.Name != "") {
			t.Errorf("%s: found %v, %+v", path, ok, got)
			continue
		}
		if target := p.Dialects[REST].Target(graph.CallPredict, got); ok && target != path {
			t.Errorf("%s reaches the node as %s", path, target)
		}
	}
}

func TestFindAllocatesNothing(t *testing.T) {
	r := NewOperations(v2())
	if n := testing.AllocsPerRun(100, func() { r.Find("POST", "/v2/models/m/versions/2/infer") }); n != 0 {
		t.Errorf("finding an operation allocates %v times", n)
	}
}

func TestLookup(t *testing.T) {
	p, err := Lookup("kfserving")
	if err != nil || p.Name != "v2" {
		t.Errorf("kfserving is %v, %v", p, err)
	}
	if _, err := Lookup("grpc"); err == nil || err.Error() != `protocol "grpc" is unknown: want seldon, tensorflow, v2, kfserving` {
		t.Errorf("error is %v", err)
	}
}

func TestStringAt(t *testing.T) {
	way := []protowire.Number{1, 1}
	for name, c := range map[string]struct {
		body []byte
		want string
	}{
		"empty":      {nil, ""},
		"there":      {stringField(way, "m"), "m"},
		"last wins":  {append(stringField(way, "m"), stringField(way, "n")...), "n"},
		"elsewhere":  {stringField([]protowire.Number{2, 1}, "m"), ""},
		"cut off":    {stringField(way, "model")[:4], ""},
		"not a list": {protowire.AppendVarint(protowire.AppendTag(nil, 1, protowire.VarintType), 5), ""},
		"after":      {append(True(9), stringField(way, "m")...), "m"},
	} {
		if got := StringAt(c.body, way); got != c.want {
			t.Errorf("%s: got %q, want %q", name, got, c.want)
		}
	}
	d := tensorflow().Dialects[GRPC]
	m := d.WithModel(message.Message{Body: True(9)}, "m")
	if got := StringAt(append(m.Body, m.Tail...), way); got != "m" {
		t.Errorf("model is named %q", got)
	}
	if again := d.WithModel(m, "other"); &again.Tail[0] != &m.Tail[0] {
		t.Error("a named model was named again")
	}
}

func FuzzStringAt(f *testing.F) {
	f.Add(stringField([]protowire.Number{1, 1}, "m"))
	f.Fuzz(func(t *testing.T, body []byte) {
		if got := StringAt(body, []protowire.Number{1, 1}); len(got) > len(body) {
			t.Errorf("found %q", got)
		}
	})
}
