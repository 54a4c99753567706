// Package state keeps what built-in nodes learn: one small file for each node and
// replica in a folder. Replicas that share the folder read each other's.
package state

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
)

// Keeper is a node that learns. Its methods are called one at a time.
type Keeper interface {
	// Save is what the node has learnt itself, as JSON.
	Save() (json.RawMessage, error)
	// Load takes over what Save gave, before the node is used.
	Load(saved json.RawMessage) error
	// Others is told what the other replicas have learnt, whenever that may have
	// changed. It reports whether the node has a use for that: one that has none
	// takes over the state of another replica at start, if it has none itself.
	Others(saved []json.RawMessage) bool
}

// Options are all that a store depends on.
type Options struct {
	// Dir is the folder; it is made where it is missing.
	Dir string
	// Replica names this replica, and its files.
	Replica string
	// Every is the time between two looks at what changed.
	Every time.Duration
	Log   *slog.Logger
}

const (
	format  = "radiant-state"
	version = 1
	suffix  = ".json"
	// maxBytes bounds a file, maxReplicas those of a node that are read: the newest
	// ones.
	maxBytes    = 4 << 20
	maxReplicas = 64
)

// file is what a file holds.
type file struct {
	Format  string `json:"format"`
	Version int    `json:"version"`
	// Node and Implementation are those of the node, Replica that of the replica.
	Node           string          `json:"node"`
	Implementation string          `json:"implementation"`
	Replica        string          `json:"replica"`
	State          json.RawMessage `json:"state"`
}

// Store is an open folder. A nil store keeps nothing.
type Store struct {
	options Options

	mu      sync.Mutex
	entries []*entry
	// stop ends the loop, done tells that it ended; nil before Start.
	stop, done chan struct{}
}

type entry struct {
	node, implementation string
	keeper               Keeper
	written              []byte
	failed               bool
}

// New opens a folder.
func New(o Options) (*Store, error) {
	if o.Replica == "" || strings.ContainsAny(o.Replica, `/\`) {
		return nil, fmt.Errorf("keeping state: %q cannot name a replica", o.Replica)
	}
	if err := os.MkdirAll(o.Dir, 0o750); err != nil {
		return nil, fmt.Errorf("keeping state: %w", err)
	}
	return &Store{options: o}, nil
}

// Keep lets a node take over what it had learnt, and keeps what it learns from now
// on. A file that cannot be read is logged, and the node begins anew.
func (s *Store) Keep(node, implementation string, k Keeper) {
	if s == nil {
		return
	}
	e := &entry{node: node, implementation: implementation, keeper: k}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.entries = append(s.entries, e)
	own, err := s.read(e, s.path(e, s.options.Replica))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		s.options.Log.Warn("what a node had learnt cannot be read, it begins anew", "node", node, "error", err.Error())
	}
	others := s.others(e)
	merges := k.Others(others)
	if own == nil && !merges && len(others) > 0 {
		own = others[0]
	}
	if own == nil {
		return
	}
	if err := k.Load(own); err != nil {
		s.options.Log.Warn("what a node had learnt is of no use to it, it begins anew", "node", node, "error", err.Error())
	}
}

// Start writes what changes, and reads what other replicas write, until Close.
func (s *Store) Start() {
	if s == nil {
		return
	}
	s.stop, s.done = make(chan struct{}), make(chan struct{})
	go func() {
		defer close(s.done)
		tick := time.NewTicker(s.options.Every)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				s.Sync()
			case <-s.stop:
				s.Sync()
				return
			}
		}
	}()
}

// Close writes what is not written yet.
func (s *Store) Close() {
	if s == nil || s.stop == nil {
		return
	}
	close(s.stop)
	<-s.done
}

// Sync writes what changed, and tells nodes what other replicas wrote.
func (s *Store) Sync() {
	if s == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, e := range s.entries {
		err := s.write(e)
		if err != nil && !e.failed {
			s.options.Log.Warn("what a node learns is not kept", "node", e.node, "error", err.Error())
		}
		e.failed = err != nil
		e.keeper.Others(s.others(e))
	}
}

func (s *Store) path(e *entry, replica string) string {
	return filepath.Join(s.options.Dir, e.node+"."+replica+suffix)
}

func (s *Store) read(e *entry, path string) (json.RawMessage, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if info.Size() > maxBytes {
		return nil, fmt.Errorf("%s has %d bytes, more than the %d of a state", path, info.Size(), maxBytes)
	}
	body, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var f file
	if err := json.Unmarshal(body, &f); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if f.Format != format || f.Version != version || f.Node != e.node || f.Implementation != e.implementation || len(f.State) == 0 {
		return nil, fmt.Errorf("%s is no state of version %d of a node %q of %s", path, version, e.node, e.implementation)
	}
	return f.State, nil
}

// others are the states of other replicas, the newest first. Those that cannot be
// read, and those of nodes whose names begin alike, are passed over.
func (s *Store) others(e *entry) []json.RawMessage {
	names, err := filepath.Glob(filepath.Join(s.options.Dir, e.node+".*"+suffix))
	if err != nil {
		return nil
	}
	own := s.path(e, s.options.Replica)
	type dated struct {
		path string
		at   time.Time
	}
	var files []dated
	for _, name := range names {
		if info, err := os.Stat(name); err == nil && name != own {
			files = append(files, dated{name, info.ModTime()})
		}
	}
	slices.SortFunc(files, func(a, b dated) int { return cmp.Or(b.at.Compare(a.at), cmp.Compare(a.path, b.path)) })
	var all []json.RawMessage
	for _, f := range files[:min(len(files), maxReplicas)] {
		if saved, err := s.read(e, f.path); err == nil {
			all = append(all, saved)
		}
	}
	return all
}

// write puts a file in the place of the one before, whole or not at all.
func (s *Store) write(e *entry) error {
	saved, err := e.keeper.Save()
	if err != nil || bytes.Equal(saved, e.written) {
		return err
	}
	body, err := json.Marshal(file{format, version, e.node, e.implementation, s.options.Replica, saved})
	if err != nil {
		return err
	}
	if len(body) > maxBytes {
		return fmt.Errorf("it has %d bytes, more than the %d of a state", len(body), maxBytes)
	}
	temporary, err := os.CreateTemp(s.options.Dir, ".state-*")
	if err != nil {
		return err
	}
	_, err = temporary.Write(body)
	err = errors.Join(err, temporary.Sync(), temporary.Close())
	if err == nil {
		err = os.Rename(temporary.Name(), s.path(e, s.options.Replica))
	}
	if err != nil {
		_ = os.Remove(temporary.Name())
		return err
	}
	e.written = saved
	return nil
}
