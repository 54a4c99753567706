package gateway

import (
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	v1 "github.com/prime-radiant/radiant/apis/v1"
	"github.com/prime-radiant/radiant/local/localtest"
)

// last is a choice that always falls on the predictor with the last share.
func last(n int) int { return n - 1 }

// ask sends a request to a path, and returns the answer with the predictor that
// it says it is from.
func ask(t *testing.T, method, url, predictor string) (code int, body, from string) {
	t.Helper()
	r, err := http.NewRequest(method, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	if predictor != "" {
		r.Header.Set(v1.HeaderPredictor, predictor)
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(text), response.Header.Get(v1.HeaderPredictor)
}

func TestARequestNamesItsPredictor(t *testing.T) {
	_, address := startGateway(t, last, &Deployment{
		Namespace: "default", Name: "d", Protocol: "seldon",
		Shares: []Share{{restBackend(t, "main", respond("main")), 90}, {restBackend(t, "canary", respond("canary")), 10}},
		Shadow: restBackend(t, "shadow", respond("shadow")), Percent: 100,
	})
	for _, one := range []struct{ method, path, named, want string }{
		{"POST", "api/v1.0/predictions", "", "canary"},
		{"POST", "api/v1.0/predictions", "main", "main"},
		{"POST", "api/v1.0/predictions", "canary", "canary"},
		{"POST", "api/v1.0/predictions", "shadow", "shadow"},
		// What tells of the deployment does not change from one request to the next.
		{"GET", "api/v1.0/doc/", "", "main"}, {"GET", "api/v1.0/doc/seldon.json", "", "main"}, {"GET", "v2/docs/v2.json", "", "main"},
		{"GET", "api/v0.1/metadata", "", "main"}, {"GET", "api/v1.0/metadata/node", "", "main"}, {"GET", "v2/models/m", "", "main"},
		{"GET", "v2/models/m/versions/1", "", "main"}, {"GET", "v1/models/m/metadata", "", "main"}, {"GET", "prometheus", "", "main"},
		{"GET", "api/v1.0/doc/", "canary", "canary"},
		{"GET", "v1/models/m", "", "canary"}, {"GET", "v2/health/ready", "", "canary"}, {"GET", "ready", "", "canary"},
	} {
		code, body, from := ask(t, one.method, "http://"+address+"/seldon/default/d/"+one.path, one.named)
		if code != 200 || body != one.want || from != one.want {
			t.Errorf("%s %s with %q: %d %q from %q, want %q", one.method, one.path, one.named, code, body, from, one.want)
		}
	}
	code, body, _ := ask(t, "POST", "http://"+address+"/seldon/default/d/api/v1.0/predictions", "canari")
	if want := `has no predictor \"canari\", which the header Seldon-Predictor names; it has main, canary, shadow`; code != 404 || !strings.Contains(body, want) {
		t.Errorf("%d %s, want 404 with %s", code, body, want)
	}
}

func TestNoCopyIsMadeOfWhatTheShadowAnswers(t *testing.T) {
	var named, copied atomic.Int64
	shadow := restBackend(t, "shadow", func(_ http.ResponseWriter, r *http.Request) {
		if r.Header.Get(v1.HeaderPredictor) == "shadow" {
			named.Add(1)
		} else {
			copied.Add(1)
		}
	})
	_, address := startGateway(t, first, &Deployment{
		Namespace: "default", Name: "d", Shares: []Share{{restBackend(t, "main", respond("main")), 0}}, Shadow: shadow, Percent: 100,
	})
	ask(t, "POST", "http://"+address+"/seldon/default/d/predict", "shadow")
	ask(t, "POST", "http://"+address+"/seldon/default/d/predict", "")
	localtest.Eventually(t, "the other request is copied", func() bool { return copied.Load() == 1 })
	if n := named.Load(); n != 1 {
		t.Errorf("the shadow got %d requests for one that names it", n)
	}
}

func TestACallNamesItsPredictor(t *testing.T) {
	_, address := startGateway(t, last, &Deployment{Namespace: "default", Name: "d", Shares: []Share{
		{grpcBackend(t, "main", echo("main ")), 90}, {grpcBackend(t, "canary", echo("canary ")), 10},
	}})
	conn := dialGRPC(t, address)
	for named, want := range map[string]string{"main": "main x", "canary": "canary x"} {
		answer, header, _, err := call(conn, "x", "seldon", "d", "seldon-predictor", named)
		if err != nil || answer != want || strings.Join(header.Get(v1.HeaderPredictor), ",") != named {
			t.Errorf("%s: %q %v %v", named, answer, header, err)
		}
	}
	if _, _, _, err := call(conn, "x", "seldon", "d", "seldon-predictor", "other"); status.Code(err) != codes.NotFound {
		t.Errorf("got %v, want NotFound", err)
	}
}

func TestMetricsOfAllPredictors(t *testing.T) {
	metrics := func(text string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path != "/prometheus" {
				t.Errorf("asked for %s", r.URL.Path)
			}
			_, _ = io.WriteString(w, text)
		}
	}
	broken := func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNotFound) }
	_, address := startGateway(t, first,
		&Deployment{Namespace: "a", Name: "d", Shares: []Share{
			{restBackend(t, "main", metrics("# HELP requests Help.\n# TYPE requests counter\nrequests{deployment_name=\"d\",predictor_name=\"main\"} 9\n")), 90},
			{restBackend(t, "canary", metrics("# HELP requests Help.\n# TYPE requests counter\nrequests{deployment_name=\"d\",predictor_name=\"canary\"} 1\n")), 10},
		}},
		&Deployment{Namespace: "b", Name: "e", Shares: []Share{{restBackend(t, "main", metrics("# TYPE requests gauge\nrequests 1\n# TYPE up gauge\nup 1\n")), 0}}},
		&Deployment{Namespace: "b", Name: "without", Shares: []Share{{restBackend(t, "main", broken), 0}}},
		&Deployment{Namespace: "b", Name: "asleep", Shares: []Share{{NewBackend("main", Addresses{HTTP: "127.0.0.1:1"}, never), 0}}},
	)
	code, body := get(t, "http://"+address+"/metrics")
	const want = `# HELP requests Help.
# TYPE requests counter
requests{deployment_name="d",predictor_name="main",namespace="a"} 9
requests{deployment_name="d",predictor_name="canary",namespace="a"} 1
# TYPE up gauge
up{namespace="b",deployment_name="e",predictor_name="main"} 1
`
	if code != 200 || body != want {
		t.Errorf("%d\n%s\nwant\n%s", code, body, want)
	}
}
