package program

import (
	"cmp"
	"crypto/tls"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/prime-radiant/radiant/executor/builtin"
	"github.com/prime-radiant/radiant/executor/config"
	"github.com/prime-radiant/radiant/executor/peers"
	"github.com/prime-radiant/radiant/executor/server"
	"github.com/prime-radiant/radiant/executor/state"
)

// stateEvery is how often what nodes learnt is written, and other replicas are asked
// for it: so much is lost with a process that is killed.
const stateEvery = 3 * time.Second

// nodeWorld is what built-in nodes use.
func nodeWorld(c *config.Config, secure *tls.Config, r prometheus.Registerer, log *slog.Logger) (w builtin.World, err error) {
	w.Files, w.Watch = c.NodeFiles, &builtin.Watch{}
	if w.Meters, err = builtin.NewMeters(r); err != nil {
		return w, err
	}
	others, err := peers.New(c.Peers, secure)
	if err != nil {
		return w, fmt.Errorf("RADIANT_PEERS: %w", err)
	}
	if others != nil {
		w.Watch.Peers, w.Watch.Replica = others, newID()
	}
	w.State, err = nodeState(c, others, log)
	return w, err
}

// showNodes serves what nodes saw that watch for drift, if there are any, and what
// nodes have learnt that other replicas ask for.
func showNodes(w *builtin.World, s *server.Options) {
	if w.Watch.Any() {
		addPage(s, builtin.DriftPath, w.Watch)
	}
	if w.State.Shares() {
		addPage(s, state.Path, w.State)
	}
}

// nodeState opens where what nodes learn is kept; nil: nowhere.
func nodeState(c *config.Config, others *peers.Peers, log *slog.Logger) (*state.Store, error) {
	if c.StateDir == "" && others == nil {
		return nil, nil
	}
	host, err := os.Hostname()
	if err != nil && c.Replica == "" {
		return nil, fmt.Errorf("keeping state: %w; name the replica by RADIANT_REPLICA", err)
	}
	o := state.Options{Dir: c.StateDir, Replica: cmp.Or(c.Replica, host), NewID: newID, Every: stateEvery, Log: log}
	if others != nil {
		o.Peers = others
	}
	return state.New(o)
}

// newID tells a replica from all others.
func newID() string {
	id := newPuid()
	return string(id[:])
}
