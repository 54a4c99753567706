// Package runtime decides how a container runs on this machine (as a program that
// stands in for its image, as a command of the user, or in a container engine)
// and makes what it then sees: the environment, the folders of its volumes, and
// Python packages.
package runtime

import (
	"errors"
	"fmt"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/prime-radiant/radiant/manifests"
)

// Mode is how a container runs here.
type Mode int

const (
	// AsProgram is a program of this machine that stands in for the image.
	AsProgram Mode = iota
	// AsShell is a command that the user gave for the container.
	AsShell
	// AsImage is the image itself, run by a container engine.
	AsImage
	// AsNothing leaves the container out.
	AsNothing
)

// Choice is the way that was chosen for a container.
type Choice struct {
	Mode Mode
	// runtime is the name of the stand-in, for the user's eyes.
	runtime string
	// Program is the absolute path of the program or engine.
	Program string
	Command manifests.Command
	// Words are the command and args that follow, nil for the default.
	Words []string
	// Shell is the command of AsShell.
	Shell string
}

// String says what runs, as the table shows it.
func (c Choice) String() string {
	switch c.Mode {
	case AsProgram:
		if c.what() == c.runtime {
			return c.runtime
		}
		return c.runtime + " (" + c.what() + ")"
	case AsShell:
		return "--exec " + shorten(c.Shell)
	case AsImage:
		return filepath.Base(c.Program) + " run"
	}
	return "left out"
}

// longestCommand is how much of a command the table shows.
const longestCommand = 60

func shorten(text string) string {
	text = strings.Join(strings.Fields(text), " ")
	if len(text) <= longestCommand {
		return text
	}
	return text[:longestCommand-3] + "..."
}

func (c Choice) what() string {
	for _, arg := range c.Command.Args {
		if file, ok := strings.CutPrefix(arg, "{file:"); ok {
			return strings.TrimSuffix(file, "}")
		}
	}
	return filepath.Base(c.Program)
}

// Chooser finds the way to run an image on this machine.
type Chooser struct {
	Runtimes []manifests.Runtime
	// Exec are the user's own commands by container, predictor/container or
	// deployment/predictor/container.
	Exec map[string]string
	// BinDir holds the programs beside radiant, VenvDir those of the virtual
	// environment, whether it exists yet or not.
	BinDir, VenvDir string
	// Engine returns the path of a container engine that answers, or "".
	Engine func() string
}

// Choose returns the way to run container c, or an error that lists what the
// user can do.
func (ch *Chooser) Choose(deployment, predictor string, c *corev1.Container) (Choice, error) {
	if command, ok := GivenExec(ch.Exec, deployment, predictor, c.Name); ok {
		if strings.TrimSpace(command) == "" {
			return Choice{Mode: AsNothing}, nil
		}
		return Choice{Mode: AsShell, Program: "/bin/sh", Shell: command, Words: c.Args}, nil
	}
	var why []string
	isOurs := false
	for i := range ch.Runtimes {
		r := &ch.Runtimes[i]
		if !matches(r.Images, c.Image) {
			continue
		}
		chosen, err := ch.program(r, c)
		if err == nil {
			return chosen, nil
		}
		why, isOurs = append(why, err.Error()), ours(r)
		break
	}
	if c.Image != "" {
		if engine := ch.Engine(); engine != "" {
			return Choice{Mode: AsImage, Program: engine, runtime: c.Image}, nil
		}
	}
	if isOurs {
		// Another command in its place is not what the user wants.
		return Choice{}, errors.New(strings.Join(why, "; "))
	}
	return Choice{}, ch.refuse(c, why)
}

func (ch *Chooser) refuse(c *corev1.Container, why []string) error {
	var b strings.Builder
	switch {
	case c.Image == "":
		b.WriteString("no image is given")
	case len(why) == 0:
		fmt.Fprintf(&b, "image %s has no stand-in on this machine", c.Image)
	default:
		fmt.Fprintf(&b, "image %s: %s", c.Image, strings.Join(why, "; "))
	}
	fmt.Fprintf(&b, "\n    give the command to run in its place:  --exec %s='COMMAND'", c.Name)
	if c.Image != "" {
		b.WriteString("\n    or start Docker or Podman, which then runs the image (none answers now)")
	}
	return errors.New(b.String())
}

