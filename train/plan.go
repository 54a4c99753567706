package train

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"

	"github.com/prime-radiant/radiant/apis/kubeflow"
)

// Places says where the pods of a job reach each other outside of a cluster: for
// the name of a pod and its port in a cluster, an address with a port.
type Places func(pod string, port int32) string

// StartGate is the scheduling gate of pods that are placed all at once. Who runs the
// job lifts it when there is room.
const StartGate = kubeflow.AnnotationStart

// Plan is what a job stands for, and what its pods are to the job.
type Plan struct {
	// Job is the job with defaults.
	Job      kubeflow.Job
	Replicas []Replica
	// Shared is what all pods read; nil: nothing.
	Shared *corev1.ConfigMap
	// Secret is the name of the Secret with the keys of an MPIJob; empty: it needs
	// none. Who applies the job makes it, with the keys [SecretPrivate] and so on.
	Secret string
	// Suspended is set where the job is to have no pods for now.
	Suspended bool

	success kubeflow.SuccessPolicy
}

// Replica is one pod of a job.
type Replica struct {
	// Name is that of the pod and of its Service.
	Name    string
	Type    kubeflow.ReplicaType
	Restart kubeflow.RestartPolicy
	Pod     *corev1.Pod
	Service *corev1.Service
	// Port is where it listens in a cluster.
	Port int32
	// Leads is set where the success of the job is the replica's.
	Leads bool
	// Idles is set where the replica has nothing to do but to be there.
	Idles bool

	// main is the number of the container that trains or launches.
	main int
}

// Main returns the container that trains or launches: its end is the end of the
// replica.
func (r *Replica) Main() *corev1.Container { return &r.Pod.Spec.Containers[r.main] }

// NewPlan returns the plan of a valid job, which it does not change. Where places
// is nil, pods reach each other as in a cluster.
func NewPlan(job kubeflow.Job, places Places) (*Plan, error) {
	job, ok := job.DeepCopyObject().(kubeflow.Job)
	if !ok {
		return nil, fmt.Errorf("copying a %T", job)
	}
	kubeflow.Default(job)
	var plan *Plan
	switch job := job.(type) {
	case *kubeflow.TFJob:
		var err error
		if plan, err = planTF(job, places); err != nil {
			return nil, err
		}
	case *kubeflow.MPIJob:
		plan = planMPI(job, places == nil)
	default:
		return nil, fmt.Errorf("nothing is known of how a %T runs", job)
	}
	if plan.Shared != nil {
		plan.Shared.Namespace = job.GetNamespace()
	}
	for i := range plan.Replicas {
		plan.Replicas[i].Pod.Namespace, plan.Replicas[i].Service.Namespace = job.GetNamespace(), job.GetNamespace()
		if kubeflow.RestartsTogether(job) {
			// The kubelet would start one alone.
			plan.Replicas[i].Pod.Spec.RestartPolicy = corev1.RestartPolicyNever
		}
		if spec := &plan.Replicas[i].Pod.Spec; kubeflow.StartsTogether(job) && places == nil {
			spec.SchedulingGates = append(spec.SchedulingGates, corev1.PodSchedulingGate{Name: StartGate})
		}
	}
	suspend := job.Parts().Run.Suspend
	plan.Suspended = suspend != nil && *suspend
	return plan, nil
}

// planTF returns the plan of a job with defaults.
func planTF(j *kubeflow.TFJob, places Places) (*Plan, error) {
	all := newCluster(j, places)
	plan := &Plan{Job: j, success: j.Spec.SuccessPolicy}
	for _, m := range all.members {
		pod, main, err := all.pod(m)
		if err != nil {
			return nil, fmt.Errorf("expanding %s: %w", m.name, err)
		}
		plan.Replicas = append(plan.Replicas, Replica{
			Name: m.name, Type: m.of, Restart: m.spec.RestartPolicy, Pod: pod,
			Service: serviceOf(m.name, all.labels(m), PortName, m.port), Port: m.port, Leads: all.leads(m), Idles: all.idles(m), main: main,
		})
	}
	return plan, nil
}
