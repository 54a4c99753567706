package install

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	v1 "github.com/prime-radiant/radiant/apis/v1"
	"github.com/prime-radiant/radiant/expand"
	"github.com/prime-radiant/radiant/operator/config"
)

// optional are the kinds of other projects that the operator makes under the
// settings of [routes].
func optional() []expand.Kind {
	settings := config.Default().Expand
	settings.KEDA = true
	for _, setting := range routes() {
		name, value, _ := strings.Cut(setting, "=")
		if _, ok := settings.Ingress[name]; ok {
			settings.Ingress[name] = value
		}
	}
	return slices.DeleteFunc(expand.Kinds(settings), func(k expand.Kind) bool { return !k.Optional })
}

// definition is as much of a CustomResourceDefinition as it takes to store
// objects of a kind.
func definition(kind expand.Kind) []byte {
	return fmt.Appendf(nil, `
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata:
  name: %[1]s.%[2]s
  annotations: {api-approved.kubernetes.io: "unapproved, for a test"}
spec:
  group: %[2]s
  names: {kind: %[3]s, plural: %[1]s}
  scope: Namespaced
  versions:
  - name: %[4]s
    served: true
    storage: true
    schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}
`, kind.Resource, kind.Group, kind.Kind, kind.Version)
}

// everything lets one deployment make objects of all kinds, and takes
// credentials from a service account.
const everything = `
apiVersion: machinelearning.seldon.io/v1
kind: SeldonDeployment
metadata: {name: everything}
spec:
  annotations: {seldon.io/gateway: infra/gate}
  predictors:
  - name: main
    traffic: 100
    ssl: {certSecretName: certificate}
    componentSpecs:
    - hpaSpec: {maxReplicas: 3}
      pdbSpec: {maxUnavailable: 1}
      spec: {containers: [{name: first, image: "example/model:1"}]}
    - kedaSpec: {maxReplicaCount: 5, triggers: [{type: cpu, metadata: {value: "60"}}]}
      spec: {containers: [{name: second, image: "example/model:1"}]}
    graph:
      name: first
      type: MODEL
      modelUri: s3://models/first
      serviceAccountName: store
      children: [{name: second, type: MODEL}]
  - name: trial
    shadow: true
    componentSpecs: [{spec: {containers: [{name: third, image: "example/model:1"}]}}]
    graph: {name: third, type: MODEL}
`

// routes are the settings under which all kinds of routes are made.
func routes() []string {
	settings := []string{"KEDA_ENABLED=true", "NETWORK_POLICY=true"}
	for _, w := range expand.Ways() {
		settings = append(settings, w.Settings[0].Name+"=true")
		for _, k := range w.Kinds {
			if k.When != (expand.Choice{}) {
				settings = append(settings, k.When.Setting+"="+k.When.Value)
			}
		}
	}
	return settings
}

// unseen says why a right that the test does not see used is granted.
func unseen(r right) string {
	owned := slices.ContainsFunc(expand.AllKinds(), func(k expand.Kind) bool { return r.resource == resourceOf(k) })
	switch {
	case r.verb == "get" && owned:
		return "an object of somebody else's in the way is read, as is seen of Services"
	case r == right{"update", "seldondeployments/finalizers.machinelearning.seldon.io"}:
		return "an admission plugin asks for it, on clusters that have it"
	case r.verb == "get" && strings.HasSuffix(r.resource, ".kubeflow.org"):
		return "a training job that a deployment waits for is read, as is seen in operator/controller"
	case r == right{"patch", "pods."}:
		return "pods that run are told other shares of versions, which nobody changes here, as is seen in operator/controller"
	case r == right{"patch", "deployments/scale.apps"}, r.resource == "endpointslices.discovery.k8s.io":
		return "pods are scaled by requests, which nobody sends here, as is seen in operator/scaler"
	case r.verb == "list":
		return "a watch of an API server before 1.34 begins with it"
	case r.verb == "patch" && strings.HasPrefix(r.resource, "events."):
		return "an event that happens again is counted in the first one"
	}
	return ""
}

// resourceOf is a kind as a right names it, such as deployments.apps, or
// services. of the core group.
func resourceOf(k expand.Kind) string { return k.Resource + "." + k.Group }

// TestEveryKindIsInTheRole: the operator may do with each kind that it makes
// what it does with any.
func TestEveryKindIsInTheRole(t *testing.T) {
	may := map[right]bool{}
	for _, r := range granted(t, objects(t, kustomize(t, base))) {
		may[r] = true
	}
	for _, k := range expand.AllKinds() {
		for _, verb := range []string{"get", "list", "watch", "create", "patch", "delete"} {
			if !may[right{verb, resourceOf(k)}] {
				t.Errorf("manifests/operator/role.yaml does not let the operator %s %s", verb, resourceOf(k))
			}
		}
	}
}

