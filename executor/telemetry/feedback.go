package telemetry

import (
	"encoding/json"
	"math"

	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/prime-radiant/radiant/executor/message"
	"github.com/prime-radiant/radiant/executor/protocol"
)

// feedback counts what is fed back to nodes, by the names that Seldon Core's
// Python component uses for its own count of the same, whose series have more
// labels (worker_id among them). A counter cannot fall, so that rewards below
// zero have one of their own.
type feedback struct {
	total, reward, penalty *prometheus.CounterVec
}

func newFeedback() feedback {
	labels := []string{"model_name", "model_image", "model_version"}
	counter := func(name, help string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
	}
	return feedback{
		total:   counter("seldon_api_model_feedback_total", "Feedback that nodes have taken"),
		reward:  counter("seldon_api_model_feedback_reward_total", "Sum of the rewards above zero in feedback that nodes have taken"),
		penalty: counter("radiant_executor_feedback_penalty_total", "Sum of the rewards below zero in feedback that nodes have taken, as a positive number"),
	}
}

// rewards are the counters of one node.
type rewards struct {
	transport              protocol.Transport
	total, reward, penalty prometheus.Counter
}

func (f *feedback) of(t protocol.Transport, labels ...string) *rewards {
	return &rewards{t, f.total.WithLabelValues(labels...), f.reward.WithLabelValues(labels...), f.penalty.WithLabelValues(labels...)}
}

func (r *rewards) count(m message.Message) {
	r.total.Inc()
	reward := rewardJSON(m)
	if r.transport == protocol.GRPC {
		reward = rewardProto(m.Body)
	}
	switch {
	case math.IsNaN(reward) || math.IsInf(reward, 0):
	case reward > 0:
		r.reward.Add(reward)
	default:
		r.penalty.Add(-reward)
	}
}

// rewardJSON is 0 where none can be read: what feedback says is between client
// and node.
func rewardJSON(m message.Message) float64 {
	var f struct {
		Reward float64 `json:"reward"`
	}
	if m.Encoding != "" || json.Unmarshal(m.Body, &f) != nil {
		return 0
	}
	return f.Reward
}

func rewardProto(body []byte) (reward float64) {
	const field = protowire.Number(3)
	for len(body) > 0 {
		number, kind, n := protowire.ConsumeTag(body)
		if n < 0 {
			return reward
		}
		body = body[n:]
		if number == field && kind == protowire.Fixed32Type {
			bits, n := protowire.ConsumeFixed32(body)
			if n < 0 {
				return reward
			}
			reward = float64(math.Float32frombits(bits))
		}
		if n = protowire.ConsumeFieldValue(number, kind, body); n < 0 {
			return reward
		}
		body = body[n:]
	}
	return reward
}
