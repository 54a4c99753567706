package conformance

import (
	"fmt"
	"net/http"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/prime-radiant/radiant/tests/kit/stub"
)

// TestConnectionsAreKept sends ten thousand requests by ten clients to an
// executor that has its connections already.
func TestConnectionsAreKept(t *testing.T) {
	e, cs := launch(t, asBinary, "seldon", model("a", 1))
	cs["a"].On("/predict", stub.Answer{Body: []byte("{}")})
	transport := &http.Transport{MaxIdleConnsPerHost: 100}
	defer transport.CloseIdleConnections()
	const clients = 10
	send := func(each int) {
		var wait sync.WaitGroup
		for range clients {
			wait.Go(func() {
				for range each {
					answer, err := transport.RoundTrip(request(t, http.MethodPost, predictions(e), "{}"))
					if err != nil {
						t.Error(err)
						return
					}
					_ = answer.Body.Close()
				}
			})
		}
		wait.Wait()
		cs.reset()
	}
	send(50)
	before := cs["a"].Opened()
	send(1000)
	if n := cs["a"].Opened() - before; n > 0 {
		t.Errorf("%d connections were opened in 10,000 requests", n)
	}
}

// The executor stands beside every model. Linear algebra and sketches for the
// nodes that need no container took 2 MB of the program.
const (
	mostBinary   = 30_000_000
	mostResident = 24_000
)

// TestFootprint holds the size of the program that ships and the memory that it
// takes when nothing is asked of it.
func TestFootprint(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("reads /proc")
	}
	info, err := os.Stat(binary)
	if err != nil {
		t.Fatal(err)
	}
	var pid int
	e, _ := launch(t, func(t *testing.T, l Launch) Executor {
		e, process := startBinary(t, l)
		pid = process
		return e
	}, "seldon", model("a", 1, model("b", 2)))
	if _, _, err := get(soon(t), "http://"+e.REST+"/ready"); err != nil {
		t.Fatal(err)
	}
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	_, text, _ := strings.Cut(string(status), "VmRSS:")
	var resident int
	if _, err := fmt.Sscan(text, &resident); err != nil {
		t.Fatal(err)
	}
	t.Logf("%d bytes, %d kB resident", info.Size(), resident)
	if info.Size() > mostBinary || resident > mostResident {
		t.Errorf("the program has %d bytes and %d kB resident, more than %d and %d", info.Size(), resident, mostBinary, mostResident)
	}
}
