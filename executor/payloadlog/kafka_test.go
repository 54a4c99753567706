package payloadlog

import (
	"context"
	"io"
	"log/slog"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/prime-radiant/radiant/executor/kafka"
	"github.com/prime-radiant/radiant/executor/message"
	"github.com/prime-radiant/radiant/executor/protocol"
	"github.com/prime-radiant/radiant/graph"
)

func TestKafka(t *testing.T) {
	broker, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(1, "seldon"))
	if err != nil {
		t.Fatal(err)
	}
	defer broker.Close()
	sink, err := NewKafka(&kafka.Connection{Brokers: broker.ListenAddrs()}, "seldon")
	if err != nil {
		t.Fatal(err)
	}
	l, err := New(Options{
		Deployment: "d", Namespace: "n", Predictor: "p", Protocol: "v2", Sink: sink, Workers: 2, MaxEvents: 100, MaxBytes: 1 << 20,
		NewID: func() string { return "id" }, Registry: prometheus.NewRegistry(), Log: slog.New(slog.NewTextHandler(io.Discard, nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	node, err := l.Node(&graph.Node{Name: "m", Logger: &graph.Logger{Mode: graph.LogAll}})
	if err != nil {
		t.Fatal(err)
	}
	const events = 20
	for range events {
		node.Log(Response, "predict", protocol.REST, message.Message{Body: []byte("{}"), Type: "application/json", Meta: &message.Meta{Puid: "x"}})
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	l.Close(ctx)
	client, err := kgo.NewClient(kgo.SeedBrokers(broker.ListenAddrs()...), kgo.ConsumeTopics("seldon"))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	var records []*kgo.Record
	for len(records) < events {
		fetched := client.PollFetches(ctx)
		if err := fetched.Err0(); err != nil {
			t.Fatalf("%d of %d records came: %v", len(records), events, err)
		}
		records = append(records, fetched.Records()...)
	}
	got := map[string]string{}
	for _, h := range records[0].Headers {
		got[h.Key] = string(h.Value)
	}
	want := map[string]string{
		"type": "io.seldon.serving.inference.response", "content-type": "application/json", "modelid": "m", "requestid": "x",
		"inferenceservicename": "d", "namespace": "n", "endpoint": "p", "protocol": "v2", "call": "predict",
	}
	if diff := cmp.Diff(want, got); diff != "" || string(records[0].Value) != "{}" || records[0].Key != nil {
		t.Errorf("record is %q %q %s", records[0].Key, records[0].Value, diff)
	}
}

func TestBadLoggers(t *testing.T) {
	l := &Log{}
	for _, url := range []string{"", "ftp://x", "http://", "::", "logger:8080"} {
		if n, err := l.Node(&graph.Node{Name: "m", Logger: &graph.Logger{URL: &url}}); err == nil {
			t.Errorf("%q is %+v", url, n)
		}
	}
}
