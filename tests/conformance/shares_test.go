package conformance

import (
	"context"
	"fmt"
	"math"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/proto"

	"github.com/prime-radiant/radiant/graph"
	"github.com/prime-radiant/radiant/tests/kit/stub"
)

// TestVersionShares counts which version answers 5,000 requests in each protocol, over
// REST and gRPC: 90 to 10, within four standard deviations, which one run of 16,000
// would leave by chance.
func TestVersionShares(t *testing.T) {
	const requests, share = 5000, 0.1
	bound := 4 * math.Sqrt(requests*share*(1-share))
	each(t, nil, func(t *testing.T, w wire) {
		inside := w.protocol
		if inside == "seldon" {
			inside = "tensorflow"
		}
		e, v := versioned(t, asBinary, pair{w.protocol, inside}, map[string]int32{"3": 90, "7": 10})
		send := sender(t, w, e)
		var group sync.WaitGroup
		var failures atomic.Int32
		for range 8 {
			group.Go(func() {
				for range requests / 8 {
					if _, err := send(""); err != nil {
						failures.Add(1)
					}
				}
			})
		}
		group.Wait()
		seen := v.Asked()
		if off := math.Abs(float64(seen[7]) - requests*share); off > bound || seen[3]+seen[7] != requests || failures.Load() > 0 {
			t.Errorf("versions answered %v, %d requests failed; want %v +- %.0f of version 7", seen, failures.Load(), requests*share, bound)
		}
		t.Logf("version 7 answered %d of %d", seen[7], requests)
	})
}

// TestUsersKeepTheirVersion asks for the same users over REST and gRPC, by two
// executors, and after the shares were changed.
func TestUsersKeepTheirVersion(t *testing.T) {
	sticky := graph.Parameter{Name: graph.StickyHeaderParameter, Value: "X-User-Id", Type: graph.StringParameter}
	start := func(how Start, canary int32) Executor {
		e, _ := versioned(t, how, pair{"seldon", "tensorflow"}, map[string]int32{"3": 100 - canary, "7": canary}, sticky)
		return e
	}
	rest, rpc, wider := sender(t, wires()[0], start(asBinary, 10)), sender(t, wires()[3], start(inProcess, 10)), sender(t, wires()[0], start(inProcess, 30))
	const users = 500
	canary := 0
	for i := range users {
		user := fmt.Sprintf("user-%d", i)
		first := must(t, rest, user)
		if first == 77 {
			canary++
			if x := must(t, wider, user); x != 77 {
				t.Errorf("%s leaves version 7 when its share grows", user)
			}
		}
		for range 2 {
			if x := must(t, rpc, user); x != first {
				t.Errorf("%s has %v over REST and %v over gRPC", user, first, x)
			}
		}
	}
	if canary < users/20 || canary > users/5 {
		t.Errorf("version 7 has %d of %d users", canary, users)
	}
}

func must(t *testing.T, send func(user string) (float64, error), user string) float64 {
	t.Helper()
	x, err := send(user)
	if err != nil {
		t.Fatal(err)
	}
	return x
}

// sender sends requests of a user over kept connections.
func sender(t *testing.T, w wire, e Executor) func(user string) (float64, error) {
	t.Helper()
	if !w.grpc {
		client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 16}}
		t.Cleanup(client.CloseIdleConnections)
		path, body := restRequest(w.protocol)
		return func(user string) (float64, error) {
			r := request(t, http.MethodPost, "http://"+e.REST+path, body)
			r.Header.Set("Content-Type", "application/json")
			if user != "" {
				r.Header.Set("X-User-Id", user)
			}
			answer, _, err := by(client, r)
			if err != nil {
				return 0, err
			}
			return number(answer)
		}
	}
	conn, err := dial(e)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return func(user string) (float64, error) {
		ctx := t.Context()
		if user != "" {
			ctx = metadata.AppendToOutgoingContext(ctx, "x-user-id", user)
		}
		return rpcNumber(ctx, w.protocol, conn)
	}
}

func rpcNumber(ctx context.Context, protocol string, conn *grpc.ClientConn) (float64, error) {
	call := func(method string, in, out proto.Message) error { return conn.Invoke(ctx, method, in, out) }
	return calledRPC(protocol, call)
}

// TestSharesFollowAnnotations changes shares and labels while requests come: none of
// them fails, and the executor goes on as it is where the annotation is wrong.
func TestSharesFollowAnnotations(t *testing.T) {
	cs := components{}
	node := speaking("tensorflow", model("m", 0)).build(t, "seldon", cs)
	v := &stub.Versions{Protocol: "tensorflow", Name: "m"}
	v.Set(map[int]stub.Version{3: {Digit: 3}, 7: {Digit: 7}, 10: {Digit: 1}})
	cs["m"].Otherwise(v.Answer)
	l := launchOf(t, "seldon", node)
	annotate := func(text string) {
		file := filepath.Join(l.Env["RADIANT_PODINFO"], "annotations")
		if err := os.WriteFile(file+".new", fmt.Appendf(nil, "%s=%q\n", graph.VersionsAnnotation, text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(file+".new", file); err != nil {
			t.Fatal(err)
		}
	}
	annotate(`{"m":{"labels":"stable=3,canary=7","traffic":{"stable":100}}}`)
	e := asBinary(t, l)
	send := sender(t, wires()[0], e)
	until := func(want float64) {
		t.Helper()
		for began := time.Now(); must(t, send, "") != want; time.Sleep(10 * time.Millisecond) {
			if time.Since(began) > 2*time.Minute {
				t.Fatalf("the answer does not become %v", want)
			}
		}
		for range 100 {
			if x := must(t, send, ""); x != want {
				t.Fatalf("the answer is %v after it was %v", x, want)
			}
		}
	}
	until(73)
	annotate(`{"m":{"labels":"stable=3,canary=7","traffic":{"canary":100}}}`)
	until(77)
	annotate(`{"m":{"labels":"stable=3,canary=10","traffic":{"canary":100}}}`)
	until(71)
	if x, told, err := asked(t, wires()[0], e, "canary"); err != nil || x != 71 || told != "m=10" {
		t.Errorf("the label leads to %v of %q, %v", x, told, err)
	}
	annotate(`{"m":{"traffic":{"canary":100}}}`) // There is no such label.
	time.Sleep(time.Second)
	until(71)
	annotate(`{"m":{"traffic":{"3":100}}}`)
	until(73)
	annotate(`{}`)
	until(71)
}
