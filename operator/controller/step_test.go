package controller

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/controller-runtime/pkg/client"

	v1 "github.com/prime-radiant/radiant/apis/v1"
	"github.com/prime-radiant/radiant/expand"
	"github.com/prime-radiant/radiant/manifests"
	"github.com/prime-radiant/radiant/tests/kit/apiserver"
)

// TestServer is the API server of this package's tests. TestMain starts it.
var TestServer *apiserver.Server

// stage is a namespace of the API server in which no operator runs, for a test
// of one step alone: the step reads and writes real objects.
type stage struct {
	*testing.T
	*objects
	namespace string
	clock     time.Time
}

func newStage(t *testing.T) *stage {
	t.Helper()
	scheme := runtime.NewScheme()
	if err := clientgoscheme.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	c, err := client.New(TestServer.Config(), client.Options{Scheme: scheme})
	if err != nil {
		t.Fatal(err)
	}
	ns := &corev1.Namespace{}
	ns.GenerateName = "step-"
	if err := c.Create(t.Context(), ns); err != nil {
		t.Fatal(err)
	}
	s := &stage{T: t, namespace: ns.Name, clock: time.Now()}
	now := func() time.Time { return s.clock }
	m := newMemory(now)
	s.objects = &objects{
		cache: c, direct: c, client: c, applier: &Applier{Client: c}, memory: m, now: now,
		watches: &watches{rows: kinds(), memory: m}, // They are all watched already.
	}
	return s
}

// deploy writes a deployment as a user does, and gathers what there is: the
// pass has been expanded, and no other step has run.
func (s *stage) deploy(text string) *pass {
	s.Helper()
	u := &unstructured.Unstructured{Object: parsed(s.T, text)}
	u.SetNamespace(s.namespace)
	if err := s.client.Apply(s.Context(), client.ApplyConfigurationFromUnstructured(u), client.FieldOwner("user"), client.ForceOwnership); err != nil {
		s.Fatal(err)
	}
	servers, err := manifests.Load()
	if err != nil {
		s.Fatal(err)
	}
	f := &facts{stored: u, inForce: &InForce{Config: expand.DefaultConfig(), Servers: servers}}
	f.inForce.Config.Ingress["INGRESS_ENABLED"] = "true"
	if f.deployment, f.problems, err = check(u, f.inForce); err != nil {
		s.Fatal(err)
	}
	f.plan = newPlan(f, f.deployment, f.problems)
	f.live = s.live()
	p := newPass(f, s.clock)
	if err := (expanding{s.objects}).run(s.Context(), p); err != nil || p.problems.Err() != nil {
		s.Fatal(err, p.problems)
	}
	return p
}

// live are the objects of the namespace, of the kinds that deployments own.
func (s *stage) live() map[ref]client.Object {
	s.Helper()
	all := map[ref]client.Object{}
	for _, k := range kinds() {
		if k.Optional || k.GroupKind() == workloadKind() {
			continue
		}
		list := metadataList(k.GroupVersionKind)
		if err := s.client.List(s.Context(), list, client.InNamespace(s.namespace), client.HasLabels{v1.LabelDeploymentID}); err != nil {
			s.Fatal(err)
		}
		for i := range list.Items {
			all[refOf(k.GroupKind(), &list.Items[i])] = &list.Items[i]
		}
	}
	list := &appsv1.DeploymentList{}
	if err := s.client.List(s.Context(), list, client.InNamespace(s.namespace)); err != nil {
		s.Fatal(err)
	}
	for i := range list.Items {
		all[refOf(workloadKind(), &list.Items[i])] = &list.Items[i]
	}
	return all
}

// wantLive compares the objects that there are, each as its kind and its name.
func (s *stage) wantLive(want ...string) {
	s.Helper()
	var got []string
	for r := range maps.Keys(s.live()) {
		got = append(got, r.String())
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		s.Errorf("there are\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// make applies what a pass wants, without any step.
func (s *stage) make(p *pass) {
	s.Helper()
	for _, d := range p.desired {
		if err := s.applier.Apply(s.Context(), d, nil, unanswered(d)); err != nil {
			s.Fatal(err)
		}
	}
}

// serve gives Deployments all their pods.
func (s *stage) serve(names ...string) {
	s.Helper()
	for _, name := range names {
		d := &appsv1.Deployment{}
		if err := s.client.Get(s.Context(), client.ObjectKey{Namespace: s.namespace, Name: name}, d); err != nil {
			s.Fatal(err)
		}
		n := wanted(d)
		d.Status = appsv1.DeploymentStatus{ObservedGeneration: d.Generation, Replicas: n, UpdatedReplicas: n, ReadyReplicas: n, AvailableReplicas: n}
		if err := s.client.Status().Update(s.Context(), d); err != nil {
			s.Fatal(err)
		}
	}
}

// run runs one step, which has to succeed.
func (s *stage) run(one step, p *pass) {
	s.Helper()
	if err := one.run(s.Context(), p); err != nil {
		s.Fatalf("%s: %v", one, err)
	}
}

// staged is a deployment of one component.
const staged = `
apiVersion: machinelearning.seldon.io/v1
kind: SeldonDeployment
metadata: {name: m}
spec: {predictors: [{name: p, graph: {name: c, type: MODEL}, componentSpecs: [{spec: {containers: [{name: c, image: "c:1"}]}}]}]}
`

// stagedScaled is one with an autoscaler.
func stagedScaled() string {
	return strings.Replace(staged, "componentSpecs: [{", "componentSpecs: [{hpaSpec: {minReplicas: 1, maxReplicas: 3, "+
		"metrics: [{type: Resource, resource: {name: cpu, targetAverageUtilization: 50}}]}, ", 1)
}

// stagedNext is one whose predictor has another name.
func stagedNext() string { return strings.Replace(staged, "name: p,", "name: q,", 1) }
