// Package payloadlog sends copies of what nodes are asked and answer to a
// collector, as CloudEvents over HTTP or Kafka. It never makes a request wait:
// what the queue has no room for is dropped, and counted.
package payloadlog

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"log/slog"
	"net/url"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/prime-radiant/radiant/executor/message"
	"github.com/prime-radiant/radiant/executor/protocol"
	"github.com/prime-radiant/radiant/graph"
)

// Options are all that a log depends on.
type Options struct {
	// Deployment, Namespace, Predictor and Protocol are attributes of events.
	Deployment, Namespace, Predictor, Protocol string
	// Source is the address of this executor.
	Source string
	// Endpoint is where events of nodes go that name no URL.
	Endpoint string
	// Sink, if not nil, takes all events, whatever URL a node names.
	Sink Sink
	// Workers send at once; MaxEvents and MaxBytes bound what waits for them.
	Workers, MaxEvents int
	MaxBytes           int64
	// NewID makes ids of events.
	NewID func() string
	// Registry takes the metrics.
	Registry prometheus.Registerer
	Log      *slog.Logger
}

// Log is a running payload log.
type Log struct {
	options Options
	// protocol is the clients'; nil: it is unknown, and has no words for errors.
	protocol *protocol.Protocol
	http     *httpSink
	queue    chan *Event
	bytes    atomic.Int64
	meter    *meter
	workers  sync.WaitGroup

	// preparing is held by the worker that unpacks or redacts a body, which takes
	// many times its size while it lasts.
	preparing sync.Mutex

	// sending ends when what is still queued is to be given up.
	sending context.Context
	giveUp  context.CancelFunc

	mu     sync.RWMutex
	closed bool
}

// New starts the workers.
func New(o Options) (*Log, error) {
	l := &Log{options: o, http: newHTTPSink(), queue: make(chan *Event, o.MaxEvents)}
	l.protocol, _ = protocol.Lookup(o.Protocol)
	var err error
	if l.meter, err = newMeter(o, l); err != nil {
		return nil, fmt.Errorf("payload log: %w", err)
	}
	l.sending, l.giveUp = context.WithCancel(context.Background())
	for range o.Workers {
		l.workers.Go(l.work)
	}
	return l, nil
}

// Close sends what is queued until ctx ends, and drops the rest.
func (l *Log) Close(ctx context.Context) {
	l.mu.Lock()
	l.closed = true
	close(l.queue)
	l.mu.Unlock()
	stop := context.AfterFunc(ctx, l.giveUp)
	l.workers.Wait()
	stop()
	l.giveUp()
	l.http.close()
	if l.options.Sink != nil {
		l.options.Sink.Close()
	}
}

// Node logs the payloads of one node.
type Node struct {
	log     *Log
	name    string
	url     string
	mode    graph.LoggerMode
	percent uint64
	redact  *redactor
}

// Node reads the logger that a user wrote for a node.
func (l *Log) Node(n *graph.Node) (*Node, error) {
	g := n.Logger
	node := &Node{log: l, name: n.Name, mode: g.Mode, url: l.options.Endpoint, percent: 100, redact: newRedactor(g.Redact)}
	if g.URL != nil && *g.URL != "" {
		node.url = *g.URL
	}
	if g.SamplePercent != nil {
		node.percent = uint64(max(*g.SamplePercent, 0))
	}
	if l.options.Sink != nil {
		return node, nil
	}
	if node.url == "" {
		return nil, fmt.Errorf("node %q: logger has no url, and REQUEST_LOGGER_DEFAULT_ENDPOINT is not set", n.Name)
	}
	if !isURL(node.url) {
		return nil, fmt.Errorf("node %q: logger.url is no http or https URL", n.Name)
	}
	return node, nil
}

func isURL(text string) bool {
	u, err := url.Parse(text)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != ""
}

// Findings takes what the node of that name finds, and sends it to a URL; empty: to
// where events of nodes go that name none.
func (l *Log) Findings(name, to string) (*Node, error) {
	n := &Node{log: l, name: name, url: cmp.Or(to, l.options.Endpoint)}
	switch {
	case l.options.Sink != nil:
	case n.url == "":
		return nil, errors.New("REQUEST_LOGGER_DEFAULT_ENDPOINT is not set")
	case !isURL(n.url):
		return nil, errors.New("it is no http or https URL")
	}
	return n, nil
}

// Found queues an event of a call, whose body is JSON, or drops it. Puid is that of
// the request; empty: it is about many.
func (n *Node) Found(event EventType, call, puid string, body []byte) {
	size := int64(len(body))
	if !n.log.room(size) {
		return
	}
	n.queue(&Event{size: size, Type: event, Call: call, Puid: puid, ContentType: "application/json", Body: body})
}

// wants tells whether the node's mode, the request's own wish and its lot ask
// for an event. All events of a request have the same lot.
func (n *Node) wants(event EventType, meta *message.Meta) bool {
	switch {
	case meta.Unlogged:
		return false
	case event == Request && n.mode == graph.LogResponse, event != Request && n.mode == graph.LogRequest:
		return false
	case n.percent >= 100:
		return true
	}
	h := fnv.New64a()
	_, _ = h.Write([]byte(meta.Puid))
	return h.Sum64()%100 < n.percent
}

