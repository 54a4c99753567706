package config

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	v1 "github.com/prime-radiant/radiant/apis/v1"
	"github.com/prime-radiant/radiant/expand"
)

// field ties a variable to its place in Config.
type field struct {
	name, doc string
	// group is the heading of its table on a page.
	group string
	// chart is the value of the Helm chart that sets it; empty: none does.
	chart string
	set   func(string) error
	get   func() string
}

// The groups of settings: headings of docs/operator.md.
const (
	groupProgram = "The program"
	groupObjects = "Objects"
	groupWays    = "Ways into the cluster" //nolint:gosec // a heading
)

// grouped puts fields into a group.
func grouped(group string, fields []field) []field {
	for i := range fields {
		fields[i].group = group
	}
	return fields
}

// valued names the value of the Helm chart that sets the field.
func (f field) valued(chart string) field {
	f.chart = chart
	return f
}

// fields is the table of all settings. Where two of them write to one place,
// the later one wins.
func (c *Config) fields() []field {
	e := &c.Expand
	x := &e.Executor
	fields := []field{
		text("EXECUTOR_CONTAINER_IMAGE_AND_VERSION", &x.Image, "image of the executor"),
		text("RELATED_IMAGE_EXECUTOR", &x.Image, "image of the executor, before the one above"),
		text("EXECUTOR_CONTAINER_IMAGE_PULL_POLICY", &x.PullPolicy, "pull policy of the executor's image").valued("executor.image.pullPolicy"),
		text("EXECUTOR_CONTAINER_SERVICE_ACCOUNT_NAME", &x.ServiceAccount, "service account of executors with a pod of their own").valued("executor.serviceAccountName"),
		user("EXECUTOR_CONTAINER_USER", &x.User, "user that executors run as").valued("executor.user"),
		port("EXECUTOR_SERVER_PORT", "HTTP port of executors and of their Services", &x.Ports.HTTP, &x.ServicePorts.HTTP).valued("executor.port"),
		port("EXECUTOR_SERVER_GRPC_PORT", "gRPC port of executors and of their Services", &x.Ports.GRPC, &x.ServicePorts.GRPC).valued("executor.grpcPort"),
		port("ENGINE_SERVER_PORT", "HTTP port of the Services, where it differs from the executor's", &x.ServicePorts.HTTP),
		port("ENGINE_SERVER_GRPC_PORT", "gRPC port of the Services, where it differs from the executor's", &x.ServicePorts.GRPC),
		text("EXECUTOR_SERVER_METRICS_PORT_NAME", &x.MetricsPortName, "name of the executors' HTTP port, which metrics are read from").valued("executor.metricsPortName"),
		text("EXECUTOR_PROMETHEUS_PATH", &x.PrometheusPath, "path of metrics").valued("executor.prometheus.path"),
		quantity("EXECUTOR_DEFAULT_CPU_REQUEST", &x.Resources.Requests, corev1.ResourceCPU, "CPU that an executor requests").valued("executor.resources.cpuRequest"),
		quantity("EXECUTOR_DEFAULT_CPU_LIMIT", &x.Resources.Limits, corev1.ResourceCPU, "CPU limit of an executor").valued("executor.resources.cpuLimit"),
		quantity("EXECUTOR_DEFAULT_MEMORY_REQUEST", &x.Resources.Requests, corev1.ResourceMemory, "memory that an executor requests").valued("executor.resources.memoryRequest"),
		quantity("EXECUTOR_DEFAULT_MEMORY_LIMIT", &x.Resources.Limits, corev1.ResourceMemory, "memory limit of an executor").valued("executor.resources.memoryLimit"),
		text("EXECUTOR_REQUEST_LOGGER_DEFAULT_ENDPOINT", &x.LoggerEndpoint, "where payloads go whose logger has no URL").valued("executor.requestLogger.defaultEndpoint"),
		number("EXECUTOR_REQUEST_LOGGER_WORK_QUEUE_SIZE", &x.LoggerQueueSize, "payloads that wait to be logged").valued("executor.requestLogger.workQueueSize"),
		number("EXECUTOR_REQUEST_LOGGER_WRITE_TIMEOUT_MS", &x.LoggerWriteTimeoutMS, "milliseconds that a payload may wait for room in the queue").valued("executor.requestLogger.writeTimeoutMs"),
		number("EXECUTOR_SHUTDOWN_DELAY_SECONDS", &x.ShutdownDelaySeconds, "seconds that an executor which is told to stop takes requests on").valued("executor.shutdownDelaySeconds"),
		number("EXECUTOR_CALL_TIMEOUT_MS", &x.CallTimeoutMS, "milliseconds of one call on a node, of deployments without seldon.io/rest-timeout or grpc-timeout; 0: no limit").valued("executor.callTimeoutMs"),
		flag("EXECUTOR_FULL_HEALTH_CHECKS", &x.FullHealthChecks, "executors ask components for their health, not only for a connection").valued("executor.fullHealthChecks"),
		port("PREDICTIVE_UNIT_HTTP_SERVICE_PORT", "first HTTP port of components", &e.Units.Ports.HTTP).valued("predictiveUnit.httpPort"),
		port("PREDICTIVE_UNIT_GRPC_SERVICE_PORT", "first gRPC port of components", &e.Units.Ports.GRPC).valued("predictiveUnit.grpcPort"),
		port("PREDICTIVE_UNIT_METRICS_SERVICE_PORT", "first metrics port of components", &e.Units.Ports.Metrics).valued("predictiveUnit.metricsPort"),
		text("PREDICTIVE_UNIT_METRICS_PORT_NAME", &e.Units.MetricsPortName, "name of the components' metrics ports").valued("predictiveUnit.metricsPortName"),
		word(envPreStop, &e.Units.PreStop, expand.PreStops(), "what keeps components up that are told to stop: the kubelet (Kubernetes 1.30 and later) or a shell in their image").valued("predictiveUnit.preStop"),
		word("IMAGE_VOLUMES", &e.Storage.ImageVolumes, v1.ImageVolumeWords(),
			"whether models of oci:// are mounted as images in the place of a copy, of deployments without seldon.io/image-volumes").valued("storageInitializer.imageVolumes"),
		text("PREDICTIVE_UNIT_DEFAULT_ENV_SECRET_REF_NAME", &e.Storage.EnvSecret, "Secret with credentials for model stores, of nodes that name none").valued("predictiveUnit.defaultEnvSecretRefName"),
		checked("CREDENTIAL_SECRETS", &e.Storage.Credentials.Secrets, expand.CheckSecrets,
			"Secrets of service accounts that are read for credentials of model stores: NAMESPACE/NAME, * for any, separated by commas; none: no Secret; empty: all").valued("rbac.secrets"),
		text("RELATED_IMAGE_STORAGE_INITIALIZER", &e.Storage.Image, "image that fetches models"),
		text("RELATED_IMAGE_EXPLAINER", &e.ExplainerImage, "image of explainers for the protocols seldon and tensorflow"),
		text("RELATED_IMAGE_EXPLAINER_V2", &e.ExplainerImageV2, "image of explainers for the protocol v2"),
		c.serverImage("RELATED_IMAGE_TENSORFLOW", "TENSORFLOW_SERVER", v1.ProtocolTensorFlow),
		c.serverImage("RELATED_IMAGE_SKLEARNSERVER", "SKLEARN_SERVER", v1.ProtocolSeldon),
		c.serverImage("RELATED_IMAGE_SKLEARNSERVER_V2", "SKLEARN_SERVER", v1.ProtocolV2),
		c.serverImage("RELATED_IMAGE_XGBOOSTSERVER", "XGBOOST_SERVER", v1.ProtocolSeldon),
		c.serverImage("RELATED_IMAGE_XGBOOSTSERVER_V2", "XGBOOST_SERVER", v1.ProtocolV2),
		c.serverImage("RELATED_IMAGE_MLFLOWSERVER", "MLFLOW_SERVER", v1.ProtocolSeldon),
		c.serverImage("RELATED_IMAGE_MLFLOWSERVER_V2", "MLFLOW_SERVER", v1.ProtocolV2),
		user("DEFAULT_USER_ID", &e.UserID, "user that pods run as which do not say otherwise").valued("defaultUserID"),
		word("POD_SECURITY", &e.PodSecurity, expand.PodSecurities(), "what Radiant's own containers keep to").valued("podSecurity.standard"),
		number("POD_SECURITY_USER", &e.PodSecurityUser, "user of Radiant's own containers whose images begin as root; 0: leave it to the cluster, as OpenShift wants").valued("podSecurity.user"),
		text("DEFAULT_CERT_MOUNT_PATH_NAME", &e.CertMountPath, "where certificates are mounted").valued("certMountPath"),
		flag("DEPLOYMENT_NAME_AS_PREFIX", &e.NameAsPrefix, "long names keep the deployment's name in front").valued("manager.deploymentNameAsPrefix"),
		flag("NETWORK_POLICY", &e.Network.Policies, "a NetworkPolicy for each deployment: others cannot connect to its pods").valued("networkPolicy.enabled"),
		text("NETWORK_POLICY_FROM", &e.Network.From, "who can, beside the pods of the deployment and the namespaces of its gateways: namespaces and blocks of addresses, separated by commas").valued("networkPolicy.from"),
		flag("KEDA_ENABLED", &e.KEDA, "a kedaSpec makes a ScaledObject").valued("keda.enabled"),
		flag("ACTIVATOR_ENABLED", &e.Activator, "an activator is installed: a scaleSpec may ask for 0 pods, and containerConcurrency is kept by it").valued("activator.enabled"),
	}
	return append(grouped(groupObjects, fields), grouped(groupWays, wayFields(e.Ingress))...)
}

