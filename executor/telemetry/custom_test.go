package telemetry

import (
	"fmt"
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/prime-radiant/radiant/executor/message"
	"github.com/prime-radiant/radiant/executor/protocol"
)

// A component that makes a tag of each request's id costs a bounded number of
// series.
func TestCustomSeriesAreBounded(t *testing.T) {
	tel, err := New(Options{Components: true})
	if err != nil {
		t.Fatal(err)
	}
	c := tel.Calls(Call{Node: "m", Call: "predict", Protocol: "seldon"})
	for i := range maxCustom + 10 {
		answer := fmt.Sprintf(`{"meta":{"metrics":[{"key":"k","value":1,"tags":{"id":"%d"}}]}}`, i)
		c.End(t.Context(), began, message.Message{}, message.Message{Body: []byte(answer)}, nil)
	}
	if n := testutil.CollectAndCount(tel.custom, "k_total"); n != maxCustom {
		t.Errorf("there are %d series, want %d", n, maxCustom)
	}
	if n := testutil.ToFloat64(tel.custom.dropped.WithLabelValues("too_many")); n != 10 {
		t.Errorf("%g metrics were dropped, want 10", n)
	}
}

// What components report is theirs to get wrong.
func FuzzCustomMetrics(f *testing.F) {
	for _, body := range []string{
		"", "null", `"metrics"`, `{"metrics":1}`, `{"meta":{"metrics":{}}}`, `{"meta":{"metrics":[1,null,[],{"key":1},{"type":[]},{"type":7,"key":"a"},{"key":"a","tags":[]}]}}`,
		`[{"meta":{"metrics":[{"key":"ok","tags":{"x":{"y":1}},"value":1e400}]}}]`, `{"meta":{"metrics":[{"key":"a","tags":{"le":"1"},"value":1},{"key":"a","tags":{"\u00ff":"1"},"value":1}]}}`,
		`{"seldonMessages":[{"meta":{"metrics":[{"key":"t","type":"TIMER","value":3}]}}]}`, "\x12\x05\x2a\x03\x0a\x01", "\x12\x04\x2a\x02\x1d\xff", "\x0a\xff\xff\xff\xff\x0f",
	} {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		tel, err := New(Options{Components: true})
		if err != nil {
			t.Fatal(err)
		}
		m := message.Message{Body: body}
		for _, transport := range []protocol.Transport{protocol.REST, protocol.GRPC} {
			c := tel.Calls(Call{Node: "m", Call: "aggregate", Protocol: "seldon", Transport: transport})
			c.End(t.Context(), began, m, m, nil)
			c.End(t.Context(), began, message.Message{}, m, nil)
			r := tel.Calls(Call{Node: "m", Call: "send-feedback", Protocol: "seldon", Transport: transport})
			r.End(t.Context(), began, m, m, nil)
		}
		if _, err := tel.registry.Gather(); err != nil {
			t.Error(err)
		}
	})
}
