package controller_test

import (
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	v1 "github.com/prime-radiant/radiant/apis/v1"
	"github.com/prime-radiant/radiant/operator/controller"
)

func labelled(name, id string) string {
	return strings.Replace(model, "metadata: {name: model}", "metadata: {name: "+name+", labels: {seldon.io/controller-id: "+id+"}}", 1)
}

// TestControllerID: each operator serves the deployments of its own id.
func TestControllerID(t *testing.T) {
	w := newWorld(t, server)
	w.serveAll()
	mine := w.start(func(o *controller.Options) { o.Scope.ControllerID = "mine" })
	w.apply(model)
	w.apply(labelled("yours", "yours"))
	w.apply(labelled("mine", "mine"))
	w.awaitState("mine", v1.StatusAvailable)
	mine.stop() // All others were looked at before.
	w.awaitWorkloads("mine-main-0-classifier")
	if d := w.deployment("model"); d.Status.State != "" {
		t.Errorf("a deployment without an id has the state %s", d.Status.State)
	}
	w.start()
	w.awaitState("model", v1.StatusAvailable)
	w.awaitWorkloads("mine-main-0-classifier", "model-main-0-classifier")
}

// TestNamespacesOfOthers: an operator of the whole cluster leaves namespaces
// alone that carry an id, until they do not.
func TestNamespacesOfOthers(t *testing.T) {
	w := newWorld(t, server)
	ns := &corev1.Namespace{}
	cluster, err := client.New(server.Config(), client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	label := func(id string) {
		t.Helper()
		if err := cluster.Get(t.Context(), types.NamespacedName{Name: w.namespace}, ns); err != nil {
			t.Fatal(err)
		}
		ns.Labels[v1.LabelControllerID] = id
		if err := cluster.Update(t.Context(), ns); err != nil {
			t.Fatal(err)
		}
	}
	label("somebody")
	w.serveAll()
	// The id keeps this operator of all namespaces out of the other tests'.
	everywhere := w.start(func(o *controller.Options) { o.Scope = controller.Scope{ControllerID: "everywhere"} })
	w.apply(labelled("model", "everywhere"))
	other := newWorld(t, server)
	other.serveAll()
	other.apply(labelled("model", "everywhere"))
	other.awaitState("model", v1.StatusAvailable)
	if got := w.workloads(); len(got) > 0 {
		t.Errorf("an operator of the whole cluster made %v in another's namespace", got)
	}
	label("")
	w.awaitState("model", v1.StatusAvailable)
	everywhere.stop()
}

// TestOneOfSeveralActs, and the next one goes on when it stops.
func TestOneOfSeveralActs(t *testing.T) {
	t.Parallel()
	w := newWorld(t, server)
	w.serveAll()
	elected := func(o *controller.Options) { o.Election = controller.Election{Enabled: true, ID: "test"} }
	first := w.start(elected)
	w.apply(model)
	w.awaitState("model", v1.StatusAvailable)
	second := w.start(elected)
	w.apply(strings.Replace(model, "mock:1", "mock:2", 1))
	w.awaitImage("model-main-0-classifier", "classifier", "mock:2")
	w.awaitState("model", v1.StatusAvailable)
	if sent := second.writes.list(""); len(sent) > 0 {
		t.Errorf("the second operator wrote %v", sent)
	}
	first.stop()
	w.apply(strings.Replace(model, "mock:1", "mock:3", 1))
	w.awaitImage("model-main-0-classifier", "classifier", "mock:3")
}
