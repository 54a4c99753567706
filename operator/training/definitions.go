package training

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/go-logr/logr"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/prime-radiant/radiant/manifests/crd"
)

// patience is how long the API server may take to serve a new kind.
const patience = 30 * time.Second

// Install creates the definitions of the kinds of jobs that the API server does
// not know, brings those up to date that Radiant has created, and leaves those of
// others as they are. It returns the kinds whose definition is Radiant's, once
// they are served, and those whose jobs are run by whoever brought their definition,
// in the version in which these are kept. A definition of others that is not served
// is in neither: its jobs cannot be read.
func Install(ctx context.Context, cluster *rest.Config, log logr.Logger) (ours, others []kind, err error) {
	scheme := runtime.NewScheme()
	if err := apiextensionsv1.AddToScheme(scheme); err != nil {
		return nil, nil, err
	}
	c, err := client.New(cluster, client.Options{Scheme: scheme})
	if err != nil {
		return nil, nil, err
	}
	for _, k := range kinds() {
		text, err := crd.Training(k.definition)
		if err != nil {
			return nil, nil, err
		}
		wanted := &apiextensionsv1.CustomResourceDefinition{}
		if err := yaml.UnmarshalStrict(text, wanted); err != nil {
			return nil, nil, fmt.Errorf("reading the definition of %s: %w", k.Kind, err)
		}
		found, err := installOne(ctx, c, wanted)
		if err != nil {
			return nil, nil, fmt.Errorf("installing the definition of %s: %w", k.Kind, err)
		}
		if crd.IsRadiants(found) {
			ours = append(ours, k)
			continue
		}
		log.Info("jobs are left to others: the definition is not Radiant's", "definition", k.definition)
		if k.Version = storedIn(found); k.Version == "" || !isEstablished(found) {
			log.Info("no events tell of these jobs until the operator starts again: the API server does not serve them", "definition", k.definition)
			continue
		}
		others = append(others, k)
	}
	return ours, others, nil
}

// isEstablished reports whether the API server serves the kind of a definition: one whose
// names another definition has does not come to be.
func isEstablished(d *apiextensionsv1.CustomResourceDefinition) bool {
	return slices.ContainsFunc(d.Status.Conditions, func(c apiextensionsv1.CustomResourceDefinitionCondition) bool {
		return c.Type == apiextensionsv1.Established && c.Status == apiextensionsv1.ConditionTrue
	})
}

// storedIn is the version in which objects of a definition are kept, or another that is
// served; empty: none is served.
func storedIn(d *apiextensionsv1.CustomResourceDefinition) string {
	for i := range d.Spec.Versions {
		if d.Spec.Versions[i].Storage && d.Spec.Versions[i].Served {
			return d.Spec.Versions[i].Name
		}
	}
	for i := range d.Spec.Versions {
		if d.Spec.Versions[i].Served {
			return d.Spec.Versions[i].Name
		}
	}
	return ""
}

// installOne returns the definition that is there in the end, Radiant's or not.
func installOne(ctx context.Context, c client.Client, wanted *apiextensionsv1.CustomResourceDefinition) (*apiextensionsv1.CustomResourceDefinition, error) {
	found := &apiextensionsv1.CustomResourceDefinition{}
	err := c.Get(ctx, client.ObjectKeyFromObject(wanted), found)
	if apierrors.IsNotFound(err) {
		err = c.Create(ctx, wanted.DeepCopy(), client.FieldOwner(FieldManager))
		if apierrors.IsAlreadyExists(err) { // Another replica of the operator was faster.
			err = nil
		}
		if err == nil {
			err = c.Get(ctx, client.ObjectKeyFromObject(wanted), found)
		}
	}
	if err != nil || !crd.IsRadiants(found) {
		return found, err
	}
	changed := found.DeepCopy()
	changed.Spec.Versions, changed.Spec.Names = wanted.Spec.Versions, wanted.Spec.Names
	if changed.Spec.Names.ListKind == "" {
		changed.Spec.Names.ListKind = found.Spec.Names.ListKind
	}
	if !equality.Semantic.DeepEqual(found.Spec, changed.Spec) {
		if err := c.Update(ctx, changed, client.FieldOwner(FieldManager)); err != nil && !apierrors.IsConflict(err) {
			return nil, err
		}
	}
	return found, wait.PollUntilContextTimeout(ctx, 50*time.Millisecond, patience, true, func(ctx context.Context) (bool, error) {
		if err := c.Get(ctx, client.ObjectKeyFromObject(wanted), found); err != nil {
			return false, err
		}
		for _, condition := range found.Status.Conditions {
			switch {
			case condition.Type == apiextensionsv1.NamesAccepted && condition.Status == apiextensionsv1.ConditionFalse:
				return false, fmt.Errorf("%s: %s", condition.Reason, condition.Message)
			case condition.Type == apiextensionsv1.Established && condition.Status == apiextensionsv1.ConditionTrue:
				return true, nil
			}
		}
		return false, nil
	})
}
