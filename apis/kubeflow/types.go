// Package kubeflow holds the training jobs of Kubeflow's API as people have them
// in their repositories: TFJob and MPIJob, their defaults and their rules. One Go
// type reads all versions of a kind; which version has which field is a table.
//
// +kubebuilder:object:generate=true
package kubeflow

import (
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Group and kinds of the API.
const (
	Group      = "kubeflow.org"
	TFJobKind  = "TFJob"
	MPIJobKind = "MPIJob"
)

// ReplicaType is what the pods of a job are for. Manifests write it in any case.
type ReplicaType string

// The types of a TFJob, and those of an MPIJob.
const (
	Chief     ReplicaType = "Chief"
	Master    ReplicaType = "Master"
	PS        ReplicaType = "PS"
	Worker    ReplicaType = "Worker"
	Evaluator ReplicaType = "Evaluator"
	Launcher  ReplicaType = "Launcher"
)

// RestartPolicy says what happens to a pod whose container ended.
type RestartPolicy string

// The policies. By RestartExitCode the exit code decides: one of 128 or more
// makes the pod anew, any other is for good.
const (
	RestartAlways    RestartPolicy = "Always"
	RestartOnFailure RestartPolicy = "OnFailure"
	RestartNever     RestartPolicy = "Never"
	RestartExitCode  RestartPolicy = "ExitCode"
)

// CleanPodPolicy says which pods go when a job has ended.
type CleanPodPolicy string

// The policies.
const (
	CleanAll     CleanPodPolicy = "All"
	CleanRunning CleanPodPolicy = "Running"
	CleanNone    CleanPodPolicy = "None"
)

// ReplicaSpec is a number of equal pods.
type ReplicaSpec struct {
	// Replicas is 1 where it is not given.
	Replicas *int32 `json:"replicas,omitempty"`
	// Template is the pod. Its container for a TFJob is called tensorflow.
	Template corev1.PodTemplateSpec `json:"template,omitempty"`
	// RestartPolicy counts in place of the template's.
	RestartPolicy RestartPolicy `json:"restartPolicy,omitempty"`
}

// Policies say how a job ends and what is left of it. Manifests have them in spec
// or in spec.runPolicy, which counts before spec.
type Policies struct {
	CleanPodPolicy CleanPodPolicy `json:"cleanPodPolicy,omitempty"`
	// TTLSecondsAfterFinished is when the job is removed. It stays where this is
	// not given.
	TTLSecondsAfterFinished *int32 `json:"ttlSecondsAfterFinished,omitempty"`
	// ActiveDeadlineSeconds are counted from the start of the job.
	ActiveDeadlineSeconds *int64 `json:"activeDeadlineSeconds,omitempty"`
	// BackoffLimit is how often pods may be restarted.
	BackoffLimit *int32 `json:"backoffLimit,omitempty"`
	// SchedulingPolicy is for schedulers that start all pods at once.
	SchedulingPolicy *SchedulingPolicy `json:"schedulingPolicy,omitempty"`
}

// RunPolicy is [Policies], and whether the job runs at all.
type RunPolicy struct {
	Policies `json:",inline"`
	// Suspend keeps the job from having pods.
	Suspend *bool `json:"suspend,omitempty"`
	// ManagedBy names who else looks after the job.
	ManagedBy *string `json:"managedBy,omitempty"`
}

// SchedulingPolicy is accepted.
type SchedulingPolicy struct {
	MinAvailable           *int32              `json:"minAvailable,omitempty"`
	Queue                  string              `json:"queue,omitempty"`
	MinResources           corev1.ResourceList `json:"minResources,omitempty"`
	PriorityClass          string              `json:"priorityClass,omitempty"`
	ScheduleTimeoutSeconds *int32              `json:"scheduleTimeoutSeconds,omitempty"`
}

// TFJob trains with TensorFlow, in pods that find each other by the variable
// TF_CONFIG.
//
// +kubebuilder:object:root=true
type TFJob struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	Spec   TFJobSpec `json:"spec,omitempty"`
	Status JobStatus `json:"status,omitempty"`
}

