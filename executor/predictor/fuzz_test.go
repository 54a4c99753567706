package predictor

import (
	"encoding/json"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/prime-radiant/radiant/apis/seldon"
	"github.com/prime-radiant/radiant/executor/message"
	"github.com/prime-radiant/radiant/executor/openapi"
	"github.com/prime-radiant/radiant/executor/protocol"
)

// FuzzOverview makes a document of what any bytes say of a model.
func FuzzOverview(f *testing.F) {
	for _, text := range []string{
		`{"name":"m","versions":["1"],"inputs":[{"name":"x","datatype":"FP32","shape":[-1,2]}],"outputs":[{"name":"y","datatype":"BYTES","shape":[-1]}]}`,
		`{"inputs":[{"messagetype":"tensor","schema":{"names":["a","b"],"shape":[2]}}]}`,
		`{"inputs":[{"messagetype":"jsonData","schema":{"type":"object","properties":{"a":{"type":"string"}}}}]}`,
		`{"model_spec":{"version":"3"},"metadata":{"signature_def":{"signature_def":{"serving_default":{"inputs":{"x":{"dtype":"DT_FLOAT","tensor_shape":{"dim":[{"size":"-1"}],"unknown_rank":false}}},"outputs":{},"method_name":"tensorflow/serving/predict"}}}}}`,
		`{"name":"m","inputs":[{"name":"x","datatype":"FP32","shape":[` + strings.Repeat("2,", 40) + `2]}],"outputs":[]}`,
		`{"inputs":[{"messagetype":"tensor","schema":{"shape":[` + strings.Repeat("1,", 100_000) + `1]}}]}`,
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		for _, p := range protocol.All() {
			n := openapi.Node{Name: "n", Speaks: p.Name, Asked: true, Answered: true}
			if p.Describes {
				n.Versions, n.Signatures = serverSignatures(p.Dialects[protocol.REST].Form, body)
			} else {
				n.Versions, n.Signatures = componentSignatures(body)
			}
			d := openapi.New(openapi.Names{Deployment: "d"}, &openapi.Graph{Protocol: p, Nodes: []openapi.Node{n}}, "..")
			if out := d.JSON(); !json.Valid(out) || len(out) > 100<<20 {
				t.Errorf("%s: the document of %d bytes is no JSON", p.Name, len(out))
			}
			_ = d.YAML()
		}
	})
}

// FuzzMeta reads any bytes as feedback and as an answer whose meta is read and
// written.
func FuzzMeta(f *testing.F) {
	sent := &seldon.SeldonMessage{Meta: &seldon.Meta{Routing: map[string]int32{"r": 1}, Metrics: []*seldon.Metric{{Key: "k", Value: 1}}}}
	feedback := &seldon.Feedback{Response: sent, Reward: 1}
	for _, m := range []proto.Message{sent, feedback} {
		body, err := proto.Marshal(m)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(body)
	}
	for _, text := range []string{
		`{"response":{"meta":{"routing":{"r":1}}}}`, `{"meta":{"tags":{"a":[1]},"metrics":[{"key":"k"}],"requestPath":{"a":"b"}}}`, `{"meta":null}`, `[]`, ``,
	} {
		f.Add([]byte(text))
	}
	members := map[string]any{"puid": "p", "routing": map[string]int32{"r": 1}, "metrics": []json.RawMessage(nil)}
	f.Fuzz(func(t *testing.T, body []byte) {
		for _, transport := range []protocol.Transport{protocol.REST, protocol.GRPC} {
			_, _ = toldBy(transport, body)
			g := &gathering{transport: transport}
			_ = g.own(message.Message{Body: body}, message.Message{Body: body})
		}
		for _, make := range []bool{false, true} {
			if out, ok := setJSON(body, members, make); ok {
				var m struct{ Meta struct{ Puid string } }
				if err := json.Unmarshal(out, &m); err != nil || m.Meta.Puid != "p" {
					t.Errorf("%q became %q, %v", body, out, err)
				}
			}
			if out, ok := setProto(body, members, make); ok {
				var m seldon.SeldonMessage
				if err := proto.Unmarshal(out, &m); err != nil || m.GetMeta().GetRouting()["r"] != 1 {
					t.Errorf("%q became %q, %v", body, out, err)
				}
			}
		}
	})
}
