package predictor

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"sync"
	"testing"

	"github.com/prime-radiant/radiant/executor/message"
	"github.com/prime-radiant/radiant/executor/protocol"
	"github.com/prime-radiant/radiant/executor/upstream"
	"github.com/prime-radiant/radiant/graph"
)

// TestRefusalOfSeveral has a node refuse the joined call of two requests by a body that
// it compresses unasked. Each request can tell of it when the memory of the joined
// call is another's.
func TestRefusalOfSeveral(t *testing.T) {
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	_, _ = io.WriteString(w, `{"error":"loading"}`)
	_ = w.Close()
	n := modelNode("m")
	n.Policy = &graph.Policy{Batch: &graph.Batch{MaxSize: 2, MaxDelay: "10s"}}
	p := build(t, "seldon", n, func(_ *upstream.Target, m message.Message) (message.Message, error) {
		body, err := m.Meta.Lease.ReadAll(bytes.NewReader(packed.Bytes()), int64(packed.Len()), 1<<20)
		if err != nil {
			return m, err
		}
		refusal := &protocol.Refusal{Status: 503, Message: message.Message{Body: body, Encoding: "gzip", Type: jsonType, Answer: true, Meta: m.Meta}}
		return message.Message{}, protocol.Coded(protocol.NotNow, refusal)
	})
	var pool message.Pool
	var all sync.WaitGroup
	for range 2 {
		all.Go(func() {
			lease := pool.Lease()
			defer lease.Release()
			m := message.Message{Body: []byte(`{"data":{"ndarray":[[1]]}}`), Type: jsonType, Meta: &message.Meta{Lease: lease, Limit: 1 << 20}}
			_, err := p.Predict(t.Context(), protocol.REST, m)
			var r *protocol.Refusal
			switch {
			case !errors.As(err, &r):
				t.Errorf("error is %v", err)
			case r.Meta != nil && r.Meta.Lease != lease:
				t.Error("the refusal still belongs to the joined call, which is over")
			case string(r.Body) != `{"error":"loading"}` || r.Encoding != "":
				t.Errorf("refusal is %q in %q", r.Body, r.Encoding)
			}
		})
	}
	all.Wait()
}
