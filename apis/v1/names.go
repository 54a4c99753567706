package v1

import (
	"crypto/md5" //nolint:gosec // The names of existing installations are made with it; nothing depends on its strength.
	"encoding/hex"
	"strconv"
	"strings"
)

// maxName is the longest name of a Service and the longest value of a label.
const maxName = 63

// ID identifies the deployment in label values and names its virtual service.
func (d *SeldonDeployment) ID() string { return shorten(d.Name) }

// PredictorName names the predictor's Service, and is the value of the label
// by which it finds its pods. A name that the user chose by
// [AnnotationServiceName] is taken as it is.
func (d *SeldonDeployment) PredictorName(p *PredictorSpec) string {
	if name := p.Annotations[AnnotationServiceName]; name != "" {
		return name
	}
	return shorten(d.Name + "-" + p.Name)
}

// ContainerServiceName names the Service of one graph container.
func (d *SeldonDeployment) ContainerServiceName(p *PredictorSpec, container string) string {
	return shorten(d.Name + "-" + p.Name + "-" + container)
}

// ComponentName names the Deployment of p.ComponentSpecs[i]. It contains the
// names of the containers, so p must be defaulted: the containers of
// prepackaged servers count. With prefix a long name keeps the deployment's
// name in front, where that fits.
func (d *SeldonDeployment) ComponentName(p *PredictorSpec, i int, prefix bool) string {
	spec := &p.ComponentSpecs[i]
	own := spec.Metadata.Name
	if own == "" {
		names := make([]string, len(spec.Spec.Containers))
		for j := range names {
			names[j] = spec.Spec.Containers[j].Name
		}
		own = strings.Join(names, "-")
	}
	name := d.Name + "-" + p.Name + "-" + strconv.Itoa(i) + "-" + own
	if prefix && len(name) > maxName {
		if short := d.Name + "-" + digest(name); len(short) <= maxName {
			return short
		}
	}
	return shorten(name)
}

// ExecutorName names the Deployment of an executor with a pod of its own.
func (d *SeldonDeployment) ExecutorName(p *PredictorSpec) string {
	return shorten(d.Name + "-" + p.Name + "-svc-orch")
}

// PeersName names the Service by which the replicas of an executor find each other.
func (d *SeldonDeployment) PeersName(p *PredictorSpec) string {
	return shorten(d.Name + "-" + p.Name + "-peers")
}

// ExplainerName names the Deployment and the Service of the predictor's
// explainer.
func (d *SeldonDeployment) ExplainerName(p *PredictorSpec) string {
	return shorten(d.Name + "-" + p.Name + "-explainer")
}

// WayObjectName names an object of a way into the cluster that is not the only one of its kind.
func (d *SeldonDeployment) WayObjectName(suffix string) string { return shorten(d.Name + "-" + suffix) }

// ServiceHost is the DNS name of a Service of the deployment.
func (d *SeldonDeployment) ServiceHost(service string) string {
	return service + "." + d.namespace() + ".svc.cluster.local"
}

func (d *SeldonDeployment) namespace() string {
	if d.Namespace == "" {
		return DefaultNamespace
	}
	return d.Namespace
}

func shorten(name string) string {
	if len(name) <= maxName {
		return name
	}
	return "seldon-" + digest(name)
}

func digest(name string) string {
	sum := md5.Sum([]byte(name)) //nolint:gosec // See the import.
	return hex.EncodeToString(sum[:])
}
