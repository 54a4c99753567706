package state

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
)

// Asker asks other replicas: peers.Peers.
type Asker interface {
	// Ask gets a path of each of them, and hands what they answer to take.
	Ask(ctx context.Context, path string, take func(body []byte)) error
}

// Path is where a replica tells others what it knows.
const Path = "/state"

const sharedFormat = "radiant-states"

const (
	// maxShared bounds what one replica has learnt of one node, as others take it.
	maxShared = 64 << 10
	// maxReplicaName bounds the name of a replica: that of a pod, and what tells it
	// from those before it.
	maxReplicaName = 320
)

// shared is what a replica tells: what its nodes have learnt, and what it has heard
// of others, so that what a replica had learnt outlives it.
type shared struct {
	Format  string        `json:"format"`
	Version int           `json:"version"`
	States  []sharedState `json:"states"`
}

type sharedState struct {
	Node           string          `json:"node"`
	Implementation string          `json:"implementation"`
	Replica        string          `json:"replica"`
	At             int64           `json:"at"`
	State          json.RawMessage `json:"state"`
}

// Shares reports whether there are others to ask, and something to tell them.
func (s *Store) Shares() bool {
	if s == nil || s.options.Peers == nil {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, e := range s.entries {
		if e.shares {
			return true
		}
	}
	return false
}

// ServeHTTP tells what this replica knows, as JSON.
func (s *Store) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	body, err := s.tell()
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(body)
}

func (s *Store) tell() ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := shared{Format: sharedFormat, Version: version, States: []sharedState{}}
	for _, e := range s.entries {
		if !e.shares {
			continue
		}
		if err := e.look(); err != nil {
			return nil, fmt.Errorf("node %q: %w", e.node, err)
		}
		all := s.others(e)
		if e.at > 0 {
			all = append(all, known{e.replica, e.at, e.saved})
		}
		for _, k := range all {
			out.States = append(out.States, sharedState{e.node, e.implementation, k.replica, k.at, k.state})
		}
	}
	return json.Marshal(&out)
}

// Pull asks the other replicas what they know, and tells the nodes. Each replica
// writes its own counts alone, and the newest of each count, so that nothing is
// counted twice whoever tells it.
func (s *Store) Pull(ctx context.Context) {
	if !s.Shares() {
		return
	}
	var wrong []error
	err := s.options.Peers.Ask(ctx, Path, func(body []byte) {
		if err := s.hear(body); err != nil {
			wrong = append(wrong, err)
		}
	})
	if ctx.Err() != nil {
		return
	}
	err = errors.Join(append(wrong, err)...)
	s.mu.Lock()
	defer s.mu.Unlock()
	if err != nil && !s.unheard {
		s.options.Log.Warn("other replicas do not tell what they have learnt", "error", strings.ReplaceAll(err.Error(), "\n", "; "))
	}
	s.unheard = err != nil
	for _, e := range s.entries {
		if e.shares {
			e.keeper.Others(states(s.others(e)))
		}
	}
}

// hear takes over what another replica tells.
func (s *Store) hear(body []byte) error {
	var told shared
	if err := json.Unmarshal(body, &told); err != nil {
		return fmt.Errorf("what it tells cannot be read: %w", err)
	}
	if told.Format != sharedFormat || told.Version != version {
		return fmt.Errorf("what it tells is none of version %d", version)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, e := range s.entries {
		for _, t := range told.States {
			if e.shares && t.Node == e.node && t.Implementation == e.implementation && t.Replica != e.replica &&
				t.At > e.heard[t.Replica].at && len(t.Replica) <= maxReplicaName && len(t.State) <= maxShared {
				e.heard[t.Replica] = known{t.Replica, t.At, t.State}
			}
		}
		if len(e.heard) > maxReplicas {
			kept := newest(e.heard, maxReplicas)
			e.heard = map[string]known{}
			for _, k := range kept {
				e.heard[k.replica] = k
			}
		}
	}
	return nil
}
