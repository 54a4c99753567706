// Package expand turns a SeldonDeployment into the Kubernetes objects that
// serve it: a pure function from values to a value, without a client, clock,
// environment or network.
package expand

import (
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
	Config     Config
	Places     Places
	Servers    manifests.Servers
}

// Places says where things listen. The zero value is Kubernetes: the port
// numbers of the API's defaults, localhost beside the executor and service
// names elsewhere. A laptop overrides it, since all pods share one host there.
type Places struct {
	// Host is the address of a container that is not beside the executor;
	// nil: its Service's DNS name.
	Host func(predictor, container string) string
	// Container are the ports of a graph container; nil: the defaults.
	Container func(predictor, container string) Ports
	// Executor are the ports of a predictor's executor (Metrics unused); nil: Config's.
	Executor func(predictor string) Ports
}

// Ports are TCP port numbers.
type Ports struct{ HTTP, GRPC, Metrics int32 }
