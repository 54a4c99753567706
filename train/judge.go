package train

import (
	"fmt"
	"slices"
	"strings"

	"github.com/prime-radiant/radiant/apis/kubeflow"
	"github.com/prime-radiant/radiant/wording"
)

// State is how a replica is doing.
type State struct {
	// Ended is set when its container that trains has ended, for now or for good.
	Ended bool
	// Code is the exit code; 128 and the signal's number where it was killed.
	Code int32
	// Lost is set where the pod is gone or was put away by the cluster, so that the
	// code says nothing of the program.
	Lost bool
	// Reason says more of a failure in a few words, such as "signal: killed"; it
	// may be empty.
	Reason string
}

// failed reports whether the replica ended badly.
func (s State) failed() bool { return s.Ended && (s.Code != 0 || s.Lost) }

// Action is what is to be done about a job.
type Action int

// The actions.
const (
	// GoOn lets the job run.
	GoOn Action = iota
	// Succeed ends the job well.
	Succeed
	// Fail ends the job badly.
	Fail
	// Again makes the replicas of the verdict anew.
	Again
)

// Verdict is what is to be done about a job, and why.
type Verdict struct {
	Action Action
	// Replicas are the numbers, among those of the plan, of those to make anew.
	Replicas []int
	// Culprit is the number of the replica that decided; -1 where none did.
	Culprit int
	// Message is a sentence for the user.
	Message string
}

// usualLimit is how often all replicas, or a launcher, start again where the job sets
// no limit: as often as Kubernetes' Jobs.
const usualLimit = 6

// Judge says what is to be done about a job whose replicas are in these states, in
// the order of the plan's, and whose replicas were made anew a number of times. It
// does not look at times.
//
// The job succeeds with its chief; without one with worker 0, or with all workers
// where that is asked for or they were faster. A replica that failed fails the
// job, unless its policy makes it anew.
func (p *Plan) Judge(states []State, restarts int32) Verdict {
	if p.succeeded(states) {
		return Verdict{Action: Succeed, Culprit: -1, Message: fmt.Sprintf("%s %s succeeded", p.Job.Parts().Kind, p.Job.GetName())}
	}
	together := kubeflow.RestartsTogether(p.Job)
	var again []int
	culprit := -1
	for i, s := range states {
		r := &p.Replicas[i]
		if r.Idles || !s.failed() {
			continue
		}
		if !together && !r.restarts(s) {
			return Verdict{Action: Fail, Culprit: i, Message: r.failure(s) + r.policy()}
		}
		again = append(again, i)
		if culprit < 0 {
			culprit = i
		}
	}
	if culprit < 0 {
		return Verdict{Culprit: -1}
	}
	why := p.Replicas[culprit].failure(states[culprit])
	if limit := p.Limit(); limit >= 0 && restarts >= limit {
		return Verdict{Action: Fail, Culprit: culprit, Message: fmt.Sprintf("%s, after %s, which is the limit", why, wording.Count(int(restarts), "restart"))}
	}
	if together {
		again = p.all()
		why += "; all replicas start again"
	}
	return Verdict{Action: Again, Replicas: again, Culprit: culprit, Message: why}
}

// Limit is how often replicas are started again; -1 is without end.
func (p *Plan) Limit() int32 {
	switch limit := p.Job.Parts().Run.BackoffLimit; {
	case limit != nil:
		return *limit
	case kubeflow.RestartsTogether(p.Job), p.Job.Parts().Kind == kubeflow.MPIJobKind:
		return usualLimit
	}
	return -1
}

// all are the numbers of the replicas that do something.
func (p *Plan) all() []int {
	var list []int
	for i := range p.Replicas {
		if !p.Replicas[i].Idles {
			list = append(list, i)
		}
	}
	return list
}

// restarts reports whether the policy makes a replica anew that ended so.
func (r *Replica) restarts(s State) bool {
	switch r.Restart {
	case kubeflow.RestartAlways, kubeflow.RestartOnFailure:
		return true
	case kubeflow.RestartExitCode:
		return s.Lost || s.Code >= 128
	}
	return false
}

func (r *Replica) failure(s State) string {
	switch {
	case s.Lost && s.Reason == "":
		return r.Name + " is lost"
	case s.Lost:
		return fmt.Sprintf("%s is lost (%s)", r.Name, s.Reason)
	case s.Reason == "":
		return fmt.Sprintf("%s failed with exit code %d", r.Name, s.Code)
	}
	return fmt.Sprintf("%s failed with exit code %d (%s)", r.Name, s.Code, s.Reason)
}

// policy says in an addition to a sentence why a replica is not made anew.
func (r *Replica) policy() string {
	if r.Restart == kubeflow.RestartExitCode {
		return fmt.Sprintf("; by its restartPolicy %s only codes from 128 on start again", r.Restart)
	}
	return fmt.Sprintf("; its restartPolicy is %s", r.Restart)
}

func (p *Plan) succeeded(states []State) bool {
	well := func(of func(*Replica) bool) bool {
		some := false
		for i := range p.Replicas {
			if !of(&p.Replicas[i]) {
				continue
			}
			if some = true; !states[i].Ended || states[i].failed() {
				return false
			}
		}
		return some
	}
	isWorker := func(r *Replica) bool { return r.Type == kubeflow.Worker }
	chief := slices.ContainsFunc(p.Replicas, func(r Replica) bool { return r.Leads && r.Type != kubeflow.Worker })
	switch {
	case chief:
		return well(func(r *Replica) bool { return r.Leads })
	case p.success == kubeflow.AllWorkers:
		return well(isWorker)
	}
	return well(func(r *Replica) bool { return r.Leads }) || well(isWorker)
}

// Title calls a job by its kind and name, as objects are called on the command
// line: tfjob/digits.
func Title(j kubeflow.Job) string {
	return strings.ToLower(j.Parts().Kind) + "/" + j.GetName()
}
