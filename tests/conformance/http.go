package conformance

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/prime-radiant/radiant/graph"
	"github.com/prime-radiant/radiant/tests/kit/stub"
)

// overHTTP checks what REST clients see beside the answer itself.
func overHTTP(t *testing.T, start Start) {
	t.Run("bytes and headers on the way in", func(t *testing.T) { wayIn(t, start) })
	t.Run("headers on the way out", func(t *testing.T) { wayOut(t, start) })
	t.Run("no CORS", func(t *testing.T) { withoutCORS(t, start) })
	t.Run("headers on every path", func(t *testing.T) { everyPath(t, start) })
	t.Run("bodies", func(t *testing.T) { bodies(t, start) })
	t.Run("paths", func(t *testing.T) { unroutable(t, start) })
	t.Run("status of a component", func(t *testing.T) { passedStatus(t, start) })
	t.Run("model names", func(t *testing.T) { modelNames(t, start) })
	t.Run("gzip", func(t *testing.T) { compressed(t, start) })
	t.Run("outputs of a chain", func(t *testing.T) { chainOutputs(t, start) })
	t.Run("compressed tensors", func(t *testing.T) { compressedTensors(t, start) })
	t.Run("binary tensors", func(t *testing.T) { binaryTensors(t, start) })
	t.Run("routing injection", func(t *testing.T) { injection(t, start) })
	t.Run("probes", func(t *testing.T) { probes(t, start) })
	t.Run("probes over gRPC ports", func(t *testing.T) { grpcProbes(t, start) })
	t.Run("server metadata", func(t *testing.T) { serverMetadata(t, start) })
}

func predictions(e Executor) string { return "http://" + e.REST + "/api/v1.0/predictions" }

