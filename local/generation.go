package local

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"

	v1 "github.com/prime-radiant/radiant/apis/v1"
	"github.com/prime-radiant/radiant/expand"
	"github.com/prime-radiant/radiant/graph"
	"github.com/prime-radiant/radiant/local/gateway"
	"github.com/prime-radiant/radiant/local/process"
)

// generation is one predictor of one deployment, as it was at one time, with
// the pods that run it. When the predictor changes, another generation starts
// beside this one and takes its place.
type generation struct {
	deployment *v1.SeldonDeployment
	predictor  *v1.PredictorSpec
	number     int
	// requestFile holds a request that works, beside the deployment's file; root
	// is the generation's folder.
	requestFile, root string
	// stamp tells states of its models and of code behind --exec apart.
	stamp string
	// why says in an addition to a sentence what it is started for; empty: it is
	// new, or its YAML is.
	why   string
	ports *predictorPorts
	// templates are those of the pods, by which a later version is compared, the layouts
	// what was made of them.
	templates map[string][]byte
	layouts   []*podLayout
	// starts are its servers that load their models once, when they start.
	starts []startsWith
	// startVersions are the versions that these start with.
	startVersions starts
	// versions are what its executors were told of versions last.
	versions map[string]string
	notes    []string
	http     int32
	grpc     int32
	// metrics is the path of its metrics; empty: it has none.
	metrics string

	pods    []*pod
	backend *gateway.Backend
	began   time.Time
	isReady atomic.Bool
	// checking orders the computations of isReady.
	checking sync.Mutex
	// readyOnce is closed when all pods have been ready for the first time,
	// after readyAfter.
	readyOnce  chan struct{}
	readyAfter time.Duration
	first      sync.Once
	// outdated is set when another has to take its place: the ports have to be
	// chosen anew, or the user asked for it.
	outdated atomic.Bool
	stopping sync.Once
	// resting is nil where processes run until something else takes their place.
	resting *resting
}

// expansion is what becomes of a predictor here.
type expansion struct {
	deployments []*appsv1.Deployment
	service     *corev1.Service
	notes       []string
}

// expandPredictor expands one predictor alone: the others may run in other
// generations.
func expandPredictor(in expand.Input, p *v1.PredictorSpec, ports *predictorPorts) (*expansion, error) {
	alone := in.Deployment.DeepCopy()
	alone.Spec.Predictors = []v1.PredictorSpec{*p.DeepCopy()}
	in.Deployment = alone
	in.Places = ports.places()
	objects, err := expand.Expand(in)
	if err := errors.Join(err, ports.err); err != nil {
		return nil, err
	}
	var e expansion
	key := alone.PredictorName(&alone.Spec.Predictors[0])
	for _, o := range objects {
		switch o := o.(type) {
		case *appsv1.Deployment:
			if o.Labels[v1.LabelExplainer] == "true" {
				e.notes = append(e.notes, fmt.Sprintf("the explainer of predictor %s is left out: it runs in a cluster only", p.Name))
				continue
			}
			e.deployments = append(e.deployments, o)
			if n := o.Spec.Replicas; n != nil && *n > 1 {
				e.notes = append(e.notes, fmt.Sprintf("%s asks for %d replicas; one runs here", o.Name, *n))
			}
		case *corev1.Service:
			if o.Name == key {
				e.service = o
			}
		}
	}
	if e.service == nil {
		return nil, fmt.Errorf("predictor %q has no Service", p.Name)
	}
	return &e, nil
}

// servicePort is where the port of a Service leads to.
func servicePort(s *corev1.Service, name string) int32 {
	for _, p := range s.Spec.Ports {
		if p.Name == name {
			return p.TargetPort.IntVal
		}
	}
	return 0
}

// templates are the pod templates as text, by the name of the Deployment, without
// what is told to running pods.
func (e *expansion) templates() (map[string][]byte, error) {
	texts := map[string][]byte{}
	for _, d := range e.deployments {
		template := d.Spec.Template.DeepCopy()
		delete(template.Annotations, graph.VersionsAnnotation)
		text, err := json.Marshal(template)
		if err != nil {
			return nil, fmt.Errorf("comparing pods: %w", err)
		}
		texts[d.Name] = text
	}
	return texts, nil
}

// sameTemplates reports whether both describe the same pods.
func sameTemplates(a, b map[string][]byte) bool {
	if len(a) != len(b) {
		return false
	}
	for name, text := range a {
		if !bytes.Equal(text, b[name]) {
			return false
		}
	}
	return true
}

// folder is where the generation keeps its volumes and works.
func (g *generation) folder(state string) string {
	return filepath.Join(state, g.deployment.Namespace+"."+g.deployment.Name+"."+g.predictor.Name, strconv.Itoa(g.number))
}

// start runs the generation's pods in the background. One that replaces pods that run
// has to be ready before it takes their place, so that it does not rest at first.
func (g *generation) start(h *host, open outputs, replaces bool, taken func(*generation)) error {
	g.began = time.Now()
	g.shareRequest()
	g.backend = gateway.NewBackend(g.predictor.Name, gateway.Addresses{
		HTTP: process.Address(g.http), GRPC: process.Address(g.grpc), Metrics: g.metrics,
		TLS: g.predictor.SSL != nil && !g.predictor.NoExecutor(),
	}, g.isReady.Load)
	events := podEvents{
		changed: g.check,
		portTaken: func(int32) {
			if !g.outdated.Swap(true) {
				taken(g)
			}
		},
	}
	if g.resting != nil {
		g.backend.Rests(g.resting.wake)
	}
	begin := func() error { return g.begin(h, open, events) }
	if g.resting == nil {
		return begin()
	}
	runs := g.resting.policy.InitialReplicas > 0 || replaces
	if runs {
		if err := begin(); err != nil {
			return err
		}
	} else {
		h.console.note("%s: no process runs until somebody asks", g.label())
		g.first.Do(func() { close(g.readyOnce) }) // Requests are kept from now on.
	}
	g.resting.over.Go(func() { g.follow(h, runs, begin) })
	return nil
}

// check computes anew whether the generation is ready.
func (g *generation) check() {
	g.checking.Lock()
	defer g.checking.Unlock()
	ready := len(g.pods) == len(g.layouts)
	for _, p := range g.pods {
		ready = ready && p.ready()
	}
	g.isReady.Store(ready)
	if ready {
		g.first.Do(func() {
			g.readyAfter = time.Since(g.began)
			close(g.readyOnce)
		})
	}
}

// drainTime bounds the wait for requests that a generation still answers when
// another has taken its place.
const drainTime = time.Minute

// stop lets the running requests finish, ends the pods and gives back the
// ports.
func (g *generation) stop(drain time.Duration) {
	g.stopping.Do(func() {
		if g.backend != nil {
			g.backend.Retire(drain)
		}
		if g.resting != nil {
			close(g.resting.ended)
			g.resting.over.Wait()
		}
		stopAll(g.running())
		g.ports.giveBack()
	})
}
