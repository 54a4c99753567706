package local

import (
	"fmt"
	"maps"
	"path"
	"reflect"

	v1 "github.com/prime-radiant/radiant/apis/v1"
	"github.com/prime-radiant/radiant/discovery"
	"github.com/prime-radiant/radiant/expand"
	"github.com/prime-radiant/radiant/local/runtime"
)

// startsWith is a server that loads its model once, when it starts: where the program beside
// it says what it found.
type startsWith struct{ deployment, node, folder string }

// startsIn are those of a pod.
func startsIn(layout *podLayout) (all []startsWith, err error) {
	for _, c := range layout.inits {
		node := expand.StartNode(c.spec)
		_, folder, ok := fetched(c.spec)
		if node == "" || !ok {
			continue
		}
		mounts, err := runtime.Mounts(c.spec, layout.volumes)
		if err != nil {
			return nil, err
		}
		all = append(all, startsWith{layout.name, node, runtime.LocalPaths(path.Clean(folder), mounts)})
	}
	return all, nil
}

// next is the version that another server would start with; false: none waits.
func (s startsWith) next() (next discovery.Choice, ok bool) {
	start := discovery.FoundIn(s.folder).Start
	if start == nil {
		return next, false // It is not there yet.
	}
	return discovery.Choice{Version: start.Next, Place: start.Place}, start.Next != ""
}

// starts are the versions that servers of a predictor start with.
type starts map[string]map[string]discovery.Choice

// newStarts looks whether servers that load their models once, when they start, have a newer
// version to start with, and chooses it. It returns what is to be told.
func (w *world) newStarts() (news []string) {
	for _, g := range w.newest() {
		for _, s := range g.starts {
			next, ok := s.next()
			key := startsKey(g.deployment, g.predictor)
			if was := w.starts[key][s.deployment][s.node]; !ok || was.Version == next.Version && was.Place == next.Place {
				continue
			}
			chosen := starts{}
			for deployment, nodes := range w.starts[key] {
				chosen[deployment] = maps.Clone(nodes)
			}
			if chosen[s.deployment] == nil {
				chosen[s.deployment] = map[string]discovery.Choice{}
			}
			chosen[s.deployment][s.node] = next
			w.starts[key] = chosen
			news = append(news, fmt.Sprintf("deployment %s, predictor %s: version %s of node %s is there", g.deployment.Name, g.predictor.Name, next.Version, s.node))
		}
	}
	return news
}

// newest are the generations that were started last, one of each predictor.
func (w *world) newest() (all []*generation) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, s := range w.served {
		if s.next != nil {
			all = append(all, s.next.generations...)
		} else {
			all = append(all, s.current...)
		}
	}
	return all
}

// startsKey tells predictors apart.
func startsKey(d *v1.SeldonDeployment, p *v1.PredictorSpec) string {
	return d.Namespace + "/" + d.Name + "/" + p.Name
}

// startsOther reports whether others are chosen than it started with.
func (g *generation) startsOther(chosen starts) bool {
	return len(g.starts) > 0 && !reflect.DeepEqual(g.startVersions, chosen)
}
