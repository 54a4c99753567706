package kubeflow

// AnnotationRestart of a job says which replicas start again when one of them
// failed: [RestartTogether], or by its absence the one that failed, by its own
// policy.
const AnnotationRestart = "radiant.io/restart"

// RestartTogether lets all replicas start again when one failed, whatever its
// policy and exit code. Programs that average gradients among themselves need
// it: a worker that starts again cannot join those that have lost it.
const RestartTogether = "all"

// RestartsTogether reports whether all replicas of a job start again when one
// failed.
func RestartsTogether(j Job) bool { return j.GetAnnotations()[AnnotationRestart] == RestartTogether }
