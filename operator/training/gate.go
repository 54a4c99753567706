package training

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/prime-radiant/radiant/apis/kubeflow"
	"github.com/prime-radiant/radiant/train"
	"github.com/prime-radiant/radiant/wording"
)

// roomInterval is how often a job that waits for room looks for it.
const roomInterval = 5 * time.Second

// gate lets the pods of jobs start that are placed all at once. One job at a time
// looks for room, so that two do not find the same.
type gate struct{ mu sync.Mutex }

// isHeld reports whether a pod waits for the others of its job.
func isHeld(pod *corev1.Pod) bool {
	return slices.ContainsFunc(pod.Spec.SchedulingGates, func(g corev1.PodSchedulingGate) bool { return g.Name == train.StartGate })
}

// open lets the pods of a job start when all of them are there and there is room for
// all, and says in the status what they wait for until then. Where some have started
// already, the others follow: they hold what they have in any case.
func (p *pass) open(ctx context.Context, d decision) error {
	var held []*corev1.Pod
	started := false
	for _, pod := range d.seen.pods {
		switch {
		case pod == nil:
		case isHeld(pod):
			held = append(held, pod)
		case pod.Status.Phase != corev1.PodSucceeded && pod.Status.Phase != corev1.PodFailed:
			started = true
		}
	}
	if len(held) == 0 || len(d.seen.missing()) > 0 && !started {
		return nil
	}
	p.gate.mu.Lock()
	defer p.gate.mu.Unlock()
	if !started {
		why, err := p.noRoom(ctx, held)
		if err != nil {
			return err
		}
		if why != "" {
			p.again = roomInterval
			p.waits(why)
			return nil
		}
	}
	p.waits("")
	for _, pod := range held {
		if err := p.lift(ctx, pod); err != nil {
			return err
		}
	}
	return nil
}

// noRoom says why pods do not fit into what the nodes have free; empty: they do.
func (p *pass) noRoom(ctx context.Context, held []*corev1.Pod) (string, error) {
	nodes, pods := &corev1.NodeList{}, &corev1.PodList{}
	running := fields.ParseSelectorOrDie("status.phase!=Succeeded,status.phase!=Failed")
	err := p.client.List(ctx, nodes)
	if err == nil {
		err = p.client.List(ctx, pods, client.MatchingFieldsSelector{Selector: running})
	}
	if apierrors.IsForbidden(err) {
		return fmt.Sprintf("the operator may not look for room: %v", err), nil
	}
	if err != nil {
		return "", fmt.Errorf("looking for room: %w", err)
	}
	mine := map[types.UID]bool{}
	for _, pod := range held {
		mine[pod.UID] = true
	}
	var whole []*corev1.Pod
	for i := range pods.Items {
		if mine[pods.Items[i].UID] {
			whole = append(whole, &pods.Items[i])
		}
	}
	left := newRoom(nodes.Items, pods.Items).placeAll(whole)
	if len(left) == 0 && len(whole) == len(held) {
		return "", nil
	}
	if len(left) == 0 {
		return "its pods have just been made", nil
	}
	first := slices.MinFunc(left, func(a, b *corev1.Pod) int {
		if a.Name < b.Name {
			return -1
		}
		return 1
	})
	return fmt.Sprintf("there is room for %d of its %s: no node that %s may run on has %s free beside the others",
		len(held)-len(left), wording.Count(len(held), "pod"), first.Name, described(needs(first))), nil
}

// described writes what a pod asks for, such as "cpu 2, memory 4Gi".
func described(list corev1.ResourceList) string {
	var parts []string
	for name, much := range list {
		if name != corev1.ResourcePods && much.Sign() > 0 {
			parts = append(parts, fmt.Sprintf("%s %s", name, much.String()))
		}
	}
	slices.Sort(parts)
	if len(parts) == 0 {
		return "place for a pod"
	}
	return strings.Join(parts, ", ")
}

// waits says in the status why no pod of the job starts; empty: they may.
func (p *pass) waits(why string) {
	c := condition(p.status, kubeflow.JobCreated)
	switch {
	case why != "":
		p.set(kubeflow.JobCreated, true, reasonWaiting, p.say("waits for room: "+why))
	case c != nil && c.Reason == p.reason(reasonWaiting):
		p.set(kubeflow.JobCreated, true, reasonCreated, p.say("has room for all of its pods"))
	}
}

// lift lets the scheduler place a pod, as far as this gate is concerned.
func (p *pass) lift(ctx context.Context, pod *corev1.Pod) error {
	gates := slices.DeleteFunc(slices.Clone(pod.Spec.SchedulingGates), func(g corev1.PodSchedulingGate) bool { return g.Name == train.StartGate })
	if gates == nil {
		gates = []corev1.PodSchedulingGate{}
	}
	patch, err := json.Marshal([]map[string]any{
		{"op": "test", "path": "/metadata/uid", "value": pod.UID},
		{"op": "replace", "path": "/spec/schedulingGates", "value": gates},
	})
	if err != nil {
		return err
	}
	o := &corev1.Pod{}
	o.Name, o.Namespace = pod.Name, pod.Namespace
	err = p.client.Patch(ctx, o, client.RawPatch(types.JSONPatchType, patch), client.FieldOwner(FieldManager))
	if apierrors.IsNotFound(err) || apierrors.IsInvalid(err) { // It was made anew meanwhile.
		return nil
	}
	if err != nil {
		return fmt.Errorf("letting %s start: %w", pod.Name, err)
	}
	return nil
}
