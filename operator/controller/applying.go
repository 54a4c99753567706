package controller

import (
	"context"
	"fmt"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

var _ step = applying{}

// applying applies everything but what leads requests to the deployment.
type applying struct{ objects *objects }

func (applying) String() string { return "applying workloads" }

func (s applying) run(ctx context.Context, p *pass) error {
	for _, d := range p.desired {
		if d.rank.OfTraffic() {
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

// wake gives a Deployment without pods as many as a new HorizontalPodAutoscaler
// asks for at least, since that does nothing as long as there are none. All
// later replicas are the autoscaler's.
func (s applying) wake(ctx context.Context, p *pass, d Desired) error {
	scaler, ok := d.object.(*autoscalingv2.HorizontalPodAutoscaler)
	sleeper := p.workloads[d.ref.Name]
	_, made := s.objects.memory.recall(d.ref)
	if !ok || made || p.live[d.ref] != nil || sleeper == nil || wanted(sleeper) > 0 {
		return nil
	}
	least := int32(1)
	if scaler.Spec.MinReplicas != nil {
		least = *scaler.Spec.MinReplicas
	}
	if least == 0 {
		return nil // It wakes the Deployment by itself.
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
