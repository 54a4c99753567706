package controller

import (
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// stagedPair is a deployment of two predictors that share the requests.
const stagedPair = `
apiVersion: machinelearning.seldon.io/v1
kind: SeldonDeployment
metadata: {name: m}
spec:
  predictors:
  - {name: a, traffic: 60, graph: {name: c, type: MODEL}, componentSpecs: [{spec: {containers: [{name: c, image: "c:1"}]}}]}
  - {name: b, traffic: 40, graph: {name: c, type: MODEL}, componentSpecs: [{spec: {containers: [{name: c, image: "c:1"}]}}]}
`

// pods sets how many pods of a Deployment serve, and how many are asked for.
func (s *stage) pods(name string, serve, asked int32) {
	s.Helper()
	d := &appsv1.Deployment{}
	if err := s.client.Get(s.Context(), client.ObjectKey{Namespace: s.namespace, Name: name}, d); err != nil {
		s.Fatal(err)
	}
	d.Spec.Replicas = &asked
	if err := s.client.Update(s.Context(), d); err != nil {
		s.Fatal(err)
	}
	d.Status = appsv1.DeploymentStatus{ObservedGeneration: d.Generation, Replicas: serve, UpdatedReplicas: serve, ReadyReplicas: serve, AvailableReplicas: serve}
	if err := s.client.Status().Update(s.Context(), d); err != nil {
		s.Fatal(err)
	}
}

// divides makes a pass as far as the routes, and compares how they divide the
// requests, and when it wants to be made again.
func (s *stage) divides(text string, a, b int32, again time.Duration) *pass {
	s.Helper()
	p := s.deploy(text)
	if got := p.wantedShares(); got["a"] != a || got["b"] != b || p.again != again {
		s.Errorf("shares are %v, look again in %s; want a=%d, b=%d, %s", got, p.again, a, b, again)
	}
	s.run(switching{s.objects, 0}, p)
	if p.trafficBehind {
		s.Errorf("the routes are not switched: %q", p.waiting)
	}
	return p
}

// TestAPredictorThatLosesItsPodsLosesItsShare at once, and has it back with
// them; if that happens again and again, when they have been there for a while.
func TestAPredictorThatLosesItsPodsLosesItsShare(t *testing.T) {
	s := newStage(t)
	s.make(s.deploy(stagedPair))
	s.serve("m-a-0-c", "m-b-0-c")
	s.divides(stagedPair, 60, 40, 0)

	s.pods("m-b-0-c", 0, 1)
	p := s.divides(stagedPair, 100, 0, 0)
	if want := "predictor b has no pods that serve: its 40 % of the requests go to the others"; p.moved() != want {
		t.Errorf("told is %q, want %q", p.moved(), want)
	}
	s.divides(stagedPair, 100, 0, 0) // Nothing changes as long as it has none.
	s.pods("m-b-0-c", 1, 1)
	if p := s.divides(stagedPair, 60, 40, 0); p.moved() != "" {
		t.Errorf("told is %q", p.moved())
	}

	s.clock = s.clock.Add(time.Minute)
	s.pods("m-b-0-c", 0, 1)
	s.divides(stagedPair, 100, 0, 0)
	s.pods("m-b-0-c", 1, 1)
	s.divides(stagedPair, 100, 0, steadyAfter)
	s.clock = s.clock.Add(steadyAfter - time.Second)
	s.divides(stagedPair, 100, 0, time.Second)
	s.clock = s.clock.Add(time.Second)
	s.divides(stagedPair, 60, 40, 0)

	s.clock = s.clock.Add(lossesCount)
	s.pods("m-b-0-c", 0, 1)
	s.divides(stagedPair, 100, 0, 0)
	s.pods("m-a-0-c", 0, 1)
	s.divides(stagedPair, 60, 40, 0) // Nobody is there to take over.
}

// TestAPredictorThatStartsHasTime before others get its share, and one that
// requests were never led to gets none.
func TestAPredictorThatStartsHasTime(t *testing.T) {
	s := newStage(t)
	s.make(s.deploy(stagedPair))
	s.serve("m-a-0-c")
	s.divides(stagedPair, 60, 40, startingTakes)
	s.clock = s.clock.Add(startingTakes)
	s.divides(stagedPair, 100, 0, 0)
	s.serve("m-b-0-c")
	s.divides(stagedPair, 60, 40, 0)

	next := strings.Replace(stagedPair, "name: b,", "name: new,", 1)
	p := s.deploy(next)
	for _, d := range p.desired {
		if d.ref.Name == "m-new-0-c" {
			if err := s.applier.Apply(t.Context(), d, nil, unanswered(d)); err != nil {
				t.Fatal(err)
			}
		}
	}
	s.clock = s.clock.Add(time.Hour)
	p = s.deploy(next)
	s.run(switching{s.objects, 0}, p)
	if !p.trafficBehind || p.shares()["b"] != 40 {
		t.Errorf("the routes are switched to what never came up; shares are %v", p.shares())
	}
}

// TestAPredictorAtZeroWakesUp: its share is the others' until it has pods again.
func TestAPredictorAtZeroWakesUp(t *testing.T) {
	scaled := strings.Replace(stagedPair, `{name: b, traffic: 40, graph: {name: c, type: MODEL}, componentSpecs: [{`,
		`{name: b, traffic: 40, graph: {name: c, type: MODEL}, componentSpecs: [{hpaSpec: {minReplicas: 0, maxReplicas: 3, `+
			`metricsv2: [{type: External, external: {metric: {name: queue}, target: {type: Value, value: "3"}}}]}, `, 1)
	s := newStage(t)
	s.make(s.deploy(scaled))
	s.serve("m-a-0-c", "m-b-0-c")
	s.divides(scaled, 60, 40, 0)
	s.pods("m-b-0-c", 0, 0)
	s.divides(scaled, 100, 0, 0)
	s.pods("m-b-0-c", 0, 1)
	s.divides(scaled, 100, 0, 0)
	s.pods("m-b-0-c", 1, 1)
	s.divides(scaled, 60, 40, 0)

	kept := strings.Replace(scaled, "name: b,", `name: b, annotations: {seldon.io/traffic-without-pods: "true"},`, 1)
	s.pods("m-b-0-c", 0, 0)
	s.divides(kept, 60, 40, 0)
}

// TestPodsStayUntilRoutesLeadElsewhere, where the user asks for none.
func TestPodsStayUntilRoutesLeadElsewhere(t *testing.T) {
	none := strings.Replace(stagedPair, "name: b,", "name: b, replicas: 0,", 1)
	s := newStage(t)
	s.make(s.deploy(stagedPair))
	s.serve("m-a-0-c", "m-b-0-c")
	step := applying{s.objects, 10 * time.Second}
	leaves := func(waits string, replicas int32) {
		t.Helper()
		p := s.deploy(none)
		s.run(step, p)
		s.run(switching{s.objects, 0}, p)
		d := &appsv1.Deployment{}
		if err := s.client.Get(t.Context(), client.ObjectKey{Namespace: s.namespace, Name: "m-b-0-c"}, d); err != nil {
			t.Fatal(err)
		}
		if p.leaving["m-b-0-c"] != waits || wanted(d) != replicas {
			t.Errorf("there are %d pods, since %q; want %d, %q", wanted(d), p.leaving["m-b-0-c"], replicas, waits)
		}
	}
	leaves("it keeps its pods until the routes lead elsewhere", 1)
	leaves("it keeps its pods until gateways have followed the routes", 1)
	s.clock = s.clock.Add(10 * time.Second)
	leaves("", 0)
	s.divides(none, 100, 0, 0)
}
