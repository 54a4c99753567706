package graph

import (
	"encoding/json"
	"fmt"
	"time"
)

// +kubebuilder:object:generate=true

// Policy bounds the calls on a node and says what to do when they fail. It is
// Radiant's addition to the API. Feedback is bounded, but never sent twice and
// never answered by a fallback, nor is it joined or kept.
type Policy struct {
	// Timeout bounds one call of the walk on the node, with the time that it
	// waits for its turn and with all its attempts: a duration such as 500ms.
	Timeout string `json:"timeout,omitempty"`
	// Retries repeats attempts that failed in a way that is safe to repeat.
	Retries *Retries `json:"retries,omitempty"`
	// Hedge begins a second attempt while a slow one is under way.
	Hedge *Hedge `json:"hedge,omitempty"`
	// Fallback answers in the place of a node that failed.
	Fallback *Fallback `json:"fallback,omitempty"`
	// Concurrency bounds the attempts that are under way at once.
	Concurrency *Concurrency `json:"concurrency,omitempty"`
	// Batch joins the rows of requests that come at the same time.
	Batch *Batch `json:"batch,omitempty"`
	// Cache keeps answers, and gives them to equal requests.
	Cache *Cache `json:"cache,omitempty"`
}

// +kubebuilder:object:generate=true

// Retries says how often a failed attempt is repeated. Repeated are attempts
// without an answer (the connection could not be made, or was lost) and the
// answers that say "not now": 429, 502 and 503 over REST, UNAVAILABLE over
// gRPC.
type Retries struct {
	// Attempts is the most that a call is repeated, 1 to 10.
	Attempts int32 `json:"attempts"`
	// BudgetPercent bounds repeated attempts to this share of the node's calls,
	// so that a node in trouble is not buried under retries. 20 if not given.
	// Some ten retries are free at first.
	BudgetPercent int32 `json:"budgetPercent,omitempty"`
}

// +kubebuilder:object:generate=true

// Hedge begins a second attempt when the first has taken longer than most do;
// the first answer counts, and the other attempt is cancelled.
type Hedge struct {
	// Percentile of the node's latency after which the second attempt begins,
	// 50 to 99. 95 if not given.
	Percentile int32 `json:"percentile,omitempty"`
	// MaxPercent bounds second attempts to this share of the node's calls, 1 to
	// 100. 5 if not given.
	MaxPercent int32 `json:"maxPercent,omitempty"`
}

// +kubebuilder:object:generate=true

// Fallback is one of the following.
type Fallback struct {
	// Node names another node of the graph, which is asked the same.
	Node string `json:"node,omitempty"`
	// Response is an answer in the predictor's protocol, as JSON.
	Response string `json:"response,omitempty"`
	// Route is the child that a failed router's requests go to; -1 is all.
	Route *int32 `json:"route,omitempty"`
}

// +kubebuilder:object:generate=true

// Concurrency bounds the attempts under way on a node.
type Concurrency struct {
	// Limit is how many may be under way.
	Limit int32 `json:"limit"`
	// Queue is how many more may wait for their turn, first come, first served.
	// Beyond it a call fails at once, with 429 or RESOURCE_EXHAUSTED. 0 if not
	// given.
	Queue int32 `json:"queue,omitempty"`
}

// +kubebuilder:object:generate=true

// Batch joins the rows of several requests of one shape, sends them in one call
// and gives each request its rows of the answer.
type Batch struct {
	// MaxSize is the number of rows with which a call goes at once, 2 to 100000.
	MaxSize int32 `json:"maxSize"`
	// MaxDelay is how long a request waits for others: a duration such as 2ms.
	// 5ms if not given.
	MaxDelay string `json:"maxDelay,omitempty"`
}

// +kubebuilder:object:generate=true

// Cache keeps the answers of a node, which are errors never. What has not been
// asked for longest goes first.
type Cache struct {
	// TTL is how long an answer is given again: a duration such as 30s.
	TTL string `json:"ttl"`
	// MaxBytes bounds the memory of all answers that are kept, 16777216 (16 MiB)
	// if not given.
	MaxBytes int64 `json:"maxBytes,omitempty"`
}

// Problem is a field of a [Policy] that cannot be.
type Problem struct {
	// Field is the way to it from the policy, such as "retries.attempts".
	Field, Text string
}

func (p Problem) Error() string { return "policy." + p.Field + ": " + p.Text }

