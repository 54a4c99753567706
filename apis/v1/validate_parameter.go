package v1

import (
	"fmt"
	"math/big"
	"slices"
	"strconv"
	"strings"

	"github.com/prime-radiant/radiant/graph"
	"github.com/prime-radiant/radiant/wording"
)

func (v *validator) parameters(n node) {
	path, parameters := n.path+".parameters", n.Parameters
	types := []string{
		string(graph.IntParameter), string(graph.FloatParameter), string(graph.DoubleParameter),
		string(graph.StringParameter), string(graph.BoolParameter),
	}
	first := map[string]int{}
	for i := range parameters {
		p := &parameters[i]
		at := fmt.Sprintf("%s[%d]", path, i)
		if p.Name == "" {
			v.errorf(at+".name", "the parameter has no name")
		} else if j, ok := first[p.Name]; ok && !v.repeatable(n, p.Name) {
			v.warnf(at+".name", "parameter %s is given twice, first in %s[%d]; this one counts", p.Name, path, j)
		}
		first[p.Name] = i
		if p.Type == "" {
			v.errorf(at+".type", "the parameter %s has no type; use %s", p.Name, wording.Listed(types))
		}
		v.enum(at+".type", "parameter type", string(p.Type), types)
		if !convertible(p.Value, p.Type) {
			v.errorf(at+".value", "%q is not of the parameter's type %s; write a value such as %q, or another type",
				p.Value, p.Type, valueOf(p.Type))
		}
	}
}

// repeatable reports whether a parameter is a flag of the node's server, which
// may be given more than once.
func (v *validator) repeatable(n node, parameter string) bool {
	direct := v.Servers[n.Implementation].Direct
	return direct != nil && direct.Parameters[strings.ToLower(parameter)] != ""
}

// valueOf is an example of a type's values.
func valueOf(t graph.ParameterType) string {
	switch t {
	case graph.IntParameter:
		return "3"
	case graph.BoolParameter:
		return "true"
	}
	return "0.5"
}

// convertible reports whether a server can convert the text to the type. The
// forms are those of Python, which most servers are written in.
func convertible(text string, t graph.ParameterType) bool {
	text = strings.TrimSpace(text)
	switch t {
	case graph.IntParameter:
		_, ok := new(big.Int).SetString(strings.ReplaceAll(text, "_", ""), 10)
		return ok
	case graph.FloatParameter, graph.DoubleParameter:
		f, err := strconv.ParseFloat(text, 64)
		return err == nil || f != 0 // Out of range is infinity there.
	case graph.BoolParameter:
		return slices.Contains([]string{
			"y", "yes", "t", "true", "on", "1", "n", "no", "f", "false", "off", "0",
		}, strings.ToLower(text))
	}
	return true
}
