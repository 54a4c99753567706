package diff

import (
	"context"
	"fmt"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/prime-radiant/radiant/operator/config"
)

// operatorName is the operator's Deployment.
const operatorName = "seldon-controller-manager"

// Lookup finds the value of a variable, as os.LookupEnv does.
type Lookup func(name string) (value string, ok bool)

// Settings are those by which the operator in a namespace works: the variables
// of its Deployment, and its ConfigMap. What lookup knows counts before both.
// Where there is no operator, the settings are those of lookup and a note says
// so.
func Settings(ctx context.Context, c client.Reader, namespace string, lookup Lookup) (s config.Config, note string, err error) {
	deployed := map[string]string{}
	var d appsv1.Deployment
	err = c.Get(ctx, types.NamespacedName{Namespace: namespace, Name: operatorName}, &d)
	switch {
	case apierrors.IsNotFound(err):
		note = fmt.Sprintf("there is no Deployment %s in namespace %s: the settings are those of this environment", operatorName, namespace)
	case err != nil:
		return config.Config{}, "", fmt.Errorf("reading the operator's settings: %w", err)
	default:
		for _, container := range d.Spec.Template.Spec.Containers {
			for _, e := range container.Env {
				deployed[e.Name] = e.Value
			}
		}
	}
	s, err = config.Parse(func(name string) (string, bool) {
		if value, ok := lookup(name); ok && value != "" {
			return value, true
		}
		value, ok := deployed[name]
		return value, ok
	})
	if err != nil {
		return config.Config{}, "", err
	}
	var m corev1.ConfigMap
	err = c.Get(ctx, types.NamespacedName{Namespace: namespace, Name: config.ConfigMapName}, &m)
	if err != nil && !apierrors.IsNotFound(err) {
		return config.Config{}, "", fmt.Errorf("reading the operator's settings: %w", err)
	}
	s, err = s.WithConfigMap(m.Data)
	return s, note, err
}
