package train

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/prime-radiant/radiant/apis/kubeflow"
)

// TFConfig is the variable by which TensorFlow learns who else trains.
const TFConfig = "TF_CONFIG"

// cluster is a TFJob with defaults, and its pods.
type cluster struct {
	job      *kubeflow.TFJob
	parts    kubeflow.Parts
	members  []member
	strategy kubeflow.Strategy
	places   Places
	// addresses is the JSON of who is where, which all members are told.
	addresses string
}

func newCluster(j *kubeflow.TFJob, places Places) *cluster {
	c := &cluster{job: j, parts: j.Parts(), strategy: j.Strategy(), places: places}
	for _, t := range c.parts.Types {
		spec := c.parts.Replicas[t]
		for i := range c.parts.Count(t) {
			c.members = append(c.members, member{kubeflow.PodName(j.Name, t, i), t, i, port(spec), spec})
		}
	}
	return c
}

func (c *cluster) hasChief() bool {
	return c.parts.Count(kubeflow.Chief)+c.parts.Count(kubeflow.Master) > 0
}

// leads reports whether the success of the job is a member's: the chief's, or that
// of worker 0 where there is none.
func (c *cluster) leads(m member) bool {
	if c.hasChief() {
		return m.of == kubeflow.Chief || m.of == kubeflow.Master
	}
	return m.of == kubeflow.Worker && m.index == 0
}

// idles reports whether a member has nothing to do but to be there.
func (c *cluster) idles(m member) bool {
	return c.strategy == kubeflow.MultiWorkerMirrored && m.of == kubeflow.PS
}

// place is where a member stands in TF_CONFIG: its type in lower case, and its
// number.
func (c *cluster) place(m member) task {
	if c.strategy == kubeflow.ParameterServer && !c.hasChief() && m.of == kubeflow.Worker {
		// TensorFlow waits without end for a chief, so worker 0 is told that it is one.
		if m.index == 0 {
			return task{strings.ToLower(string(kubeflow.Chief)), 0}
		}
		return task{strings.ToLower(string(kubeflow.Worker)), m.index - 1}
	}
	return task{strings.ToLower(string(m.of)), m.index}
}

type task struct {
	Type  string `json:"type"`
	Index int32  `json:"index"`
}

// tfConfig is the text of the variable for a member; empty: it is to have none,
// since it is alone. The order of fields, the names and the missing blanks are
// those of Kubeflow.
func (c *cluster) tfConfig(m member) (string, error) {
	if len(c.members) == 1 {
		return "", nil
	}
	if c.addresses == "" { // The same for a thousand members: it is written once.
		all := map[string][]string{}
		for _, other := range c.members { // In the order of their numbers, of each type.
			if !c.idles(other) {
				of := c.place(other).Type
				all[of] = append(all[of], c.address(other))
			}
		}
		text, err := json.Marshal(all)
		if err != nil {
			return "", err
		}
		c.addresses = string(text)
	}
	place, err := json.Marshal(c.place(m))
	if err != nil {
		return "", err
	}
	return `{"cluster":` + c.addresses + `,"task":` + string(place) + `,"environment":"cloud"}`, nil
}

// address is where the others reach a member.
func (c *cluster) address(m member) string {
	if c.places != nil {
		return c.places(m.name, m.port)
	}
	return fmt.Sprintf("%s.%s.svc:%d", m.name, c.job.Namespace, m.port)
}
