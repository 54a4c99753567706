package local

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"sync/atomic"
	"time"

	corev1 "k8s.io/api/core/v1"

	v1 "github.com/prime-radiant/radiant/apis/v1"
	"github.com/prime-radiant/radiant/local/process"
)

// pace are the times that a container's life keeps to.
type pace struct {
	// poll is the pause between readiness probes until the first success, in
	// place of the initial delays that are meant for a cluster.
	poll time.Duration
	// firstPause is the wait before a container is started again; it doubles
	// up to longestPause and is forgotten after a run of calm.
	firstPause, longestPause, calm time.Duration
	// hook bounds a postStart or preStop command.
	hook time.Duration
	// waiting is the time between two messages about what is awaited.
	waiting time.Duration
	// starts is the time between two looks whether servers have another version to start
	// with.
	starts time.Duration
}

func usualPace() pace {
	return pace{
		poll: 250 * time.Millisecond, firstPause: time.Second, longestPause: 30 * time.Second,
		calm: time.Minute, hook: 30 * time.Second, waiting: 10 * time.Second, starts: time.Second,
	}
}

// host is what containers need of the program that runs them.
type host struct {
	spawn   *process.Spawner
	console *console
	ports   *process.PortBook
	pace    pace
	// abort is closed when everything has to end at once.
	abort   <-chan struct{}
	verbose int
}

// container is one container of a running pod.
type container struct {
	containerLayout
	host   *host
	out    *process.Output
	grace  time.Duration
	prober *process.Prober
	ready  atomic.Bool
	// failure is the last one, until the container is ready or has succeeded.
	failure atomic.Pointer[failure]
	// unready says why a container that runs is not ready yet.
	unready atomic.Pointer[string]
	// started is closed when the container first was ready.
	started chan struct{}
	// changed is called when ready has changed.
	changed func()
	// portTaken is called when the container died because another program
	// listens on one of its ports.
	portTaken func(port int32)
}

// failure is why a container is not ready.
type failure struct {
	at   time.Time
	text string
}

func newContainer(layout containerLayout, h *host, out *process.Output, grace time.Duration) *container {
	c := &container{containerLayout: layout, host: h, out: out, grace: grace, started: make(chan struct{})}
	c.prober = process.NewProber(layout.spec, c.runWithin)
	return c
}

// runWithin runs words in the container's surroundings.
func (c *container) runWithin(ctx context.Context, words []string) ([]byte, error) {
	var out bytes.Buffer
	err := c.within(words).Run(ctx, &out)
	return out.Bytes(), err
}

// prepare makes the container's working folder and frees its ports.
func (c *container) prepare() error {
	if err := os.MkdirAll(c.work, 0o755); err != nil {
		return fmt.Errorf("making the working folder: %w", err)
	}
	for _, p := range c.spec.Ports {
		c.host.ports.Release(p.ContainerPort)
	}
	c.out.Forget()
	c.unready.Store(nil)
	return nil
}

// run keeps the container running until ctx is done, and returns when it is
// gone.
func (c *container) run(ctx context.Context) {
	defer c.out.Close()
	pause := c.host.pace.firstPause
	for ctx.Err() == nil {
		began := time.Now()
		reason, killed := c.once(ctx)
		c.setReady(false)
		c.clean()
		c.out.Flush()
		if ctx.Err() != nil {
			return
		}
		if port, taken := c.takenPort(); taken {
			c.host.console.Say("%s: port %d was taken by another program", c.label, port)
			c.portTaken(port)
		}
		if time.Since(began) > c.host.pace.calm {
			pause = c.host.pace.firstPause
		}
		c.fail(reason)
		quote := c.out.Quote()
		if killed {
			// What it said last has nothing to do with it.
			quote = c.out.Where()
		}
		c.host.console.Say("%s: %s; CrashLoopBackOff: starting again in %v%s", c.label, reason, pause, quote)
		if !wait(ctx, pause) {
			return
		}
		pause = min(2*pause, c.host.pace.longestPause)
	}
}

// runToEnd runs an init container until it succeeds or ctx is done.
func (c *container) runToEnd(ctx context.Context) error {
	defer c.out.Close()
	pause := c.host.pace.firstPause
	for {
		err := c.onceToEnd(ctx)
		c.clean()
		c.out.Flush()
		if err == nil || ctx.Err() != nil {
			c.failure.Store(nil)
			return ctx.Err()
		}
		c.fail(err.Error())
		c.host.console.Say("%s: %v; Init:CrashLoopBackOff: trying again in %v%s", c.label, err, pause, c.out.Quote())
		if !wait(ctx, pause) {
			return ctx.Err()
		}
		pause = min(2*pause, c.host.pace.longestPause)
	}
}

