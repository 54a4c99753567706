package storage

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"

	"github.com/prime-radiant/radiant/storage/azure"
	"github.com/prime-radiant/radiant/storage/hub"
	"github.com/prime-radiant/radiant/storage/rclone"
	"github.com/prime-radiant/radiant/storage/registry"
	"github.com/prime-radiant/radiant/storage/transfer"
	"github.com/prime-radiant/radiant/storage/web"
)

// States is what a URI names that has one state at a time, and is looked at again and
// again: a file of a web server, a tag of a registry, a revision of Hugging Face. Its
// methods may be called by one goroutine at a time.
type States struct {
	remains
	uri     string
	options Options
	open    opener

	mu    sync.Mutex
	store transfer.Stateful
	last  transfer.State
}

// stateful is the table of the stores that have one state at a time.
func stateful() map[string]opener {
	return map[string]opener{"http": web.Open, "https": web.Open, "hf": hub.Open, "oci": registry.Open}
}

// NewStates is that of a URI; false: it names a folder, of which there is a [Catalog].
// Nothing is asked yet.
func NewStates(uri string, o Options) (*States, bool) {
	name := schemeOf(uri, o.Base)
	open, known := stateful()[name]
	o = o.withDefaults()
	if !known || rclone.Configured(name, newJob(uri, "", o).access()) || name == "https" && azure.Hosted(uri) {
		return nil, false
	}
	return &States{uri: uri, options: o, open: open}, true
}

// Current is what there is now. Where it is what the last call returned, one small request
// tells.
func (s *States) Current(ctx context.Context) (transfer.State, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now, err := s.kept()
	if err == nil && now.Token == "" {
		now, err = s.ask(ctx)
	}
	if err != nil {
		return now, fmt.Errorf("%s: %w", Redact(s.uri), err)
	}
	s.last = now
	return now, nil
}

// kept is the state that lies on this machine, where a network must not be used; without
// a token: one may be.
func (s *States) kept() (now transfer.State, err error) {
	if schemeOf(s.uri, s.options.Base) != "hf" {
		return now, nil
	}
	dir, err := hub.Kept(s.uri, newJob(s.uri, "", s.options).access())
	if err != nil || dir == "" {
		return now, err
	}
	info, err := os.Stat(dir)
	if err != nil {
		return now, err
	}
	var l lister
	if info.IsDir() {
		err = l.list(dir, ".", nil)
	} else {
		l.files = []file{{dir, filepath.Base(dir), info.Size()}}
	}
	for _, f := range l.files {
		now.Bytes += f.size
	}
	now.Token, now.Mark, now.Time = dir, dir, info.ModTime()
	return now, err
}

// ask asks the store, again where that may help, and for a bounded time.
func (s *States) ask(ctx context.Context) (now transfer.State, err error) {
	err = newJob(s.uri, "", s.options).policy().Retry(ctx, func() (bool, error) {
		if err := s.opened(ctx); err != nil {
			return false, err
		}
		all, err := bounded(ctx, s.options.Stall, func(ctx context.Context) ([]transfer.State, error) {
			now, err := s.store.State(ctx, s.last)
			return []transfer.State{now}, err
		})
		if err == nil {
			now = all[0]
		}
		return false, err
	})
	return now, err
}

// opened opens the store once: what it takes to get credentials is not for each look.
func (s *States) opened(ctx context.Context) error {
	if s.store != nil {
		return nil
	}
	store, err := s.open(context.WithoutCancel(ctx), s.uri, newJob(s.uri, "", s.options).access())
	if err != nil {
		return err
	}
	states, ok := store.(transfer.Stateful)
	if !ok {
		return transfer.Permanent(errors.New("it does not tell its state"))
	}
	s.store = states
	return nil
}

// Fetch brings what there is now to dst, as [Fetch] does.
func (s *States) Fetch(ctx context.Context, dst string) error {
	return Fetch(ctx, s.uri, dst, s.options)
}