// Log queues an event of a call on the node, or of its children, or drops it. The
// message is whole.
func (n *Node) Log(event EventType, call string, t protocol.Transport, m message.Message) {
	if !n.wants(event, m.Meta) {
		return
	}
	size := int64(len(m.Body))
	if !n.log.room(size) {
		return
	}
	e := &Event{
		Type: event, Call: call, Puid: m.Meta.Puid, Version: m.Meta.Model.Version,
		ContentType: m.Type, Encoding: m.Encoding, JSONLength: m.JSONLength,
		// The request's buffers are used again when it is answered.
		Body: bytes.Clone(m.Body),
		size: size, grpc: t == protocol.GRPC, answer: m.Answer,
	}
	if e.grpc {
		e.ContentType = "application/protobuf"
	}
	n.queue(e)
}

// LogFailure queues an event of a call that has no answer but an error. Its body
// is what a node answered with its status, over REST, or else the error as the
// protocol of the client writes it over REST. A node with fields to redact has no
// body, since errors quote what they are about.
func (n *Node) LogFailure(call string, meta *message.Meta, failure error) {
	if !n.wants(Response, meta) {
		return
	}
	e := &Event{Type: Response, Call: call, Puid: meta.Puid, Version: meta.Model.Version, Reason: protocol.CodeOf(failure).String(), answer: true}
	var refusal *protocol.Refusal
	switch {
	case n.redact != nil:
		e.Redacted = redactedBody
	case errors.As(failure, &refusal):
		e.ContentType, e.Encoding = refusal.Type, refusal.Encoding
		e.Body = bytes.Clone(refusal.Body)
	default:
		e.ContentType, e.Body = "application/json", n.log.told(failure)
	}
	if e.size = int64(len(e.Body)); n.log.room(e.size) {
		n.queue(e)
	}
}

// told is an error as the clients' protocol writes it.
func (l *Log) told(failure error) []byte {
	if l.protocol == nil {
		return nil
	}
	return l.protocol.Failure(protocol.CodeOf(failure).HTTP(), protocol.Text(failure))
}

// room takes so many bytes of what may wait, or counts an event that is dropped.
func (l *Log) room(size int64) bool {
	if l.bytes.Add(size) <= l.options.MaxBytes {
		return true
	}
	l.bytes.Add(-size)
	l.meter.dropped(byBytes)
	return false
}

// queue queues an event that has room.
func (n *Node) queue(e *Event) {
	l := n.log
	e.ID, e.Time, e.Node, e.node = l.options.NewID(), time.Now(), n.name, n
	if !l.enqueue(e) {
		l.bytes.Add(-e.size)
		l.meter.dropped(byEvents)
	}
}

func (l *Log) enqueue(e *Event) bool {
	l.mu.RLock()
	defer l.mu.RUnlock()
	if l.closed {
		return false
	}
	select {
	case l.queue <- e:
		return true
	default:
		return false
	}
}

// work sends what is queued until the queue is closed.
func (l *Log) work() {
	for e := range l.queue {
		l.send(e)
		l.bytes.Add(-e.size)
	}
}

func (l *Log) send(e *Event) {
	if l.sending.Err() != nil {
		l.meter.dropped(byShutdown)
		return
	}
	if err := l.delivered(e); err != nil {
		l.meter.failed()
		l.complain(e, err)
		return
	}
	l.meter.sent()
}

// delivered sends an event. No payload ends the process.
func (l *Log) delivered(e *Event) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("panic: %v\n%s", v, debug.Stack())
		}
	}()
	if err := l.prepare(e); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(l.sending, sendTimeout)
	defer cancel()
	if l.options.Sink != nil {
		return l.options.Sink.Send(ctx, e, l.attributes(e))
	}
	return l.http.Send(ctx, e, l.attributes(e))
}

// sendTimeout bounds the sending of one event, so that a collector which hangs
// holds a worker no longer.
const sendTimeout = 10 * time.Second

// prepare makes a body that may be shown, and that says what it is.
func (l *Log) prepare(e *Event) error {
	if e.Encoding == "" && (e.node.redact == nil || e.Redacted != "") {
		return nil
	}
	l.preparing.Lock()
	defer l.preparing.Unlock()
	if e.Encoding == "gzip" {
		if err := l.unpack(e); err != nil {
			return fmt.Errorf("unpacking the payload: %w", err)
		}
	}
	if e.node.redact != nil {
		e.node.redact.redact(e, l.options.Protocol)
	}
	return nil
}

// unpack undoes the compression of a body, which counts with those that wait: a
// small one may become very large.
func (l *Log) unpack(e *Event) error {
	body, err := unpacked(e.Body, l.options.MaxBytes-l.bytes.Load())
	if err != nil {
		return err
	}
	more := int64(len(body)) - e.size
	l.bytes.Add(more)
	e.size += more
	e.Body, e.Encoding = body, ""
	return nil
}

// complain logs failures, one in a while: a collector that is away makes many.
func (l *Log) complain(e *Event, err error) {
	now := time.Now().Unix()
	last := l.meter.complained.Load()
	if now-last < complainSeconds || !l.meter.complained.CompareAndSwap(last, now) {
		return
	}
	var asked *url.Error
	if errors.As(err, &asked) {
		err = asked.Err // It would show the URL, which may hold a password.
	}
	l.options.Log.Warn("payload log: events are lost", "node", e.Node, "to", shown(e.node.url, l.options.Sink), "error", err.Error())
}

const complainSeconds = 10

func shown(to string, s Sink) string {
	if s != nil {
		return s.String()
	}
	u, err := url.Parse(to)
	if err != nil {
		return "(not a URL)"
	}
	u.RawQuery = ""
	return u.Redacted()
}
