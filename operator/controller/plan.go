package controller

import (
	"maps"
	"reflect"

	"k8s.io/apimachinery/pkg/types"

	v1 "github.com/prime-radiant/radiant/apis/v1"
	"github.com/prime-radiant/radiant/expand"
)

// plan is what a deployment asks for. It is a function of what the user wrote
// and of the settings, and most passes find both as they were: a pass that
// changes nothing finds out nothing anew.
type plan struct {
	uid         types.UID
	generation  int64
	labels      map[string]string
	annotations map[string]string
	inForce     *InForce

	// deployment is decoded, without its status.
	deployment *v1.SeldonDeployment
	problems   v1.Problems
	// desired are the objects that it asks for with these facts; nil: nobody has
	// expanded it.
	desired []Desired
	facts   expand.Facts
}

func newPlan(f *facts, d *v1.SeldonDeployment, problems v1.Problems) *plan {
	d.Status = v1.SeldonDeploymentStatus{}
	return &plan{
		uid: f.stored.GetUID(), generation: f.stored.GetGeneration(),
		labels: f.stored.GetLabels(), annotations: f.stored.GetAnnotations(), inForce: f.inForce,
		deployment: d, problems: problems,
	}
}

// fits reports whether the plan is of a deployment as it is, and of the settings
// that are in force. The generation counts changes of the specification.
func (p *plan) fits(f *facts) bool {
	return p.uid == f.stored.GetUID() && p.generation == f.stored.GetGeneration() && p.inForce == f.inForce &&
		maps.Equal(p.labels, f.stored.GetLabels()) && maps.Equal(p.annotations, f.stored.GetAnnotations())
}

// with is the deployment with a status.
func (p *plan) with(status v1.SeldonDeploymentStatus) *v1.SeldonDeployment {
	d := *p.deployment
	d.Status = status
	return &d
}

// objects are those that the deployment asks for with these facts; false: they
// are not known.
func (p *plan) objects(known expand.Facts) ([]Desired, bool) {
	return p.desired, p.desired != nil && reflect.DeepEqual(p.facts, known)
}

// keep remembers objects, without their content, for passes to come.
func (p *plan) keep(known expand.Facts, desired []Desired) {
	p.facts, p.desired = known, make([]Desired, len(desired))
	for i, d := range desired {
		p.desired[i] = d.light()
	}
}

// plan returns what a deployment was found to ask for before; nil if that does
// not fit any more.
func (m *memory) plan(deployment types.NamespacedName, f *facts) *plan {
	m.mu.Lock()
	defer m.mu.Unlock()
	if p := m.plans[deployment]; p != nil && p.fits(f) {
		return p
	}
	return nil
}

func (m *memory) rememberPlan(deployment types.NamespacedName, p *plan) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.plans[deployment] = p
}
