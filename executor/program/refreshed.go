package program

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prime-radiant/radiant/discovery"
	"github.com/prime-radiant/radiant/executor/config"
	"github.com/prime-radiant/radiant/executor/predictor"
	"github.com/prime-radiant/radiant/executor/server"
	"github.com/prime-radiant/radiant/executor/telemetry"
)

// refreshedEvery is how often the servers of models with modelRefresh are asked for
// their versions, and what was found beside them is read. It is less than the 5 s for which
// uvicorn, which MLServer listens by, keeps connections: a request beside a question may
// take the connection that was last used beside the question before.
const refreshedEvery = 4 * time.Second

// showRefreshed keeps the metric of those versions until ctx ends, and the page that the
// operator reads.
func showRefreshed(ctx context.Context, c *config.Config, t *telemetry.Telemetry, p *predictor.Predictor, o *server.Options) error {
	folders, err := modelFolders(c.ModelFolders)
	if err != nil {
		return err
	}
	nodes := p.Refreshed()
	if len(nodes) == 0 {
		return nil
	}
	shown, err := t.Refreshed()
	if err != nil {
		return err
	}
	page := &versionsPage{}
	addPage(o, discovery.PathReport, page)
	once := &started{ready: p.NodeReady, within: readyWithin, unready: map[string]int{}}
	look := func() {
		all := foundIn(nodes, folders)
		told := append(p.RefreshedVersions(ctx, startWith(all)), once.versions(ctx, all)...)
		report := reportVersions(nodes, all, told)
		page.set(report)
		shown.Set(metricOf(told, report))
	}
	go func() {
		tick := time.NewTicker(refreshedEvery)
		defer tick.Stop()
		for {
			look()
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
		}
	}()
	return nil
}

// modelFolders reads NODE=FOLDER with commas.
func modelFolders(text string) (map[string]string, error) {
	folders := map[string]string{}
	for pair := range strings.SplitSeq(text, ",") {
		if pair == "" {
			continue
		}
		node, folder, ok := strings.Cut(pair, "=")
		if !ok || node == "" || folder == "" {
			return nil, fmt.Errorf("RADIANT_MODEL_FOLDERS: %q is not NODE=FOLDER", pair)
		}
		folders[node] = folder
	}
	return folders, nil
}

// foundIn is what was found of the versions of nodes, by their names.
func foundIn(nodes []string, folders map[string]string) map[string]discovery.Found {
	all := map[string]discovery.Found{}
	for _, node := range nodes {
		all[node] = discovery.Found{}
		if folder, known := folders[node]; known {
			all[node] = discovery.FoundIn(folder)
		}
	}
	return all
}

// startWith are the nodes whose servers load their models once, when they start.
func startWith(all map[string]discovery.Found) map[string]bool {
	starts := map[string]bool{}
	for node, f := range all {
		starts[node] = f.Start != nil
	}
	return starts
}

// readyWithin is how long a server may take to say that it is ready, and mostUnready how often
// in a row one that was may not say so until it is taken to start anew: one that works on a
// long prediction may be slow.
const (
	readyWithin = 5 * time.Second
	mostUnready = 3
)

// started tells what becomes of the versions that servers started with, which serve as soon as
// these are ready.
type started struct {
	ready  func(ctx context.Context, node string) error
	within time.Duration
	// unready is, for each that was ready, how often in a row it has not said so since.
	unready map[string]int
}

// versions asks the servers, all at once.
func (s *started) versions(ctx context.Context, all map[string]discovery.Found) (told []predictor.VersionState) {
	nodes := slices.DeleteFunc(slices.Sorted(maps.Keys(all)), func(node string) bool { return all[node].Start == nil })
	ready := make([]bool, len(nodes))
	var asking sync.WaitGroup
	for i, node := range nodes {
		asking.Go(func() {
			ctx, cancel := context.WithTimeout(ctx, s.within)
			defer cancel()
			ready[i] = s.ready(ctx, node) == nil
		})
	}
	asking.Wait()
	for i, node := range nodes {
		times, was := s.unready[node]
		switch {
		case ready[i]:
			s.unready[node] = 0
		case was && times+1 < mostUnready:
			s.unready[node]++
		default:
			delete(s.unready, node)
		}
		state := "LOADING"
		if _, serves := s.unready[node]; serves {
			state = "READY"
		}
		told = append(told, predictor.VersionState{Node: node, Version: all[node].Start.Version, State: state})
	}
	return told
}

// reportVersions is what becomes of the versions of nodes, by their servers and by what
// was found in their folders.
func reportVersions(nodes []string, all map[string]discovery.Found, told []predictor.VersionState) discovery.Report {
	said := map[string]map[string]string{}
	for _, v := range told {
		if said[v.Node] == nil {
			said[v.Node] = map[string]string{}
		}
		said[v.Node][v.Version] = v.State
	}
	var r discovery.Report
	for _, node := range nodes {
		r.Nodes = append(r.Nodes, discovery.Merge(node, all[node], said[node]))
	}
	return r
}

// wordRefused is the state in the metric of a version that is refused; others are the
// words of servers.
const wordRefused = "REFUSED"

// metricOf are the versions as the metric has them.
func metricOf(told []predictor.VersionState, r discovery.Report) (all []telemetry.Version) {
	refused := map[telemetry.Version]bool{}
	for _, n := range r.Nodes {
		for _, v := range n.Versions {
			if v.State == discovery.Refused {
				one := telemetry.Version{Node: n.Node, Version: v.Version, State: wordRefused}
				all, refused[one] = append(all, one), true
			}
		}
	}
	for _, v := range told {
		if !refused[telemetry.Version{Node: v.Node, Version: v.Version, State: wordRefused}] {
			all = append(all, telemetry.Version{Node: v.Node, Version: v.Version, State: v.State})
		}
	}
	return all
}

// versionsPage answers with the last report, or that it is still the one that who asks
// has.
type versionsPage struct{ told atomic.Pointer[toldVersions] }

type toldVersions struct {
	etag string
	text []byte
}

func (p *versionsPage) set(r discovery.Report) {
	text, err := json.Marshal(r)
	if before := p.told.Load(); err != nil || before != nil && bytes.Equal(before.text, text) {
		return
	}
	sum := sha256.Sum256(text)
	p.told.Store(&toldVersions{`"` + hex.EncodeToString(sum[:16]) + `"`, text})
}

// ServeHTTP implements [http.Handler].
func (p *versionsPage) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	told := p.told.Load()
	if told == nil {
		http.Error(w, "nobody has asked the servers yet", http.StatusServiceUnavailable)
		return
	}
	w.Header().Set("ETag", told.etag)
	if slices.Contains(r.Header.Values("If-None-Match"), told.etag) {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(told.text) // Who asked may have gone.
}
