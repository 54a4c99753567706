package program

import (
	"cmp"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"os"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/prime-radiant/radiant/executor/builtin"
	"github.com/prime-radiant/radiant/executor/config"
	"github.com/prime-radiant/radiant/executor/server"
	"github.com/prime-radiant/radiant/executor/state"
)

// stateEvery is how often what nodes learnt is written: so much is lost with a
// process that is killed.
const stateEvery = 3 * time.Second

// nodeWorld is what built-in nodes use.
func nodeWorld(c *config.Config, r prometheus.Registerer, log *slog.Logger) (w builtin.World, err error) {
	w.Files, w.Watch = c.NodeFiles, &builtin.Watch{}
	if w.Meters, err = builtin.NewMeters(r); err == nil {
		w.State, err = nodeState(c, log)
	}
	return w, err
}

// showDrift serves what nodes saw that watch for drift, if there are any.
func showDrift(w *builtin.Watch, s *server.Options) {
	if !w.Any() {
		return
	}
	pages := maps.Clone(s.Pages)
	if pages == nil {
		pages = map[string]http.Handler{}
	}
	pages[builtin.DriftPath] = w
	s.Pages = pages
}

// nodeState opens the folder of what nodes learn; nil: there is none.
func nodeState(c *config.Config, log *slog.Logger) (*state.Store, error) {
	if c.StateDir == "" {
		return nil, nil
	}
	host, err := os.Hostname()
	if err != nil && c.Replica == "" {
		return nil, fmt.Errorf("keeping state: %w; name the replica by RADIANT_REPLICA", err)
	}
	return state.New(state.Options{Dir: c.StateDir, Replica: cmp.Or(c.Replica, host), Every: stateEvery, Log: log})
}
