// Package expand turns a SeldonDeployment into the Kubernetes objects that
// serve it: a pure function from values to a value, without a client, clock,
// environment or network.
package expand

import (
	"errors"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	v1 "github.com/prime-radiant/radiant/apis/v1"
	"github.com/prime-radiant/radiant/manifests"
)

// Object is a typed Kubernetes object. It has the method set of
// controller-runtime's client.Object, without importing it.
type Object interface {
	metav1.Object
	runtime.Object
}

// Input is all that an expansion depends on.
type Input struct {
	// Deployment is as the user wrote it; Expand does not change it.
	Deployment *v1.SeldonDeployment
	// Config starts from [DefaultConfig].
	Config  Config
	Places  Places
	Facts   Facts
	Servers manifests.Servers
}

// Expand returns the objects of a valid deployment, always the same ones in
// the same order for the same input: by [Rank], which is the order in which
// they are applied, and predictor by predictor within one. All objects carry
// their kind, a namespace and the deployment as their owner. Errors name the
// predictor and the node; those of all predictors are joined.
func Expand(in Input) ([]Object, error) {
	d := in.Deployment.DeepCopy()
	v1.Default(d, in.Config.Defaults(in.Servers))
	limitCalls(d, in.Config.Executor.CallTimeoutMS)
	owner := ownerOf(d)
	made := map[string]string{} // kind/name -> predictor
	predictors := make([]*predictor, len(d.Spec.Predictors))
	var objects []Object
	var errs []error
	for i := range d.Spec.Predictors {
		spec := &d.Spec.Predictors[i]
		fail := func(err error) { errs = append(errs, fmt.Errorf("expanding predictor %q: %w", spec.Name, err)) }
		p := newPredictor(&in, d, spec)
		predictors[i] = p
		if err := p.expand(); err != nil {
			fail(err)
			continue
		}
		for _, o := range p.objects {
			id := o.GetObjectKind().GroupVersionKind().Kind + " " + o.GetName()
			if other, taken := made[id]; taken {
				fail(fmt.Errorf("%s is made by predictor %q already: rename one of the predictors, containers or services", id, other))
			}
			made[id] = spec.Name
		}
		objects = append(objects, p.objects...)
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	if policy := networkPolicy(d, &in.Config); policy != nil {
		objects = append(objects, policy)
	}
	t := trafficOf(d, in.Config.Ingress, func(i int) (service, explainer *corev1.Service, ports Ports) {
		_, ports = predictors[i].front()
		return predictors[i].frontService, predictors[i].explainerService, ports
	})
	t.shareAmongThoseThatServe(func(b *backend) bool { return predictors[b.index].hasNoPods() })
	outside, err := t.objects()
	if err != nil {
		return nil, err
	}
	objects = append(objects, outside...)
	byRank(objects)
	for _, o := range objects {
		o.SetNamespace(d.Namespace)
		o.SetOwnerReferences([]metav1.OwnerReference{owner})
	}
	return objects, nil
}

func ownerOf(d *v1.SeldonDeployment) metav1.OwnerReference {
	yes := true
	return metav1.OwnerReference{
		APIVersion:         v1.Group + "/" + v1.Version,
		Kind:               v1.Kind,
		Name:               d.Name,
		UID:                d.UID,
		Controller:         &yes,
		BlockOwnerDeletion: &yes,
	}
}
