package expand

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	v1 "github.com/prime-radiant/radiant/apis/v1"
	"github.com/prime-radiant/radiant/manifests"
	"github.com/prime-radiant/radiant/version"
)

// Version is the tag of Radiant's own images.
const Version = version.Number

// Config is the part of the operator's settings that shapes objects.
type Config struct {
	Executor ExecutorConfig
	Units    UnitConfig
	Storage  StorageConfig
	// ExplainerImage speaks seldon or tensorflow to its predictor,
	// ExplainerImageV2 speaks v2.
	ExplainerImage   string
	ExplainerImageV2 string
	// UserID runs the pods as this user where they do not say otherwise.
	UserID *int64
	// CertMountPath is where the certificates of a predictor with ssl go.
	CertMountPath string
	PodSecurity   PodSecurity
	// PodSecurityUser runs our containers whose images begin as root. 0: no one.
	PodSecurityUser int64
	// NameAsPrefix keeps the deployment's name in front of long names.
	NameAsPrefix bool
	// KEDA says that ScaledObjects are served. Where they are not, a kedaSpec
	// has no effect, and hpaSpec and replicas count.
	KEDA bool
	// Activator says that activators keep requests for pods that are away.
	Activator bool
	Network   NetworkConfig
	// Ingress says by which ways requests come in, and how: none, or several.
	Ingress WaySettings
}

// ExecutorConfig is how executors run.
type ExecutorConfig struct {
	Image      string
	PullPolicy corev1.PullPolicy
	// ServiceAccount is that of an executor with a pod of its own.
	ServiceAccount string
	// User runs the container as this user.
	User *int64
	// Ports are where the executor listens, ServicePorts the numbers under
	// which its Service offers them.
	Ports, ServicePorts Ports
	// MetricsPortName names the HTTP port, which metrics are read from too.
	MetricsPortName  string
	PrometheusPath   string
	FullHealthChecks bool
	// Resources apply where svcOrchSpec gives none.
	Resources corev1.ResourceRequirements
	// LoggerEndpoint takes the payloads of nodes whose logger has no URL.
	LoggerEndpoint       string
	LoggerQueueSize      int
	LoggerWriteTimeoutMS int
	// ShutdownDelaySeconds is how long an executor goes on taking requests after
	// SIGTERM; 0 means that it takes none.
	ShutdownDelaySeconds int
	// CallTimeoutMS bounds one call on a node, over REST and gRPC, where the
	// deployment does not say. 0: no bound.
	CallTimeoutMS int
}

// UnitConfig is how graph containers run.
type UnitConfig struct {
	// Ports are the first numbers given out.
	Ports           Ports
	MetricsPortName string
	// PreStop is how components stay up for a while when Kubernetes stops their
	// pod. Empty means [PreStopSleep].
	PreStop PreStop
}

// StorageConfig is how models are fetched.
type StorageConfig struct {
	Image     string
	Resources corev1.ResourceRequirements
	// ImageVolumes says how models of oci:// get into pods, where the annotation
	// [v1.AnnotationImageVolumes] does not. Empty: they are copied, whatever that says.
	ImageVolumes ImageVolumes
	// WithoutImageVolumes is true of a cluster that is too old for them.
	WithoutImageVolumes bool
	// EnvSecret names the Secret of nodes that name none.
	EnvSecret   string
	Credentials CredentialsConfig
}

// DefaultConfig is an installation that nobody configured.
func DefaultConfig() Config {
	return Config{
		Executor: ExecutorConfig{
			Image:                "radiant/executor:" + Version,
			PullPolicy:           corev1.PullIfNotPresent,
			ServiceAccount:       "default",
			Ports:                v1.ExecutorPorts(),
			ServicePorts:         v1.ExecutorPorts(),
			MetricsPortName:      v1.MetricsPortName,
			PrometheusPath:       "/prometheus",
			Resources:            v1.ExecutorResources(),
			LoggerEndpoint:       "http://default-broker",
			LoggerQueueSize:      10000,
			LoggerWriteTimeoutMS: 2000,
			ShutdownDelaySeconds: 5,
		},
		Units: UnitConfig{
			Ports:           v1.UnitPorts(),
			MetricsPortName: v1.MetricsPortName,
			PreStop:         PreStopSleep,
		},
		Storage: StorageConfig{
			Image:        "radiant/storage-initializer:" + Version,
			ImageVolumes: NeverImageVolumes,
			Resources:    Resources("100m", "1", "100Mi", "1Gi"),
			Credentials: CredentialsConfig{
				S3KeyID: "awsAccessKeyID", S3Key: "awsSecretAccessKey",
				GCSFile: "gcloud-application-credentials.json",
			},
		},
		ExplainerImage:   "seldonio/alibiexplainer:1.17.1",
		ExplainerImageV2: "seldonio/mlserver:1.6.1-alibi-explain",
		CertMountPath:    "/cert/",
		PodSecurity:      SecurityRestricted,
		PodSecurityUser:  8888,
		Activator:        true,
		Network:          NetworkConfig{From: "seldon-system"},
		Ingress:          DefaultWays(),
	}
}

// Defaults are the settings that defaults of a deployment depend on, with the
// prepackaged servers that there are.
func (c *Config) Defaults(servers manifests.Servers) v1.DefaultOptions {
	return v1.DefaultOptions{Ports: c.Units.Ports, MetricsPortName: c.Units.MetricsPortName, Servers: servers.Servers}
}

// Rules are the settings that the rules for a deployment depend on.
func (c *Config) Rules(servers manifests.Servers) v1.ValidateOptions {
	return v1.ValidateOptions{
		DefaultOptions: c.Defaults(servers), ExecutorPorts: c.Executor.Ports, ExecutorResources: &c.Executor.Resources,
		WayAnnotations: WayAnnotations(), NoActivator: !c.Activator,
	}
}

// Resources builds requirements from quantities that are known to be valid; it
// panics on others.
func Resources(cpuRequest, cpuLimit, memoryRequest, memoryLimit string) corev1.ResourceRequirements {
	list := func(cpu, memory string) corev1.ResourceList {
		return corev1.ResourceList{
			corev1.ResourceCPU:    resource.MustParse(cpu),
			corev1.ResourceMemory: resource.MustParse(memory),
		}
	}
	return corev1.ResourceRequirements{
		Requests: list(cpuRequest, memoryRequest),
		Limits:   list(cpuLimit, memoryLimit),
	}
}
