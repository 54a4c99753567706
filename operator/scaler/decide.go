package scaler

import (
	"context"
	"fmt"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv1 "k8s.io/api/autoscaling/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/prime-radiant/radiant/scaling"
)

// Reasons of events.
const (
	eventZero  = "ScaledToZero"
	eventWoken = "Woken"
)

// writeWithin is how long the API server may take for a write.
const writeWithin = 10 * time.Second

// decide does for each Deployment what its load wants.
func (s *Scaler) decide(ctx context.Context, a answers) {
	s.listen(&a)
	s.forgetPorts(a.world)
	a.ports = s.findPorts(a.world, a.kept)
	a.keeps, a.retold = map[types.NamespacedName]keptFront{}, map[types.NamespacedName]bool{}
	there := map[types.NamespacedName]bool{}
	wanted := map[types.NamespacedName]bool{}
	for i := range a.workloads {
		w := &a.workloads[i]
		there[w.name] = true
		s.decideOne(ctx, w, &a, wanted)
	}
	for name := range s.components {
		if !there[name] {
			s.forget(name)
		}
	}
	s.removeSlices(ctx, a.world, wanted)
	s.tell(ctx, a.keeps, a.retold)
}

// decideOne decides for a Deployment, and notes which EndpointSlices it wants.
func (s *Scaler) decideOne(ctx context.Context, w *workload, a *answers, wanted map[types.NamespacedName]bool) {
	now, c := s.now(), s.component(w)
	stayed := c.decision.Reason == reasonNoActivator
	if load, known := c.load(w, a); known {
		c.Record(now, load)
	}
	o := c.observed(w)
	d := c.Decide(now, o)
	c.holdInitial(now, w, &d)
	led := s.lead(ctx, w, a, d.Keep, wanted)
	if d.Replicas == 0 && o.Replicas > 0 && !led {
		d.Replicas, d.Reason = o.Replicas, reasonNoActivator
		d.Message = "the last pod stays: no activator is ready to keep requests"
	}
	if d.Replicas != o.Replicas {
		s.say(c, w, d)
		if s.scale(ctx, c, w, d.Replicas) && d.Replicas == 0 {
			s.event(w, eventZero, "%s: %s", w.name.Name, d.Message)
		}
	} else if d.Reason != scaling.ReasonNoData {
		s.say(c, w, d)
	}
	if stayed != (c.decision.Reason == reasonNoActivator) {
		a.retold[w.deployment()] = true
	}
	s.metrics.decided(w, d)
}

// reasonNoActivator is why a pod stays that nobody asks for.
const reasonNoActivator scaling.Reason = "NoActivator"

// wake gives a Deployment pods at once, since a request waits for one.
func (s *Scaler) wake(ctx context.Context, wake scaling.Wake) {
	namespace, name, _ := strings.Cut(wake.Front, "/")
	w, err := s.behind(ctx, types.NamespacedName{Namespace: namespace, Name: name})
	if err != nil {
		s.log.Error(err, "what a request waits for cannot be woken", "front", wake.Front)
		return
	}
	c := s.component(w)
	n := c.Wake(s.now())
	c.initial = false
	if c.observed(w).Replicas >= n {
		return
	}
	d := scaling.Decision{Replicas: n, Keep: true, Reason: reasonWoken, Message: fmt.Sprintf("woken by a %s request to %s", wake.By, name)}
	s.say(c, w, d)
	if s.scale(ctx, c, w, n) {
		s.metrics.woken(w)
		s.event(w, eventWoken, "%s: by a %s request to %s", w.name.Name, wake.By, name)
	}
}

// reasonWoken is why there are pods that were not wanted before.
const reasonWoken scaling.Reason = "Woken"

// behind is the Deployment that a front leads to.
func (s *Scaler) behind(ctx context.Context, name types.NamespacedName) (*workload, error) {
	service := serviceMeta()
	if err := s.reader.Get(ctx, name, service); err != nil {
		return nil, fmt.Errorf("reading Service %s: %w", name, err)
	}
	f, err := frontOf(service)
	if err != nil {
		return nil, err
	}
	var d appsv1.Deployment
	if err := s.reader.Get(ctx, types.NamespacedName{Namespace: name.Namespace, Name: f.Deployment}, &d); err != nil {
		return nil, fmt.Errorf("reading Deployment %s: %w", f.Deployment, err)
	}
	w, err := workloadOf(&d)
	return &w, err
}

// scale writes the replicas of a Deployment, and reports whether that went well.
// What did not is tried again at the next tick.
func (s *Scaler) scale(ctx context.Context, c *component, w *workload, n int32) bool {
	ctx, cancel := context.WithTimeout(ctx, writeWithin)
	defer cancel()
	d := &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Namespace: w.name.Namespace, Name: w.name.Name}}
	patch := client.RawPatch(types.MergePatchType, fmt.Appendf(nil, `{"spec": {"replicas": %d}}`, n))
	err := s.client.SubResource("scale").Patch(ctx, d, patch, client.WithSubResourceBody(&autoscalingv1.Scale{}), client.FieldOwner(FieldManager))
	if err != nil {
		s.log.Error(err, "replicas cannot be written", "deployment", w.name, "replicas", n)
		return false
	}
	s.log.Info("scaled", "deployment", w.name, "from", c.observed(w).Replicas, "to", n, "reason", c.decision.Reason, "message", c.decision.Message)
	c.wrote, c.wroteVersion = n, w.version
	return true
}

// say notes what was decided, where that is something else than before.
func (s *Scaler) say(c *component, w *workload, d scaling.Decision) {
	if c.decision.Replicas == d.Replicas && c.decision.Reason == d.Reason {
		return
	}
	c.decision = d
	s.mu.Lock()
	defer s.mu.Unlock()
	s.said[w.name] = Said{d.Replicas, string(d.Reason), d.Message}
}

// forget drops what is known of a Deployment that is gone.
func (s *Scaler) forget(name types.NamespacedName) {
	delete(s.components, name)
	s.metrics.forget(name)
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.said, name)
}

// event tells beside the SeldonDeployment what was done.
func (s *Scaler) event(w *workload, reason, note string, args ...any) {
	if w.owner == nil {
		return
	}
	owner := &unstructured.Unstructured{}
	owner.SetAPIVersion(w.owner.APIVersion)
	owner.SetKind(w.owner.Kind)
	owner.SetNamespace(w.name.Namespace)
	owner.SetName(w.owner.Name)
	owner.SetUID(w.owner.UID)
	s.recorder.Tell(owner, corev1.EventTypeNormal, reason, fmt.Sprintf(note, args...))
}
