package predictor

import (
	"net/http"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"

	"github.com/prime-radiant/radiant/executor/message"
	"github.com/prime-radiant/radiant/executor/protocol"
	"github.com/prime-radiant/radiant/executor/translate"
	"github.com/prime-radiant/radiant/executor/upstream"
	"github.com/prime-radiant/radiant/graph"
)

// bentoRoutes is what a Bento tells of itself.
const bentoRoutes = `{"routes":[
{"name":"classify","route":"/by/measures","input":{"properties":{"measures":{"type":"tensor","format":"numpy-array","dtype":"float64","shape":[-1,2]}},"required":["measures"]},"output":{"type":"tensor"}},
{"name":"other","route":"/other","input":{},"output":{}}]}`

// A Bento is asked over REST, at the route that it tells, by clients of both
// transports.
func TestBentoByBothTransports(t *testing.T) {
	n := modelNode("irises")
	n.Endpoint.Protocol = "bentoml"
	n.Parameters = []graph.Parameter{{Name: "api_name", Value: "classify", Type: graph.StringParameter}}
	var asked []string
	var sent message.Message
	var refusal error
	p := build(t, "seldon", n, func(to *upstream.Target, m message.Message) (message.Message, error) {
		asked = append(asked, to.Host+to.Path)
		answer := message.Message{Body: []byte(bentoRoutes), Type: "application/json", Answer: true, Meta: m.Meta}
		if to.Path == "/schema.json" {
			return answer, nil
		}
		sent = m
		answer.Body, answer.Header = []byte(`[[0.25,0.75]]`), map[string][]string{"X-Bentoml-Request-Id": {"7"}, "Content-Length": {"13"}}
		return answer, refusal
	})
	for _, transport := range []protocol.Transport{protocol.REST, protocol.GRPC} {
		asked, refusal = nil, nil
		form := [...]translate.Form{protocol.REST: translate.SeldonJSON, protocol.GRPC: translate.SeldonProto}[transport]
		m, err := written(form, `{"data":{"ndarray":[[1,2]]}}`)
		if err != nil {
			t.Fatal(err)
		}
		m.Meta = &message.Meta{Header: message.NewHeader(http.Header{"X-Tenant": {"a"}})}
		ctx := t.Context()
		if transport == protocol.GRPC {
			m.Meta.Header = nil
			ctx = metadata.AppendToOutgoingContext(ctx, "x-tenant", "a", "grpc-trace-bin", "b", "content-type", "application/grpc")
		}
		answer, err := p.Predict(ctx, transport, m)
		if err != nil {
			t.Fatalf("%s: %v", transport, err)
		}
		if got := strings.Join(asked, " "); !strings.HasSuffix(got, "h:1/by/measures") || strings.Contains(got, "h:2") {
			t.Errorf("%s: %s was asked", transport, got)
		}
		header := sent.Meta.Header.Fields()
		if string(sent.Body) != `{"measures":[[1.0,2.0]]}` || len(header) != 1 || len(header["X-Tenant"]) != 1 {
			t.Errorf("%s: sent %s with %v", transport, sent.Body, header)
		}
		if _, told := answer.Header["x-bentoml-request-id"]; transport == protocol.GRPC && (!told || len(answer.Header) != 1) {
			t.Errorf("the metadata of the answer are %v", answer.Header)
		}
		const told = `{"data":{"names":["t:0","t:1"],"ndarray":[[0.25,0.75]]},"meta":{}}`
		if transport == protocol.REST && string(answer.Body) != told {
			t.Errorf("answered %s, want %s", answer.Body, told)
		}

		refusal = protocol.Coded(protocol.Declined, &protocol.Refusal{Status: http.StatusBadRequest, Message: message.Message{
			Body: []byte(`{"error":"1 validation error for Input","detail":[{"loc":["measures",0],"msg":"Field required"}]}`)}})
		const want = `node "irises": 1 validation error for Input; measures.0: Field required`
		_, err = p.Predict(ctx, transport, m)
		s, status := protocol.StatusOf(err)
		switch {
		case transport == protocol.REST && (err == nil || !strings.Contains(err.Error(), strings.ReplaceAll(want, `"`, `\"`))):
			t.Errorf("the refusal is %v", err)
		case transport == protocol.GRPC && (!status || s.Code() != codes.InvalidArgument || s.Message() != want):
			t.Errorf("the refusal over gRPC is %v", err)
		}
	}
}
