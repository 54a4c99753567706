package predictor

import (
	"encoding/json"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/prime-radiant/radiant/apis/seldon"
	"github.com/prime-radiant/radiant/executor/protocol"
)

// FuzzMeta reads any bytes as feedback and as an answer whose meta is read and
// written.
func FuzzMeta(f *testing.F) {
	message := &seldon.SeldonMessage{Meta: &seldon.Meta{Routing: map[string]int32{"r": 1}, Metrics: []*seldon.Metric{{Key: "k", Value: 1}}}}
	feedback := &seldon.Feedback{Response: message, Reward: 1}
	for _, m := range []proto.Message{message, feedback} {
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
			_, _ = routingOf(transport, body)
			g := &gathering{caller: &caller{transport: transport}}
			_ = g.own(protocol.Message{Body: body}, protocol.Message{Body: body})
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
