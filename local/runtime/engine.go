package runtime

import (
	"context"
	"fmt"
	"os/exec"
	"time"

	"github.com/prime-radiant/radiant/local/process"
)

// engineTimeout bounds the wait for a container engine's answer.
const engineTimeout = 5 * time.Second

// engines are the container engines that are asked, in this order; they take
// the same commands.
var engines = [...]string{"docker", "podman"}

// FindEngine returns the path of the first container engine that answers, or
// "" when there is none.
func FindEngine() string {
	for _, name := range engines {
		program, err := exec.LookPath(name)
		if err != nil {
			continue
		}
		ctx, cancel := context.WithTimeout(context.Background(), engineTimeout)
		err = exec.CommandContext(ctx, program, "info").Run()
		cancel()
		if err == nil {
			return program
		}
	}
	return ""
}

// ImageRun is a container for an engine to run.
type ImageRun struct {
	Engine string
	// Name is the container's, so that it can be entered and removed.
	Name       string
	Image      string
	Entrypoint []string
	Args       []string
	Env        Variables
	Mounts     []Mount
	Dir        string
	User       *int64
}

// Start is the command that starts the image on the host's network, where it listens on the
// ports that it is told, like the other containers. The values of its
// environment are not in the arguments, which other users can see: the engine
// takes them from its own environment.
func (r ImageRun) Start(from Shell) process.Command {
	args := []string{"run", "--rm", "--name", r.Name, "--network", "host"}
	for _, v := range r.Env {
		args = append(args, "--env", v.Name)
	}
	for _, m := range r.Mounts {
		bind := m.dir + ":" + m.path
		if m.read {
			bind += ":ro"
		}
		args = append(args, "--volume", bind)
	}
	if r.Dir != "" {
		args = append(args, "--workdir", r.Dir)
	}
	if r.User != nil {
		args = append(args, "--user", fmt.Sprint(*r.User))
	}
	rest := r.Args
	if len(r.Entrypoint) > 0 {
		args = append(args, "--entrypoint", r.Entrypoint[0])
		rest = append(append([]string{}, r.Entrypoint[1:]...), r.Args...)
	}
	args = append(append(args, r.Image), rest...)
	return process.Command{Program: r.Engine, Args: args, Env: from.With(r.Env)}
}

// Remove is the command that makes sure that the container is gone.
func (r ImageRun) Remove(from Shell) *process.Command {
	return &process.Command{Program: r.Engine, Args: []string{"rm", "--force", r.Name}, Env: from}
}

// Enter is the command that runs words inside the container.
func (r ImageRun) Enter(words []string, from Shell) process.Command {
	return process.Command{Program: r.Engine, Args: append([]string{"exec", r.Name}, words...), Env: from}
}
