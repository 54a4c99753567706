package local

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"

	corev1 "k8s.io/api/core/v1"

	"github.com/prime-radiant/radiant/local/process"
	"github.com/prime-radiant/radiant/local/runtime"
)

// pod is a running pod: its init containers one after the other, then its
// containers side by side.
type pod struct {
	layout     *podLayout
	inits      []*container
	containers []*container
	host       *host
	// initializing is the init container that runs now, nil when none does.
	initializing atomic.Pointer[container]

	// Stages are stopped in this order; each has ended before the next is
	// asked to.
	stages []*stage
	cancel context.CancelFunc
	done   chan struct{}
	// described is closed when all is known of the models that there is to know.
	described chan struct{}
}

// stage is a group of containers that stop together.
type stage struct {
	containers []*container
	cancel     context.CancelFunc
	running    sync.WaitGroup
}

// podEvents are the calls that a pod makes.
type podEvents struct {
	// changed: the readiness of a container has changed.
	changed func()
	// portTaken: another program has a port that the pod was to listen on.
	portTaken func(port int32)
}

// outputs opens the log of a container.
type outputs func(c *containerLayout, init bool) (*process.Output, error)

func newPod(layout *podLayout, h *host, open outputs, events podEvents) (*pod, error) {
	p := &pod{layout: layout, host: h, done: make(chan struct{}), described: make(chan struct{})}
	add := func(list *[]*container, layouts []containerLayout, init bool) error {
		for i := range layouts {
			out, err := open(&layouts[i], init)
			if err != nil {
				return fmt.Errorf("container %s: %w", layouts[i].spec.Name, err)
			}
			c := newContainer(layouts[i], h, out, layout.grace)
			c.changed, c.portTaken = events.changed, events.portTaken
			*list = append(*list, c)
		}
		return nil
	}
	if err := add(&p.inits, layout.inits, true); err != nil {
		return nil, err
	}
	if err := add(&p.containers, layout.containers, false); err != nil {
		return nil, err
	}
	return p, nil
}

// start runs the pod in the background until stop is called. The container
// named first stops before the others: requests come through it.
func (p *pod) start(first string) {
	ctx, cancel := context.WithCancel(context.Background())
	p.cancel = cancel
	front, rest := &stage{}, &stage{}
	for _, c := range p.containers {
		if c.spec.Name == first {
			front.containers = append(front.containers, c)
		} else {
			rest.containers = append(rest.containers, c)
		}
	}
	sidecars := &stage{}
	p.stages = []*stage{front, rest, sidecars}
	contexts := make([]context.Context, len(p.stages))
	for i, s := range p.stages {
		contexts[i], s.cancel = context.WithCancel(context.Background())
	}
	go func() {
		defer close(p.done)
		described := sync.OnceFunc(func() { close(p.described) })
		defer described()
		if err := runtime.MakeVolumes(p.layout.volumes); err != nil {
			p.host.console.Say("%s: %v", p.layout.name, err)
			return
		}
		if p.initialize(ctx, contexts[2], sidecars) != nil {
			return
		}
		for i, s := range p.stages[:2] {
			for _, c := range s.containers {
				s.run(contexts[i], c)
			}
		}
		p.describe(ctx)
		described()
		<-ctx.Done()
	}()
}

// initialize runs the init containers. One that restarts always is a sidecar:
// it keeps running while the others go on once it has started.
func (p *pod) initialize(ctx, sidecar context.Context, sidecars *stage) error {
	defer p.initializing.Store(nil)
	for _, c := range p.inits {
		p.initializing.Store(c)
		if policy := c.spec.RestartPolicy; policy == nil || *policy != corev1.ContainerRestartPolicyAlways {
			if err := c.runToEnd(ctx); err != nil {
				return err
			}
			continue
		}
		sidecars.containers = append(sidecars.containers, c)
		sidecars.run(sidecar, c)
		select {
		case <-c.started:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return ctx.Err()
}

func (s *stage) run(ctx context.Context, c *container) {
	s.running.Add(1)
	go func() {
		defer s.running.Done()
		c.run(ctx)
	}()
}

// stop ends the pod's processes, in order, and removes its folders.
func (p *pod) stop() {
	p.cancel()
	<-p.done
	for _, s := range p.stages {
		s.cancel()
		s.running.Wait()
	}
	for _, c := range slices.Concat(p.inits, p.containers) {
		c.out.Close()
	}
	runtime.RemoveVolumes(p.layout.volumes)
}

// ready reports whether all containers are.
func (p *pod) ready() bool {
	return !slices.ContainsFunc(p.containers, func(c *container) bool { return !c.ready.Load() })
}

// awaited are the containers that are not ready, or the init container that
// they wait for.
func (p *pod) awaited() []*container {
	if c := p.initializing.Load(); c != nil {
		return []*container{c}
	}
	return slices.DeleteFunc(slices.Clone(p.containers), func(c *container) bool { return c.ready.Load() })
}
