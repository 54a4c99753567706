package builtin

import (
	"context"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"time"
)

// AllReport is what all replicas saw together that have one reference.
type AllReport struct {
	// Replicas is how many they are, this one included.
	Replicas int `json:"replicas"`
	// Windows, Drifted and Rows are the sums of theirs.
	Windows int `json:"windows"`
	Drifted int `json:"drifted"`
	Rows    int `json:"rows"`
	// Last is the sum of their last windows, compared as one window.
	Last *SpanReport `json:"last,omitempty"`
}

// lasting is how long a sum is shown before replicas are asked again: who asks for
// the page often does not make them busy.
const lasting = time.Second

// sum asks the other replicas what they counted, and adds that to what this one did.
func (w *Watch) sum(ctx context.Context) *DriftReport {
	w.summing.Lock()
	defer w.summing.Unlock()
	if w.summed != nil && time.Since(w.summedAt) < lasting {
		return w.summed
	}
	told := map[string]*DriftReport{}
	err := w.Peers.Ask(ctx, DriftPath+"?"+countsQuery, func(body []byte) {
		var r DriftReport
		if json.Unmarshal(body, &r) == nil && r.Replica != w.Replica {
			told[r.Replica] = &r
		}
	})
	others := slices.Collect(maps.Values(told))
	nodes := w.listed()
	report := w.report(nodes, false)
	if err != nil {
		report.Unheard = strings.ReplaceAll(err.Error(), "\n", "; ")
	}
	for i, d := range nodes {
		side := func(pick func(n *NodeReport) *SideReport) (sides []*SideReport) {
			for _, r := range others {
				at := slices.IndexFunc(r.Nodes, func(n NodeReport) bool { return n.Node == d.node })
				if at >= 0 && pick(&r.Nodes[at]) != nil {
					sides = append(sides, pick(&r.Nodes[at]))
				}
			}
			return sides
		}
		n := &report.Nodes[i]
		n.Requests.All = d.requests.all(side(func(n *NodeReport) *SideReport { return n.Requests }))
		if d.answer != nil {
			n.Answers.All = d.answer.all(side(func(n *NodeReport) *SideReport { return n.Answers }))
		}
	}
	if ctx.Err() == nil { // Who asks has heard all who answer.
		w.summed, w.summedAt = report, time.Now()
	}
	return report
}

// all adds what other replicas saw to what this one did; nil: it has no reference
// yet. Those with another reference are passed over.
func (s *watched) all(others []*SideReport) *AllReport {
	own := s.report(true)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.columns == nil || own.Reference != s.reference() {
		return nil
	}
	all := &AllReport{}
	sum := newSpan(s.columns)
	for _, side := range append(others, own) {
		if side.Reference != own.Reference || side.Last != nil && !s.counted(side.Last) {
			continue
		}
		all.Replicas++
		all.Windows += side.Windows
		all.Drifted += side.Drifted
		all.Rows += side.Rows
		if side.Last != nil {
			sum.add(side.Last)
		}
	}
	if sum.rows > 0 {
		sum.many = s.judge(sum.counts, sum.rows, sum.found, sum.drifts)
		all.Last = s.span(&sum, false)
	}
	return all
}

// counted reports whether the counts of a window are those of its rows, by the
// places of this reference.
func (s *watched) counted(w *SpanReport) bool {
	if len(w.Counts) != len(s.columns) || w.Rows < 1 {
		return false
	}
	for i, c := range s.columns {
		rows := 0
		for _, n := range w.Counts[i] {
			rows += int(n)
		}
		if c != nil && (len(w.Counts[i]) != c.Places() || rows != w.Rows) {
			return false
		}
	}
	return true
}

func (w *span) add(other *SpanReport) {
	if w.rows == 0 || other.Began.Before(w.began) {
		w.began = other.Began
	}
	if other.Ended.After(w.ended) {
		w.ended = other.Ended
	}
	w.rows += other.Rows
	for i := range w.counts {
		for place := range w.counts[i] {
			w.counts[i][place] += other.Counts[i][place]
		}
	}
}
