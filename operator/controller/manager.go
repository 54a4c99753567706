package controller

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/go-logr/logr"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/selection"
	"k8s.io/apimachinery/pkg/types"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	runtimeconfig "sigs.k8s.io/controller-runtime/pkg/config"
	"sigs.k8s.io/controller-runtime/pkg/healthz"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	v1 "github.com/prime-radiant/radiant/apis/v1"
	"github.com/prime-radiant/radiant/manifests"
	"github.com/prime-radiant/radiant/operator/config"
	"github.com/prime-radiant/radiant/operator/events"
	"github.com/prime-radiant/radiant/operator/scaler"
)

// Options are what an operator is made of.
type Options struct {
	// Cluster is how the API server is reached.
	Cluster *rest.Config
	Log     logr.Logger
	// Environment are the settings of the process, before the ConfigMap's.
	Environment config.Config
	// Servers are the prepackaged servers that ship with the program.
	Servers manifests.Servers
	Scope   Scope
	// Namespace is the operator's own: that of its ConfigMap and its lease.
	Namespace string
	// Workers is how many deployments are looked at at once; at least 1.
	Workers int
	// Drain is how long gateways may take to send requests elsewhere: so long old
	// pods stay after a switch.
	Drain time.Duration
	// Answer is how long a way into the cluster may take to lead to a deployment
	// whose pods are ready; 0: it is not asked. Settle is how long one gets that
	// cannot be asked.
	Answer, Settle time.Duration
	Election       Election
	// MetricsAddress and HealthAddress are host:port; "0": not served.
	MetricsAddress, HealthAddress string
	// Scaling tells of the Deployments that their requests scale; nil: none is known.
	Scaling Scaling
	// VersionsEvery is the time between two questions to pods which versions of models
	// they have found; 0: ten seconds. Dial connects to them; nil: as the system does.
	VersionsEvery time.Duration
	Dial          func(ctx context.Context, network, address string) (net.Conn, error)
	// Now is the clock; nil: the machine's.
	Now func() time.Time
}

// Scaling tells what was decided about Deployments that their requests scale, and
// whether their requests are kept.
type Scaling interface {
	// Said is what was decided last about a Deployment; false: nothing yet.
	Said(deployment types.NamespacedName) (scaler.Said, bool)
	// Kept is whether requests to a Service are kept; false: it is not known yet.
	Kept(service types.NamespacedName, uid types.UID) (scaler.Kept, bool)
	// OnChange has somebody told of each SeldonDeployment that should be looked at
	// again. It is called once, before anything is told.
	OnChange(tell func(ctx context.Context, deployment types.NamespacedName))
}

// Election is how one of several operators is chosen to act.
type Election struct {
	Enabled bool
	// ID names the lease.
	ID string
	// Lease is how long it holds, Renew how long the holder tries to renew it,
	// Retry the pause between attempts. 0: 15, 10 and 2 seconds.
	Lease, Renew, Retry time.Duration
}

// recorderName is the component in events.
const recorderName = "seldon-controller-manager"

// Operator is an operator that has not been started.
type Operator struct {
	manager.Manager
	// Settings are those in force, once the manager has been started.
	Settings   *Settings
	reconciler *Reconciler
}

// New makes an operator. It can be given more to do by Add, and is started by
// Start, which returns when its context ends and all passes have.
func New(o Options) (*Operator, error) {
	o.Cluster = rest.CopyConfig(o.Cluster)
	// Port names that several containers use, and the like: users expect them.
	o.Cluster.WarningHandlerWithContext = rest.NoWarnings{}
	// What is listed is next door, and unpacking it takes longer than its way.
	o.Cluster.DisableCompression = true
	m, err := newManager(o)
	if meta.IsNoMatchError(err) {
		return nil, fmt.Errorf("the API server does not serve %ss; kubectl apply -f manifests/crd/seldondeployments.yaml: %w", v1.Kind, err)
	}
	if err != nil {
		return nil, fmt.Errorf("setting up the manager: %w", err)
	}
	for _, add := range []func(string, healthz.Checker) error{m.AddHealthzCheck, m.AddReadyzCheck} {
		if err := add("ping", healthz.Ping); err != nil {
			return nil, err
		}
	}
	r, err := addController(m, o)
	if err != nil {
		return nil, fmt.Errorf("setting up the controller: %w", err)
	}
	return &Operator{m, r.settings, r}, nil
}

