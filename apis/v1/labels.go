package v1

import "github.com/prime-radiant/radiant/graph"

// Labels of the objects that are made of a deployment. Dashboards, monitors and
// network policies of existing installations select by them, so their names and
// values are those of Seldon Core v1.
const (
	// LabelDeploymentID, on all objects, is the deployment's [SeldonDeployment.ID].
	LabelDeploymentID = "seldon-deployment-id"
	// LabelApp, on pods, selects those that answer for a predictor: its value is
	// the name of the predictor's Service, or that of the explainer's. On a
	// Service it is the name of the predictor's Service.
	LabelApp = "seldon-app"
	// LabelUnitPrefix, with the name of a node behind it, selects the pods that
	// serve the node: the value is the name of the node's Service.
	LabelUnitPrefix = "seldon-app-svc-"
	// LabelHoldsExecutor, "true" on a Deployment, says that its pods hold the
	// executor.
	LabelHoldsExecutor = "seldon-deployment-contains-svcorch"
	// LabelManagedBy is set to [ManagedBy].
	LabelManagedBy = "app.kubernetes.io/managed-by"
	// ManagedBy is the value of [LabelManagedBy].
	ManagedBy = "seldon-core"
	// LabelShadow, "true", marks what belongs to a predictor that gets copies of
	// requests.
	LabelShadow = "seldon.io/shadow"
	// LabelExplainer, "true", marks what belongs to an explainer.
	LabelExplainer = "seldon.io/explainer"
	// LabelVersion is set to the predictor's name, unless the user set it.
	LabelVersion = "version"
	// LabelWorkload is set to the name of the Deployment.
	LabelWorkload = "app"
	// LabelFluentd, "true", lets log collectors of existing installations find
	// the pods.
	LabelFluentd = "fluentd"
	// LabelReplaced, "true", marks the ReplicaSets of a Deployment that was
	// deleted so that another one can take its name.
	LabelReplaced = "machinelearning.seldon.io/replaced"
	// LabelControllerID says which operator cares for a deployment, and of a
	// namespace, that no cluster-wide one does.
	LabelControllerID = "seldon.io/controller-id"
)

// RoleLabel is the label, "true" on pods and Services, that tells what a node
// does; empty for a type that has none.
func RoleLabel(t graph.Type) string {
	return map[graph.Type]string{
		graph.Model:             "seldon.io/model",
		graph.Router:            "seldon.io/router",
		graph.Combiner:          "seldon.io/combiner",
		graph.Transformer:       "seldon.io/transformer",
		graph.OutputTransformer: "seldon.io/output-transformer",
	}[t]
}

// HeaderPredictor is the header of a request, and over gRPC its metadata, that
// names the predictor to answer it, whatever the shares are. Gateways that tell
// which predictor answered do so in a header of the answer of the same name.
const HeaderPredictor = "Seldon-Predictor"