// fail remembers a failure, with what the container said about it.
func (c *container) fail(reason string) {
	if said := c.out.Message(); said != "" {
		reason += ": " + said
	}
	c.failure.Store(&failure{at: time.Now(), text: reason})
}

// toEnd runs the container once, and returns its process, which is gone.
func (c *container) toEnd(ctx context.Context) (*process.Process, error) {
	if err := c.prepare(); err != nil {
		return nil, err
	}
	p, err := c.host.spawn.Start(c.command, c.out)
	if err != nil {
		return nil, err
	}
	select {
	case <-p.Done():
	case <-ctx.Done():
		p.Stop(c.grace, c.host.abort)
		return nil, ctx.Err()
	}
	return p, nil
}

func (c *container) onceToEnd(ctx context.Context) error {
	p, err := c.toEnd(ctx)
	if err != nil {
		return err
	}
	if p.Failed() {
		return fmt.Errorf("it failed: %s", p.Reason())
	}
	return nil
}

// once runs the container until it ends, and says why it did. It has been
// killed when somebody else did that.
func (c *container) once(ctx context.Context) (reason string, killed bool) {
	if err := c.prepare(); err != nil {
		return err.Error(), false
	}
	p, err := c.host.spawn.Start(c.command, c.out)
	if err != nil {
		return err.Error(), false
	}
	watching, stopWatching := context.WithCancel(ctx)
	defer stopWatching()
	failed := make(chan error, 1)
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		if err := c.watch(watching); err != nil {
			failed <- err
		}
	}()
	select {
	case <-p.Done():
		reason, killed = "it ended: "+p.Reason(), p.Killed()
	case err := <-failed:
		reason = err.Error()
		p.Stop(c.grace, c.host.abort)
	case <-ctx.Done():
		c.setReady(false)
		c.preStop()
		p.Stop(c.grace, c.host.abort)
	}
	stopWatching()
	<-watched
	return reason, killed
}

// watch probes the container until ctx is done, or returns why it must be
// started again.
func (c *container) watch(ctx context.Context) error {
	if hook := c.spec.Lifecycle; hook != nil && hook.PostStart != nil {
		if err := c.prober.Hook(ctx, hook.PostStart, c.host.pace.hook); err != nil {
			return fmt.Errorf("postStart: %w", err)
		}
	}
	if probe := c.spec.StartupProbe; probe != nil {
		if err := c.untilStarted(ctx, probe); err != nil {
			return err
		}
	}
	if !c.untilReady(ctx) {
		return nil
	}
	alive := make(chan error, 1)
	go func() { alive <- c.untilDead(ctx) }()
	c.followReadiness(ctx, alive)
	return <-alive
}

// untilStarted waits for the startup probe.
func (c *container) untilStarted(ctx context.Context, probe *corev1.Probe) error {
	deadline := time.Now().Add(process.StartTime(probe))
	for {
		err := c.prober.Check(ctx, probe)
		if err == nil || ctx.Err() != nil {
			return nil
		}
		c.notReady(probe, err)
		if time.Now().After(deadline) {
			return fmt.Errorf("startup probe failed: %w", err)
		}
		if !wait(ctx, c.host.pace.poll) {
			return nil
		}
	}
}

// untilReady polls the readiness probe until its first success. It reports
// false when ctx was done before.
func (c *container) untilReady(ctx context.Context) bool {
	probe := c.spec.ReadinessProbe
	for probe != nil {
		err := c.prober.Check(ctx, probe)
		if err == nil {
			break
		}
		c.notReady(probe, err)
		if c.host.verbose > 1 && ctx.Err() == nil {
			c.host.console.Say("%s: not ready: %v", c.label, err)
		}
		if !wait(ctx, c.host.pace.poll) {
			return false
		}
	}
	if ctx.Err() != nil {
		return false
	}
	c.setReady(true)
	if !c.wasStarted() {
		close(c.started)
	}
	return true
}

// notReady remembers why a check failed, in words that say what to do where the
// program listens elsewhere than it was told.
func (c *container) notReady(probe *corev1.Probe, err error) {
	text := err.Error()
	if port := c.prober.Unheard(probe, err); port != 0 {
		text = fmt.Sprintf("nothing listens on its port %d", port)
		if name := c.variableOf(port); name != "" {
			text += ", which $" + name + " tells it"
		}
	}
	c.unready.Store(&text)
}

