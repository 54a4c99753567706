package server

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/prime-radiant/radiant/executor/message"
	"github.com/prime-radiant/radiant/executor/protocol"
	"github.com/prime-radiant/radiant/executor/wire/http1"
)

// seen is what an engine is asked.
type seen struct {
	Header                   map[string][]string
	Puid, Type, Encoding     string
	Body                     string
	Model                    message.Model
	JSONLength, Limit        int64
	Gzip, Unlogged, Answered bool
}

// TestDirectIsAlike sends requests to a server that answers directly where it can,
// and to one that never does.
func TestDirectIsAlike(t *testing.T) {
	const body = `{"data":{"ndarray":[[1]]}}`
	for name, c := range map[string]struct {
		path, fields, body string
		answer             message.Message
		err                error
		direct             bool
	}{
		"usual":              {direct: true},
		"fields":             {fields: "user-agent: test\r\nACCEPT: */*\r\nx-request-id: 7\r\nX-Two:  a \r\nx-two: b\r\nx-empty:\r\n", direct: true},
		"feedback":           {path: "/api/v1.0/feedback", direct: true},
		"kept alive":         {fields: "Connection: Keep-Alive\r\n", direct: true},
		"puid":               {fields: "seldon-puid: mine\r\n", direct: true},
		"routed":             {fields: "Seldon-Puid: routed\r\n", direct: true},
		"empty puid":         {fields: "Seldon-Puid:\r\n"},
		"two puids":          {fields: "Seldon-Puid: a\r\nSeldon-Puid: b\r\n"},
		"takes gzip":         {fields: "Accept-Encoding: deflate, GZIP\r\n", direct: true},
		"takes no gzip":      {fields: "Accept-Encoding: gzip; q=0\r\n", direct: true},
		"a field dropped":    {fields: "Connection: x-a\r\nX-A: b\r\n"},
		"closing":            {fields: "Connection: close\r\n"},
		"hop by hop":         {fields: "Keep-Alive: 5\r\nTE: trailers\r\n"},
		"proxy":              {fields: "Proxy-Authorization: x\r\n"},
		"event":              {fields: "Ce-Specversion: 0.3\r\n"},
		"time":               {fields: "X-Request-Timeout-Ms: 1000\r\n"},
		"wrong time":         {fields: "x-request-timeout-ms: no\r\n"},
		"unlogged":           {fields: "Seldon-Skip-Logging: on\r\n"},
		"old cache":          {fields: "Pragma: no-cache\r\n"},
		"compressed":         {fields: "Content-Encoding: gzip\r\n"},
		"JSON length":        {fields: "Inference-Header-Content-Length: 2\r\n"},
		"empty type":         {fields: "Content-Type:\r\n"},
		"empty type first":   {fields: "Content-Type:\r\nContent-Type: application/json\r\n"},
		"two types":          {fields: "Content-Type: application/json\r\nContent-Type: text/plain\r\n"},
		"another type":       {fields: "Content-Type: text/plain\r\n", direct: true},
		"query":              {path: "/api/v1.0/predictions?a=b"},
		"escaped":            {path: "/api/v1.0/pr%65dictions"},
		"another path":       {path: "/api/v1.0/other"},
		"large":              {body: strings.Repeat("x", message.Small)},
		"rather large":       {body: strings.Repeat("x", message.Small-1), direct: true},
		"too large":          {body: strings.Repeat("x", 1<<20+1)},
		"markup":             {answer: message.Message{Body: []byte(`{"strData":"<b>"}`), Type: jsonType}, direct: true},
		"text":               {answer: message.Message{Body: []byte(`plain`), Type: "text/plain"}, direct: true},
		"JSON without type":  {answer: message.Message{Body: []byte(`{}`)}, direct: true},
		"no answer":          {answer: message.Message{Type: jsonType}, direct: true},
		"answer with header": {answer: message.Message{Body: []byte(`{}`), Type: jsonType, Header: map[string][]string{"X-B": {"c"}, "Set-Cookie": {"d"}}}, direct: true},
		"packed":             {answer: message.Message{Body: []byte(`no gzip`), Type: jsonType, Encoding: "gzip"}, direct: true},
		"large answer":       {answer: message.Message{Body: []byte(strings.Repeat("1", 40000)), Type: jsonType}, direct: true},
		"failure":            {err: errors.New("boom"), direct: true},
		"busy":               {err: protocol.Errorf(protocol.Busy, "no slot"), direct: true},
		"refusal":            {err: &protocol.Refusal{Status: 418, Message: message.Message{Body: []byte(`{"a":1}`), Type: jsonType}}, direct: true},
	} {
		t.Run(name, func(t *testing.T) {
			path, sent := c.path, c.body
			if path == "" {
				path = "/api/v1.0/predictions"
			}
			if sent == "" {
				sent = body
			}
			fields := c.fields
			if !strings.Contains(strings.ToLower(fields), "content-type") {
				fields += "content-type: application/json\r\n"
			}
			request := "POST " + path + " HTTP/1.1\r\nHost: x\r\n" + fields + "Content-Length: " + strconv.Itoa(len(sent)) + "\r\n\r\n" + sent
			answer := func(m message.Message) (message.Message, error) {
				if c.err != nil || c.answer.Type != "" || c.answer.Body != nil {
					answer := c.answer
					answer.Meta = m.Meta
					return answer, c.err
				}
				return m, nil
			}
			// Two requests, since what is kept of the first one could be in the second.
			ways, asked, direct := exchanged(t, true, request+request, answer)
			general, askedToo, _ := exchanged(t, false, request+request, answer)
			if diff := cmp.Diff(general, ways); diff != "" {
				t.Errorf("answers differ (-general +direct):\n%s", diff)
			}
			if diff := cmp.Diff(askedToo, asked); diff != "" {
				t.Errorf("questions differ (-general +direct):\n%s", diff)
			}
			if (direct > 0) != c.direct {
				t.Errorf("%d requests were answered directly", direct)
			}
		})
	}
}