// TFJobSpec is what a user writes.
type TFJobSpec struct {
	Policies  `json:",inline"`
	RunPolicy RunPolicy `json:"runPolicy,omitempty"`
	// SuccessPolicy is AllWorkers, or empty: worker 0 decides where there is no
	// chief.
	SuccessPolicy SuccessPolicy `json:"successPolicy,omitempty"`
	// EnableDynamicWorker is accepted; the number of workers stays as it is.
	EnableDynamicWorker bool                         `json:"enableDynamicWorker,omitempty"`
	TFReplicaSpecs      map[ReplicaType]*ReplicaSpec `json:"tfReplicaSpecs"`
}

// SuccessPolicy says whose success is the job's.
type SuccessPolicy string

// AllWorkers have to succeed.
const AllWorkers SuccessPolicy = "AllWorkers"

// MPIJob runs the command of one launcher, which starts ranks in the pods of its
// workers.
//
// +kubebuilder:object:root=true
type MPIJob struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	Spec   MPIJobSpec `json:"spec,omitempty"`
	Status JobStatus  `json:"status,omitempty"`
}

// MPIJobSpec is what a user writes. Which version has which field is said by
// [Validate].
type MPIJobSpec struct {
	Policies  `json:",inline"`
	RunPolicy RunPolicy `json:"runPolicy,omitempty"`
	// SlotsPerWorker is how many ranks a worker takes; 1 where it is not given.
	SlotsPerWorker  *int32                       `json:"slotsPerWorker,omitempty"`
	MPIReplicaSpecs map[ReplicaType]*ReplicaSpec `json:"mpiReplicaSpecs"`

	// MainContainer is the container of the workers in which ranks run.
	MainContainer string `json:"mainContainer,omitempty"`
	// MPIDistribution is open_mpi, intel_mpi or mpich.
	MPIDistribution string `json:"mpiDistribution,omitempty"`

	// SSHAuthMountPath is the folder of ssh's keys.
	SSHAuthMountPath string `json:"sshAuthMountPath,omitempty"`
	// MPIImplementation is OpenMPI, Intel or MPICH.
	MPIImplementation string `json:"mpiImplementation,omitempty"`
	// LauncherCreationPolicy is AtStartup or WaitForWorkersReady.
	LauncherCreationPolicy string `json:"launcherCreationPolicy,omitempty"`
	// RunLauncherAsWorker gives the launcher ranks as well.
	RunLauncherAsWorker *bool `json:"runLauncherAsWorker,omitempty"`
}

// JobStatus is what was observed of a job.
type JobStatus struct {
	Conditions      []JobCondition                 `json:"conditions,omitempty"`
	ReplicaStatuses map[ReplicaType]*ReplicaStatus `json:"replicaStatuses,omitempty"`
	StartTime       *metav1.Time                   `json:"startTime,omitempty"`
	CompletionTime  *metav1.Time                   `json:"completionTime,omitempty"`
	// Restarts is how often pods were made anew because one had failed. Restarts of
	// containers are counted in their pods.
	Restarts int32 `json:"restarts,omitempty"`
}

// JobCondition is one fact of a job's state.
type JobCondition struct {
	Type               string                 `json:"type"`
	Status             corev1.ConditionStatus `json:"status"`
	Reason             string                 `json:"reason,omitempty"`
	Message            string                 `json:"message,omitempty"`
	LastUpdateTime     metav1.Time            `json:"lastUpdateTime,omitempty"`
	LastTransitionTime metav1.Time            `json:"lastTransitionTime,omitempty"`
}

// The types of conditions.
const (
	JobCreated    = "Created"
	JobRunning    = "Running"
	JobRestarting = "Restarting"
	JobSucceeded  = "Succeeded"
	JobFailed     = "Failed"
	JobSuspended  = "Suspended"
)

// ReplicaStatus counts pods of one type.
type ReplicaStatus struct {
	Active    int32 `json:"active,omitempty"`
	Succeeded int32 `json:"succeeded,omitempty"`
	Failed    int32 `json:"failed,omitempty"`
}