// Problems lists what is wrong with the policy of the node n in the graph
// below root.
func (p *Policy) Problems(root, n *Node) []Problem {
	if p == nil {
		return nil
	}
	var all []Problem
	between := func(field string, value, low, high int32) {
		if value < low || value > high {
			all = append(all, Problem{field, fmt.Sprintf("%d is not between %d and %d", value, low, high)})
		}
	}
	const most = 1_000_000
	if p.Timeout != "" {
		all = append(all, durationProblems("timeout", p.Timeout)...)
	}
	if r := p.Retries; r != nil {
		between("retries.attempts", r.Attempts, 1, 10)
		between("retries.budgetPercent", r.BudgetPercent, 0, 100)
	}
	if h := p.Hedge; h != nil {
		if h.Percentile != 0 {
			between("hedge.percentile", h.Percentile, 50, 99)
		}
		between("hedge.maxPercent", h.MaxPercent, 0, 100)
	}
	if c := p.Concurrency; c != nil {
		between("concurrency.limit", c.Limit, 1, most)
		between("concurrency.queue", c.Queue, 0, most)
	}
	if p.Fallback != nil {
		all = append(all, p.Fallback.problems(root, n)...)
	}
	if p.Batch != nil {
		between("batch.maxSize", p.Batch.MaxSize, 2, 100_000)
	}
	return append(all, p.sharingProblems(n)...)
}

// sharingProblems are those of what one call does for several requests.
func (p *Policy) sharingProblems(n *Node) []Problem {
	var all []Problem
	transforms := len(n.Methods) > 0 || n.Type != Router && n.Type != Combiner
	if b := p.Batch; b != nil {
		if b.MaxDelay != "" {
			all = append(all, durationProblems("batch.maxDelay", b.MaxDelay)...)
		}
		if !transforms {
			all = append(all, Problem{"batch", "the node is no model or transformer, whose calls alone have rows to join"})
		}
	}
	if c := p.Cache; c != nil {
		all = append(all, durationProblems("cache.ttl", c.TTL)...)
		if c.MaxBytes < 0 {
			all = append(all, Problem{"cache.maxBytes", fmt.Sprintf("%d is below 0", c.MaxBytes)})
		}
		if !transforms {
			all = append(all, Problem{"cache", "the node is no model or transformer, whose answers alone are kept"})
		}
	}
	return all
}

func durationProblems(field, text string) []Problem {
	if d, err := time.ParseDuration(text); err != nil || d <= 0 {
		return []Problem{{field, fmt.Sprintf("%q is not a duration such as 500ms or 2s", text)}}
	}
	return nil
}

func (f *Fallback) problems(root, n *Node) []Problem {
	given := 0
	for _, is := range []bool{f.Node != "", f.Response != "", f.Route != nil} {
		if is {
			given++
		}
	}
	routes := kinds[n.Type].Has(CallRoute)
	for _, m := range n.Methods {
		routes = routes || m == RouteMethod
	}
	switch {
	case given != 1:
		return []Problem{{"fallback", "want one of node, response and route"}}
	case f.Route != nil && !routes:
		return []Problem{{"fallback.route", "the node is no router"}}
	case f.Route != nil && (*f.Route < RouteAll || int(*f.Route) >= len(n.Children)):
		return []Problem{{"fallback.route", fmt.Sprintf("%d is none of the router's %d children", *f.Route, len(n.Children))}}
	case f.Response != "" && !json.Valid([]byte(f.Response)):
		return []Problem{{"fallback.response", "is not JSON"}}
	case f.Node != "":
		return f.nodeProblems(root, n)
	}
	return nil
}

// nodeProblems follows the chain of fallbacks.
func (f *Fallback) nodeProblems(root, n *Node) []Problem {
	nodes := map[string]*Node{}
	root.Walk(func(_ string, n *Node) { nodes[n.Name] = n })
	seen := map[string]bool{n.Name: true}
	for next := f; next != nil && next.Node != ""; {
		other, ok := nodes[next.Node]
		switch {
		case !ok:
			return []Problem{{"fallback.node", fmt.Sprintf("there is no node %q", next.Node)}}
		case seen[next.Node]:
			return []Problem{{"fallback.node", fmt.Sprintf("%q comes round to itself", next.Node)}}
		case BuiltinOf(other.Implementation) != NotBuiltin:
			return []Problem{{"fallback.node", fmt.Sprintf("%q runs inside the executor and answers no calls", next.Node)}}
		}
		seen[next.Node] = true
		next = nil
		if other.Policy != nil {
			next = other.Policy.Fallback
		}
	}
	return nil
}
