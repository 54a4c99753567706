// Package scaling says how many pods requests want: the policy of a component,
// what executors and activators report of the requests that they have, and what
// passes between the operator and the activator about a Service whose pods may
// be away. It decides by a clock that it is given, and touches no network
// ([decision 20]).
//
// [decision 20]: docs/decisions/0020-scaling-by-requests.md
package scaling

import (
	"fmt"
	"time"
)

// Metric is what is counted.
type Metric string

// The metrics. Concurrency counts requests under way, averaged over time; RPS
// counts requests that came in a second.
const (
	Concurrency Metric = "concurrency"
	RPS         Metric = "rps"
)

// Duration is a duration, in JSON as Go writes one: "1m0s".
type Duration struct{ time.Duration }

// MarshalText writes "1m0s".
func (d Duration) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText reads what [time.ParseDuration] reads.
func (d *Duration) UnmarshalText(text []byte) error {
	parsed, err := time.ParseDuration(string(text))
	if err != nil {
		return fmt.Errorf("reading a duration: %w", err)
	}
	d.Duration = parsed
	return nil
}

// Policy is how one Deployment is scaled, with everything filled in.
type Policy struct {
	Metric Metric `json:"metric"`
	// Target is what one pod should have of the metric; the utilization is
	// worked in.
	Target float64 `json:"target"`
	// MinReplicas may be 0. MaxReplicas 0 is no bound.
	MinReplicas int32 `json:"minReplicas"`
	MaxReplicas int32 `json:"maxReplicas,omitempty"`
	// InitialReplicas are those of a Deployment that is new, ActivationReplicas
	// the least that there are as soon as there is one, 1 or more.
	InitialReplicas    int32 `json:"initialReplicas"`
	ActivationReplicas int32 `json:"activationReplicas"`
	// Window is what the metric is averaged over, PanicWindow the short one
	// that is looked at for bursts.
	Window      Duration `json:"window"`
	PanicWindow Duration `json:"panicWindow"`
	// PanicThreshold times the pods that are ready is how many pods the short
	// window has to want for panic.
	PanicThreshold float64 `json:"panicThreshold"`
	// ScaleDownDelay is how long fewer pods have to be enough before they go.
	ScaleDownDelay Duration `json:"scaleDownDelay,omitzero"`
	// GracePeriod is how long the last pod stays when none is wanted.
	GracePeriod Duration `json:"scaleToZeroGracePeriod"`
	// ContainerConcurrency is how many requests a pod works on at once; 0: any.
	ContainerConcurrency int32 `json:"containerConcurrency,omitempty"`
}

// Scaled is what the annotation [AnnotationScaled] of a Deployment says.
type Scaled struct {
	Policy Policy `json:"policy"`
	// Predictor is the name of the predictor's Service, which is the value of
	// the label seldon-app of the pods whose executors count.
	Predictor string `json:"predictor"`
	// ReportPort is where those executors answer [PathReport], with TLS or not.
	ReportPort int32 `json:"reportPort"`
	TLS        bool  `json:"tls,omitempty"`
	// Nodes are the nodes that the Deployment's pods serve, by name, where
	// calls on them are what is counted; none: requests to the predictor are.
	Nodes []string `json:"nodes,omitempty"`
	// Fronts are the names of the Services that lead to the pods.
	Fronts []string `json:"fronts,omitempty"`
}

// Labels and annotations by which expand, the scaler and the activator agree.
const (
	// LabelScaled, "true", is on Deployments with [AnnotationScaled] and on
	// their pods.
	LabelScaled = "machinelearning.seldon.io/scaled"
	// AnnotationScaled holds a [Scaled] as JSON.
	AnnotationScaled = "machinelearning.seldon.io/scaled"
	// LabelFront, "true", is on Services with [AnnotationFront], and on the
	// EndpointSlices by which the scaler leads one to activators.
	LabelFront = "machinelearning.seldon.io/front"
	// FrontActivator is the value of [LabelFront] on the Service of activators,
	// which Kubernetes copies to its EndpointSlices; [PortAdmin] names the port
	// there at which they answer [PathReport] and [PathWakes].
	FrontActivator = "activator"
	// FrontOfNoPod is the value of [LabelFront] that the selector of a Service asks
	// for whose requests always pass activators. No pod has it.
	FrontOfNoPod = "no-pod"
	PortAdmin    = "admin"
	// AnnotationFront holds a [Front] as JSON.
	AnnotationFront = "machinelearning.seldon.io/front"
	// AnnotationFrontPort is the port at which activators take requests to a
	// front, as a decimal number. The scaler writes it, once, before it leads
	// anything there; no two fronts of a cluster have the same.
	AnnotationFrontPort = "machinelearning.seldon.io/front-port"
	// AnnotationFrontServed is the same port once an activator serves the front
	// there and requests are led to it. The scaler writes it, for a front whose
	// requests always pass activators: the Service leads to its pods until then,
	// and to no pod from then on.
	AnnotationFrontServed = "machinelearning.seldon.io/front-served"
)

// Front is a Service whose requests activators keep while it has no pods, or
// always ([Front.Always]).
type Front struct {
	// Deployment is the name of the Deployment that is woken, in the Service's
	// namespace.
	Deployment string `json:"deployment"`
	// Selector are the labels of the pods that take the requests.
	Selector map[string]string `json:"selector"`
	// HTTPPort and GRPCPort are where those pods listen; gRPC is HTTP/2 without
	// TLS.
	HTTPPort int32 `json:"httpPort"`
	GRPCPort int32 `json:"grpcPort"`
	// ReadyPath is a path of the HTTP port that answers 200 when a pod may get
	// requests; empty: the pod's condition Ready says so.
	ReadyPath string `json:"readyPath,omitempty"`
	// Always: all requests pass one activator, so that no pod gets more than
	// ContainerConcurrency: two would give a pod as many each. The Service's selector is that of no pod then, as soon
	// as [AnnotationFrontServed] says so, and activators find the pods by Selector.
	Always bool `json:"always,omitempty"`
	// ContainerConcurrency is how many requests a pod gets at once; 0: any.
	ContainerConcurrency int32 `json:"containerConcurrency,omitempty"`
	// Timeout is how long a request is kept for a pod; 0: as the activator's
	// settings say.
	Timeout Duration `json:"timeout,omitzero"`
}
