package state

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

const (
	format  = "radiant-state"
	version = 1
	suffix  = ".json"
	// maxBytes bounds a file, and what one replica tells another.
	maxBytes = 4 << 20
	// maxReplicas bounds those of a node that are looked at: the newest ones.
	maxReplicas = 256
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

func (s *Store) path(e *entry, replica string) string {
	return filepath.Join(s.options.Dir, e.node+"."+replica+suffix)
}

// own is the node's own file; one without a state: there is none.
func (s *Store) own(e *entry) (known, error) {
	if s.options.Dir == "" {
		return known{}, nil
	}
	return s.read(e, s.path(e, s.options.Replica))
}

func (s *Store) read(e *entry, path string) (known, error) {
	info, err := os.Stat(path)
	if err != nil {
		return known{}, err
	}
	if info.Size() > maxBytes {
		return known{}, fmt.Errorf("%s has %d bytes, more than the %d of a state", path, info.Size(), maxBytes)
	}
	body, err := os.ReadFile(path)
	if err != nil {
		return known{}, err
	}
	var f file
	if err := json.Unmarshal(body, &f); err != nil {
		return known{}, fmt.Errorf("%s: %w", path, err)
	}
	if f.Format != format || f.Version != version || f.Node != e.node || f.Implementation != e.implementation || len(f.State) == 0 {
		return known{}, fmt.Errorf("%s is no state of version %d of a node %q of %s", path, version, e.node, e.implementation)
	}
	return known{f.Replica, info.ModTime().UnixMilli(), f.State}, nil
}

// files are the states of other replicas. Those that cannot be read, and those of
// nodes whose names begin alike, are passed over.
func (s *Store) files(e *entry) []known {
	if s.options.Dir == "" {
		return nil
	}
	names, err := filepath.Glob(filepath.Join(s.options.Dir, e.node+".*"+suffix))
	if err != nil {
		return nil
	}
	found, infos := map[string]known{}, map[string]os.FileInfo{}
	own := s.path(e, s.options.Replica)
	for _, name := range names {
		if info, err := os.Stat(name); err == nil && name != own {
			found[name], infos[name] = known{replica: name, at: info.ModTime().UnixMilli()}, info
		}
	}
	var all []known
	seen := map[string]seenFile{}
	for _, k := range newest(found, maxReplicas) {
		name := k.replica
		f := e.seen[name]
		if f.info == nil || !f.is(infos[name]) {
			f = seenFile{info: infos[name]}
			f.known, f.err = s.read(e, name)
		}
		if f.err == nil { // Who cannot be read is tried again.
			seen[name] = f
			all = append(all, f.known)
		}
	}
	e.seen = seen
	return all
}

// seenFile is what was read of a file, which is not read again before it is another.
type seenFile struct {
	info  os.FileInfo
	known known
	err   error
}

func (f *seenFile) is(info os.FileInfo) bool {
	return os.SameFile(f.info, info) && f.info.ModTime().Equal(info.ModTime()) && f.info.Size() == info.Size()
}

// write puts a file in the place of the one before, whole or not at all.
func (s *Store) write(e *entry) error {
	if s.options.Dir == "" || bytes.Equal(e.saved, e.written) {
		return nil
	}
	body, err := json.Marshal(file{format, version, e.node, e.implementation, e.replica, e.saved})
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
	e.written = e.saved
	return nil
}
