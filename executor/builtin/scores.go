package builtin

import (
	"context"
	"fmt"
	"math"

	"github.com/prime-radiant/radiant/executor/protocol"
	"github.com/prime-radiant/radiant/graph"
)

// scores judges what the first child answers. The second one, if there is one, is
// asked at the same time, and answers in its place where that is an outlier.
type scores struct {
	detection
	// measure is of probabilities; energy is measured of logits instead.
	measure     func(row []float64) float64
	energy      bool
	logits      bool
	temperature float64
	threshold   float64
}

func newScores(s *graph.Step, w *World) (Node, error) {
	n := s.Node
	d := &scores{logits: truth(n, "logits"), temperature: number(n, "temperature"), threshold: number(n, "threshold")}
	name := n.Setting("measure")
	d.energy, d.measure = name == graph.MeasureEnergy, measures()[name]
	var err error
	d.detection, err = newDetection(s, w)
	return d, err
}

// Combine answers what the first child does, with tags, or the second one.
func (d *scores) Combine(_ context.Context, answers Messages) (Message, error) {
	m := answers.At(0)
	v, err := d.verdict(m)
	if err != nil {
		return m, err
	}
	if err := d.ruling(m, &v, graph.CallAggregate); err != nil {
		return m, err
	}
	if len(v.outliers) > 0 && d.decide == graph.DecideRoute && answers.Len() > 1 {
		m = answers.At(1)
	}
	return m.Tagged(v.tags(d.tag)...)
}

func (d *scores) verdict(m Message) (verdict, error) {
	rows, give, err := reading(m, 0)
	defer give()
	if err != nil {
		return verdict{}, err
	}
	if rows.width < 2 {
		return verdict{}, protocol.Errorf(protocol.BadAnswer, "the model answers %d score for each row: want one for each of two or more classes", rows.width)
	}
	v := verdict{rows: rows.rows, judged: true, above: d.threshold}
	for i := range rows.rows {
		row := rows.row(i)
		score, err := d.score(row)
		if err != nil {
			return v, fmt.Errorf("row %d: %w", i, err)
		}
		v.add(i, score, score > d.threshold)
	}
	return v, nil
}

// measures are those of probabilities, which sum to 1.
func measures() map[string]func(row []float64) float64 {
	return map[string]func(row []float64) float64{
		graph.MeasureConfidence: confidence,
		graph.MeasureMargin:     margin,
		graph.MeasureEntropy:    entropy,
	}
}

// score measures a row, which it writes over.
func (d *scores) score(row []float64) (float64, error) {
	if !d.logits {
		for k, p := range row {
			if p < 0 || p > 1+1e-6 {
				return 0, protocol.Errorf(protocol.BadAnswer, "score %d is %v, which is no probability: set the parameter logits if the model answers logits", k, p)
			}
		}
		return d.measure(row), nil
	}
	for k := range row {
		row[k] /= d.temperature
	}
	total := logSumExp(row)
	if d.energy {
		return -d.temperature * total, nil
	}
	for k := range row {
		row[k] = math.Exp(row[k] - total)
	}
	return d.measure(row), nil
}

// confidence is what the greatest probability lacks of certainty (D. Hendrycks,
// K. Gimpel, A baseline for detecting misclassified and out-of-distribution
// examples, 2017).
func confidence(row []float64) float64 {
	first, _ := greatest(row)
	return 1 - first
}

// margin is what the two greatest probabilities lack of being far apart.
func margin(row []float64) float64 {
	first, second := greatest(row)
	return 1 - (first - second)
}

// entropy is in nats (C. E. Shannon, A mathematical theory of communication, 1948).
func entropy(row []float64) float64 {
	sum := 0.0
	for _, p := range row {
		if p > 0 {
			sum -= p * math.Log(p)
		}
	}
	return sum
}

func greatest(row []float64) (first, second float64) {
	first, second = math.Inf(-1), math.Inf(-1)
	for _, v := range row {
		if v > first {
			first, second = v, first
		} else if v > second {
			second = v
		}
	}
	return first, second
}

// logSumExp is the logarithm of the sum of the exponentials; its negative, times
// the temperature, is the energy (W. Liu, X. Wang, J. Owens, Y. Li, Energy-based
// out-of-distribution detection, 2020).
func logSumExp(row []float64) float64 {
	most, _ := greatest(row)
	sum := 0.0
	for _, v := range row {
		sum += math.Exp(v - most)
	}
	return most + math.Log(sum)
}
