package kubeflow

// AnnotationStrategy of a TFJob says what its program is written for, where the
// manifest alone does not: [MultiWorkerMirrored] or [ParameterServer].
const AnnotationStrategy = "radiant.io/strategy"

// Strategy is how the pods of a TFJob train together.
type Strategy string

// The strategies. NoStrategy leaves TF_CONFIG as Kubeflow writes it.
const (
	NoStrategy Strategy = ""
	// MultiWorkerMirrored lets workers average gradients among themselves. They
	// are told of no parameter servers; the pods of those wait for the job's end.
	MultiWorkerMirrored Strategy = "multiworkermirrored"
	// ParameterServer keeps variables in parameter servers. Where the job has no
	// chief, worker 0 is told that it is one.
	ParameterServer Strategy = "parameterserver"
)

// Strategies lists what the annotation may say.
func Strategies() []string { return []string{string(MultiWorkerMirrored), string(ParameterServer)} }

// Strategy is what the job's annotation says.
func (j *TFJob) Strategy() Strategy { return Strategy(j.Annotations[AnnotationStrategy]) }