// program looks for a program that stands in for the image.
func (ch *Chooser) program(r *manifests.Runtime, c *corev1.Container) (Choice, error) {
	words := slices.Concat(c.Command, c.Args)
	if len(words) > 0 && slices.Contains(r.Entry, path.Base(words[0])) {
		words = words[1:]
	} else if len(c.Command) > 0 {
		return Choice{}, fmt.Errorf("its command %q is not one that %s here can stand in for", c.Command[0], r.Name)
	}
	var tried []string
	for _, command := range r.Commands {
		program, err := ch.find(command)
		if err != nil {
			tried = append(tried, err.Error())
			continue
		}
		return Choice{Mode: AsProgram, runtime: r.Name, Program: program, Command: command, Words: words}, nil
	}
	if r.Missing != "" {
		tried = append(tried, r.Missing)
	}
	return Choice{}, errors.New(strings.Join(tried, "; "))
}

// besideRadiant begins the name of a program that lies in radiant's folder.
const besideRadiant = "radiant:"

// fetchProgram fetches a model: its arguments are a URI and a folder.
const fetchProgram = besideRadiant + "storage-initializer"

// Fetches reports whether the program is the stand-in that fetches a model. Its
// arguments are a URI and a folder.
func (c Choice) Fetches() bool { return c.Command.Program == fetchProgram }

// Packaged reports whether the program is one of the virtual environment.
func (c Choice) Packaged() bool { return strings.HasPrefix(c.Command.Program, inEnvironment) }

// inEnvironment begins the name of a program of the virtual environment.
const inEnvironment = "venv:"

// ours reports whether the runtime is a program of this project.
func ours(r *manifests.Runtime) bool {
	return slices.ContainsFunc(r.Commands, func(c manifests.Command) bool { return strings.HasPrefix(c.Program, besideRadiant) })
}

// find returns the absolute path of a program. Those of the virtual
// environment need not exist yet: they are installed before they start.
func (ch *Chooser) find(c manifests.Command) (string, error) {
	if name, ok := strings.CutPrefix(c.Program, inEnvironment); ok {
		return filepath.Join(ch.VenvDir, "bin", name), nil
	}
	if name, ok := strings.CutPrefix(c.Program, besideRadiant); ok {
		program, err := exec.LookPath(filepath.Join(ch.BinDir, name))
		if err != nil {
			return "", fmt.Errorf("%s is not in %s", name, ch.BinDir)
		}
		return program, nil
	}
	program, err := exec.LookPath(c.Program)
	if err != nil {
		return "", fmt.Errorf("%s is not on PATH", c.Program)
	}
	return filepath.Abs(program)
}

// matches reports whether one of the patterns fits the image's name.
func matches(patterns []string, image string) bool {
	name := imageName(image)
	return slices.ContainsFunc(patterns, func(pattern string) bool {
		ok, err := path.Match(pattern, name)
		return err == nil && ok
	})
}

// imageName is the image without the registry's host and digest, with a tag.
func imageName(image string) string {
	name, _, _ := strings.Cut(image, "@")
	if host, rest, ok := strings.Cut(name, "/"); ok && (strings.ContainsAny(host, ".:") || host == "localhost") {
		name = rest
	}
	if name != "" && !strings.Contains(path.Base(name), ":") {
		name += ":latest"
	}
	return name
}

// GivenExec returns the command that --exec gives for a container, by the longest of
// its names that has one; false: none has. Its names are the whole, and what is left
// of that when parts in front of a slash are left out.
func GivenExec(exec map[string]string, deployment, predictor, container string) (command string, ok bool) {
	for name, more := deployment+"/"+predictor+"/"+container, true; more; _, name, more = strings.Cut(name, "/") {
		if command, ok = exec[name]; ok {
			return command, true
		}
	}
	return "", false
}

// UnusedExec returns an error if a name given by --exec is no container's.
func UnusedExec(exec map[string]string, containers []string) error {
	var errs []error
	for name := range exec {
		known := slices.ContainsFunc(containers, func(c string) bool {
			return c == name || strings.HasSuffix(c, "/"+name)
		})
		if !known {
			errs = append(errs, fmt.Errorf("--exec %s: there is no container of this name; there are %s", name, strings.Join(containers, ", ")))
		}
	}
	return errors.Join(errs...)
}