// TestRights lets the operator do all that it can do under the roles of the
// manifests, and compares what it asked for with what they grant.
func TestRights(t *testing.T) {
	program := radiant(t)
	c := sharedCluster(t)
	manifests := objects(t, kustomize(t, base+"/with-webhook"))
	port := freePort(t)
	c.apply(t, onThisMachine(t, manifests, port))
	// Gateways are read, though the operator makes none.
	gateway := expand.Kind{GroupVersionKind: schema.GroupVersionKind{Group: "gateway.networking.k8s.io", Version: "v1", Kind: "Gateway"}, Resource: "gateways"}
	for _, kind := range append(optional(), gateway) {
		if err := c.Install(t.Context(), definition(kind)); err != nil {
			t.Fatal(err)
		}
	}
	for _, setting := range routes() {
		name, value, _ := strings.Cut(setting, "=")
		t.Setenv(name, value)
	}
	c.prepare(t)
	args := []string{fmt.Sprintf("--webhook-port=%d", port), "--drain=0s"}
	o := c.startOperator(t, program, args...)
	c.begin(t)
	// Whoever changes a selector has to be faster than the operator, or alone.
	o.stop(t)
	c.changeSelector(t)
	o = c.startOperator(t, program, args...)
	c.live(t)
	o.stop(t)
	for _, setting := range routes() {
		name, _, _ := strings.Cut(setting, "=")
		t.Setenv(name, "")
	}
	c.startOperator(t, program, args...)
	c.withoutRoutes(t)

	all := requests(t, audit)
	for _, r := range all {
		if r.ResponseStatus.Code == 403 {
			t.Errorf("%s %s was forbidden: %s", r.Verb, r.RequestURI, r.ResponseStatus.Message)
		}
	}
	seen := used(all)
	for _, r := range granted(t, manifests) {
		if !seen[r] && unseen(r) == "" {
			t.Errorf("the right to %s %s is granted, and was not used", r.verb, r.resource)
		}
	}
}

const home = "models"

// prepare makes what the deployment finds.
func (c *cluster) prepare(t *testing.T) {
	t.Helper()
	for _, o := range []client.Object{
		&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: home}},
		&corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "keys", Namespace: home}, StringData: map[string]string{
			"awsAccessKeyID": "id", "awsSecretAccessKey": "key",
		}},
		&corev1.ServiceAccount{
			ObjectMeta: metav1.ObjectMeta{Name: "store", Namespace: home}, Secrets: []corev1.ObjectReference{{Name: "keys"}},
		},
		// In the way of a Service of the deployment, until it is deleted.
		&corev1.Service{
			ObjectMeta: metav1.ObjectMeta{Name: "everything-main", Namespace: home},
			Spec:       corev1.ServiceSpec{Ports: []corev1.ServicePort{{Name: "http", Port: 8000}}, Selector: map[string]string{"app": "other"}},
		},
	} {
		if err := c.Create(t.Context(), o); client.IgnoreAlreadyExists(err) != nil {
			t.Fatal(err)
		}
	}
}

// subject is the deployment whose life is watched.
func subject() types.NamespacedName { return types.NamespacedName{Namespace: home, Name: "everything"} }

// begin brings the deployment to its first state.
func (c *cluster) begin(t *testing.T) {
	name := subject()
	d := parse(t, home, everything)
	until(t, "the deployment", func() error { return c.Create(t.Context(), d.DeepCopy()) })
	until(t, "the Service in the way", func() error { return c.tells(t.Context(), name, "there is one already") })
	if err := c.Delete(t.Context(), &corev1.Service{ObjectMeta: metav1.ObjectMeta{Name: "everything-main", Namespace: home}}); err != nil {
		t.Fatal(err)
	}
	until(t, "the first state", func() error { return c.serving(t.Context(), name) })
	for _, kind := range optional() {
		until(t, kind.Kind, func() error { return c.count(t.Context(), kind.GroupVersionKind, true) })
	}
}

// live takes it through the rest of its life.
func (c *cluster) live(t *testing.T) {
	name := subject()
	until(t, "the second state", func() error {
		if err := c.serving(t.Context(), name); err != nil {
			return err
		}
		return c.count(t.Context(), appsv1.SchemeGroupVersion.WithKind("ReplicaSet"), false)
	})
	broken := &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{Name: "seldon-config", Namespace: namespace}, Data: map[string]string{"explainer": "{broken"},
	}
	if err := c.Create(t.Context(), broken); err != nil {
		t.Fatal(err)
	}

	// The predictors get other names, and lose all that is optional.
	renamed := strings.NewReplacer("hpaSpec: {maxReplicas: 3}", "replicas: 1", "pdbSpec: {maxUnavailable: 1}", "metadata: {}",
		"kedaSpec: {maxReplicaCount: 5, triggers: [{type: cpu, metadata: {value: \"60\"}}]}", "replicas: 1",
		"name: main", "name: other", "name: trial", "name: second-trial").Replace(everything)
	patch := parse(t, home, renamed)
	until(t, "the change", func() error {
		live := patch.DeepCopy()
		if err := c.Get(t.Context(), name, live); err != nil {
			return err
		}
		live.Object["spec"] = patch.Object["spec"]
		return c.Update(t.Context(), live)
	})
	until(t, "the third state", func() error {
		if err := c.serving(t.Context(), name); err != nil {
			return err
		}
		var list appsv1.DeploymentList
		if err := c.List(t.Context(), &list, client.InNamespace(home)); err != nil {
			return err
		}
		for _, o := range list.Items {
			if strings.HasPrefix(o.Name, "everything-main") {
				return fmt.Errorf("%s is still there", o.Name)
			}
		}
		return nil
	})
	if err := c.Delete(t.Context(), broken); err != nil {
		t.Fatal(err)
	}
}