// wayFields are the settings of the ways into the cluster.
func wayFields(to expand.WaySettings) []field {
	var fields []field
	for _, w := range expand.Ways() {
		for _, s := range w.Settings {
			doc := s.Doc
			if len(s.Words) > 0 && !s.IsFlag() {
				doc += ": " + strings.Join(s.Words, ", ")
			}
			fields = append(fields, field{name: s.Name, doc: doc, chart: s.Value,
				set: func(v string) error {
					value, err := s.Parse(v)
					if err == nil {
						to[s.Name] = value
					}
					return err
				},
				get: func() string { return to[s.Name] },
			})
		}
	}
	return fields
}

// word is one of several words.
func word[T ~string](name string, to *T, words []string, doc string) field {
	return field{name: name, doc: doc + ": " + strings.Join(words, ", "),
		set: func(v string) error {
			if !slices.Contains(words, v) {
				return fmt.Errorf("%q is none of %s", v, strings.Join(words, ", "))
			}
			*to = T(v)
			return nil
		},
		get: func() string { return string(*to) },
	}
}

func text[T ~string](name string, to *T, doc string) field {
	return field{name: name, doc: doc,
		set: func(v string) error { *to = T(v); return nil },
		get: func() string { return string(*to) },
	}
}

// checked is a text that check judges.
func checked(name string, to *string, check func(string) error, doc string) field {
	return field{name: name, doc: doc,
		set: func(v string) error {
			if err := check(v); err != nil {
				return err
			}
			*to = v
			return nil
		},
		get: func() string { return *to },
	}
}