// exchanged is what a server answers to bytes, and what its engine was asked.
func exchanged(t *testing.T, direct bool, request string, answer func(m message.Message) (message.Message, error)) (answers []string, asked []seen, answered int) {
	t.Helper()
	o := options(t, func(m message.Message) (message.Message, error) {
		if m.Meta.Puid == "routed" {
			m.Meta.Route = "r=1 (b)"
		}
		asked = append(asked, seen{
			Header: m.Meta.Header.Fields(), Puid: m.Meta.Puid, Type: m.Type, Encoding: m.Encoding, Body: string(m.Body), Model: m.Meta.Model,
			JSONLength: int64(m.JSONLength), Limit: m.Meta.Limit, Gzip: m.Meta.Gzip, Unlogged: m.Meta.Unlogged, Answered: m.Answer,
		})
		return answer(m)
	})
	o.Predictor, o.AnswerHeaders, o.CORSOrigins, o.CORSHeaders = "p", NewPassing("X-*"), "*", "Accept"
	h := newREST(o, new(atomic.Bool))
	s := &http1.Server{Handler: h, HeaderBytes: 1 << 16, HeaderTimeout: time.Minute, IdleTimeout: time.Minute}
	if direct {
		s.Direct = func(x *http1.Exchange) bool {
			done := h.answerDirect(x)
			if done {
				answered++
			}
			return done
		}
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(l) }()
	conn, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	// The end of what a client sends is its leaving, after which it gets no more than
	// the answer that is under way.
	all := make(chan struct{})
	go func() {
		_, _ = io.WriteString(conn, request)
		select {
		case <-all:
		case <-time.After(2 * time.Second): // There are fewer answers.
		}
		_ = conn.(*net.TCPConn).CloseWrite()
	}()
	in, most := bufio.NewReader(conn), strings.Count(request, " HTTP/1.1\r\n")
	for {
		r, err := http.ReadResponse(in, &http.Request{Method: http.MethodPost})
		if err != nil {
			break
		}
		text, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		_ = r.Body.Close()
		r.Header.Del("Date")
		lines := []string{r.Status, fmt.Sprint(r.ContentLength), fmt.Sprint(r.Close)}
		for name, values := range r.Header {
			lines = append(lines, name+": "+strings.Join(values, "|"))
		}
		slices.Sort(lines)
		answers = append(answers, strings.Join(lines, "\n")+"\n\n"+string(text))
		if len(answers) == most {
			close(all)
		}
	}
	_ = conn.Close()
	if err := s.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	if err := <-ended; !errors.Is(err, http.ErrServerClosed) {
		t.Error(err)
	}
	if len(answers) == 0 {
		t.Error("there is no answer")
	}
	return answers, asked, answered
}

// TestDirectIsAlikeByChance puts requests together of parts that are near the bounds of
// the usual form.
func TestDirectIsAlikeByChance(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	one := func(all ...string) string { return all[random.IntN(len(all))] }
	fields := []string{
		"Content-Type:", "Content-Type: application/json", "content-type: application/json; charset=utf-8", "Content-Encoding:", "Content-Encoding: identity",
		"Connection:", "Connection: keep-alive", "Connection: keep-alive, x-a", "Connection: ,", "X-A: 1", "x-a: 2", "X-a:\t3\t", "X-Ä: 4", "_x: 5", "x_y-Z: 6", "X-B: \xff",
		"Seldon-Puid: a", "seldon-puid: b b", "Seldon-Puid: \xc3\xa9", "Accept-Encoding: gzip", "accept-encoding:", "Accept-Encoding: *;q=0, gzip;q=1", "Pragma: x", "Cache-Control: y", "TE: z",
		"Trailer: X", "User-Agent:", "User-Agent: me", "Cookie: a=b", "cookie: c=d", "Upgrade: h2c", "Expect:", "Ce-Id: 1", "Seldon-Route: a=1", "X-Envoy-Expected-Rq-Timeout-Ms: 0", "Seldon-Skip-Logging: 0",
		"Inference-Header-Content-Length:", "Transfer-Encoding:", "Date: now", "Referer: x", "X-Forwarded-For: 1, 2", "1: 2", "-: 3", "a--b-: 4", "Host-: 5",
	}
	for range 200 {
		text := "POST " + one("/api/v1.0/predictions", "/api/v1.0/predictions", "/api/v1.0/feedback", "/api/v1.0/predictions/", "//api/v1.0/predictions", "/api/./v1.0/predictions", "/api/v0.1/predictions") + " HTTP/1.1\r\nHost:" + one("x", " x:80", "", " [::1]") + "\r\n"
		for range random.IntN(6) {
			text += one(fields[:5+random.IntN(2)*(len(fields)-5)]...) + "\r\n"
		}
		body := one("{}", `{"data":{"ndarray":[[1]]}}`, strings.Repeat("y", 3000))
		text += "Content-Length: " + one("", "", "0") + strconv.Itoa(len(body)) + "\r\n\r\n" + body
		pass := func(m message.Message) (message.Message, error) { return m, nil }
		ways, asked, _ := exchanged(t, true, text+text, pass)
		general, askedToo, _ := exchanged(t, false, text+text, pass)
		if diff := cmp.Diff(general, ways); diff != "" {
			t.Errorf("%q: answers differ (-general +direct):\n%s", text, diff)
		}
		if diff := cmp.Diff(askedToo, asked); diff != "" {
			t.Errorf("%q: questions differ (-general +direct):\n%s", text, diff)
		}
	}
}
