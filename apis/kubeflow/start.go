package kubeflow

// AnnotationStart of a job says when its pods are placed on nodes: [StartTogether],
// or by its absence each as soon as it may be.
const AnnotationStart = "radiant.io/start"

// StartTogether holds the pods back until there is room for all of them. Pods that
// wait for each other would otherwise keep what another job lacks.
const StartTogether = "all"

// StartsTogether reports whether the pods of a job are placed all at once.
func StartsTogether(j Job) bool { return j.GetAnnotations()[AnnotationStart] == StartTogether }