func port(name, doc string, to ...*int32) field {
	return field{name: name, doc: doc,
		set: func(v string) error {
			n, err := strconv.ParseUint(v, 10, 16)
			if err != nil || n == 0 {
				return fmt.Errorf("%q is not a port number, 1 to 65535", v)
			}
			for _, t := range to {
				*t = int32(n)
			}
			return nil
		},
		get: func() string { return strconv.Itoa(int(*to[0])) },
	}
}

func number[T int | int64](name string, to *T, doc string) field {
	return field{name: name, doc: doc,
		set: func(v string) error {
			n, err := strconv.ParseUint(v, 10, 31)
			if err != nil {
				return fmt.Errorf("%q is not a whole number, 0 or more", v)
			}
			*to = T(n)
			return nil
		},
		get: func() string { return strconv.FormatInt(int64(*to), 10) },
	}
}

func user(name string, to **int64, doc string) field {
	return field{name: name, doc: doc,
		set: func(v string) error {
			n, err := strconv.ParseUint(v, 10, 32)
			if err != nil {
				return fmt.Errorf("%q is not a user id, a whole number", v)
			}
			*to = new(int64(n))
			return nil
		},
		get: func() string {
			if *to == nil {
				return ""
			}
			return strconv.FormatInt(**to, 10)
		},
	}
}

func flag(name string, to *bool, doc string) field {
	return field{name: name, doc: doc,
		set: func(v string) error {
			b, err := strconv.ParseBool(v)
			if err != nil {
				return fmt.Errorf("%q is neither true nor false", v)
			}
			*to = b
			return nil
		},
		get: func() string { return strconv.FormatBool(*to) },
	}
}

func quantity(name string, to *corev1.ResourceList, resourceName corev1.ResourceName, doc string) field {
	return field{name: name, doc: doc,
		set: func(v string) error {
			q, err := resource.ParseQuantity(v)
			if err != nil {
				return fmt.Errorf("%q is not a quantity such as 500m or 512Mi", v)
			}
			(*to)[resourceName] = q
			return nil
		},
		get: func() string {
			q := (*to)[resourceName]
			return q.String()
		},
	}
}

func (c *Config) serverImage(name, server string, protocol v1.Protocol) field {
	at := ServerImage{server, string(protocol)}
	doc := "image of " + server
	if protocol == v1.ProtocolSeldon {
		doc += " that speaks seldon, in place of translation"
	}
	return field{name: name, doc: doc,
		set: func(v string) error { c.ServerImages[at] = v; return nil },
		get: func() string { return c.ServerImages[at] },
	}
}
