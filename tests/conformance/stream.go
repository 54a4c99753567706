package conformance

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"

	"github.com/prime-radiant/radiant/apis/inference"
	"github.com/prime-radiant/radiant/graph"
	"github.com/prime-radiant/radiant/scaling"
	"github.com/prime-radiant/radiant/tests/kit/stub"
)

// streaming opens a stream on an executor.
func streaming(ctx context.Context, t *testing.T, e Executor) inference.GRPCInferenceService_ModelStreamInferClient {
	t.Helper()
	conn, err := dial(e)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	s, err := inference.NewGRPCInferenceServiceClient(conn).ModelStreamInfer(metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer x"))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// rpcStreams checks ModelStreamInfer: the server's own stream where the graph
// is one node of the protocol, a walk for each request elsewhere.
func rpcStreams(t *testing.T, start Start) {
	graphs := map[string]struct {
		graph Node
		want  float64 // for 7
		// asked is the method that node a is asked by.
		asked string
	}{
		"relayed":       {model("a", 1), 71, inference.GRPCInferenceService_ModelStreamInfer_FullMethodName},
		"through nodes": {model("a", 1, model("b", 2)), 712, inference.GRPCInferenceService_ModelInfer_FullMethodName},
		"translated":    {speaking("seldon", model("a", 1)), 71, "/seldon.protos.Model/Predict"},
		"a transformer": {typed(graph.Transformer, "a", 1), 71, inference.GRPCInferenceService_ModelInfer_FullMethodName},
	}
	for name, c := range graphs {
		t.Run(name, func(t *testing.T) {
			e, cs := launch(t, start, "v2", c.graph)
			s := streaming(soon(t), t, e)
			for i := range 3 {
				request := v2Request(7)
				request.Id = itoa(i)
				if err := s.Send(request); err != nil {
					t.Fatal(err)
				}
				r, err := s.Recv()
				if err != nil || r.ErrorMessage != "" {
					t.Fatalf("answer is %v, %v", r, err)
				}
				out := r.InferResponse
				x, err := only(stub.V2Numbers(out.GetOutputs()[0].Datatype, out.GetOutputs()[0].Contents, out.RawOutputContents))
				if err != nil || x != c.want {
					t.Errorf("answer is %v, %v; want %v", r, err, c.want)
				}
			}
			if err := s.CloseSend(); err != nil {
				t.Fatal(err)
			}
			if r, err := s.Recv(); !errors.Is(err, io.EOF) {
				t.Errorf("the stream ended with %v, %v", r, err)
			}
			calls := cs["a"].Calls()
			last := calls[len(calls)-1]
			if last.Path != c.asked || metadata.MD(last.Header).Get("authorization")[0] != "Bearer x" || len(metadata.MD(last.Header).Get("seldon-puid")) != 1 {
				t.Errorf("a was asked %s with %v", last.Path, last.Header)
			}
		})
	}
	t.Run("a failed request", func(t *testing.T) { streamFailedRequest(t, start) })
	t.Run("a server that fails", func(t *testing.T) { streamFailedServer(t, start) })
	t.Run("a client that leaves", func(t *testing.T) { streamLeft(t, start) })
	t.Run("as one of containerConcurrency", func(t *testing.T) { streamTakesAPlace(t, start) })
}

func streamFailedRequest(t *testing.T, start Start) {
	e, cs := launch(t, start, "v2", model("a", 1, model("b", 2)))
	s := streaming(soon(t), t, e)
	serve := cs["b"].Handle
	serve(inference.GRPCInferenceService_ModelInfer_FullMethodName, func(c stub.Call) stub.Answer {
		if strings.Contains(string(c.Body), "bad") {
			return stub.Answer{Code: codes.Aborted, Message: "no such thing"}
		}
		return stub.Answer{}
	})
	cs["a"].Handle(inference.GRPCInferenceService_ModelInfer_FullMethodName, func(c stub.Call) stub.Answer { return stub.Answer{Body: c.Body} })
	for _, id := range []string{"bad", "good"} {
		request := v2Request(7)
		request.ModelName, request.Outputs = "", nil
		request.Inputs[0].Name = id
		if err := s.Send(request); err != nil {
			t.Fatal(err)
		}
		r, err := s.Recv()
		if err != nil || (r.ErrorMessage == "no such thing") != (id == "bad") {
			t.Errorf("the answer to the %s request is %v, %v", id, r, err)
		}
	}
}

func streamFailedServer(t *testing.T, start Start) {
	e, cs := launch(t, start, "v2", model("a", 1))
	cs["a"].On(inference.GRPCInferenceService_ModelStreamInfer_FullMethodName, stub.Answer{Code: codes.Aborted, Message: "enough"})
	s := streaming(soon(t), t, e)
	if err := s.Send(v2Request(7)); err != nil {
		t.Fatal(err)
	}
	_, err := s.Recv()
	failed(t, wire{grpc: true}, err, failure{0, codes.Aborted, "enough"})
	cs["a"].Close()
	s = streaming(soon(t), t, e)
	_, err = s.Recv()
	failed(t, wire{grpc: true}, err, failure{0, codes.Unavailable, ""})
}

func streamLeft(t *testing.T, start Start) {
	e, cs := launch(t, start, "v2", model("a", 1))
	cs["a"].On(inference.GRPCInferenceService_ModelStreamInfer_FullMethodName, stub.Answer{Hang: true})
	ctx, leave := context.WithCancel(soon(t))
	s := streaming(ctx, t, e)
	if err := s.Send(v2Request(7)); err != nil {
		t.Fatal(err)
	}
	calls, err := cs["a"].Await(soon(t), 1)
	if err != nil {
		t.Fatal(err)
	}
	leave()
	select {
	case <-calls[0].Gone:
	case <-soon(t).Done():
		t.Error("the server still works for a client that left")
	}
}

// rpcTriton checks what Triton's clients ask of a model beyond the protocol.
func rpcTriton(t *testing.T, start Start) {
	e, cs := launch(t, start, "v2", model("a", 1))
	conn, err := dial(e)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	c := inference.NewGRPCInferenceServiceClient(conn)
	if r, err := c.ModelConfig(soon(t), &inference.ModelConfigRequest{Name: "a"}); err != nil || r.GetConfig().GetPlatform() != "stub" {
		t.Errorf("config is %v, %v", r, err)
	}
	if r, err := c.ModelStatistics(soon(t), &inference.ModelStatisticsRequest{Name: "a"}); err != nil || len(r.GetModelStats()) != 1 {
		t.Errorf("statistics are %v, %v", r, err)
	}
	for _, path := range []string{"/v2/models/a/config", "/v2/models/a/versions/1/stats"} {
		cs["a"].On(path, stub.Answer{Body: []byte(`{"asked":true}`)})
		if body, _, err := get(soon(t), "http://"+e.REST+path); err != nil || string(body) != `{"asked":true}` {
			t.Errorf("%s answers %s, %v", path, body, err)
		}
	}
	e, _ = launch(t, start, "v2", speaking("seldon", model("a", 1)))
	_, _, err = get(soon(t), "http://"+e.REST+"/v2/models/a/config")
	failed(t, wire{}, err, failure{501, codes.OK, "has no config"})
}

// streamTakesAPlace holds a stream open, which takes the only place: a prediction
// waits for it in vain, and finds room when the stream has ended.
func streamTakesAPlace(t *testing.T, start Start) {
	e, _ := launch(t, start, "v2", model("a", 1), "--container_concurrency", "1", "--concurrency_wait", "20ms", "--scaling")
	s := streaming(soon(t), t, e)
	if err := s.Send(v2Request(7)); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Recv(); err != nil {
		t.Fatal(err)
	}
	w := wire{"v2", true, v2RPC}
	_, err := w.predict(soon(t), e, 7)
	failed(t, w, err, failure{0, codes.Unavailable, "waited too long"})
	if l := loadTold(t, e); l.InFlight != 1 || l.Requests != 2 || l.BusySeconds <= 0 {
		t.Errorf("with an open stream, and one that was turned away, the load is %+v", l)
	}
	if err := s.CloseSend(); err != nil {
		t.Fatal(err)
	}
	if r, err := s.Recv(); !errors.Is(err, io.EOF) {
		t.Fatalf("the stream ended with %v, %v", r, err)
	}
	// The client may see the end before the place is free.
	for soon := soon(t); soon.Err() == nil; {
		if _, err = w.predict(soon, e, 7); err == nil {
			break
		}
	}
	if l := loadTold(t, e); err != nil || l.InFlight != 0 {
		t.Errorf("after the stream: %v, load %+v", err, l)
	}
}

// loadTold is the load that an executor tells who scales its pods.
func loadTold(t *testing.T, e Executor) scaling.Load {
	t.Helper()
	answer, err := http.Get("http://" + e.REST + scaling.PathReport)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	var r scaling.Report
	if err := json.NewDecoder(answer.Body).Decode(&r); err != nil || r.Started == "" || r.Seconds <= 0 {
		t.Fatalf("%s: %v, %+v", answer.Status, err, r)
	}
	return r.Predictor
}
