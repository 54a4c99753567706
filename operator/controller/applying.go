package controller

import (
	"context"
	"fmt"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/prime-radiant/radiant/expand"
)

var _ step = applying{}

// applying applies everything but what leads requests to the deployment.
type applying struct {
	objects *objects
	// drain is how long gateways may take to send requests elsewhere.
	drain time.Duration
}

func (applying) String() string { return "applying workloads" }

func (s applying) run(ctx context.Context, p *pass) error {
	for _, d := range p.desired {
		if d.rank.OfTraffic() || s.leaves(p, d) {
			continue
		}
		if err := s.wake(ctx, p, d); err != nil {
			return fmt.Errorf("giving pods to %s: %w", d.ref, err)
		}
		if err := s.objects.apply(ctx, p, d); err != nil {
			return err
		}
	}
	return nil
}

// leaves reports whether a Deployment is to lose all its pods while requests
// still come to them. It waits until the routes lead elsewhere, and gateways have
// followed.
func (s applying) leaves(p *pass, d Desired) bool {
	w, ok := d.object.(*appsv1.Deployment)
	now := p.workloads[d.ref.Name]
	if !ok || w.Spec.Replicas == nil || *w.Spec.Replicas > 0 || now == nil || wanted(now) == 0 {
		return false
	}
	before, after := p.shares(), p.wantedShares()
	for _, spec := range answering(p.deployment) {
		if !expand.IsFront(w, p.deployment, spec) {
			continue
		}
		since, switched := s.objects.memory.sinceSwitch(p.name())
		switch {
		case before[spec.Name] > 0 && len(after) > 0 && after[spec.Name] == 0:
			p.leaving[d.ref.Name] = "it keeps its pods until the routes lead elsewhere"
		case len(before) > 0 && before[spec.Name] == 0 && switched && since < s.drain:
			p.leaving[d.ref.Name] = "it keeps its pods until gateways have followed the routes"
			p.lookAgain(s.drain - since)
		}
	}
	return p.leaving[d.ref.Name] != ""
}

// wake gives pods to a Deployment without any that would stay so: a new
// HorizontalPodAutoscaler does nothing as long as there are none, and gets as many as
// it asks for at least; one that requests scaled to none, and no longer scale, gets
// one. All later replicas are those of whoever scales then.
func (s applying) wake(ctx context.Context, p *pass, d Desired) error {
	sleeper := p.workloads[d.ref.Name]
	if sleeper == nil || wanted(sleeper) > 0 {
		return nil
	}
	least := s.leastOf(p, d, sleeper)
	if least == 0 {
		return nil
	}
	patch := fmt.Sprintf(`{"metadata": {"resourceVersion": %q}, "spec": {"replicas": %d}}`, sleeper.ResourceVersion, least)
	awake := &appsv1.Deployment{}
	awake.Name, awake.Namespace = sleeper.Name, sleeper.Namespace
	if err := s.objects.client.Patch(ctx, awake, client.RawPatch(types.MergePatchType, []byte(patch)), client.FieldOwner(FieldManager)); err != nil {
		return err
	}
	p.workloads[awake.Name] = awake
	p.changes = append(p.changes, Change{Configured, "Deployment", awake.Name})
	return nil
}

// leastOf is how many pods a Deployment without any gets for an object that is
// applied; 0: it is not for that object to say.
func (s applying) leastOf(p *pass, d Desired, sleeper *appsv1.Deployment) int32 {
	switch o := d.object.(type) {
	case *autoscalingv2.HorizontalPodAutoscaler:
		if _, made := s.objects.memory.recall(d.ref); made || p.live[d.ref] != nil {
			return 0
		}
		if o.Spec.MinReplicas != nil {
			return *o.Spec.MinReplicas // At 0 it wakes the Deployment by itself.
		}
		return 1
	case *appsv1.Deployment:
		_, before := scaledBy(sleeper)
		if _, still := scaledBy(o); before && !still && o.Spec.Replicas == nil {
			return 1
		}
	}
	return 0
}
