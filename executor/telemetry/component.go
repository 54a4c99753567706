package telemetry

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"github.com/prime-radiant/radiant/apis/seldon"
	"github.com/prime-radiant/radiant/executor/message"
	"github.com/prime-radiant/radiant/executor/protocol"
)

// measurement is a metric in the meta of a message.
type measurement struct {
	key        string
	metricType seldon.Metric_MetricType
	value      float64
	tags       map[string]string
}

// id is the same for measurements that are alike in everything.
func (m *measurement) id() string {
	return fmt.Sprintf("%q %d %g %q", m.key, m.metricType, m.value, m.tags)
}

// measured returns what a node itself reports with its answer. Components pass
// on what was reported before them, so that what they were sent is taken out.
// A combiner is sent a list of messages.
func measured(t protocol.Transport, list bool, sent, answer message.Message) []measurement {
	if answer.Encoding != "" {
		return nil
	}
	read, readSent := measuredProto, measuredProto
	if list {
		readSent = measuredList
	}
	if t == protocol.REST {
		read, readSent = measuredJSON, measuredJSON
		if !bytes.Contains(answer.Body, []byte(`"metrics"`)) {
			return nil
		}
	}
	sent, answer = sent.Whole(), answer.Whole()
	all := read(answer.Body)
	if len(all) == 0 || sent.Encoding != "" {
		return all
	}
	before := map[string]int{}
	for _, m := range readSent(sent.Body) {
		before[m.id()]++
	}
	own := all[:0]
	for _, m := range all {
		if id := m.id(); before[id] > 0 {
			before[id]--
			continue
		}
		own = append(own, m)
	}
	return own
}

// messageJSON is the part of a message, or of a combiner's messages, that
// holds measurements. Each is read by itself, so that a bad one harms no other.
type messageJSON struct {
	Meta struct {
		Metrics []json.RawMessage `json:"metrics"`
	} `json:"meta"`
	Messages []messageJSON `json:"seldonMessages"`
}

func measuredJSON(body []byte) (all []measurement) {
	var messages []messageJSON
	if bytes.HasPrefix(bytes.TrimLeft(body, " \t\r\n"), []byte{'['}) {
		_ = json.Unmarshal(body, &messages)
	} else {
		messages = make([]messageJSON, 1)
		_ = json.Unmarshal(body, &messages[0])
		messages = append(messages, messages[0].Messages...)
	}
	for i := range messages {
		for _, raw := range messages[i].Meta.Metrics {
			if m, ok := measurementJSON(raw); ok {
				all = append(all, m)
			}
		}
	}
	return all
}

func measurementJSON(raw []byte) (measurement, bool) {
	var m struct {
		Key   string
		Type  any
		Value float64
		Tags  map[string]any
	}
	if json.Unmarshal(raw, &m) != nil {
		return measurement{}, false
	}
	out := measurement{key: m.Key, value: m.Value, tags: map[string]string{}}
	switch said := m.Type.(type) {
	case nil:
	case float64:
		out.metricType = seldon.Metric_MetricType(said)
	case string:
		number, ok := seldon.Metric_MetricType_value[strings.ToUpper(said)]
		if !ok {
			return out, false
		}
		out.metricType = seldon.Metric_MetricType(number)
	default:
		return out, false
	}
	for name, value := range m.Tags {
		out.tags[name] = fmt.Sprint(value)
	}
	return out, true
}

// measuredProto reads the meta of a message alone, and not the data.
func measuredProto(body []byte) (all []measurement) {
	const metaField = 2
	for _, meta := range fields(body, metaField) {
		all = append(all, measuredMeta(meta)...)
	}
	return all
}

func measuredList(body []byte) (all []measurement) {
	const messagesField = 1
	for _, message := range fields(body, messagesField) {
		all = append(all, measuredProto(message)...)
	}
	return all
}

func measuredMeta(meta []byte) (all []measurement) {
	const metricsField = 5
	for _, raw := range fields(meta, metricsField) {
		var m seldon.Metric
		if proto.Unmarshal(raw, &m) == nil {
			all = append(all, measurement{m.Key, m.Type, float64(m.Value), m.Tags})
		}
	}
	return all
}

// fields returns the values of a field that holds bytes.
func fields(body []byte, number protowire.Number) (all [][]byte) {
	for len(body) > 0 {
		n, wireType, size := protowire.ConsumeTag(body)
		if size < 0 {
			return all
		}
		body = body[size:]
		if size = protowire.ConsumeFieldValue(n, wireType, body); size < 0 {
			return all
		}
		if n == number && wireType == protowire.BytesType {
			value, _ := protowire.ConsumeBytes(body)
			all = append(all, value)
		}
		body = body[size:]
	}
	return all
}
