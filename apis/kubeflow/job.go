package kubeflow

import (
	"cmp"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

// DefaultNamespace is where a job without a namespace goes.
const DefaultNamespace = "default"

// TensorFlowContainer is the container of a TFJob's pods that trains.
const TensorFlowContainer = "tensorflow"

// +kubebuilder:object:generate=false

// Job is what the kinds have in common: a [*TFJob] or a [*MPIJob].
type Job interface {
	metav1.Object
	runtime.Object
	// Parts are the parts of the specification that both kinds have, of which
	// changes are changes of the job.
	Parts() Parts
	// State is the job's status, of which changes are changes of the job.
	State() *JobStatus
}

// +kubebuilder:object:generate=false

// Parts are the parts of a job that both kinds have.
type Parts struct {
	Kind string
	// Version is the one that the job is written in.
	Version string
	// Field is the name of the field of Replicas.
	Field    string
	Policies *Policies
	Run      *RunPolicy
	Replicas map[ReplicaType]*ReplicaSpec
	// Types are those that the kind has, in the order in which pods are listed.
	Types []ReplicaType
}

// Parts returns the parts of the job.
func (j *TFJob) Parts() Parts {
	return Parts{
		Kind: TFJobKind, Version: version(j.APIVersion, TFJobVersions()), Field: "tfReplicaSpecs", Policies: &j.Spec.Policies, Run: &j.Spec.RunPolicy,
		Replicas: j.Spec.TFReplicaSpecs, Types: []ReplicaType{Chief, Master, PS, Worker, Evaluator},
	}
}

// Parts returns the parts of the job.
func (j *MPIJob) Parts() Parts {
	return Parts{
		Kind: MPIJobKind, Version: version(j.APIVersion, MPIJobVersions()), Field: "mpiReplicaSpecs", Policies: &j.Spec.Policies, Run: &j.Spec.RunPolicy,
		Replicas: j.Spec.MPIReplicaSpecs, Types: []ReplicaType{Launcher, Worker},
	}
}

// State returns the job's status.
func (j *TFJob) State() *JobStatus { return &j.Status }

// State returns the job's status.
func (j *MPIJob) State() *JobStatus { return &j.Status }

// LauncherWorks reports whether the launcher takes ranks as well.
func (j *MPIJob) LauncherWorks() bool {
	return j.Spec.RunLauncherAsWorker != nil && *j.Spec.RunLauncherAsWorker
}

// ActiveDeadline is how long a job may run; false: there is no limit. A number that is
// too large for a duration, as some write for no limit, is the longest one.
func (p *Policies) ActiveDeadline() (time.Duration, bool) {
	if p.ActiveDeadlineSeconds == nil {
		return 0, false
	}
	return time.Duration(min(*p.ActiveDeadlineSeconds, math.MaxInt64/int64(time.Second))) * time.Second, true
}

// version is that of an apiVersion, or the first of known where it is none of
// them.
func version(apiVersion string, known []string) string {
	_, v, _ := strings.Cut(apiVersion, "/")
	if slices.Contains(known, v) {
		return v
	}
	return known[0]
}

// Known returns the type that a name stands for, whatever its case.
func (p *Parts) Known(name ReplicaType) (ReplicaType, bool) {
	i := slices.IndexFunc(p.Types, func(t ReplicaType) bool { return strings.EqualFold(string(t), string(name)) })
	if i < 0 {
		return "", false
	}
	return p.Types[i], true
}

// Count is how many pods of a type a job with defaults has.
func (p *Parts) Count(t ReplicaType) int32 {
	spec := p.Replicas[t]
	if spec == nil {
		return 0
	}
	if spec.Replicas == nil {
		return 1
	}
	return *spec.Replicas
}

// Default fills in what the user left out: the names of types as the API writes
// them, numbers of replicas and policies. What counts of spec and spec.runPolicy
// is in both afterwards. Call it on a copy.
func Default(j Job) {
	if j.GetNamespace() == "" {
		j.SetNamespace(DefaultNamespace)
	}
	p := j.Parts()
	for _, name := range slices.Sorted(maps.Keys(p.Replicas)) {
		known, ok := p.Known(name)
		spec := p.Replicas[name]
		if !ok || spec == nil {
			continue
		}
		delete(p.Replicas, name)
		p.Replicas[known] = spec
		if spec.Replicas == nil {
			one := int32(1)
			spec.Replicas = &one
		}
		spec.RestartPolicy = cmp.Or(spec.RestartPolicy, defaultRestart(known, p.Version))
	}
	a, b := &p.Run.Policies, p.Policies
	a.CleanPodPolicy = cmp.Or(a.CleanPodPolicy, b.CleanPodPolicy, defaultClean(p.Kind))
	a.TTLSecondsAfterFinished = cmp.Or(a.TTLSecondsAfterFinished, b.TTLSecondsAfterFinished)
	a.ActiveDeadlineSeconds = cmp.Or(a.ActiveDeadlineSeconds, b.ActiveDeadlineSeconds)
	a.BackoffLimit = cmp.Or(a.BackoffLimit, b.BackoffLimit)
	a.SchedulingPolicy = cmp.Or(a.SchedulingPolicy, b.SchedulingPolicy)
	*b = *a
	if mpi, ok := j.(*MPIJob); ok && mpi.Spec.SlotsPerWorker == nil {
		one := int32(1)
		mpi.Spec.SlotsPerWorker = &one
	}
}

// defaultRestart is the policy of pods that name none: that of the operators which
// read the version.
func defaultRestart(t ReplicaType, version string) RestartPolicy {
	switch {
	case t == Launcher:
		return RestartOnFailure
	case t == Worker && version == "v1alpha2":
		return RestartAlways
	}
	return RestartNever
}

// defaultClean is the policy of jobs that name none. Parameter servers never end,
// so those of a TFJob end with it, as they did with Kubeflow until 2022; the
// workers of an MPIJob stay, as they do there.
func defaultClean(kind string) CleanPodPolicy {
	if kind == TFJobKind {
		return CleanRunning
	}
	return CleanNone
}
