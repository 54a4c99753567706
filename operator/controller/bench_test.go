package controller_test

import (
	"testing"

	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	v1 "github.com/prime-radiant/radiant/apis/v1"
	"github.com/prime-radiant/radiant/operator/controller"
)

// BenchmarkPass looks at a deployment that is as it should be, in a running
// operator: from its cache, and without a write.
func BenchmarkPass(b *testing.B) {
	w := newWorld(b, server)
	op := w.start(func(o *controller.Options) { o.Environment.Expand.Ingress["INGRESS_ENABLED"] = "true" })
	w.serveAll()
	d := client.ObjectKeyFromObject(w.apply(sized(scaled)))
	w.awaitState(d.Name, v1.StatusAvailable)
	before := len(op.writes.list(""))
	b.ReportAllocs()
	for b.Loop() {
		if err := op.Pass(b.Context(), types.NamespacedName{Namespace: w.namespace, Name: d.Name}); err != nil {
			b.Fatal(err)
		}
	}
	if now := op.writes.list(""); len(now) != before {
		b.Errorf("passes wrote %v", now[before:])
	}
}
