// Package train says which Kubernetes objects a training job stands for. It is
// pure, as expand is for deployments: the same job makes the same objects, without
// a client, clock or network.
package train

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/prime-radiant/radiant/apis/kubeflow"
	"github.com/prime-radiant/radiant/expand"
)

// Where the pods of a TFJob listen: the port of this name of the container that
// trains, or else this number.
const (
	PortName    = "tfjob-port"
	DefaultPort = 2222
)

// Expand returns the objects that a valid job stands for while it runs, in the
// order in which they are applied: what all pods read, Services, and then the pods,
// each named after the job, its type and its number. It does not change the job. A
// job that is suspended has no pods. The Secret of an MPIJob is not among them, since
// keys are no function of the job: [Plan.Secret] names it.
func Expand(job kubeflow.Job) ([]expand.Object, error) {
	plan, err := NewPlan(job, nil)
	if err != nil {
		return nil, err
	}
	var objects []expand.Object
	if plan.Shared != nil {
		objects = append(objects, plan.Shared)
	}
	for i := range plan.Replicas {
		objects = append(objects, plan.Replicas[i].Service)
	}
	for i := range plan.Replicas {
		if !plan.Suspended {
			objects = append(objects, plan.Replicas[i].Pod)
		}
	}
	for _, o := range objects {
		o.SetOwnerReferences([]metav1.OwnerReference{ownerOf(plan.Job)})
	}
	return objects, nil
}

func ownerOf(j kubeflow.Job) metav1.OwnerReference {
	yes, p := true, j.Parts()
	return metav1.OwnerReference{
		APIVersion: kubeflow.Group + "/" + p.Version, Kind: p.Kind, Name: j.GetName(), UID: j.GetUID(),
		Controller: &yes, BlockOwnerDeletion: &yes,
	}
}

// member is one pod of a job.
type member struct {
	name  string
	of    kubeflow.ReplicaType
	index int32
	port  int32
	spec  *kubeflow.ReplicaSpec
}

// serviceOf is what gives a pod its name in DNS, from when it is made on: the pods of
// a job wait for each other, so none of them is ready before the others are found.
func serviceOf(name string, labels map[string]string, portName string, port int32) *corev1.Service {
	return &corev1.Service{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "Service"},
		ObjectMeta: metav1.ObjectMeta{Name: name, Labels: labels},
		Spec: corev1.ServiceSpec{
			ClusterIP: corev1.ClusterIPNone, PublishNotReadyAddresses: true,
			Selector: map[string]string{LabelJob: labels[LabelJob], LabelType: labels[LabelType], LabelIndex: labels[LabelIndex]},
			Ports:    []corev1.ServicePort{{Name: portName, Port: port, TargetPort: intstr.FromInt32(port)}},
		},
	}
}

// The labels of pods by which Kubeflow finds them today.
const (
	labelOperator = "training.kubeflow.org/operator-name"
	LabelJob      = "training.kubeflow.org/job-name"
	LabelType     = "training.kubeflow.org/replica-type"
	LabelIndex    = "training.kubeflow.org/replica-index"
	labelRole     = "training.kubeflow.org/job-role"
)

// labels are those of a member's pod and Service: the ones of Kubeflow's last
// operator for the kind, and those that its first ones gave, by which scripts still
// select.
func (c *cluster) labels(m member) map[string]string {
	kind, index := strings.ToLower(string(m.of)), strconv.Itoa(int(m.index))
	labels := map[string]string{
		labelOperator: "tfjob-controller", LabelJob: c.job.Name, LabelType: kind, LabelIndex: index,
		"group-name": kubeflow.Group, "tf-job-name": c.job.Name, "tf-replica-type": kind, "tf-replica-index": index,
	}
	if c.leads(m) {
		labels[labelRole], labels["tf-job-role"] = "master", "master"
	}
	return labels
}

// pod is the template of a member's type, with what makes it one of the job, and the
// number of the container that trains.
func (c *cluster) pod(m member) (*corev1.Pod, int, error) {
	pod := podOf(m.name, m.spec, c.labels(m))
	i := slices.IndexFunc(pod.Spec.Containers, func(container corev1.Container) bool { return container.Name == kubeflow.TensorFlowContainer })
	if i < 0 {
		return nil, 0, fmt.Errorf("no container is called %s", kubeflow.TensorFlowContainer)
	}
	trainer := &pod.Spec.Containers[i]
	if c.idles(m) {
		idle(trainer)
		return pod, i, nil
	}
	text, err := c.tfConfig(m)
	if err != nil {
		return nil, 0, err
	}
	if text != "" {
		trainer.Env = append(slices.DeleteFunc(trainer.Env, func(e corev1.EnvVar) bool { return e.Name == TFConfig }),
			corev1.EnvVar{Name: TFConfig, Value: text})
	}
	return pod, i, nil
}

// podRestart is what the kubelet does. By exit code it does nothing: whoever runs
// the job makes the pod anew.
func podRestart(p kubeflow.RestartPolicy) corev1.RestartPolicy {
	if p == kubeflow.RestartExitCode {
		return corev1.RestartPolicyNever
	}
	return corev1.RestartPolicy(p)
}

// idle lets a container wait until it is told to end. Its program would fail, since
// TensorFlow knows no parameter servers under this strategy.
func idle(c *corev1.Container) {
	c.Command = []string{"/bin/sh", "-c", "trap 'exit 0' TERM; while :; do sleep 3600 & wait $!; done"}
	c.Args = nil
	c.LivenessProbe, c.ReadinessProbe, c.StartupProbe = nil, nil, nil
}

// port is the one of the name [PortName] of the container that trains.
func port(spec *kubeflow.ReplicaSpec) int32 {
	for _, c := range spec.Template.Spec.Containers {
		if c.Name != kubeflow.TensorFlowContainer {
			continue
		}
		for _, p := range c.Ports {
			if p.Name == PortName {
				return cmp.Or(p.ContainerPort, DefaultPort)
			}
		}
	}
	return DefaultPort
}
