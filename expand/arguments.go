package expand

import (
	"path"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	v1 "github.com/prime-radiant/radiant/apis/v1"
	"github.com/prime-radiant/radiant/graph"
	"github.com/prime-radiant/radiant/manifests"
)

// arguments completes a command or arguments that the user wrote for a
// prepackaged server with those that the rest of the pod depends on.
type arguments struct {
	values *strings.Replacer
	// ownModels are flags beside which nothing is said of models.
	ownModels []string
	// translates is true where the executor asks for the model by a name that
	// the server must know, whatever the user calls it.
	translates bool
}

func (p *predictor) arguments(n *graph.Node, server manifests.Server, values *strings.Replacer) arguments {
	return arguments{values: values, ownModels: server.OwnModels, translates: p.speaks(n) != p.outside()}
}

// complete adds those of the entry's arguments that hold a placeholder, and
// those that parameters of the node ask for. Ports are ours; of a model and its
// place the user's own words count. A script is left alone: what it starts is
// not to be seen.
func (a arguments) complete(c *corev1.Container, entry, asked []string) {
	program, flags := splitProgram(entry)
	if v1.IsScript(c) || !a.takesFlags(c, program) {
		return
	}
	c.Command, c.Args = slices.Clone(c.Command), slices.Clone(c.Args)
	if len(c.Command) == 0 && strings.HasPrefix(c.Args[0], "-") {
		c.Args = append(replaceAll(program, a.values), c.Args...)
	}
	for _, flag := range flags {
		name, value, _ := strings.Cut(flag, "=")
		switch {
		case !strings.Contains(value, "{"), a.isModel(value) && a.hasAny(c, a.ownModels):
		case a.isOurs(value):
			setFlag(c, name, a.values.Replace(value))
		case !a.hasAny(c, []string{name}):
			c.Args = append(c.Args, a.values.Replace(flag))
		}
	}
	written := *c.DeepCopy() // A parameter may be given more than once.
	for _, flag := range asked {
		if name, _, _ := strings.Cut(flag, "="); !a.hasAny(&written, []string{name}) {
			c.Args = append(c.Args, flag)
		}
	}
}

// takesFlags reports whether what the user wrote is a program, flags, or both.
func (a arguments) takesFlags(c *corev1.Container, program []string) bool {
	switch {
	case len(c.Args) == 0 || strings.HasPrefix(c.Args[0], "-"):
		return true
	case len(c.Args) > 1 && strings.HasPrefix(c.Args[1], "--"):
		return true
	}
	return len(program) > 0 && path.Base(c.Args[0]) == path.Base(program[0])
}

// isOurs reports whether an argument's value is not for the user to choose.
func (a arguments) isOurs(value string) bool {
	switch value {
	case "{httpPort}", "{grpcPort}", "{metricsPort}":
		return true
	case "{model}":
		return a.translates
	}
	return false
}

func (a arguments) isModel(value string) bool {
	return slices.Contains([]string{"{model}", "{modelDir}", "{modelUri}", "{modelConfig}"}, value)
}

func (a arguments) hasAny(c *corev1.Container, flags []string) bool {
	return slices.ContainsFunc(flags, func(flag string) bool {
		isFlag := func(word string) bool { return flagName(word) == strings.TrimLeft(flag, "-") }
		return slices.ContainsFunc(c.Command, isFlag) || slices.ContainsFunc(c.Args, isFlag)
	})
}

// splitProgram parts arguments that begin with a program.
func splitProgram(args []string) (program, flags []string) {
	i := slices.IndexFunc(args, func(arg string) bool { return strings.HasPrefix(arg, "-") })
	if i < 0 {
		i = len(args)
	}
	return args[:i], args[i:]
}

// flagName is the name of a flag without its dashes and value, or "".
func flagName(word string) string {
	if !strings.HasPrefix(word, "-") {
		return ""
	}
	name, _, _ := strings.Cut(strings.TrimLeft(word, "-"), "=")
	return name
}

// setFlag sets --flag=value, written with one dash or two, with the value
// after "=" or in the next word, in the command or in the arguments.
func setFlag(c *corev1.Container, flag, value string) {
	name := strings.TrimLeft(flag, "-")
	for _, words := range [][]string{c.Command, c.Args} {
		for i, word := range words {
			if flagName(word) != name {
				continue
			}
			written, _, joined := strings.Cut(word, "=")
			if !joined && i+1 < len(words) {
				words[i+1] = value
				return
			}
			words[i] = written + "=" + value
			return
		}
	}
	c.Args = append(c.Args, flag+"="+value)
}

func replaceAll(from []string, values *strings.Replacer) []string {
	if len(from) == 0 {
		return nil
	}
	to := make([]string, len(from))
	for i := range from {
		to[i] = values.Replace(from[i])
	}
	return to
}
