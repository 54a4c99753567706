package conformance

import (
	"bytes"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"

	"github.com/prime-radiant/radiant/apis/seldon"
	"github.com/prime-radiant/radiant/graph"
	"github.com/prime-radiant/radiant/tests/kit/stub"
)

// told checks what clients and operators are told of what nodes say.
func told(t *testing.T, start Start) {
	t.Run("headers of answers", func(t *testing.T) { answerHeaders(t, start) })
	t.Run("pages", func(t *testing.T) { pagesOfNodes(t, start) })
	t.Run("unasked compression", func(t *testing.T) { unaskedGzip(t, start) })
	t.Run("rewards that no server takes", func(t *testing.T) { untakenRewards(t, start) })
	t.Run("redirects elsewhere", func(t *testing.T) { ledElsewhere(t, start) })
}

func answerHeaders(t *testing.T, start Start) {
	component := serving(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Model", "rev-7")
		w.Header().Set("X-Other", "1")
		w.Header().Set("Keep-Alive", "timeout=1")
		w.Header().Set("Access-Control-Allow-Origin", "https://evil.example")
		w.Header().Set("Content-Type", "application/json")
		if r.Header.Get("Fail") != "" {
			w.WriteHeader(http.StatusTeapot)
		}
		_, _ = w.Write([]byte(`{}`))
	})
	node := graph.Node{Name: "a", Type: graph.Model, Endpoint: &graph.Endpoint{ServiceHost: "127.0.0.1", HTTPPort: port(t, component)}}
	for setting, want := range map[string]string{"": "rev-7 1", "none": " ", "x-m*": "rev-7 "} {
		l := launchOf(t, "seldon", node)
		if setting != "" {
			l.Env["RADIANT_ANSWER_HEADERS"] = setting
		}
		e := start(t, l)
		for _, fail := range []string{"", "1"} {
			r := request(t, http.MethodPost, predictions(e), `{}`)
			r.Header.Set("Fail", fail)
			answer, err := http.DefaultClient.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			_ = answer.Body.Close()
			h := answer.Header
			if got := h.Get("X-Model") + " " + h.Get("X-Other"); got != want || h.Get("Access-Control-Allow-Origin") != "*" || h.Get("Keep-Alive") != "" {
				t.Errorf("with %q, %d has %v", setting, answer.StatusCode, h)
			}
		}
	}
	for setting, want := range map[string]string{"": "[rev-7] [1] [5]", "none": "[] [] []", "x-m*": "[rev-7] [] []"} {
		t.Run("gRPC "+setting, func(t *testing.T) { answerMetadata(t, start, setting, want) })
	}
}

func answerMetadata(t *testing.T, start Start, setting, want string) {
	cs := components{}
	l := launchOf(t, "seldon", model("a", 1).build(t, "seldon", cs))
	if setting != "" {
		l.Env["RADIANT_ANSWER_HEADERS"] = setting
	}
	e := start(t, l)
	cs["a"].Otherwise(func(stub.Call) stub.Answer {
		return stub.Answer{Header: map[string]string{"x-model": "rev-7", "x-other": "1", "seldon-puid": "another"}, Trailer: map[string]string{"x-tokens": "5"}}
	})
	conn, err := dial(e)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	var header, trailer metadata.MD
	ctx := metadata.AppendToOutgoingContext(soon(t), "seldon-puid", "mine")
	err = conn.Invoke(ctx, seldon.Seldon_Predict_FullMethodName, &seldon.SeldonMessage{}, &seldon.SeldonMessage{}, grpc.Header(&header), grpc.Trailer(&trailer))
	got := fmt.Sprint(header["x-model"], header["x-other"], trailer["x-tokens"])
	if err != nil || got != want || len(header["seldon-puid"]) != 1 || header["seldon-puid"][0] != "mine" {
		t.Errorf("metadata is %v, %v, %v", header, trailer, err)
	}
}

// pagesOfNodes has nodes answer JSON with a script in it as a page.
func pagesOfNodes(t *testing.T, start Start) {
	e, cs := launch(t, start, "seldon", model("a", 1))
	for _, kind := range []string{"text/html", "text/html; charset=utf-8", "application/xhtml+xml", "image/svg+xml"} {
		for _, status := range []int{http.StatusOK, http.StatusInternalServerError} {
			cs["a"].On("/predict", stub.Answer{Status: status, Type: kind, Body: []byte(`{"strData":"<script>alert(1)</script>"}`)})
			answer, err := http.Post(predictions(e), "application/json", strings.NewReader(`{}`))
			if err != nil {
				t.Fatal(err)
			}
			var body bytes.Buffer
			_, _ = body.ReadFrom(answer.Body)
			_ = answer.Body.Close()
			if got := answer.Header.Get("Content-Type"); got != "application/json" || strings.Contains(body.String(), "<") || answer.Header.Get("X-Content-Type-Options") != "nosniff" {
				t.Errorf("%s, %d: %s as %s", kind, status, body.String(), got)
			}
		}
	}
}

// unaskedGzip has nodes compress answers although nobody asked for it.
func unaskedGzip(t *testing.T, start Start) {
	for name, g := range map[string]Node{"one node": model("a", 1), "a next node": model("a", 1, model("b", 2))} {
		e, cs := launch(t, start, "seldon", g)
		for _, c := range cs {
			c.Before(func(c stub.Call) (stub.Answer, bool) {
				if bytes.HasPrefix(c.Body, []byte{0x1f, 0x8b}) {
					return stub.Answer{Status: http.StatusBadRequest}, true
				}
				return stub.Answer{Type: "application/json", Body: zipped(t, `{"strData":"x"}`), Header: map[string]string{"Content-Encoding": "gzip"}}, true
			})
		}
		r := request(t, http.MethodPost, predictions(e), `{}`)
		r.Header.Set("Accept-Encoding", "identity")
		body, header, err := do(r)
		if err != nil || string(body) != `{"strData":"x"}` || header.Get("Content-Encoding") != "" {
			t.Errorf("%s: answer is %q, %v, %v", name, body, header, err)
		}
	}
}

func untakenRewards(t *testing.T, start Start) {
	e, _ := launch(t, start, "seldon", speaking("v2", model("a", 1)))
	if _, _, err := post(soon(t), "http://"+e.REST+"/api/v1.0/feedback", "application/json", []byte(`{"reward":0.7}`)); err != nil {
		t.Fatal(err)
	}
	text, _, err := get(soon(t), "http://"+e.REST+"/metrics")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if strings.HasPrefix(line, "seldon_api_model_feedback_reward_total{") && strings.HasSuffix(line, " 0.7\n") {
			return
		}
	}
	t.Error("the reward is not counted")
}
