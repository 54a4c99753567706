package payloadlog

import (
	"context"
	"fmt"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/prime-radiant/radiant/executor/kafka"
)

// kafkaSink writes each event as a record without a key.
type kafkaSink struct {
	client *kgo.Client
	topic  string
	to     string
	// headers are of the table, made once: each payload asks it.
	headers map[string]bool
}

// NewKafka makes a sink of a topic.
func NewKafka(c *kafka.Connection, topic string) (Sink, error) {
	client, err := kgo.NewClient(append(c.Options(), kgo.DefaultProduceTopic(topic), kgo.RequiredAcks(kgo.AllISRAcks()), kgo.AllowAutoTopicCreation())...)
	if err != nil {
		return nil, fmt.Errorf("payload log: %w", err)
	}
	return &kafkaSink{client: client, topic: topic, to: fmt.Sprint(c.Brokers), headers: headers()}, nil
}

func (s *kafkaSink) String() string { return "topic " + s.topic + " at " + s.to }

func (s *kafkaSink) Close() { s.client.Close() }

// headers are the attributes that Seldon Core v1 writes, which calls the
// payload's type content-type, and those that it does not know.
func headers() map[string]bool {
	return map[string]bool{
		"type": true, "modelid": true, "requestid": true, "inferenceservicename": true, "namespace": true, "endpoint": true,
		"protocol": true, "redacted": true, "call": true,
	}
}

// Send waits until the brokers have the record.
func (s *kafkaSink) Send(ctx context.Context, e *Event, attributes []Attribute) error {
	r := &kgo.Record{Value: e.Body, Timestamp: e.Time, Headers: []kgo.RecordHeader{{Key: "content-type", Value: []byte(e.ContentType)}}}
	for _, a := range attributes {
		if s.headers[a.Name] {
			r.Headers = append(r.Headers, kgo.RecordHeader{Key: a.Name, Value: []byte(a.Value)})
		}
	}
	return s.client.ProduceSync(ctx, r).FirstErr()
}
