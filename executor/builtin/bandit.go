package builtin

import (
	"context"
	"encoding/json"
	"math"
	"sync"

	"gonum.org/v1/gonum/stat/distuv"

	"github.com/prime-radiant/radiant/executor/protocol"
	"github.com/prime-radiant/radiant/graph"
)

// bandit is a router that learns from feedback which child earns most. It keeps
// two counters for each child; those of other replicas are added to its own.
type bandit struct {
	choose func(arms []arm) int
	random Random
	meter  *banditMeter
	names  []string

	mu sync.Mutex
	// own are the counts of this replica, others the sums of all other ones.
	own, others []arm
	// sums is where the two are added for a choice.
	sums []arm
}

// arm is what is known of a child: how many rewards came, and their sum.
type arm struct {
	Count  float64 `json:"count"`
	Reward float64 `json:"reward"`
}

func (a arm) mean() float64 {
	if a.Count == 0 {
		return 0
	}
	return a.Reward / a.Count
}

func newBandit(s *graph.Step, w *World) *bandit {
	n := len(s.Children)
	b := &bandit{random: w.Random, own: make([]arm, n), others: make([]arm, n), sums: make([]arm, n)}
	for i := range s.Node.Children {
		b.names = append(b.names, s.Node.Children[i].Name)
	}
	b.meter = w.Meters.bandit(s.Name, b.names)
	w.State.Keep(s.Name, s.Node.Implementation, b)
	return b
}

// newEpsilonGreedy makes a bandit that asks a random child for a share of the
// requests, and the one with the best mean for the others (R. S. Sutton, A. G.
// Barto, Reinforcement learning, 2018, section 2.2).
func newEpsilonGreedy(s *graph.Step, w *World) (Node, error) {
	b := newBandit(s, w)
	epsilon := number(s.Node, "epsilon")
	b.choose = func(arms []arm) int {
		if b.random() < epsilon {
			return b.draw(len(arms))
		}
		return b.best(arms, func(a arm) float64 {
			if a.Count == 0 {
				return math.Inf(1)
			}
			return a.mean()
		})
	}
	return b, nil
}

// newUCB makes a bandit that asks the child whose mean may be the best (P. Auer,
// N. Cesa-Bianchi, P. Fischer, Finite-time analysis of the multiarmed bandit
// problem, 2002: UCB1, where exploration is 2).
func newUCB(s *graph.Step, w *World) (Node, error) {
	b := newBandit(s, w)
	exploration := number(s.Node, "exploration")
	b.choose = func(arms []arm) int {
		total := 0.0
		for _, a := range arms {
			total += a.Count
		}
		return b.best(arms, func(a arm) float64 {
			if a.Count == 0 {
				return math.Inf(1)
			}
			return a.mean() + math.Sqrt(exploration*math.Log(total)/a.Count)
		})
	}
	return b, nil
}

// newThompson makes a bandit that draws a mean for each child from what it may be,
// a beta distribution, and asks the child that drew the best (W. R. Thompson, 1933;
// for rewards that are no 0 and 1, S. Agrawal, N. Goyal, 2012, whose expectation
// this counts).
func newThompson(s *graph.Step, w *World) (Node, error) {
	b := newBandit(s, w)
	source := drawing{w.Random}
	b.choose = func(arms []arm) int {
		return b.best(arms, func(a arm) float64 {
			return distuv.Beta{Alpha: 1 + a.Reward, Beta: 1 + (a.Count - a.Reward), Src: source}.Rand()
		})
	}
	return b, nil
}

// drawing makes a source of random bits of one of numbers.
type drawing struct{ random Random }

// Uint64 is that of rand.Source.
func (d drawing) Uint64() uint64 {
	const half = 1 << 32
	return uint64(d.random()*half)<<32 | uint64(d.random()*half)
}

func (b *bandit) draw(n int) int { return min(int(b.random()*float64(n)), n-1) }

// best is the child with the highest score; of several, any.
func (b *bandit) best(arms []arm, score func(a arm) float64) int {
	best, most, ties := 0, math.Inf(-1), 0.0
	for i, a := range arms {
		switch v := score(a); {
		case v > most:
			best, most, ties = i, v, 1
		case v == most:
			ties++
			if b.random()*ties < 1 {
				best = i
			}
		}
	}
	return best
}

// Route chooses a child.
func (b *bandit) Route(context.Context, Message) (int, error) {
	b.mu.Lock()
	for i := range b.sums {
		b.sums[i] = arm{b.own[i].Count + b.others[i].Count, b.own[i].Reward + b.others[i].Reward}
	}
	chosen := b.choose(b.sums)
	b.mu.Unlock()
	b.meter.chose(chosen)
	return chosen, nil
}

// Learn counts the reward of the child that the prediction went to.
func (b *bandit) Learn(_ context.Context, f Feedback) error {
	switch {
	case f.Route < 0 || f.Route >= len(b.own):
		return protocol.Errorf(protocol.Invalid, "response.meta.routing does not say which child the prediction went to")
	case !(f.Reward >= 0 && f.Reward <= 1):
		return protocol.Errorf(protocol.Invalid, "the reward is %v: want a number from 0 to 1", f.Reward)
	}
	b.mu.Lock()
	b.own[f.Route].Count++
	b.own[f.Route].Reward += f.Reward
	b.mu.Unlock()
	b.meter.earned(f.Route, f.Reward)
	return nil
}

// armsByName is how counts are kept: children may change their places.
type armsByName map[string]arm

// Save is that of state.Keeper.
func (b *bandit) Save() (json.RawMessage, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	saved := armsByName{}
	for i, name := range b.names {
		saved[name] = b.own[i]
	}
	return json.Marshal(saved)
}

// Load is that of state.Keeper.
func (b *bandit) Load(saved json.RawMessage) error {
	arms, err := b.read(saved)
	if err == nil {
		b.mu.Lock()
		b.own = arms
		b.mu.Unlock()
	}
	return err
}

// Others is that of state.Keeper.
func (b *bandit) Others(saved []json.RawMessage) bool {
	sums := make([]arm, len(b.names))
	for _, s := range saved {
		arms, err := b.read(s)
		if err != nil {
			continue
		}
		for i, a := range arms {
			sums[i].Count += a.Count
			sums[i].Reward += a.Reward
		}
	}
	b.mu.Lock()
	b.others = sums
	b.mu.Unlock()
	return true
}

// mostCounted is up to where one more can be counted in a float64. What says more is
// wrong, and sums of it would be no numbers to draw by.
const mostCounted = 1 << 53

// read takes over what can be right of what was saved, here or by another replica.
func (b *bandit) read(saved json.RawMessage) ([]arm, error) {
	var byName armsByName
	if err := json.Unmarshal(saved, &byName); err != nil {
		return nil, err
	}
	arms := make([]arm, len(b.names))
	for i, name := range b.names {
		if a := byName[name]; a.Count >= 0 && a.Count <= mostCounted && a.Reward >= 0 && a.Reward <= a.Count {
			arms[i] = a
		}
	}
	return arms, nil
}