// withoutRoutes waits for an operator under other settings to remove what
// these no longer ask for.
func (c *cluster) withoutRoutes(t *testing.T) {
	kinds := slices.DeleteFunc(expand.AllKinds(), func(k expand.Kind) bool { return k.Optional || !k.Rank.OfTraffic() })
	for _, kind := range append(kinds, optional()...) {
		until(t, "the end of all "+kind.Kind, func() error { return c.count(t.Context(), kind.GroupVersionKind, false) })
	}
}

// changeSelector gives a Deployment another selector and a ReplicaSet with
// pods, as if an older operator had made it, so that it has to be replaced.
func (c *cluster) changeSelector(t *testing.T) {
	t.Helper()
	var list appsv1.DeploymentList
	if err := c.List(t.Context(), &list, client.InNamespace(home)); err != nil {
		t.Fatal(err)
	}
	old := &list.Items[0]
	labels := map[string]string{"seldon-deployment-id": subject().Name, "old": "true"}
	made := &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Name: old.Name, Namespace: old.Namespace, Labels: old.Labels, OwnerReferences: old.OwnerReferences},
		Spec:       appsv1.DeploymentSpec{Selector: &metav1.LabelSelector{MatchLabels: labels}, Template: old.Spec.Template},
	}
	made.Spec.Template.Labels = labels
	if err := c.Delete(t.Context(), old, client.PropagationPolicy(metav1.DeletePropagationBackground)); err != nil {
		t.Fatal(err)
	}
	if err := c.Create(t.Context(), made); err != nil {
		t.Fatal(err)
	}
	yes := true
	set := &appsv1.ReplicaSet{
		ObjectMeta: metav1.ObjectMeta{Name: old.Name + "-1", Namespace: old.Namespace, Labels: labels, OwnerReferences: []metav1.OwnerReference{{
			APIVersion: "apps/v1", Kind: "Deployment", Name: made.Name, UID: made.UID, Controller: &yes,
		}}},
		Spec: appsv1.ReplicaSetSpec{Selector: &metav1.LabelSelector{MatchLabels: labels}, Template: made.Spec.Template},
	}
	if err := c.Create(t.Context(), set); err != nil {
		t.Fatal(err)
	}
}

// serving lets all Deployments serve, since nothing runs their pods, and
// reports whether the deployment is available.
func (c *cluster) serving(ctx context.Context, name types.NamespacedName) error {
	var list appsv1.DeploymentList
	if err := c.List(ctx, &list, client.InNamespace(name.Namespace)); err != nil {
		return err
	}
	for i := range list.Items {
		d := &list.Items[i]
		n := int32(1)
		if d.Spec.Replicas != nil {
			n = *d.Spec.Replicas
		}
		if d.Status.ObservedGeneration == d.Generation && d.Status.AvailableReplicas == n {
			continue
		}
		d.Status = appsv1.DeploymentStatus{
			ObservedGeneration: d.Generation, Replicas: n, UpdatedReplicas: n, ReadyReplicas: n, AvailableReplicas: n,
			Conditions: []appsv1.DeploymentCondition{{Type: appsv1.DeploymentAvailable, Status: corev1.ConditionTrue, Reason: "Test"}},
		}
		if err := c.Status().Update(ctx, d); err != nil {
			return err
		}
	}
	return c.stateIs(ctx, name, "Available")
}

func (c *cluster) stateIs(ctx context.Context, name types.NamespacedName, want string) error {
	got, err := c.state(ctx, name)
	if err == nil && got != want {
		err = fmt.Errorf("the state is %q, want %q", got, want)
	}
	return err
}

// tells looks for words in the status of a deployment.
func (c *cluster) tells(ctx context.Context, name types.NamespacedName, words string) error {
	d := &unstructured.Unstructured{}
	d.SetGroupVersionKind(v1.GroupVersion().WithKind(v1.Kind))
	if err := c.Get(ctx, name, d); err != nil {
		return err
	}
	status, err := json.Marshal(d.Object["status"])
	if err == nil && !strings.Contains(string(status), words) {
		err = fmt.Errorf("the status is %s", status)
	}
	return err
}

// count reports whether there are objects of a kind, or none, as wanted.
func (c *cluster) count(ctx context.Context, kind schema.GroupVersionKind, some bool) error {
	list := &unstructured.UnstructuredList{}
	list.SetGroupVersionKind(kind.GroupVersion().WithKind(kind.Kind + "List"))
	if err := c.List(ctx, list, client.InNamespace(home)); err != nil {
		return err
	}
	if some != (len(list.Items) > 0) {
		return fmt.Errorf("there are %d", len(list.Items))
	}
	return nil
}
