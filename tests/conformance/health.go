package conformance

import (
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/health/grpc_health_v1"
	grpcstatus "google.golang.org/grpc/status"
)

// rpcWatch follows an executor's health from a good start over a component
// that goes away to the executor's end.
func rpcWatch(t *testing.T, start Start) {
	e, cs := launch(t, start, "seldon", model("a", 1))
	conn, err := dial(e)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	watch := func(service string) grpc_health_v1.Health_WatchClient {
		s, err := grpc_health_v1.NewHealthClient(conn).Watch(soon(t), &grpc_health_v1.HealthCheckRequest{Service: service})
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	next := func(s grpc_health_v1.Health_WatchClient, want grpc_health_v1.HealthCheckResponse_ServingStatus) {
		t.Helper()
		if r, err := s.Recv(); err != nil || r.Status != want {
			t.Errorf("state is %v, %v, want %v", r, err, want)
		}
	}
	s := watch("seldon.protos.Seldon")
	next(watch("no.such.Service"), grpc_health_v1.HealthCheckResponse_SERVICE_UNKNOWN)
	next(s, grpc_health_v1.HealthCheckResponse_SERVING)
	cs["a"].Close()
	next(s, grpc_health_v1.HealthCheckResponse_NOT_SERVING)
	e.Stop()
	if _, err := s.Recv(); grpcstatus.Code(err) != codes.Unavailable {
		t.Errorf("the watch ended with %v", err)
	}
	if code := e.Wait(); code != 0 {
		t.Errorf("exit code is %d", code)
	}
}
