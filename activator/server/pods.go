package server

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"time"
)

// Pod is a pod that is not about to end.
type Pod struct {
	Name, IP string
	// Ready is what the cluster says.
	Ready bool
	// Probes are what its containers are asked by; Unasked is set if some of them
	// cannot be asked from outside, so that Ready alone counts.
	Probes  []Probe
	Unasked bool
	// Trouble is what the cluster says of why it is not ready; empty: nothing.
	Trouble string
}

// pod is a pod that is followed.
type pod struct {
	Pod
	// ready is set when it gets requests.
	ready bool
	// asking is set while it is asked.
	asking bool
	// failure is what it answered last.
	failure string
}

const (
	// askEvery is how often pods are asked while requests wait, and askSeldom
	// otherwise.
	askEvery, askSeldom = 25 * time.Millisecond, time.Second
	// followTime is how long pods are followed after the last request.
	followTime = time.Minute
)

// follow begins to follow the pods. The caller holds mu.
func (f *front) follow() {
	f.unfollow()
	ctx, cancel := context.WithCancel(context.Background())
	f.stop = cancel
	f.used = time.Now()
	spec := f.spec
	go f.activator.options.Cluster.Follow(ctx, spec.Namespace, spec.Selector, func(pods []Pod) {
		if ctx.Err() == nil {
			f.told(pods)
		}
	})
	go f.ask(ctx)
}

// unfollow forgets the pods. The caller holds mu.
func (f *front) unfollow() {
	if f.stop != nil {
		f.stop()
		f.stop = nil
	}
	f.listed = false
	clear(f.pods)
	f.queue.Serve(nil)
}

// told takes over which pods there are.
func (f *front) told(list []Pod) {
	f.mu.Lock()
	now := map[string]*pod{}
	for _, p := range list {
		key := p.IP
		if key == "" {
			key = "pod/" + p.Name // It has no address yet.
		}
		known := f.pods[key]
		if known == nil || known.Name != p.Name {
			known = &pod{ready: p.Ready}
		}
		if p.Ready != known.Ready {
			// What the cluster says anew counts more than what was found out here.
			known.ready = p.Ready
		}
		known.Pod = p
		now[key] = known
	}
	f.pods, f.listed = now, true
	f.serveReady()
	f.mu.Unlock()
	f.look()
}

// serveReady tells the queue which pods are ready. Activators begin at different
// ends, so that they come to the same pod last. The caller holds mu.
func (f *front) serveReady() {
	var ready []string
	for _, ip := range slices.Sorted(maps.Keys(f.pods)) {
		if f.pods[ip].ready {
			ready = append(ready, ip)
		}
	}
	if p := f.position.Load(); p != nil && p.Among > 1 && len(ready) > 0 {
		at := p.Index / 2 * 2 * len(ready) / p.Among
		ready = append(slices.Clone(ready[at:]), ready[:at]...)
		if p.Index%2 == 1 {
			slices.Reverse(ready)
		}
	}
	f.queue.Serve(ready)
}

// unreachable is told of a pod to which there was no connection.
func (f *front) unreachable(ip string) {
	f.queue.Unreachable(ip)
	f.mu.Lock()
	defer f.mu.Unlock()
	if p := f.pods[ip]; p != nil {
		p.ready = false
		f.serveReady()
	}
}

// ask asks pods that are not ready, until ctx ends or nobody has needed them for a
// while.
func (f *front) ask(ctx context.Context) {
	ticker := time.NewTicker(askEvery)
	defer ticker.Stop()
	var asked time.Time
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-ticker.C:
			waiting := f.queue.Waiting() > 0
			if !waiting && now.Sub(asked) < askSeldom {
				continue
			}
			asked = now
			if f.askAll(ctx, waiting) {
				return
			}
		}
	}
}

// askAll asks the pods that are not ready. It reports true when there is nothing more
// to follow.
func (f *front) askAll(ctx context.Context, waiting bool) (over bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if ctx.Err() != nil {
		return true
	}
	if f.users == 0 && !waiting && time.Since(f.used) > followTime {
		f.unfollow()
		return true
	}
	for ip, p := range f.pods {
		if p.ready || p.asking || p.IP == "" || p.Unasked && !p.Ready {
			continue
		}
		p.asking = true
		probes := f.probes(p)
		go func() {
			err := askPod(ctx, ip, probes)
			f.mu.Lock()
			defer f.mu.Unlock()
			p.asking = false
			if err != nil {
				p.failure = err.Error()
				return
			}
			p.failure = ""
			if f.pods[ip] == p && !p.ready {
				p.ready = true
				f.serveReady()
			}
		}()
	}
	return false
}

// probes are what a pod is asked by.
func (f *front) probes(p *pod) []Probe {
	all := slices.Clone(p.Probes)
	if f.spec.ReadyPath != "" {
		own := Probe{Port: f.spec.HTTPPort, Path: f.spec.ReadyPath}
		if !slices.Contains(all, own) {
			all = append(all, own)
		}
	}
	if len(all) == 0 {
		all = []Probe{{Port: cmp.Or(f.spec.HTTPPort, f.spec.GRPCPort)}}
	}
	return all
}
