package runtime

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

// Identity is what a pod knows about itself through the downward API.
type Identity struct {
	Name, Namespace string
	Labels          map[string]string
	Annotations     map[string]string
	ServiceAccount  string
}

// Shell is the environment that radiant was started with, as KEY=value.
type Shell []string

// Value looks a variable up; the last setting counts.
func (s Shell) Value(name string) (string, bool) {
	for _, kv := range slices.Backward(s) {
		if v, ok := strings.CutPrefix(kv, name+"="); ok {
			return v, true
		}
	}
	return "", false
}

// With returns the shell's environment with the given variables on top.
func (s Shell) With(env Variables) []string {
	merged := slices.Clone([]string(s))
	for _, v := range env {
		merged = append(merged, v.Name+"="+v.Value)
	}
	return merged
}

// Variable is one environment variable of a container.
type Variable struct{ Name, Value string }

// Variables is a container's environment in the order of its definition; a
// repeated name was replaced in place.
type Variables []Variable

func (v Variables) value(name string) (string, bool) {
	for i := range v {
		if v[i].Name == name {
			return v[i].Value, true
		}
	}
	return "", false
}

// Set adds a variable, or replaces the one of that name in its place.
func (v *Variables) Set(name, value string) {
	for i := range *v {
		if (*v)[i].Name == name {
			(*v)[i].Value = value
			return
		}
	}
	*v = append(*v, Variable{name, value})
}

// Environment computes the environment of a container as a kubelet would. What
// comes from Secrets and ConfigMaps, which a laptop has not, is taken from
// the shell's variables of the same names; where one is missing the error
// says how to give it.
func Environment(c *corev1.Container, id Identity, from Shell) (Variables, error) {
	var (
		env  Variables
		errs []error
	)
	for i := range c.Env {
		e := &c.Env[i]
		value, ok, err := envValue(e, c, id, from)
		if err != nil {
			errs = append(errs, fmt.Errorf("variable %s: %w", e.Name, err))
			continue
		}
		if ok {
			if e.ValueFrom == nil {
				value = ExpandReferences(value, env)
			}
			env.Set(e.Name, value)
		}
	}
	return env, errors.Join(errs...)
}

func envValue(e *corev1.EnvVar, c *corev1.Container, id Identity, from Shell) (value string, ok bool, err error) {
	source := e.ValueFrom
	switch {
	case source == nil:
		return e.Value, true, nil
	case source.FieldRef != nil:
		value, err = fieldValue(source.FieldRef.FieldPath, id)
		return value, err == nil, err
	case source.ResourceFieldRef != nil:
		return resourceValue(source.ResourceFieldRef, c), true, nil
	case source.SecretKeyRef != nil:
		r := source.SecretKeyRef
		return fromShell(e.Name, fmt.Sprintf("key %s of Secret %s", r.Key, r.Name), r.Optional, from)
	case source.ConfigMapKeyRef != nil:
		r := source.ConfigMapKeyRef
		return fromShell(e.Name, fmt.Sprintf("key %s of ConfigMap %s", r.Key, r.Name), r.Optional, from)
	}
	return "", false, errors.New("its source is not known here; give a plain value")
}

func fromShell(name, source string, optional *bool, from Shell) (string, bool, error) {
	if v, ok := from.Value(name); ok {
		return v, true, nil
	}
	if optional != nil && *optional {
		return "", false, nil
	}
	return "", false, fmt.Errorf("it comes from %s, which exists in a cluster only; set %s in the shell that runs radiant", source, name)
}

// fieldValue is the value of a pod's own field.
func fieldValue(path string, id Identity) (string, error) {
	if key, ok := subscript(path, "metadata.labels"); ok {
		return id.Labels[key], nil
	}
	if key, ok := subscript(path, "metadata.annotations"); ok {
		return id.Annotations[key], nil
	}
	switch path {
	case "metadata.name":
		return id.Name, nil
	case "metadata.namespace":
		return id.Namespace, nil
	case "metadata.uid":
		return "local-" + id.Name, nil
	case "metadata.labels":
		return quotedMap(id.Labels), nil
	case "metadata.annotations":
		return quotedMap(id.Annotations), nil
	case "spec.nodeName":
		return "localhost", nil
	case "spec.serviceAccountName":
		return id.ServiceAccount, nil
	case "status.podIP", "status.hostIP", "status.podIPs", "status.hostIPs":
		return "127.0.0.1", nil
	}
	return "", fmt.Errorf("the pod has no field %s", path)
}

// subscript reads path of the form prefix['key'].
func subscript(path, prefix string) (key string, ok bool) {
	rest, ok := strings.CutPrefix(path, prefix+"['")
	if !ok {
		return "", false
	}
	return strings.CutSuffix(rest, "']")
}

// quotedMap writes labels or annotations the way the downward API does: a
// line key="value" for each, sorted.
func quotedMap(m map[string]string) string {
	lines := make([]string, 0, len(m))
	for k, v := range m {
		lines = append(lines, fmt.Sprintf("%s=%q", k, v))
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

// resourceValue is a container's own limit or request in units of the
// divisor, rounded up; 0 where it has none.
func resourceValue(r *corev1.ResourceFieldSelector, c *corev1.Container) string {
	kind, name, _ := strings.Cut(r.Resource, ".")
	list := c.Resources.Limits
	if kind == "requests" {
		list = c.Resources.Requests
	}
	quantity, ok := list[corev1.ResourceName(name)]
	if !ok {
		return "0"
	}
	divisor := r.Divisor.AsApproximateFloat64()
	if divisor == 0 {
		divisor = 1
	}
	return fmt.Sprintf("%.0f", math.Ceil(quantity.AsApproximateFloat64()/divisor))
}

// ExpandReferences replaces $(NAME) by the value of NAME where the container
// defines it, and $$ by a dollar sign. An unknown reference stays as it is.
func ExpandReferences(text string, env Variables) string {
	if !strings.Contains(text, "$") {
		return text
	}
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		if text[i] != '$' || i+1 == len(text) {
			b.WriteByte(text[i])
			continue
		}
		switch text[i+1] {
		case '$':
			b.WriteByte('$')
			i++
		case '(':
			name, _, found := strings.Cut(text[i+2:], ")")
			value, known := env.value(name)
			if !found || !known {
				b.WriteByte('$')
				continue
			}
			b.WriteString(value)
			i += len(name) + 2
		default:
			b.WriteByte('$')
		}
	}
	return b.String()
}
