package builtin

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/prime-radiant/radiant/executor/memory"
	"github.com/prime-radiant/radiant/executor/message"
	"github.com/prime-radiant/radiant/executor/protocol"
	"github.com/prime-radiant/radiant/executor/translate"
	"github.com/prime-radiant/radiant/reference"
)

// counted are all counters above zero, by name and labels.
func counted(t *testing.T, r *prometheus.Registry) map[string]float64 {
	t.Helper()
	families, err := r.Gather()
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]float64{}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			name := f.GetName()
			for _, l := range m.GetLabel() {
				if l.GetName() != "model_name" {
					name += fmt.Sprintf(" %s=%s", l.GetName(), l.GetValue())
				}
			}
			if v := m.GetCounter().GetValue(); v > 0 {
				all[name] = v
			}
		}
	}
	return all
}

func seldonJSON(body string) Message {
	return NewMessage(message.Message{Body: []byte(body), Meta: &message.Meta{}}, translate.SeldonJSON, 0)
}

func TestChoicesAreCounted(t *testing.T) {
	registry := prometheus.NewRegistry()
	meters, err := NewMeters(registry)
	if err != nil {
		t.Fatal(err)
	}
	w := &World{Meters: meters}
	r := router(t, w, step(t, "RULES_ROUTER", 3, parameter("rules", "c: rows() > 2\nb: number(\"age\") > 40"), parameter("otherwise", "a")))
	for _, body := range []string{`{"data":{"ndarray":[[1],[2],[3]]}}`, `{"data":{"names":["age"],"ndarray":[[41]]}}`, `{"data":{"ndarray":[[1]]}}`, `{"data":{"ndarray":[[1]]}}`, `no JSON`} {
		_, _ = r.Route(t.Context(), seldonJSON(body))
	}
	steps, err := All().New(step(t, "TENSOR_TRANSFORMER", 1, parameter("steps", "select x; map log(x)")), w)
	if err != nil {
		t.Fatal(err)
	}
	for _, body := range []string{`{"data":{"names":["x"],"ndarray":[[1],[2],[3]]}}`, `{"data":{"names":["y"],"ndarray":[[1],[2]]}}`, `{"data":{"names":["x","y"],"ndarray":[["a",1]]}}`} {
		_, _ = steps.(InputTransformer).TransformInput(t.Context(), seldonJSON(body))
	}
	for _, c := range []struct {
		implementation string
		from           []int
	}{{"MEDIAN_COMBINER", []int{0, 2}}, {"MEDIAN_COMBINER", []int{1, 2}}, {"FIRST_COMBINER", []int{1}}} {
		s := step(t, c.implementation, 3)
		if c.implementation == "MEDIAN_COMBINER" {
			s = step(t, c.implementation, 3, parameter("quorum", "2"))
		}
		n, err := All().New(s, w)
		if err != nil {
			t.Fatal(err)
		}
		var answers []message.Message
		for range c.from {
			answers = append(answers, message.Message{Body: []byte(`{"data":{"ndarray":[[1]]}}`), Answer: true, Meta: &message.Meta{}})
		}
		if _, err := n.(Combiner).Combine(t.Context(), NewMessages(answers, translate.SeldonJSON, 0).From(c.from)); err != nil {
			t.Fatal(err)
		}
	}
	want := map[string]float64{
		"radiant_executor_rule_requests_total child=c rule=1":           1,
		"radiant_executor_rule_requests_total child=b rule=2":           1,
		"radiant_executor_rule_requests_total child=a rule=0":           2,
		"radiant_executor_rule_failures_total rule=1":                   1,
		"radiant_executor_transformer_rows_total":                       3,
		"radiant_executor_transformer_refused_rows_total step=1 select": 2,
		"radiant_executor_transformer_refused_rows_total step=2 map":    1,
		"radiant_executor_combiner_left_out_total child=a":              2,
		"radiant_executor_combiner_left_out_total child=b":              1,
		"radiant_executor_combiner_left_out_total child=c":              1,
	}
	if diff := cmp.Diff(want, counted(t, registry)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// What nodes make of a message while they look at it is part of the memory for
// messages, and is given back when they have looked.
func TestWorkHasABound(t *testing.T) {
	budget := memory.NewBudget(64 << 10)
	pool := &message.Pool{Budget: budget}
	data := features30(100)
	body := func(rows int) []byte {
		return []byte(`{"data":{"ndarray":` + inJSON(t, features30(rows).Rows) + `}}`)
	}
	detector := func(w *World, implementation string) func(body []byte, lease *message.Lease) error {
		s := step(t, implementation, 1)
		s.Node.ModelURI = "there"
		n, err := All().New(s, w)
		if err != nil {
			t.Fatal(err)
		}
		return func(body []byte, lease *message.Lease) error {
			m := NewMessage(message.Message{Body: body, Meta: &message.Meta{Lease: lease, Notes: make([]any, 1)}}, translate.SeldonJSON, 0)
			_, err := n.(InputTransformer).TransformInput(t.Context(), m)
			return err
		}
	}
	files := data.files(t, reference.Options{})
	for name, of := range map[string]func(body []byte, lease *message.Lease) error{
		"MAHALANOBIS_DETECTOR": detector(files, "MAHALANOBIS_DETECTOR"),
		"QUANTILE_DETECTOR":    detector(files, "QUANTILE_DETECTOR"),
		"DRIFT_DETECTOR":       detector(files, "DRIFT_DETECTOR"),
		"AVERAGE_COMBINER": func(body []byte, lease *message.Lease) error {
			n, err := All().New(step(t, "AVERAGE_COMBINER", 2), &World{})
			if err != nil {
				t.Fatal(err)
			}
			one := message.Message{Body: body, Answer: true, Meta: &message.Meta{Lease: lease}}
			_, err = n.(Combiner).Combine(t.Context(), NewMessages([]message.Message{one, one}, translate.SeldonJSON, 0))
			return err
		},
	} {
		for rows, want := range map[int]bool{20: true, 2000: false} {
			lease := pool.Lease()
			err := of(body(rows), lease)
			if used, _, _ := budget.State(); used != 0 {
				t.Errorf("%s: %d bytes are not given back", name, used)
			}
			lease.Release()
			if code := protocol.CodeOf(err); want != (err == nil) || err != nil && code != protocol.TooLarge {
				t.Errorf("%s: %d rows: %v", name, rows, err)
			}
		}
	}
}
