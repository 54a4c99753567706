package conformance

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/health/grpc_health_v1"

	"github.com/prime-radiant/radiant/apis/inference"
	"github.com/prime-radiant/radiant/apis/seldon"
	"github.com/prime-radiant/radiant/tests/kit/stub"
)

// onePort checks an executor that serves REST and gRPC on the same port.
func onePort(t *testing.T, start Start) {
	each(t, nil, func(t *testing.T, w wire) {
		e, _ := launch(t, start, w.protocol, model("a", 1), "--one_port")
		for _, e := range []Executor{e, {REST: e.REST, GRPC: e.REST}} {
			expect(t, w, e, 71)
		}
	})
	t.Run("equal ports", func(t *testing.T) {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		port := itoa(l.Addr().(*net.TCPAddr).Port)
		_ = l.Close()
		cs := components{}
		launched := launchOf(t, "seldon", model("a", 1).build(t, "seldon", cs))
		launched.HTTPPort, launched.GRPCPort = port, port
		e := start(t, launched)
		if e.REST != e.GRPC || !strings.HasSuffix(e.REST, ":"+port) {
			t.Errorf("it listens on %s and %s", e.REST, e.GRPC)
		}
		for _, w := range wires() {
			if w.protocol == "seldon" {
				expect(t, w, e, 71)
			}
		}
	})
	t.Run("REST over HTTP/2", func(t *testing.T) {
		e, cs := launch(t, start, "seldon", model("a", 1), "--one_port", "--max_request_bytes", "1000")
		transport := &http.Transport{Protocols: new(http.Protocols)}
		transport.Protocols.SetUnencryptedHTTP2(true)
		client := http.Client{Transport: transport}
		defer client.CloseIdleConnections()
		for body, want := range map[string]int{`{"data":{"ndarray":[7]}}`: http.StatusOK, strings.Repeat(" ", 2000): http.StatusRequestEntityTooLarge} {
			answer, err := client.Post(predictions(e), "application/json", strings.NewReader(body))
			if err != nil {
				t.Fatal(err)
			}
			text, _ := io.ReadAll(answer.Body)
			_ = answer.Body.Close()
			if answer.ProtoMajor != 2 || answer.StatusCode != want {
				t.Errorf("answer is %s %s %s", answer.Proto, answer.Status, text)
			}
		}
		if n := len(cs["a"].Calls()); n != 1 {
			t.Errorf("the component got %d calls", n)
		}
	})
	t.Run("health, streams and unknown methods", func(t *testing.T) { onePortRPC(t, start) })
	t.Run("large answers", func(t *testing.T) { onePortLarge(t, start) })
	t.Run("requests in flight finish", func(t *testing.T) { onePortEnds(t, start) })
}

func onePortRPC(t *testing.T, start Start) {
	e, _ := launch(t, start, "v2", model("a", 1), "--one_port")
	e.GRPC = e.REST
	conn, err := dial(e)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	if r, err := grpc_health_v1.NewHealthClient(conn).Check(soon(t), &grpc_health_v1.HealthCheckRequest{}); err != nil || r.Status != grpc_health_v1.HealthCheckResponse_SERVING {
		t.Errorf("health is %v, %v", r, err)
	}
	s := streaming(soon(t), t, e)
	if err := errors.Join(s.Send(v2Request(7)), s.CloseSend()); err != nil {
		t.Fatal(err)
	}
	if r, err := s.Recv(); err != nil || r.ErrorMessage != "" {
		t.Errorf("the stream answers %v, %v", r, err)
	}
	_, err = inference.NewGRPCInferenceServiceClient(conn).SystemSharedMemoryStatus(soon(t), &inference.SystemSharedMemoryStatusRequest{})
	failed(t, wire{grpc: true}, err, failure{0, codes.Unimplemented, "is not served"})
}

// onePortLarge asks for answers that are in memory of the request's: it is not
// given to another before the client has the answer.
func onePortLarge(t *testing.T, start Start) {
	e, cs := launch(t, start, "seldon", model("a", 1), "--one_port")
	cs["a"].Handle("/seldon.protos.Model/Predict", func(c stub.Call) stub.Answer { return stub.Answer{Body: c.Body} })
	conn, err := dial(Executor{GRPC: e.REST})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	ctx, client := soon(t), seldon.NewSeldonClient(conn)
	var o outcome
	for i := range 48 {
		size := []int{20, 31 << 10, 40 << 10, 300 << 10, 2 << 20}[i%5]
		o.send(func() error {
			want := strings.Repeat(string(rune('A'+i)), size)
			got, err := client.Predict(ctx, &seldon.SeldonMessage{DataOneof: &seldon.SeldonMessage_StrData{StrData: want}})
			if err == nil && got.GetStrData() != want {
				return fmt.Errorf("an answer of %d bytes holds other ones", size)
			}
			return err
		})
	}
	o.wait.Wait()
	if len(o.errs) > 0 {
		t.Errorf("%d of 48 requests: %v", len(o.errs), o.errs[0])
	}
}

func onePortEnds(t *testing.T, start Start) {
	e, cs := launch(t, start, "seldon", model("a", 1), "--one_port")
	release := make(chan struct{})
	cs["a"].Handle("/seldon.protos.Model/Predict", func(c stub.Call) stub.Answer {
		<-release
		return stub.Answer{Body: c.Body}
	})
	ctx := soon(t)
	var o outcome
	for range 5 {
		o.send(func() error { _, err := seldonRPC(ctx, Executor{GRPC: e.REST}, 7); return err })
	}
	if _, err := cs["a"].Await(ctx, 5); err != nil {
		t.Fatal(err)
	}
	e.Stop()
	close(release)
	o.wait.Wait()
	if len(o.errs) > 0 {
		t.Errorf("%d of 5 requests were lost: %v", len(o.errs), o.errs[0])
	}
	if code := e.Wait(); code != 0 {
		t.Errorf("exit code is %d", code)
	}
}
