package conformance

import (
	"bytes"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/emptypb"

	"github.com/prime-radiant/radiant/apis/inference"
	"github.com/prime-radiant/radiant/apis/tensorflow"
	"github.com/prime-radiant/radiant/tests/kit/stub"
)

// chainOutputs checks that the outputs which a client asks for are asked of the
// last node alone, and that a node's name means that node.
func chainOutputs(t *testing.T, start Start) {
	e, cs := launch(t, start, "v2", model("a", 1, model("b", 2)))
	for _, s := range cs {
		s.Otherwise(func(stub.Call) stub.Answer { return stub.Answer{Body: []byte(`{"outputs":[{"name":"o"}]}`)} })
	}
	const asked = `{"inputs":[{"name":"i"}],"outputs":[{"name":"y"}]}`
	if _, _, err := post(soon(t), "http://"+e.REST+"/v2/models/a/infer", "application/json", []byte(asked)); err != nil {
		t.Fatal(err)
	}
	first, last := cs["a"].Calls()[0], cs["b"].Calls()[0]
	if text := string(first.Body); first.Path != "/v2/models/a/infer" || text != `{"inputs":[{"name":"i"}]}` {
		t.Errorf("the first node was asked %s %s", first.Path, text)
	}
	if text := string(last.Body); last.Path != "/v2/models/b/infer" || text != `{"outputs":[{"name":"y"}],"inputs":[{"name":"o"}]}` {
		t.Errorf("the last node was asked %s %s", last.Path, text)
	}
}

// rpcChainOutputs is the same over gRPC.
func rpcChainOutputs(t *testing.T, start Start) {
	e, cs := launch(t, start, "v2", model("a", 1, model("b", 2)))
	answer, _ := proto.Marshal(&inference.ModelInferResponse{Outputs: []*inference.ModelInferResponse_InferOutputTensor{{Name: "o", Datatype: "FP64"}}})
	for _, s := range cs {
		s.On(inference.GRPCInferenceService_ModelInfer_FullMethodName, stub.Answer{Body: answer})
	}
	request := v2Request(7)
	request.ModelName, request.Outputs = "a", []*inference.ModelInferRequest_InferRequestedOutputTensor{{Name: "y"}}
	if err := invoke(soon(t), e.at(inference.GRPCInferenceService_ModelInfer_FullMethodName), request, &inference.ModelInferResponse{}); err != nil {
		t.Fatal(err)
	}
	for node, outputs := range map[string]int{"a": 0, "b": 1} {
		var r inference.ModelInferRequest
		if err := proto.Unmarshal(cs[node].Calls()[0].Body, &r); err != nil {
			t.Fatal(err)
		}
		if r.ModelName != node || len(r.Outputs) != outputs || len(r.Inputs) != 1 {
			t.Errorf("node %s was asked %v", node, &r)
		}
	}
}

// emptyChain checks that an answer without outputs passes to the next node.
func emptyChain(t *testing.T, start Start) {
	for protocol, in := range map[string]struct {
		method        string
		request, next proto.Message
	}{
		"v2": {inference.GRPCInferenceService_ModelInfer_FullMethodName, v2Request(7), &inference.ModelInferRequest{ModelName: "b"}},
		"tensorflow": {"/tensorflow.serving.PredictionService/Predict", &tensorflow.PredictRequest{},
			&tensorflow.PredictRequest{ModelSpec: &tensorflow.ModelSpec{Name: "b"}}},
	} {
		t.Run(protocol, func(t *testing.T) {
			e, cs := launch(t, start, protocol, model("a", 1, model("b", 2)))
			for _, s := range cs {
				s.On(in.method, stub.Answer{})
			}
			if err := invoke(soon(t), e.at(in.method), in.request, &emptypb.Empty{}); err != nil {
				t.Fatal(err)
			}
			got := in.next.ProtoReflect().New().Interface()
			if err := proto.Unmarshal(cs["b"].Calls()[0].Body, got); err != nil || !proto.Equal(in.next, got) {
				t.Errorf("the second node was asked %v, %v", got, err)
			}
		})
	}
}

// compressedTensors checks that the length of the JSON counts the bytes before
// compression, where a message passes and where it is unpacked.
func compressedTensors(t *testing.T, start Start) {
	head := `{"inputs":[{"name":"` + strings.Repeat("x", 200) + `","datatype":"UINT8","shape":[1],"parameters":{"binary_data_size":1}}],"outputs":[{"name":"y"}]}`
	body := zipped(t, head+"\x07")
	if len(body) >= len(head) {
		t.Fatal("the body is not smaller than its JSON")
	}
	send := func(e Executor) error {
		r := request(t, http.MethodPost, "http://"+e.REST+"/v2/models/a/infer", string(body))
		r.Header.Set("Content-Type", "application/octet-stream")
		r.Header.Set("Content-Encoding", "gzip")
		r.Header.Set("Inference-Header-Content-Length", strconv.Itoa(len(head)))
		_, _, err := do(r)
		return err
	}
	t.Run("passes a single node", func(t *testing.T) {
		e, cs := launch(t, start, "v2", model("a", 1))
		cs["a"].Otherwise(func(stub.Call) stub.Answer { return stub.Answer{Body: []byte(`{}`)} })
		if err := send(e); err != nil {
			t.Fatal(err)
		}
		call := cs["a"].Calls()[0]
		if !bytes.Equal(call.Body, body) || call.Header["Inference-Header-Content-Length"][0] != strconv.Itoa(len(head)) {
			t.Errorf("the node got %d bytes, %v", len(call.Body), call.Header)
		}
	})
	t.Run("without any JSON", func(t *testing.T) {
		e, cs := launch(t, start, "v2", model("a", 1))
		raw := stub.Answer{Type: "application/octet-stream", Body: []byte("\x08\x00"), Header: map[string]string{"Inference-Header-Content-Length": "0"}}
		cs["a"].Otherwise(func(stub.Call) stub.Answer { return raw })
		r := request(t, http.MethodPost, "http://"+e.REST+"/v2/models/a/infer", "\x07\x00")
		r.Header.Set("Content-Type", "application/octet-stream")
		r.Header.Set("Inference-Header-Content-Length", "0")
		answer, header, err := do(r)
		call := cs["a"].Calls()[0]
		if asked := call.Header["Inference-Header-Content-Length"]; string(call.Body) != "\x07\x00" || len(asked) != 1 || asked[0] != "0" {
			t.Errorf("the node got %q, %v", call.Body, call.Header)
		}
		if err != nil || string(answer) != "\x08\x00" || header.Get("Inference-Header-Content-Length") != "0" || header.Get("Content-Type") != raw.Type {
			t.Errorf("answer is %q, %v, %v", answer, header, err)
		}
	})
	t.Run("is unpacked for outputs", func(t *testing.T) {
		e, cs := launch(t, start, "v2", model("a", 1, model("b", 2)))
		for _, s := range cs {
			s.Otherwise(func(stub.Call) stub.Answer { return stub.Answer{Body: []byte(`{"outputs":[{"name":"o"}]}`)} })
		}
		if err := send(e); err != nil {
			t.Fatal(err)
		}
		call := cs["a"].Calls()[0]
		rest := strings.Replace(head, `,"outputs":[{"name":"y"}]`, "", 1)
		if string(call.Body) != rest+"\x07" || call.Header["Inference-Header-Content-Length"][0] != strconv.Itoa(len(rest)) || len(call.Header["Content-Encoding"]) > 0 {
			t.Errorf("the first node got %q, %v", call.Body, call.Header)
		}
	})
}
