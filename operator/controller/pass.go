package controller

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	v1 "github.com/prime-radiant/radiant/apis/v1"
	"github.com/prime-radiant/radiant/operator/versions"
)

// pass is one look at a deployment: what is known, and what came of it.
type pass struct {
	*facts
	desired []Desired
	// workloads are the Deployments as they are after the pass. One that was
	// written but not seen yet is missing.
	workloads map[string]*appsv1.Deployment
	// scaling is how the autoscalers fared before the pass.
	scaling map[ref]scaling
	// scales tells of Deployments that their requests scale; nil: nothing is known.
	scales Scaling
	// direct are Services that go on to lead to their pods though their requests are to
	// pass activators.
	direct map[ref]bool
	// found tells what pods found of the versions of a deployment's models; nil: nobody
	// asks them.
	found   func(types.NamespacedName) ([]versions.Told, bool)
	changes Changes
	// starting is what is to be told of versions that servers are to start with.
	starting []versionEvent
	// trafficBehind: requests are led where the deployment no longer wants them
	// to.
	trafficBehind bool
	// refused are objects that cannot be applied before somebody changes
	// something.
	refused []refused
	// idle are predictors whose requests go to others, since they have no pods.
	idle map[string]bool
	// leaving are Deployments that keep their pods until requests go elsewhere,
	// each with what it waits for.
	leaving map[string]string
	// waiting says what is put off, and until when.
	waiting []string
	// reach tells whether requests reach the deployment from outside; nil: no way
	// leads in, or nobody is to be asked.
	reach *v1.Condition
	// untold is why pods could not be told what they are to be; nil: they were.
	untold error
	// again is when to look again though nothing changes; 0: not.
	again time.Duration
}

func newPass(f *facts, now time.Time) *pass {
	p := &pass{facts: f, workloads: map[string]*appsv1.Deployment{}, leaving: map[string]string{}}
	for _, o := range f.live {
		if d, ok := o.(*appsv1.Deployment); ok {
			p.workloads[d.Name] = d
		}
	}
	p.judgeScaling(now)
	return p
}

func (p *pass) name() types.NamespacedName { return client.ObjectKeyFromObject(p.stored) }

// step is one part of a pass. It reads what the ones before it left in the
// pass, and leaves there what the ones after it read. Its fields are all that
// it needs besides.
type step interface {
	// String is what the step does, as errors say it.
	String() string
	run(context.Context, *pass) error
}

// steps are those of each pass, in their order.
func steps(o *objects, drain time.Duration, r reaching) []step {
	return []step{
		expanding{o},
		removingScalers{o},
		applying{o, drain},
		telling{o},
		switching{o, drain},
		pruning{o, drain},
		r,
	}
}

// run brings the cluster closer to what the deployment asks for. A deployment
// with errors changes nothing: what serves goes on serving.
func (p *pass) run(ctx context.Context, steps []step) error {
	if p.inForce == nil || p.problems.Err() != nil {
		return nil
	}
	if p.awaited.reason != "" {
		p.lookAgain(jobInterval)
		return nil
	}
	for _, s := range steps {
		if err := s.run(ctx, p); err != nil {
			return errors.Join(p.untold, fmt.Errorf("%s: %w", s, err))
		}
	}
	return p.untold
}

// wait notes what is put off; the event that ends it brings the next pass.
func (p *pass) wait(format string, args ...any) {
	p.waiting = append(p.waiting, fmt.Sprintf(format, args...))
}

// lookAgain asks for another pass after at most d.
func (p *pass) lookAgain(d time.Duration) {
	if p.again == 0 || d < p.again {
		p.again = d
	}
}

// wants reports whether a live object is among the desired ones.
func (p *pass) wants(r ref) bool {
	return slices.ContainsFunc(p.desired, func(d Desired) bool { return d.ref == r })
}

// retry asks for another attempt at what was refused, since what is in the way
// may be gone then, such as a quota.
func (p *pass) retry() error {
	if len(p.refused) == 0 {
		return nil
	}
	return p.refused[0]
}
