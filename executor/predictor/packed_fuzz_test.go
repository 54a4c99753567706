package predictor

import (
	"bytes"
	"compress/gzip"
	"testing"

	"github.com/prime-radiant/radiant/executor/message"
	"github.com/prime-radiant/radiant/executor/protocol"
	"github.com/prime-radiant/radiant/executor/upstream"
	"github.com/prime-radiant/radiant/graph"
)

// FuzzPacked sends any bytes, packed or as they are, with any length of their
// JSON through graphs that look into them: a chain, one whose second node speaks
// another protocol, and a join. The nodes answer the same bytes.
func FuzzPacked(f *testing.F) {
	tensor := `{"inputs":[{"name":"x","datatype":"UINT8","shape":[2],"parameters":{"binary_data_size":2}}],"outputs":[{"name":"y","parameters":{"binary_data":true}}]}`
	answer := `{"outputs":[{"name":"x","datatype":"BYTES","shape":[1],"parameters":{"binary_data_size":5}}]}`
	for _, body := range []string{tensor + "\x01\x02", answer + "\x01\x00\x00\x00a", `{"inputs":[]}`, tensor, ""} {
		for mode := range uint8(4) {
			f.Add([]byte(body), len(tensor), mode)
			f.Add([]byte(body), len(answer), mode)
		}
	}
	const limit = 1 << 20
	var bodies [2]message.Message // of requests and of answers
	send := sender(func(_ *upstream.Target, m message.Message) (message.Message, error) {
		a := bodies[1]
		a.Answer, a.Meta = true, m.Meta
		return a, nil
	})
	foreign := modelNode("b")
	foreign.Endpoint.Protocol = "seldon"
	join := graph.Node{Name: "j", Implementation: "AVERAGE_COMBINER", Children: []graph.Node{modelNode("a"), modelNode("b")}}
	var graphs []*Predictor
	for _, n := range []graph.Node{modelNode("a", modelNode("b")), modelNode("a", foreign), join} {
		v2, err := protocol.Lookup("v2")
		if err != nil {
			f.Fatal(err)
		}
		p, err := New(Options{Name: "p", Graph: &n, Outside: v2, REST: send, GRPC: send, Random: func() float64 { return 0 }})
		if err != nil {
			f.Fatal(err)
		}
		graphs = append(graphs, p)
	}
	f.Fuzz(func(t *testing.T, body []byte, jsonLength int, mode uint8) {
		for i := range bodies {
			m := message.Message{Body: body, Type: "application/json"}
			if jsonLength > 0 && jsonLength <= len(body) {
				m.JSONLength = jsonLength
			}
			if mode>>i&1 != 0 {
				m.Body, m.Encoding = packed(body, mode), "gzip"
			}
			bodies[i] = m
		}
		var pool message.Pool
		for _, p := range graphs {
			lease := pool.Lease()
			m := bodies[0]
			m.Meta = &message.Meta{Lease: lease, Limit: limit, Header: message.NewHeader(map[string][]string{})}
			out, err := p.Predict(t.Context(), protocol.REST, m)
			if err == nil && out.JSONLength > len(out.Body) && out.Encoding == "" {
				t.Errorf("the answer %q has JSON of %d bytes", out.Body, out.JSONLength)
			}
			lease.Release()
		}
	})
}

// packed is gzip, which may end too early or be spoiled.
func packed(body []byte, mode uint8) []byte {
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	_, _ = z.Write(body)
	_ = z.Close()
	text := out.Bytes()
	if mode&4 != 0 {
		text = text[:len(text)*int(mode>>4)/16]
	}
	if mode&8 != 0 && len(text) > 0 {
		text[int(mode)*7%len(text)] ^= 1
	}
	return text
}
