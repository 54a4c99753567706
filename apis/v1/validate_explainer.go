package v1

import (
	"encoding/json"
	"slices"

	"github.com/prime-radiant/radiant/wording"
)

func (v *validator) explainer(path string, e *Explainer) {
	if e == nil {
		return
	}
	v2 := v.deployment.Spec.Protocol.Canonical() == ProtocolV2
	switch {
	case e.Type == "":
		if e.ModelURI != "" || e.ContainerSpec.Image != "" || e.InitParameters != "" {
			v.warnf(path, "the explainer has no type, so there will be none; use %s", wording.Listed(ExplainerTypes()))
		}
	case v2:
		v.enum(path+".type", "explainer type", e.Type, ExplainerTypes())
	case !slices.Contains(ExplainerTypes(), e.Type) && e.ContainerSpec.Image == "":
		// A free word for the reference; an image of the user's may know more.
		v.warnf(path+".type", "nothing is known of the explainer type %q%s", e.Type, wording.OneOf(e.Type, ExplainerTypes()))
	}
	v.modelURI(path+".modelUri", e.ModelURI)
	v.endpoint(path+".endpoint", e.Endpoint)
	v.objectName(path+".serviceAccountName", e.ServiceAccountName)
	v.objectName(path+".envSecretRefName", e.EnvSecretRefName)
	v.count(path+".replicas", e.Replicas)
	if e.ContainerSpec.Name != "" {
		v.name(path+".containerSpec.name", "container name", e.ContainerSpec.Name)
	}
	v.containerPorts(path+".containerSpec.ports", &e.ContainerSpec)
	v.resources(path+".containerSpec.resources", &e.ContainerSpec.Resources)
	v.initParameters(path+".initParameters", e.InitParameters, v2)
}

func (v *validator) initParameters(path, text string, used bool) {
	if text == "" {
		return
	}
	if !used {
		v.warnf(path, "is read with protocol v2 only")
	}
	var object map[string]any
	if err := json.Unmarshal([]byte(text), &object); err != nil {
		message := "is not a JSON object in text, such as '{\"threshold\": 0.9}': %v"
		if used {
			v.errorf(path, message, err)
		} else {
			v.warnf(path, message, err)
		}
	}
}