func request(t *testing.T, method, url, body string) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(soon(t), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func wayIn(t *testing.T, start Start) {
	e, cs := launch(t, start, "seldon", model("a", 1, model("b", 2)))
	body := "{ \"data\" : {\"ndarray\":[[1.0, 9007199254740993]]},\n\"z\":1, \"a\":2 }"
	r := request(t, http.MethodPost, predictions(e)+"?q=1", body)
	r.Header = http.Header{
		"Content-Type": {"application/json; charset=utf-8"}, "Authorization": {"Bearer x"}, "Cookie": {"k=v"}, "X-Many": {"1", "2"},
		"Connection": {"keep-alive, X-Hop"}, "X-Hop": {"1"}, "Te": {"trailers"}, "Traceparent": {"00-1-2-01"}, "User-Agent": {"me"},
		"Keep-Alive": {"timeout=5"}, "Proxy-Authorization": {"Basic x"}, "Upgrade": {"h2c"},
	}
	_, header, err := do(r)
	if err != nil {
		t.Fatal(err)
	}
	puid := header.Get("Seldon-Puid")
	if len(puid) != 36 {
		t.Errorf("puid is %q", puid)
	}
	first := cs["a"].Calls()[0]
	if string(first.Body) != body || first.Path != "/predict" {
		t.Errorf("the component got %s %q", first.Path, first.Body)
	}
	for name, s := range cs {
		h := s.Calls()[0].Header
		for _, want := range []struct{ name, value string }{
			{"Authorization", "Bearer x"}, {"Cookie", "k=v"}, {"X-Many", "1 2"}, {"Traceparent", "00-1-2-01"}, {"User-Agent", "me"}, {"Seldon-Puid", puid},
			{"X-Hop", ""}, {"Te", ""}, {"Keep-Alive", ""}, {"Proxy-Authorization", ""}, {"Upgrade", ""}, {"X-Idempotency-Key", ""},
		} {
			if got := strings.Join(h[want.name], " "); got != want.value {
				t.Errorf("%s got %s: %q, want %q", name, want.name, got, want.value)
			}
		}
	}
	if got := first.Header["Content-Type"][0]; got != "application/json; charset=utf-8" {
		t.Errorf("the first component got the type %q", got)
	}
	if got := cs["b"].Calls()[0].Header["Content-Type"][0]; got != "application/json" {
		t.Errorf("the second component got the type %q", got)
	}
}

func wayOut(t *testing.T, start Start) {
	cs := components{}
	l := launchOf(t, "seldon", model("a", 1).build(t, "seldon", cs))
	l.Env["CORS_ALLOWED_ORIGINS"] = "https://a.example"
	e := start(t, l)
	r := request(t, http.MethodPost, predictions(e), `{"data":{"ndarray":[1]}}`)
	r.Header.Set("Seldon-Puid", "mine")
	r.Header.Set("Ce-Specversion", "1.0")
	_, header, err := do(r)
	if err != nil {
		t.Fatal(err)
	}
	header.Del("Date")
	want := http.Header{
		"Seldon-Puid": {"mine"}, "X-Content-Type-Options": {"nosniff"}, "Content-Type": {"application/json"}, "Content-Length": header["Content-Length"],
		"Access-Control-Allow-Origin": {"https://a.example"}, "Access-Control-Allow-Methods": {"OPTIONS,POST"},
		"Access-Control-Allow-Headers": {"Accept, Accept-Encoding, Authorization, Content-Length, Content-Type, X-CSRF-Token"},
		"Ce-Id":                        {"mine"}, "Ce-Specversion": {"0.3"}, "Ce-Path": {"/api/v1.0/predictions"}, "Ce-Type": {"seldon.sdep.ns.response"}, "Ce-Source": {"seldon.sdep"},
	}
	if diff := cmp.Diff(want, header); diff != "" {
		t.Error(diff)
	}
	if got := cs["a"].Calls()[0].Header["Seldon-Puid"]; len(got) != 1 || got[0] != "mine" {
		t.Errorf("the component got the puid %q", got)
	}
	_, header, err = do(request(t, http.MethodOptions, predictions(e), ""))
	if err != nil || header.Get("Access-Control-Allow-Origin") != "https://a.example" || len(cs["a"].Calls()) != 1 {
		t.Errorf("OPTIONS is %v, %v", header, err)
	}
}

// withoutCORS checks the setting by which no headers of CORS are sent.
func withoutCORS(t *testing.T, start Start) {
	l := launchOf(t, "seldon", model("a", 1).build(t, "seldon", components{}))
	l.Env["CORS_ALLOWED_ORIGINS"] = "none"
	e := start(t, l)
	for _, method := range []string{http.MethodPost, http.MethodOptions} {
		_, header, err := do(request(t, method, predictions(e), `{"data":{"ndarray":[1]}}`))
		for name := range header {
			if strings.HasPrefix(name, "Access-Control-") {
				t.Errorf("%s has %v, %v", method, header, err)
			}
		}
	}
}

// everyPath checks what probes, metrics and pages answer with besides, for
// scrapers and browsers that count on it.
func everyPath(t *testing.T, start Start) {
	e, _ := launch(t, start, "seldon", model("a", 1))
	for _, path := range []string{"/live", "/ready", "/metrics", "/api/v1.0/doc/", "/api/v1.0/doc/seldon.json", "/api/v1.0/health/status", "/api/v1.0/metadata/a"} {
		for _, method := range []string{http.MethodGet, http.MethodOptions} {
			r := request(t, method, "http://"+e.REST+path, "")
			r.Header.Set("Seldon-Puid", "mine")
			body, header, err := do(r)
			if err != nil || header.Get("Seldon-Puid") != "mine" || header.Get("Access-Control-Allow-Origin") != "*" || header.Get("X-Content-Type-Options") != "nosniff" {
				t.Errorf("%s %s answers %v, %v", method, path, header, err)
			}
			if method == http.MethodOptions && len(body) > 0 {
				t.Errorf("%s %s answers %d bytes", method, path, len(body))
			}
		}
	}
}

// bodies sends what no executor needs to understand.
func bodies(t *testing.T, start Start) {
	e, cs := launch(t, start, "seldon", model("a", 1))
	echo := func(c stub.Call) stub.Answer {
		kind := ""
		if k := c.Header["Content-Type"]; len(k) > 0 {
			kind = k[0]
		}
		return stub.Answer{Type: kind, Body: c.Body}
	}
	cs["a"].Handle("/predict", echo)
	for name, c := range map[string]struct{ kind, body, want string }{
		"binary":          {"application/octet-stream", "\x00\xff<&>\xe2\x80\xa8", "\x00\xff<&>\xe2\x80\xa8"},
		"html stays html": {"text/html", "<p>&amp;</p>", "<p>&amp;</p>"},
		"JSON is escaped": {"application/json", "{\"a\":\"<b>&\u2028\u2029é\"}", `{"a":"\u003cb\u003e\u0026\u2028\u2029é"}`},
		"form":            {"multipart/form-data; boundary=x", "--x--<", "--x--<"},
		"malformed JSON":  {"application/json", `{"a":`, `{"a":`},
		"empty":           {"application/json", "", ""},
		"large":           {"application/octet-stream", strings.Repeat("x<", 3_000_000), strings.Repeat("x<", 3_000_000)},
	} {
		t.Run(name, func(t *testing.T) {
			body, header, err := post(soon(t), predictions(e), c.kind, []byte(c.body))
			if err != nil {
				t.Fatal(err)
			}
			if string(body) != c.want || header.Get("Content-Type") != c.kind {
				t.Errorf("answer is %s %.100q", header.Get("Content-Type"), body)
			}
		})
	}
}

func unroutable(t *testing.T, start Start) {
	e, cs := launch(t, start, "seldon", model("a", 1))
	client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	const way = ": predictions are asked for by POST .../api/v1.0/predictions, and the page about it is at .../api/v1.0/doc/"
	failed := func(code int, info string) string {
		return fmt.Sprintf(`{"status":{"code":%d,"info":%q,"status":"FAILURE"}}`, code, info)
	}
	for _, c := range []struct {
		method, path string
		code         int
		body         string
	}{
		{http.MethodGet, "/", 404, failed(404, "nothing is served at this path of a deployment that speaks protocol seldon"+way)},
		{http.MethodPost, "/v2/models/a/infer", 404, failed(404, "this deployment speaks protocol seldon, and the path is one of protocol v2"+way)},
		{http.MethodPost, "/api/v1.0/predictions/", 404, failed(404, "nothing is served at this path of a deployment that speaks protocol seldon"+way)},
		{http.MethodGet, "/api/v1.0/predictions", 405, failed(405, "this path takes POST, OPTIONS; of this deployment, which speaks protocol seldon, "+way[2:])},
		{http.MethodPost, "/api//v1.0/predictions?x=1", 301, ""},
		{http.MethodPost, "/api/./v1.0/predictions", 301, ""},
		{http.MethodConnect, "", 404, "404 page not found\n"},
	} {
		answer, err := client.Do(request(t, c.method, "http://"+e.REST+c.path, ""))
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(answer.Body)
		_ = answer.Body.Close()
		if answer.StatusCode != c.code || string(body) != c.body || answer.Header.Get("Seldon-Puid") != "" {
			t.Errorf("%s %s answers %d %q %v", c.method, c.path, answer.StatusCode, body, answer.Header)
		}
		if c.code == 301 && !strings.HasPrefix(answer.Header.Get("Location"), "/api/v1.0/predictions") {
			t.Errorf("%s leads to %s", c.path, answer.Header.Get("Location"))
		}
	}
	if len(cs.counts()) != 0 {
		t.Errorf("components were called: %v", cs.counts())
	}
}

func passedStatus(t *testing.T, start Start) {
	e, cs := launch(t, start, "seldon", model("a", 1, model("b", 2)))
	for _, a := range []stub.Answer{
		{Status: 418, Body: []byte(`{"a":"teapot"}`)},
		{Status: 201, Type: "text/plain", Body: []byte("created")},
		{Status: 503, Type: "text/html", Body: []byte("<h1>busy</h1>")},
		{Status: 500},
	} {
		cs["a"].On("/predict", a)
		_, header, err := post(soon(t), predictions(e), "application/json", []byte(`{}`))
		s, ok := err.(*status) //nolint:errorlint // do returns it bare
		if !ok || s.code != a.Status || !bytes.Equal(s.body, a.Body) || header.Get("Seldon-Puid") == "" {
			t.Errorf("%d became %v", a.Status, err)
		}
		if a.Type != "" && header.Get("Content-Type") != a.Type {
			t.Errorf("type %q became %q", a.Type, header.Get("Content-Type"))
		}
	}
	if n := len(cs["b"].Calls()); n != 0 {
		t.Errorf("the walk went on %d times", n)
	}
}

// modelNames checks that a name in the path holds for every node, and that
// without one each node has its own.
func modelNames(t *testing.T, start Start) {
	for _, c := range []struct{ protocol, path, a, b string }{
		{"v2", "/v2/models/x/infer", "/v2/models/x/infer", "/v2/models/x/infer"},
		{"v2", "/v2/models/infer", "/v2/models/a/infer", "/v2/models/b/infer"},
		{"v2", "/v2/models/x/versions/3/infer", "/v2/models/x/versions/3/infer", "/v2/models/x/versions/3/infer"},
		{"v2", "/v2/models/a%20b/infer", "/v2/models/a%20b/infer", "/v2/models/a%20b/infer"},
		{"tensorflow", "/v1/models/x:predict", "/v1/models/x:predict", "/v1/models/x:predict"},
		{"tensorflow", "/v1/models/x/:predict", "/v1/models/x:predict", "/v1/models/x:predict"},
		{"tensorflow", "/v1/models/:predict", "/v1/models/a:predict", "/v1/models/b:predict"},
		{"tensorflow", "/v1/models/x/versions/3:predict", "/v1/models/x/versions/3:predict", "/v1/models/x/versions/3:predict"},
	} {
		e, cs := launch(t, start, c.protocol, model("a", 1, model("b", 2)))
		answer := stub.Answer{Body: []byte(`{"outputs":[],"predictions":[]}`)}
		for _, s := range cs {
			s.Otherwise(func(stub.Call) stub.Answer { return answer })
		}
		if _, _, err := post(soon(t), "http://"+e.REST+c.path, "application/json", []byte(`{"inputs":[],"instances":[]}`)); err != nil {
			t.Errorf("%s: %v", c.path, err)
		}
		got := append(paths(cs["a"].Calls()), paths(cs["b"].Calls())...)
		if diff := cmp.Diff([]string{c.a, c.b}, got); diff != "" {
			t.Errorf("%s: %s", c.path, diff)
		}
	}
}

func paths(calls []stub.Call) []string {
	var all []string
	for _, c := range calls {
		all = append(all, c.Path)
	}
	return all
}

func zipped(t *testing.T, text string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func compressed(t *testing.T, start Start) {
	t.Run("passes a single node", func(t *testing.T) {
		e, cs := launch(t, start, "seldon", model("a", 1))
		cs["a"].On("/predict", stub.Answer{Body: zipped(t, `{"a":"<"}`), Header: map[string]string{"Content-Encoding": "gzip"}})
		r := request(t, http.MethodPost, predictions(e), string(zipped(t, `{}`)))
		r.Header.Set("Accept-Encoding", "gzip")
		r.Header.Set("Content-Encoding", "gzip")
		body, header, err := do(r)
		if err != nil || header.Get("Content-Encoding") != "gzip" || !bytes.Equal(body, zipped(t, `{"a":"<"}`)) {
			t.Errorf("answer is %v %q, %v", header, body, err)
		}
		call := cs["a"].Calls()[0]
		if !bytes.Equal(call.Body, zipped(t, `{}`)) || call.Header["Content-Encoding"][0] != "gzip" || call.Header["Accept-Encoding"][0] != "gzip" {
			t.Errorf("the component got %v %q", call.Header, call.Body)
		}
	})
	t.Run("is not asked of nodes in a chain", func(t *testing.T) {
		e, cs := launch(t, start, "seldon", model("a", 1, model("b", 2)))
		r := request(t, http.MethodPost, predictions(e), `{"data":{"ndarray":[7]}}`)
		r.Header.Set("Accept-Encoding", "gzip")
		if _, _, err := do(r); err != nil {
			t.Fatal(err)
		}
		for name, s := range cs {
			if h := s.Calls()[0].Header["Accept-Encoding"]; h != nil {
				t.Errorf("%s may answer in %v", name, h)
			}
		}
	})
	t.Run("is undone where bodies are read", func(t *testing.T) {
		e, cs := launch(t, start, "v2", typed(graph.Combiner, "c", 9, model("a", 1), model("b", 2)))
		r := request(t, http.MethodPost, "http://"+e.REST+"/v2/models/infer", string(zipped(t, `{}`)))
		r.Header.Set("Accept-Encoding", "gzip")
		r.Header.Set("Content-Encoding", "gzip")
		for _, name := range []string{"a", "b"} {
			cs[name].On("/v2/models/"+name+"/infer", stub.Answer{Body: zipped(t, `{"outputs":[{"data":[1]}]}`), Header: map[string]string{"Content-Encoding": "gzip"}})
		}
		body, header, err := do(r)
		if x, numberErr := number(body); err != nil || numberErr != nil || x != 29 || header.Get("Content-Encoding") != "" {
			t.Errorf("answer is %v %q, %v, %v", header, body, err, numberErr)
		}
		if h := cs["a"].Calls()[0].Header["Accept-Encoding"]; h != nil {
			t.Errorf("the component may answer in %v", h)
		}
	})
}

func binaryTensors(t *testing.T, start Start) {
	e, cs := launch(t, start, "v2", model("a", 1, model("b", 2)))
	head := `{"inputs":[{"name":"features","datatype":"FP64","shape":[1,1],"parameters":{"binary_data_size":8}}]}`
	raw := "\x00\x00\x00\x00\x00\x00\x1c\x40" // 7
	answer := `{"outputs":[{"name":"result","datatype":"FP64","shape":[1,1],"parameters":{"binary_data_size":8}}]}`
	cs["a"].On("/v2/models/a/infer", stub.Answer{
		Type: "application/octet-stream", Body: []byte(answer + raw), Header: map[string]string{"Inference-Header-Content-Length": itoa(len(answer))},
	})
	r := request(t, http.MethodPost, "http://"+e.REST+"/v2/models/infer", head+raw)
	r.Header.Set("Content-Type", "application/octet-stream")
	r.Header.Set("Inference-Header-Content-Length", itoa(len(head)))
	body, _, err := do(r)
	if err != nil {
		t.Fatal(err)
	}
	if x, err := number(body); err != nil || x != 72 {
		t.Errorf("answer is %s", body)
	}
	if got := string(cs["a"].Calls()[0].Body); got != head+raw {
		t.Errorf("the first component got %q", got)
	}
	second := cs["b"].Calls()[0]
	chained := strings.Replace(answer, "outputs", "inputs", 1)
	if string(second.Body) != chained+raw || second.Header["Inference-Header-Content-Length"][0] != itoa(len(chained)) {
		t.Errorf("the second component got %v %q", second.Header, second.Body)
	}
	r = request(t, http.MethodPost, "http://"+e.REST+"/v2/models/infer", head)
	r.Header.Set("Inference-Header-Content-Length", "100000")
	_, _, err = do(r)
	failed(t, wire{}, err, failure{http.StatusBadRequest, 0, "Inference-Header-Content-Length"})
}

// injection checks that routes are written into a meta that is there.
func injection(t *testing.T, start Start) {
	cs := components{}
	l := launchOf(t, "seldon", router("r", 1, model("a", 1), typed(graph.OutputTransformer, "o", 2, model("b", 3))).build(t, "seldon", cs))
	l.Env["SELDON_ENABLE_ROUTING_INJECTION"] = "true"
	e := start(t, l)
	for name, c := range map[string]struct{ answer, want string }{
		"meta":       {`{"meta":{"routing":{"x":1},"tags":{"n":9007199254740993}},"data":1.0}`, `{"data":1.0,"meta":{"routing":{"b":-1,"o":-1,"r":1},"tags":{"n":9007199254740993}}}`},
		"no meta":    {`{"data": 1.0}`, `{"data": 1.0}`},
		"null":       {`{"meta":null}`, `{"meta":null}`},
		"not JSON":   {`hello`, `hello`},
		"not object": {`[1]`, `[1]`},
	} {
		cs["o"].On("/transform-output", stub.Answer{Body: []byte(c.answer)})
		body, _, err := post(soon(t), predictions(e), "application/json", []byte(`{"data":{"ndarray":[7]}}`))
		if err != nil || string(body) != c.want {
			t.Errorf("%s: answer is %s, %v, want %s", name, body, err, c.want)
		}
	}
	cs["o"].On("/transform-output", stub.Answer{Status: 500, Body: []byte(`{"meta":{}}`)})
	if _, _, err := post(soon(t), predictions(e), "application/json", []byte(`{"data":{"ndarray":[7]}}`)); err == nil {
		t.Error("a failed output transformer is no error")
	}
}

func probes(t *testing.T, start Start) {
	for _, args := range [][]string{nil, {"--full_health_checks=true"}} {
		e, cs := launch(t, start, "seldon", model("a", 1, model("b", 2)), args...)
		check := func(path string, want int) {
			t.Helper()
			body, _, err := get(soon(t), "http://"+e.REST+path)
			code := http.StatusOK
			if s, ok := err.(*status); ok { //nolint:errorlint // do returns it bare
				code, body = s.code, s.body
			} else if err != nil {
				t.Fatal(err)
			}
			if told := strings.Contains(string(body), "is not ready: "); code != want || told != (want == 503) || !told && len(body) > 0 {
				t.Errorf("%v: %s answers %d %q, want %d", args, path, code, body, want)
			}
		}
		for _, path := range []string{"/ready", "/live", "/api/v1.0/status", "/api/v1.0/health/status"} {
			check(path, 200)
		}
		if args != nil {
			cs["b"].On("/api/v1.0/health/status", stub.Answer{Status: 500})
			check("/ready", 503)
		}
		cs["b"].Close()
		check("/live", 200)
		check("/ready", 503)
		check("/api/v1.0/health/status", 503)
	}
}

// grpcProbes checks that a server which listens for gRPC only can be healthy.
func grpcProbes(t *testing.T, start Start) {
	cs := components{}
	g := model("a", 1).build(t, "seldon", cs)
	g.Endpoint.Type, g.Endpoint.HTTPPort, g.Endpoint.ServicePort = graph.GRPC, 0, g.Endpoint.GRPCPort
	e := start(t, launchOf(t, "seldon", g, "--full_health_checks=true"))
	if _, _, err := get(soon(t), "http://"+e.REST+"/ready"); err != nil {
		t.Error(err)
	}
	cs["a"].Close()
	if _, _, err := get(soon(t), "http://"+e.REST+"/ready"); err == nil {
		t.Error("ready without a server")
	}
}

func serverMetadata(t *testing.T, start Start) {
	e, _ := launch(t, start, "v2", model("a", 1))
	for path, want := range map[string]string{"/v2": `"name":"sdep"`, "/v2/health/live": "", "/v2/health/ready": ""} {
		if body, _, err := get(soon(t), "http://"+e.REST+path); err != nil || !containsText(body, want) {
			t.Errorf("%s answers %s, %v", path, body, err)
		}
	}
}

func containsText(body []byte, text string) bool { return bytes.Contains(body, []byte(text)) }
