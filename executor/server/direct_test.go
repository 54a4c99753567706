package server

import (
	"bufio"
	"errors"
	"fmt"
	"io"
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
		header := m.Meta.Header.Fields()
		if v, ok := header["User-Agent"]; ok && v == nil {
			delete(header, "User-Agent")
		}
		if m.Meta.Puid == "routed" {
			m.Meta.Route = "r=1 (b)"
		}
		asked = append(asked, seen{
			Header: header, Puid: m.Meta.Puid, Type: m.Type, Encoding: m.Encoding, Body: string(m.Body), Model: m.Meta.Model,
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
	go func() {
		_, _ = io.WriteString(conn, request)
		_ = conn.(*net.TCPConn).CloseWrite()
	}()
	in := bufio.NewReader(conn)
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
