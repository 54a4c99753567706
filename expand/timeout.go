package expand

import (
	"fmt"
	"maps"
	"strconv"

	v1 "github.com/prime-radiant/radiant/apis/v1"
	"github.com/prime-radiant/radiant/graph"
)

// limitCalls gives a deployment the time limits of the installation where it has
// none of its own, as if they were written there. 0 gives none.
func limitCalls(d *v1.SeldonDeployment, milliseconds int) {
	if milliseconds == 0 {
		return
	}
	annotations := map[string]string{annotationRESTTimeout: strconv.Itoa(milliseconds), annotationGRPCTimeout: strconv.Itoa(milliseconds)}
	for key := range annotations {
		if _, written := d.Annotation(key); written {
			delete(annotations, key)
		}
	}
	maps.Copy(annotations, d.Spec.Annotations)
	d.Spec.Annotations = annotations
}

// TimeLimit notes that calls of a deployment have no time limit, neither by the
// deployment, nor by the policy of each node, nor by the installation; or which
// one they have by the installation, since the deployment does not say it.
func TimeLimit(d *v1.SeldonDeployment, c Config) v1.Problems {
	annotation := annotationRESTTimeout
	if d.Spec.Transport == v1.TransportGRPC {
		annotation = annotationGRPCTimeout
	}
	if _, written := d.Annotation(annotation); written {
		return nil
	}
	unlimited := false
	for i := range d.Spec.Predictors {
		p := &d.Spec.Predictors[i]
		p.Graph.Walk(func(_ string, n *graph.Node) {
			bound := n.Policy != nil && n.Policy.Timeout != ""
			unlimited = unlimited || !bound && graph.BuiltinOf(n.Implementation) == graph.NotBuiltin && !p.NoExecutor()
		})
	}
	if !unlimited {
		return nil
	}
	if ms := c.Executor.CallTimeoutMS; ms > 0 {
		return v1.Problems{{Severity: v1.SeverityNote, Path: "spec", Message: fmt.Sprintf(
			"a call on a node ends after %d ms, which is EXECUTOR_CALL_TIMEOUT_MS; the annotation %s (milliseconds) or policy.timeout of a node says otherwise", ms, annotation)}}
	}
	return v1.Problems{{Severity: v1.SeverityNote, Path: "spec", Message: "calls have no time limit: a model that hangs holds requests until clients give up; " +
		"write the annotation " + annotation + " (milliseconds) or policy.timeout of a node, or set EXECUTOR_CALL_TIMEOUT_MS"}}
}
