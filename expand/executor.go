package expand

import (
	"cmp"
	"encoding/base64"
	"fmt"
	"maps"
	"path"
	"slices"
	"strconv"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	v1 "github.com/prime-radiant/radiant/apis/v1"
	"github.com/prime-radiant/radiant/graph"
)

// ExecutorContainer is the name of the executor's container.
const ExecutorContainer = v1.ExecutorContainer

const (
	envEnginePredictor = "ENGINE_PREDICTOR"
	envLoggerEndpoint  = "REQUEST_LOGGER_DEFAULT_ENDPOINT"

	annotationLogQueueSize    = "seldon.io/executor-logger-queue-size"
	annotationLogWriteTimeout = "seldon.io/executor-logger-write-timeout-ms"
)

// addExecutor puts the executor beside the first node that expects it at
// localhost, or into a pod of its own: where the user asks for that, and where
// no pod has a node that it could stand beside.
func (p *predictor) addExecutor() error {
	if p.spec.NoExecutor() {
		return nil
	}
	p.host = p.besideNode()
	if p.host == nil {
		p.host = p.newExecutorPod()
	}
	pod := p.host.pod()
	c, err := p.executor(pod)
	if err != nil {
		return err
	}
	if err := p.fetchNodeFiles(pod, &c); err != nil {
		return err
	}
	p.showVersions(pod, &c)
	pod.Containers = append(pod.Containers, c)
	return nil
}

// besideNode finds the pod of the first node at localhost.
func (p *predictor) besideNode() *workload {
	for _, n := range p.order {
		if n.Endpoint == nil || n.Endpoint.ServiceHost != localhost {
			continue
		}
		for _, w := range p.components {
			if w.container(n.Name) != nil {
				return w
			}
		}
	}
	return nil
}

// executor is the container for that pod.
func (p *predictor) executor(pod *corev1.PodSpec) (corev1.Container, error) {
	config := &p.in.Config.Executor
	args, err := p.executorArgs()
	if err != nil {
		return corev1.Container{}, err
	}
	ports := p.executorPorts()
	c := corev1.Container{
		Name:            ExecutorContainer,
		Image:           config.Image,
		ImagePullPolicy: config.PullPolicy,
		Args:            slices.Concat(args, p.drainArgs(pod), p.scalingArgs()),
		Env:             p.executorEnv(),
		// One name for each number: server-side apply takes ports of one
		// number for one port. It is the name that pod monitors select.
		Ports: []corev1.ContainerPort{
			{Name: config.MetricsPortName, ContainerPort: ports.HTTP, Protocol: corev1.ProtocolTCP},
			{Name: v1.GRPCPortName, ContainerPort: ports.GRPC, Protocol: corev1.ProtocolTCP},
		},
		LivenessProbe:            p.executorProbe("/live", ports.HTTP),
		ReadinessProbe:           p.executorProbe(readyPath, ports.HTTP),
		Resources:                *config.Resources.DeepCopy(),
		VolumeMounts:             []corev1.VolumeMount{{Name: v1.PodInfoVolume, MountPath: v1.PodInfoPath}},
		TerminationMessagePath:   corev1.TerminationMessagePathDefault,
		TerminationMessagePolicy: corev1.TerminationMessageFallbackToLogsOnError,
	}
	if own := p.spec.SvcOrchSpec.Resources; own != nil {
		c.Resources = *own
	}
	c = p.override(pod, c)
	if user := config.User; user != nil {
		p.harden(pod, &c, new(*user))
		if c.SecurityContext == nil {
			c.SecurityContext = &corev1.SecurityContext{RunAsUser: new(*user), AllowPrivilegeEscalation: new(false)}
		}
	} else {
		p.harden(pod, &c, nil)
	}
	return c, nil
}

// readyPath answers 200 when an executor can have requests.
const readyPath = "/ready"

// flushSeconds are left of a pod's grace period when requests had their time:
// payloads that wait to be logged are sent then.
const flushSeconds = 2

// drainArgs let the executor serve on, unready, while the endpoints that lead
// to it go away, and then finish what is under way. Components stay longer than
// that, by its preStop hook. A shorter grace period of the pod's shortens both.
func (p *predictor) drainArgs(pod *corev1.PodSpec) []string {
	delay := p.in.Config.Executor.ShutdownDelaySeconds
	if delay == 0 {
		return nil
	}
	grace := int(*pod.TerminationGracePeriodSeconds)
	delay = min(delay, grace/4)
	finish := max(grace-delay-flushSeconds, 1)
	return []string{"--shutdown_delay", strconv.Itoa(delay) + "s", "--graceful_timeout", strconv.Itoa(finish) + "s"}
}