func newManager(o Options) (manager.Manager, error) {
	scheme := runtime.NewScheme()
	if err := errors.Join(clientgoscheme.AddToScheme(scheme), v1.AddToScheme(scheme)); err != nil {
		return nil, err
	}
	yes := true
	e := o.Election
	return manager.New(o.Cluster, manager.Options{
		Scheme:                        scheme,
		Logger:                        o.Log,
		Cache:                         cacheOptions(o),
		LeaderElection:                e.Enabled,
		LeaderElectionID:              e.ID,
		LeaderElectionNamespace:       o.Namespace,
		LeaderElectionReleaseOnCancel: true, // Nothing is done after Start.
		LeaseDuration:                 orDefault(e.Lease),
		RenewDeadline:                 orDefault(e.Renew),
		RetryPeriod:                   orDefault(e.Retry),
		EventBroadcaster:              events.NewBroadcaster(), //nolint:staticcheck // It lives as long as the process.
		Metrics:                       metricsserver.Options{BindAddress: o.MetricsAddress},
		HealthProbeBindAddress:        o.HealthAddress,
		Controller: runtimeconfig.Controller{
			MaxConcurrentReconciles: max(1, o.Workers),
			// Tests run several operators in one process.
			SkipNameValidation: &yes,
		},
	})
}

func orDefault(d time.Duration) *time.Duration {
	if d == 0 {
		return nil
	}
	return &d
}

// cacheOptions bound what is watched: by label, and to the operator's scope.
func cacheOptions(o Options) cache.Options {
	labelled := func(key string) labels.Selector {
		is, err := labels.NewRequirement(key, selection.Exists, nil)
		if err != nil {
			panic(err) // The keys are constants.
		}
		return labels.NewSelector().Add(*is)
	}
	keep := newKeeper()
	by := map[client.Object]cache.ByObject{
		newDeployment():          {Transform: trimDeployment},
		&appsv1.Deployment{}:     {Label: labelled(v1.LabelDeploymentID), Transform: keep.workload},
		&corev1.Pod{}:            {Label: labelled(v1.LabelDeploymentID), Transform: trimPod},
		&corev1.ServiceAccount{}: {Transform: trimAccount},
		&corev1.ConfigMap{}: {Namespaces: map[string]cache.Config{
			o.Namespace: {FieldSelector: fields.OneTermEqualSelector("metadata.name", config.ConfigMapName)},
		}},
	}
	for _, k := range kinds() {
		switch {
		case k.GroupKind() == workloadKind() || k.Optional:
		case k.Kind == "ReplicaSet":
			by[metadata(k.GroupVersionKind)] = cache.ByObject{Label: labelled(v1.LabelReplaced), Transform: keep.ownFields}
		default:
			by[unread(k)] = cache.ByObject{Label: labelled(v1.LabelDeploymentID), Transform: keep.conditions}
		}
	}
	options := cache.Options{ByObject: by, DefaultTransform: keep.conditions, ReaderFailOnMissingInformer: true}
	if o.Scope.Namespace != "" {
		options.DefaultNamespaces = map[string]cache.Config{o.Scope.Namespace: {}}
	}
	return options
}

func newSettings(m manager.Manager, o Options, metrics *metrics) *Settings {
	recorder := events.New(m, recorderName)
	return &Settings{
		environment: o.Environment,
		shipped:     o.Servers,
		name:        types.NamespacedName{Namespace: o.Namespace, Name: config.ConfigMapName},
		reader:      m.GetCache(),
		changed: func(c *corev1.ConfigMap, err error) {
			metrics.broken(err)
			if err == nil {
				o.Log.Info("settings read", "configMap", c.Name, "resourceVersion", c.ResourceVersion)
				return
			}
			o.Log.Error(err, "settings cannot be used; the last good ones stay in use", "configMap", c.Name)
			recorder.Tell(c, corev1.EventTypeWarning, "InvalidConfig", err.Error())
		},
	}
}
