package server

import (
	"bytes"
	"context"
	"net/http"
	"net/url"
	"time"

	"github.com/prime-radiant/radiant/executor/message"
	"github.com/prime-radiant/radiant/executor/protocol"
	"github.com/prime-radiant/radiant/executor/wire/http1"
)

// direct is a prediction or a feedback of the usual form, which is answered without
// the types of net/http: its header goes from line to line.
type direct struct {
	*rest
	x     *http1.Exchange
	match protocol.Match
	path  string
	// length is that of the body.
	length int64
	meta   *message.Meta
	puid   string
	// gzip is true if the client takes answers that are compressed so.
	gzip  bool
	start time.Time
}

// answerDirect answers a request of the usual form. It reports false of any other.
func (s *rest) answerDirect(x *http1.Exchange) bool {
	d := direct{rest: s, x: x, length: x.Length()}
	if d.length >= message.Small || d.length > s.options.MaxRequestBytes {
		return false
	}
	var found bool
	if d.match, d.path, found = s.operations.FindPosted(x.Path()); !found {
		return false
	}
	lease := s.pool.Lease()
	defer lease.Release()
	var ok bool
	if d.meta, ok = lease.Recycle(d.header); !ok {
		return false
	}
	d.meta.Limit, d.meta.Gzip, d.meta.Puid = s.options.MaxRequestBytes, d.gzip, d.puid
	d.meta.Model = message.Model{Name: d.match.Model, Version: d.match.Version, Label: d.match.Label, Verb: d.match.Operation.Verb}
	d.start = time.Now()
	if o := s.observers[d.match.Operation.Action]; o != nil {
		d.watched(o)
	} else {
		d.answer(x.Context())
	}
	return true
}

// header writes the header that nodes are sent. ok is false if it holds what is not
// usual.
func (d *direct) header(b []byte) (all []byte, kind string, ok bool) {
	for i := range d.x.Fields() {
		name, value := d.x.Field(i)
		at := len(b)
		b = http1.AppendName(b, name)
		keep := true
		switch string(b[at:]) {
		case "Host", "Content-Length":
			keep = false
		case "Connection":
			if !bytes.EqualFold(value, []byte("keep-alive")) {
				return b, "", false
			}
			keep = false
		case contentType:
			if kind != "" || len(value) == 0 {
				return b, "", false
			}
			if kind = jsonType; string(value) != jsonType {
				kind = string(value)
			}
		case puidHeader:
			if d.puid != "" || len(value) == 0 {
				return b, "", false
			}
			d.puid = string(value)
		case "Accept-Encoding":
			d.gzip = d.gzip || takesGzip([]string{string(value)})
			keep = !d.options.Engine.Reads()
		case "Keep-Alive", "Proxy-Authenticate", "Proxy-Authorization", "Proxy-Connection", "Te", "Trailer", "Transfer-Encoding", "Upgrade",
			"Expect", "Pragma", contentEncoding, jsonLength, skipHeader, eventVersion, timeoutHeader, envoyTimeoutHeader:
			return b, "", false
		}
		if !keep {
			b = b[:at]
			continue
		}
		b = append(append(append(b, ": "...), value...), "\r\n"...)
	}
	if d.puid == "" {
		d.puid = d.options.NewPuid()
		b = append(append(append(b, puidHeader+": "...), d.puid...), "\r\n"...)
	}
	return b, kind, true
}

// watched answers before the eyes of an observer.
func (d *direct) watched(o Observer) {
	ctx := o.Begin(d.x.Context(), d.puid, d.meta.Header)
	status := http.StatusInternalServerError
	defer func() { o.End(ctx, d.start, status) }()
	status = d.answer(ctx)
}

func (d *direct) answer(ctx context.Context) (status int) {
	defer d.rescue(&status)
	status, err := d.answered(ctx)
	if err != nil {
		failed := request{service: services[d.match.Operation.Action], path: d.path, puid: d.puid, start: d.start}
		d.failures.tell(ctx, failed, err, status, status < http.StatusInternalServerError)
	}
	return status
}

// answered returns the status of the answer, and what went wrong.
func (d *direct) answered(ctx context.Context) (status int, err error) {
	_, kind, _ := d.meta.Header.Lines()
	m := message.Message{Type: kind, Meta: d.meta}
	from := pacedOf(ctx)
	from.expect()
	m.Body, err = d.meta.Lease.ReadAll(d.x.Body(), d.length, d.options.MaxRequestBytes)
	from.gotBody()
	if err != nil {
		w, r := d.general()
		return d.refuse(w, r, d.unread(err))
	}
	if d.match.Operation.Action == protocol.Feedback {
		m, err = d.options.Engine.Feedback(ctx, protocol.REST, m)
	} else {
		m, err = d.options.Engine.Predict(ctx, protocol.REST, m)
	}
	if err == nil && m.Type == jsonType && m.Encoding == "" && m.JSONLength == 0 && len(m.Header) == 0 && !d.draining.Load() && !risky(m.Body) {
		var room [512]byte
		lines := append(append(append(append(room[:0], d.fixed.direct...), puidHeader+": "...), d.puid...), "\r\n"...)
		if d.meta.Route != "" {
			lines = http1.AppendField(lines, protocol.HeaderRoute, []string{d.meta.Route})
		}
		if d.meta.Version != "" {
			lines = http1.AppendField(lines, protocol.HeaderVersion, []string{d.meta.Version})
		}
		d.x.Answer(lines, m.Body)
		return http.StatusOK, nil
	}
	w, r := d.general()
	tellWay(w.Header(), d.meta)
	return d.write(w, r, m, err)
}

// general is the exchange in the types of net/http, for answers that are not of the
// usual form.
func (d *direct) general() (http.ResponseWriter, *http.Request) {
	r := &http.Request{
		Method: http.MethodPost, URL: &url.URL{Path: d.path}, Header: d.meta.Header.Fields(),
		ContentLength: d.length, Body: d.x.Body(),
	}
	w := d.x.Writer()
	d.headers(w.Header(), r, &d.match)
	return w, r
}

// rescue is as [rest.rescue].
func (d *direct) rescue(status *int) {
	if v := recover(); v != nil {
		err := d.panicked(v, d.path, d.puid)
		w, r := d.general()
		*status = d.fail(w, r, err)
	}
}