func (p *predictor) executorProbe(path string, port int32) *corev1.Probe {
	scheme := corev1.URISchemeHTTP
	if p.spec.SSL != nil {
		scheme = corev1.URISchemeHTTPS
	}
	return &corev1.Probe{
		ProbeHandler: corev1.ProbeHandler{HTTPGet: &corev1.HTTPGetAction{
			Path: path, Port: intstr.FromInt32(port), Scheme: scheme,
		}},
		InitialDelaySeconds: readyAfter,
		PeriodSeconds:       5,
		SuccessThreshold:    1,
		FailureThreshold:    3,
		TimeoutSeconds:      60,
	}
}

// executorArgs has the order and the spelling that every executor of the API
// understands.
func (p *predictor) executorArgs() ([]string, error) {
	config, d := &p.in.Config.Executor, p.deployment
	queueSize, err := p.intSetting(annotationLogQueueSize, config.LoggerQueueSize)
	if err != nil {
		return nil, err
	}
	writeTimeout, err := p.intSetting(annotationLogWriteTimeout, config.LoggerWriteTimeoutMS)
	if err != nil {
		return nil, err
	}
	ports := p.executorPorts()
	return []string{
		"--sdep", d.Name,
		"--namespace", d.Namespace,
		"--predictor", p.spec.Name,
		"--http_port", strconv.Itoa(int(ports.HTTP)),
		"--grpc_port", strconv.Itoa(int(ports.GRPC)),
		"--protocol", string(cmp.Or(d.Spec.Protocol, v1.ProtocolSeldon)),
		"--transport", string(p.transport()),
		"--prometheus_path", config.PrometheusPath,
		"--server_type", string(cmp.Or(d.Spec.ServerType, v1.ServerRPC)),
		"--log_work_buffer_size", strconv.Itoa(queueSize),
		"--log_write_timeout_ms", strconv.Itoa(writeTimeout),
		"--full_health_checks=" + strconv.FormatBool(config.FullHealthChecks),
	}, nil
}

func (p *predictor) intSetting(annotation string, otherwise int) (int, error) {
	text, ok := p.deployment.Annotation(annotation)
	if !ok {
		return otherwise, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		return 0, fmt.Errorf("annotation %s: %q is not a whole number", annotation, text)
	}
	return n, nil
}

// executorEnv is the predictor, then the operator's settings, then the user's:
// svcOrchSpec.env and the annotations that stand for variables.
func (p *predictor) executorEnv() []corev1.EnvVar {
	env := []corev1.EnvVar{
		{Name: envEnginePredictor, Value: p.enginePredictor()},
		{Name: envLoggerEndpoint, Value: p.in.Config.Executor.LoggerEndpoint},
	}
	if p.sharesCounts() {
		env = append(env, corev1.EnvVar{Name: envPeers, Value: p.peers()})
	}
	for _, e := range p.spec.SvcOrchSpec.Env {
		env = setVar(env, e)
	}
	annotations := p.deployment.Spec.Annotations
	for _, key := range slices.Sorted(maps.Keys(annotations)) {
		if name, ok := v1.ExecutorVariable(key); ok {
			env = addEnv(env, name, annotations[key])
		}
	}
	return env
}

// enginePredictor is the predictor as the executor gets it. It holds nothing that
// the executor does not need: a change of any part restarts the pods, and everybody
// who may read pods can read it.
func (p *predictor) enginePredictor() string {
	type container struct {
		Name  string `json:"name"`
		Image string `json:"image,omitempty"`
	}
	type podSpec struct {
		Containers []container `json:"containers"`
	}
	type componentSpec struct {
		Spec podSpec `json:"spec"`
	}
	var predictor struct {
		Name           string            `json:"name"`
		Annotations    map[string]string `json:"annotations,omitempty"`
		Graph          graph.Node        `json:"graph"`
		ComponentSpecs []componentSpec   `json:"componentSpecs,omitempty"`
	}
	predictor.Name = p.spec.Name
	if version, ok := p.spec.Annotations["version"]; ok {
		predictor.Annotations = map[string]string{"version": version}
	}
	p.spec.Graph.DeepCopyInto(&predictor.Graph)
	predictor.Graph.Walk(func(_ string, n *graph.Node) {
		files := ""
		if p.readsFiles(n) {
			files = path.Join(modelDir, n.Name)
		}
		n.ModelURI, n.ServiceAccountName, n.EnvSecretRefName, n.StorageInitializerImage = files, "", "", ""
		if p.hasVersions(n) {
			n.TakeVersions() // The pod's annotation has them.
		}
	})
	for _, w := range p.components {
		var component componentSpec
		for _, c := range w.pod().Containers {
			if p.nodes[c.Name] != nil {
				component.Spec.Containers = append(component.Spec.Containers, container{c.Name, c.Image})
			}
		}
		if len(component.Spec.Containers) > 0 {
			predictor.ComponentSpecs = append(predictor.ComponentSpecs, component)
		}
	}
	return base64.StdEncoding.EncodeToString([]byte(marshalled(predictor)))
}
