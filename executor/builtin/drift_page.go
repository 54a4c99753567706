package builtin

import (
	"encoding/json"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/prime-radiant/radiant/executor/drift"
	"github.com/prime-radiant/radiant/executor/state"
)

// DriftPath is where the executor tells what drifts.
const DriftPath = "/drift"

// countsQuery asks there for the counts of this replica alone.
const countsQuery = "counts"

// Watch tells what the nodes saw that compare what comes with a reference.
type Watch struct {
	// Peers are the other replicas, and Replica tells this one from them; nil: the
	// page is about this one alone.
	Peers   state.Asker
	Replica string

	mu    sync.Mutex
	nodes []*drifting
	// summed is what the replicas saw together at summedAt, and summing who asks them.
	summing  sync.Mutex
	summed   *DriftReport
	summedAt time.Time
}

// add lists a node; of a nil Watch it does nothing.
func (w *Watch) add(d *drifting) {
	if w == nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.nodes = append(w.nodes, d)
}

// Any reports whether there are such nodes.
func (w *Watch) Any() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.nodes) > 0
}

// DriftReport is what the page says, as JSON.
type DriftReport struct {
	// Replica is which one says so, where there are others.
	Replica string       `json:"replica,omitempty"`
	Nodes   []NodeReport `json:"nodes"`
	// Unheard says which of the others did not answer.
	Unheard string `json:"unheard,omitempty"`
}

// NodeReport is what a node saw.
type NodeReport struct {
	Node     string      `json:"node"`
	Requests *SideReport `json:"requests"`
	Answers  *SideReport `json:"answers,omitempty"`
}

// SideReport is what one side of a node saw.
type SideReport struct {
	// Reference tells references apart; empty: it is being learnt, Learnt rows of it
	// are there.
	Reference string `json:"reference,omitempty"`
	Learnt    int    `json:"learnt,omitempty"`
	// Windows and Drifted count the windows that ended.
	Windows int `json:"windows"`
	Drifted int `json:"drifted"`
	// Rows are those of the window that is under way.
	Rows int         `json:"rows"`
	Last *SpanReport `json:"last,omitempty"`
	// All is what all replicas saw together, where there are others.
	All *AllReport `json:"all,omitempty"`
}

// SpanReport is a window.
type SpanReport struct {
	Rows  int       `json:"rows"`
	Began time.Time `json:"began"`
	Ended time.Time `json:"ended"`
	Drift bool      `json:"drift"`
	// Features are those that are compared. Those that drift come first.
	Features []FeatureReport `json:"features"`
	// Counts are by feature and place, if they are asked for; those of replicas with
	// one reference add up.
	Counts [][]uint32 `json:"counts,omitempty"`
}

// FeatureReport is what is known of one feature in a window.
type FeatureReport struct {
	Feature string `json:"feature"`
	Drift   bool   `json:"drift"`
	// Chance is that of the test that decides.
	Chance float64  `json:"chance"`
	KS     *float64 `json:"ks,omitempty"`
	PSI    float64  `json:"psi"`
	Chi2   float64  `json:"chi2"`
}

// ServeHTTP writes a [DriftReport]. With the query counts it has the counts, and is
// about this replica alone.
func (w *Watch) ServeHTTP(out http.ResponseWriter, r *http.Request) {
	var report *DriftReport
	if counts := r.URL.Query().Has(countsQuery); counts || w.Peers == nil {
		report = w.report(w.listed(), counts)
	} else {
		report = w.sum(r.Context())
	}
	body, err := json.Marshal(report)
	if err != nil {
		http.Error(out, err.Error(), http.StatusInternalServerError)
		return
	}
	out.Header().Set("Content-Type", "application/json")
	_, _ = out.Write(append(body, '\n'))
}

func (w *Watch) listed() []*drifting {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.nodes)
}

func (w *Watch) report(nodes []*drifting, counts bool) *DriftReport {
	report := &DriftReport{Replica: w.Replica}
	for _, d := range nodes {
		n := NodeReport{Node: d.node, Requests: d.requests.report(counts)}
		if d.answer != nil {
			n.Answers = d.answer.report(counts)
		}
		report.Nodes = append(report.Nodes, n)
	}
	return report
}

func (s *watched) report(counts bool) *SideReport {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.expire(s.now())
	side := &SideReport{Reference: s.reference(), Windows: s.windows, Drifted: s.drifted, Rows: s.current.rows}
	if len(s.learnt) > 0 {
		side.Learnt = s.learnt[0].Len()
	}
	if s.windows > 0 {
		side.Last = s.span(&s.last, counts)
	}
	return side
}

func (s *watched) span(w *span, counts bool) *SpanReport {
	r := &SpanReport{Rows: w.rows, Began: w.began, Ended: w.ended, Drift: w.many > 0}
	for i, c := range s.columns {
		if c != nil {
			r.Features = append(r.Features, s.feature(c, &w.found[i], w.drifts[i]))
		}
	}
	slices.SortStableFunc(r.Features, func(a, b FeatureReport) int {
		switch {
		case a.Drift == b.Drift:
			return 0
		case a.Drift:
			return -1
		}
		return 1
	})
	if counts {
		for _, c := range w.counts {
			r.Counts = append(r.Counts, slices.Clone(c))
		}
	}
	return r
}

func (o *watching) feature(c *drift.Column, found *drift.Statistics, drifts bool) FeatureReport {
	_, chance := o.decisive(c, found)
	f := FeatureReport{Feature: c.Label, Drift: drifts, Chance: chance, PSI: found.PSI, Chi2: found.Chi2}
	if c.Numeric() {
		f.KS = new(found.KS)
	}
	return f
}
