package conformance

import (
	"errors"
	"net/http"
	"testing"

	"google.golang.org/grpc/codes"
	grpcstatus "google.golang.org/grpc/status"

	"github.com/prime-radiant/radiant/apis/inference"
	"github.com/prime-radiant/radiant/apis/seldon"
	"github.com/prime-radiant/radiant/tests/kit/stub"
)

// compat checks the habits of Seldon Core v1 that --compat v1 brings back.
func compat(t *testing.T, start Start) {
	t.Run("errors over REST", func(t *testing.T) {
		for protocol, paths := range map[string][]string{
			"seldon": {"/api/v1.0/status/zz", "/api/v1.0/metadata/zz"}, "tensorflow": {"/v1/models/zz"}, "v2": {"/v2/models/zz/ready"},
		} {
			e, cs := launch(t, start, protocol, model("a", 1), "--compat", "v1")
			for _, path := range paths {
				_, _, err := get(soon(t), "http://"+e.REST+path)
				plainFailure(t, err, 500, `{"status":{"code":500,"info":"Failed to find model zz","status":"FAILURE"}}`)
			}
			cs["a"].Otherwise(func(stub.Call) stub.Answer { return stub.Answer{Status: 418, Body: []byte(`{"a":"<"}`)} })
			_, _, err := get(soon(t), "http://"+e.REST+paths[0][:len(paths[0])-2]+"a")
			if protocol == "seldon" {
				plainFailure(t, err, 418, `{"a":"\u003c"}`)
			}
		}
	})
	t.Run("errors over gRPC", func(t *testing.T) {
		e, cs := launch(t, start, "v2", model("a", 1), "--compat", "v1")
		err := invoke(soon(t), e.at(inference.GRPCInferenceService_ModelReady_FullMethodName), &inference.ModelReadyRequest{Name: "zz"}, &inference.ModelReadyResponse{})
		if s := grpcstatus.Convert(err); s.Code() != codes.Unknown || s.Message() != "Failed to find model zz" {
			t.Errorf("error is %v", err)
		}
		cs["a"].Close()
		_, err = v2RPC(soon(t), e, 7)
		if grpcstatus.Code(err) != codes.Unavailable {
			t.Errorf("error is %v", err)
		}
	})
	t.Run("built-in nodes", func(t *testing.T) {
		for _, name := range []string{"AVERAGE_COMBINER", "SIMPLE_ROUTER"} {
			e, cs := launch(t, start, "seldon", builtin(name, "n", model("a", 1), model("b", 2)), "--compat", "v1")
			for _, w := range wires() {
				if w.protocol != "seldon" {
					continue
				}
				cs.reset()
				expect(t, w, e, 71)
				if n := cs.counts(); n["a"] != 1 || n["b"] != 1 {
					t.Errorf("%s asked %v", name, n)
				}
			}
		}
	})
	t.Run("feedback", func(t *testing.T) {
		e, cs := launch(t, start, "seldon", router("r", 1, model("a", 1), model("b", 2)), "--compat", "v1")
		if _, _, err := post(soon(t), "http://"+e.REST+"/api/v1.0/feedback", "application/json", []byte(`{"reward":`)); err != nil {
			t.Error(err)
		}
		if n := cs.counts(); n["a"] != 1 || n["b"] != 1 || n["r"] != 1 {
			t.Errorf("feedback went to %v", n)
		}
		bad := &seldon.Feedback{Response: &seldon.SeldonMessage{Meta: &seldon.Meta{Routing: map[string]int32{"r": 5}}}}
		err := invoke(soon(t), e.at(seldon.Seldon_SendFeedback_FullMethodName), bad, &seldon.SeldonMessage{})
		if grpcstatus.Code(err) != codes.Unknown {
			t.Errorf("feedback out of range: %v", err)
		}
	})
}

// plainFailure checks an error as Seldon Core v1 wrote it.
func plainFailure(t *testing.T, err error, code int, body string) {
	t.Helper()
	s := new(status)
	if !errors.As(err, &s) || s.code != code || string(s.body) != body || s.kind != "text/plain; charset=utf-8" {
		t.Errorf("answer is %v %s, want %d %s (%s)", err, s.kind, code, body, http.StatusText(code))
	}
}
