package local

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

// how a container runs here.
type way int

const (
	// asProgram is a program of this machine that stands in for the image.
	asProgram way = iota
	// asShell is a command that the user gave for the container.
	asShell
	// asImage is the image itself, run by a container engine.
	asImage
	// asNothing leaves the container out.
	asNothing
)

// choice is the way that was chosen for a container.
type choice struct {
	way way
	// runtime is the name of the stand-in, for the user's eyes.
	runtime string
	// program is the absolute path of the program or engine.
	program string
	command manifests.Command
	// words are the command and args that follow, nil for the default.
	words []string
	// shell is the command of asShell.
	shell string
}

// String says what runs, as the table shows it.
func (c choice) String() string {
	switch c.way {
	case asProgram:
		if c.what() == c.runtime {
			return c.runtime
		}
		return c.runtime + " (" + c.what() + ")"
	case asShell:
		return "--exec " + shorten(c.shell)
	case asImage:
		return filepath.Base(c.program) + " run"
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

func (c choice) what() string {
	for _, arg := range c.command.Args {
		if file, ok := strings.CutPrefix(arg, "{file:"); ok {
			return strings.TrimSuffix(file, "}")
		}
	}
	return filepath.Base(c.program)
}

// chooser finds the way to run an image on this machine.
type chooser struct {
	runtimes []manifests.Runtime
	// exec are the user's own commands by container, predictor/container or
	// deployment/predictor/container.
	exec map[string]string
	// binDir holds the programs beside radiant, venvDir those of the virtual
	// environment, whether it exists yet or not.
	binDir, venvDir string
	// engine returns the path of a container engine that answers, or "".
	engine func() string
}

// choose returns the way to run container c, or an error that lists what the
// user can do.
func (ch *chooser) choose(deployment, predictor string, c *corev1.Container) (choice, error) {
	for _, name := range []string{deployment + "/" + predictor + "/" + c.Name, predictor + "/" + c.Name, c.Name} {
		command, ok := ch.exec[name]
		if !ok {
			continue
		}
		if strings.TrimSpace(command) == "" {
			return choice{way: asNothing}, nil
		}
		return choice{way: asShell, program: "/bin/sh", shell: command, words: c.Args}, nil
	}
	var why []string
	isOurs := false
	for i := range ch.runtimes {
		r := &ch.runtimes[i]
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
		if engine := ch.engine(); engine != "" {
			return choice{way: asImage, program: engine, runtime: c.Image}, nil
		}
	}
	if isOurs {
		// Another command in its place is not what the user wants.
		return choice{}, errors.New(strings.Join(why, "; "))
	}
	return choice{}, ch.refuse(c, why)
}

func (ch *chooser) refuse(c *corev1.Container, why []string) error {
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
func (ch *chooser) program(r *manifests.Runtime, c *corev1.Container) (choice, error) {
	words := slices.Concat(c.Command, c.Args)
	if len(words) > 0 && slices.Contains(r.Entry, path.Base(words[0])) {
		words = words[1:]
	} else if len(c.Command) > 0 {
		return choice{}, fmt.Errorf("its command %q is not one that %s here can stand in for", c.Command[0], r.Name)
	}
	var tried []string
	for _, command := range r.Commands {
		program, err := ch.find(command)
		if err != nil {
			tried = append(tried, err.Error())
			continue
		}
		return choice{way: asProgram, runtime: r.Name, program: program, command: command, words: words}, nil
	}
	if r.Missing != "" {
		tried = append(tried, r.Missing)
	}
	return choice{}, errors.New(strings.Join(tried, "; "))
}

// besideRadiant begins the name of a program that lies in radiant's folder.
const besideRadiant = "radiant:"

// ours reports whether the runtime is a program of this project.
func ours(r *manifests.Runtime) bool {
	return slices.ContainsFunc(r.Commands, func(c manifests.Command) bool { return strings.HasPrefix(c.Program, besideRadiant) })
}

// find returns the absolute path of a program. Those of the virtual
// environment need not exist yet: they are installed before they start.
func (ch *chooser) find(c manifests.Command) (string, error) {
	if name, ok := strings.CutPrefix(c.Program, "venv:"); ok {
		return filepath.Join(ch.venvDir, "bin", name), nil
	}
	if name, ok := strings.CutPrefix(c.Program, besideRadiant); ok {
		program, err := exec.LookPath(filepath.Join(ch.binDir, name))
		if err != nil {
			return "", fmt.Errorf("%s is not in %s", name, ch.binDir)
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

// unusedExec returns an error if a name given by --exec is no container's.
func unusedExec(exec map[string]string, containers []string) error {
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
