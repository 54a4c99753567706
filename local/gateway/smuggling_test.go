package gateway

import (
	"net/http"
	"sync/atomic"
	"testing"

	"github.com/prime-radiant/radiant/tests/kit/smuggling"
)

// Nothing that two readers could understand differently reaches a predictor.
func TestSmuggling(t *testing.T) {
	var taken atomic.Int32
	b := restBackend(t, "main", func(w http.ResponseWriter, r *http.Request) {
		taken.Add(1)
		respond("{}")(w, r)
	})
	_, address := startGateway(t, first, single("mnist", b))
	const path = "/seldon/default/mnist/predict"
	smuggling.Refused(t, address, smuggling.Cases("localhost", path))
	if n := taken.Load(); n != 0 {
		t.Errorf("the predictor got %d requests", n)
	}
	smuggling.Refused(t, address, smuggling.Bodies("localhost", path))
	if code, body := get(t, "http://"+address+path); code != http.StatusOK || body != "{}" {
		t.Errorf("afterwards: %d %s", code, body)
	}
}
