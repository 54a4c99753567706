package local

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/prime-radiant/radiant/apis/kubeflow"
	"github.com/prime-radiant/radiant/local/runtime"
	"github.com/prime-radiant/radiant/train"
)

// lastWords is how long the other workers of a job that has succeeded may take to
// end by themselves, since they often write something at the end too.
const lastWords = 10 * time.Second

// outcome is how one run of a replica ended.
type outcome struct {
	number int
	// done is that of the run.
	done  chan struct{}
	state train.State
}

// run runs the job until it has ended, one way or the other; the error is nil
// where it succeeded or ctx is done. Nothing of it runs afterwards.
func (t *training) run(ctx context.Context) error {
	if t.plan.Suspended {
		t.console.Say("%s: is suspended, so it does not train", t.title)
		return nil
	}
	began := time.Now()
	t.progress = newProgress()
	t.announce()
	var deadline <-chan time.Time
	if limit, bounded := t.plan.Job.Parts().Run.ActiveDeadline(); bounded {
		timer := time.NewTimer(limit)
		defer timer.Stop()
		deadline = timer.C
	}
	outcomes := make(chan outcome)
	defer t.stopAll(outcomes)
	states := make([]train.State, len(t.trainees))
	for i := range t.trainees {
		t.start(ctx, i, outcomes, 0)
	}
	pause, restarts := t.world.host.pace.firstPause, int32(0)
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-deadline:
			return &JobError{Job: t.title, Code: 1, Message: fmt.Sprintf("it ran longer than the %d seconds of activeDeadlineSeconds", *t.plan.Job.Parts().Run.ActiveDeadlineSeconds)}
		case o := <-outcomes:
			if t.trainees[o.number].done != o.done {
				continue // It was stopped.
			}
			states[o.number] = o.state
		}
		verdict := t.plan.Judge(states, restarts)
		switch verdict.Action {
		case train.Succeed:
			if !t.waitsForever() {
				t.settle(ctx, states, outcomes)
			}
			t.stopAll(outcomes)
			t.ended(began, restarts)
			return nil
		case train.Fail:
			return t.failed(states[verdict.Culprit], verdict.Message)
		case train.Again:
			restarts++
			t.console.Say("%s: Restarting in %v: %s", t.title, pause, verdict.Message)
			for _, i := range verdict.Replicas {
				t.stop(i, outcomes)
				states[i] = train.State{}
			}
			for _, i := range verdict.Replicas {
				t.start(ctx, i, outcomes, pause)
			}
			pause = min(2*pause, t.world.host.pace.longestPause)
		}
	}
}

func (t *training) failed(s train.State, message string) error {
	return &JobError{Job: t.title, Code: max(1, int(s.Code)), Message: message + "; logs are in " + t.state.logs()}
}

// start starts a replica after a pause.
func (t *training) start(ctx context.Context, number int, outcomes chan<- outcome, pause time.Duration) {
	m := t.trainees[number]
	if m.layout == nil {
		return
	}
	running, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	m.cancel, m.done = cancel, done
	again := pause > 0
	// A container that starts again in its pod finds what it wrote there.
	keeps := again && (m.Restart == kubeflow.RestartAlways || m.Restart == kubeflow.RestartOnFailure) && !kubeflow.RestartsTogether(t.plan.Job)
	go func() {
		defer close(done)
		if again && !wait(running, pause) {
			return
		}
		state := t.once(running, m, keeps)
		select {
		case outcomes <- outcome{number, done, state}:
		case <-running.Done():
		}
	}()
}

// stop ends a replica, and returns when it is gone.
func (t *training) stop(number int, outcomes <-chan outcome) {
	m := t.trainees[number]
	if m.done == nil {
		return
	}
	m.cancel()
	for {
		select {
		case <-m.done:
			m.done = nil
			return
		case <-outcomes: // What comes too late to count.
		}
	}
}

// stopAll ends all that still runs, side by side.
func (t *training) stopAll(outcomes <-chan outcome) {
	for _, m := range t.trainees {
		if m.done != nil {
			m.cancel()
		}
	}
	for i := range t.trainees {
		t.stop(i, outcomes)
		if layout := t.trainees[i].layout; layout != nil {
			runtime.RemoveVolumes(layout.volumes)
		}
	}
}

// waitsForever reports whether workers do not end by themselves: under a parameter
// server they serve the chief.
func (t *training) waitsForever() bool {
	tf, ok := t.plan.Job.(*kubeflow.TFJob)
	return ok && tf.Strategy() == kubeflow.ParameterServer
}

// settle waits for the workers that still run.
func (t *training) settle(ctx context.Context, states []train.State, outcomes <-chan outcome) {
	timer := time.NewTimer(lastWords)
	defer timer.Stop()
	for {
		waits := false
		for i, m := range t.trainees {
			waits = waits || m.layout != nil && m.Type == kubeflow.Worker && !states[i].Ended
		}
		if !waits {
			return
		}
		select {
		case o := <-outcomes:
			states[o.number].Ended = true
		case <-timer.C:
			return
		case <-ctx.Done():
			return
		}
	}
}

// notRun is the state of a replica that could not run to its end.
func notRun(err error) train.State {
	return train.State{Ended: true, Code: 1, Reason: err.Error()}
}

// once runs a replica until its container that trains has ended.
func (t *training) once(ctx context.Context, m *trainee, keeps bool) train.State {
	if !keeps {
		if err := runtime.MakeVolumes(m.layout.volumes); err != nil {
			return notRun(err)
		}
	}
	p, err := newPod(m.layout, t.world.host, t.open(m), podEvents{portTaken: func(int32) {}})
	if err != nil {
		return notRun(err)
	}
	return p.train(ctx, m.Main().Name)
}

// train runs the pod until its container of this name has ended, which ends the
// others too.
func (p *pod) train(ctx context.Context, main string) train.State {
	sidecars := &stage{}
	beside, cancel := context.WithCancel(context.Background())
	defer func() {
		cancel()
		sidecars.running.Wait()
		for _, c := range slices.Concat(p.inits, p.containers) {
			c.out.Close()
		}
	}()
	if err := p.initialize(ctx, beside, sidecars); err != nil {
		return notRun(err)
	}
	var trains *container
	for _, c := range p.containers {
		if c.spec.Name == main {
			trains = c
			continue
		}
		sidecars.run(beside, c)
	}
	ended, err := trains.toEnd(ctx)
	trains.clean()
	trains.out.Flush()
	if err != nil {
		return notRun(err)
	}
	state := train.State{Ended: true, Code: int32(ended.Code())} //nolint:gosec // Exit codes are below 256.
	if ended.Failed() {
		if reason := ended.Reason(); !strings.HasPrefix(reason, "exit code") {
			state.Reason = reason
		} else {
			state.Reason = trains.out.Message()
		}
	}
	return state
}