// awaits says what a container lacks that is not ready.
func (c *container) awaits() string {
	if f := c.failure.Load(); f != nil {
		return c.label + ": " + f.text
	}
	if text := c.unready.Load(); text != nil {
		return c.label + ": " + *text
	}
	return c.label + " is starting"
}

// variableOf names a variable that tells the container's program a port: that
// of Seldon's wrapper, which comes first, or a server's own. Empty: none does.
func (c *container) variableOf(port int32) string {
	number := strconv.Itoa(int(port))
	i := slices.IndexFunc(c.spec.Env, func(e corev1.EnvVar) bool {
		return e.Value == number && slices.Contains([]string{v1.EnvHTTPPort, v1.EnvGRPCPort, v1.EnvMLServerHTTPPort}, e.Name)
	})
	if i < 0 {
		return ""
	}
	return c.spec.Env[i].Name
}

// untilDead performs the liveness probe. It begins after the first readiness,
// as if a startup probe stood before it: a laptop may need longer to load a
// model than the cluster that the delays were written for.
func (c *container) untilDead(ctx context.Context) error {
	probe := c.spec.LivenessProbe
	if probe == nil {
		<-ctx.Done()
		return nil
	}
	failures := 0
	for wait(ctx, process.Period(probe)) {
		err := c.prober.Check(ctx, probe)
		switch {
		case ctx.Err() != nil:
			return nil
		case err == nil:
			failures = 0
		default:
			if failures++; failures >= process.Failures(probe) {
				return fmt.Errorf("liveness probe failed: %w", err)
			}
		}
	}
	return nil
}

// followReadiness performs the readiness probe until ctx is done or dead has
// something to say.
func (c *container) followReadiness(ctx context.Context, dead chan error) {
	probe := c.spec.ReadinessProbe
	if probe == nil {
		return
	}
	ticker := time.NewTicker(process.Period(probe))
	defer ticker.Stop()
	failures := 0
	for {
		select {
		case <-ctx.Done():
			return
		case err := <-dead:
			dead <- err
			return
		case <-ticker.C:
		}
		err := c.prober.Check(ctx, probe)
		if ctx.Err() != nil {
			return
		}
		if err == nil {
			failures = 0
			c.setReady(true)
			continue
		}
		if failures++; failures >= process.Failures(probe) && c.ready.Load() {
			c.host.console.Say("%s: not ready any more: %v", c.label, err)
			c.failure.Store(&failure{at: time.Now(), text: "not ready any more: " + err.Error()})
			c.setReady(false)
		}
	}
}

func (c *container) setReady(ready bool) {
	if ready && c.failure.Swap(nil) != nil {
		again := ""
		if c.wasStarted() {
			again = " again"
		}
		c.host.console.Say("%s: ready%s", c.label, again)
	}
	if c.ready.Swap(ready) != ready && c.changed != nil {
		c.changed()
	}
}

func (c *container) wasStarted() bool {
	select {
	case <-c.started:
		return true
	default:
		return false
	}
}

// takenPort finds a port of the container that another program listens on.
// The container itself has ended.
func (c *container) takenPort() (int32, bool) {
	for _, p := range c.spec.Ports {
		if !process.PortFree(p.ContainerPort) {
			return p.ContainerPort, true
		}
	}
	return 0, false
}

// preStop runs the container's preStop hook. No requests are sent to it any
// more: the gateway has stopped that before it stops a pod.
func (c *container) preStop() {
	hook := c.spec.Lifecycle
	if hook == nil || hook.PreStop == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), min(c.grace, c.host.pace.hook))
	defer cancel()
	go func() {
		select {
		case <-c.host.abort:
			cancel()
		case <-ctx.Done():
		}
	}()
	if err := c.prober.Hook(ctx, hook.PreStop, c.host.pace.hook); err != nil {
		c.host.console.Say("%s: preStop: %v", c.label, err)
	}
}

// clean removes what a container engine may have left.
func (c *container) clean() {
	if c.cleanup == nil {
		return
	}
	if p, err := c.host.spawn.Start(*c.cleanup, io.Discard); err == nil {
		<-p.Done()
	}
}

// wait pauses for d; it reports false when ctx was done before.
func wait(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
