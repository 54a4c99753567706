package local

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/prime-radiant/radiant/local/process"
	"github.com/prime-radiant/radiant/local/runtime"
	"github.com/prime-radiant/radiant/storage"
)

// podLayout is a Deployment's pod, ready to be started here: everything that
// can be wrong with it was found out before.
type podLayout struct {
	name       string
	volumes    map[string]runtime.Volume
	inits      []containerLayout
	containers []containerLayout
	grace      time.Duration
	// names are those of all containers, also of those that are left out.
	names []string
	// notes are for the user to read.
	notes []string
}

// containerLayout is one container of a pod.
type containerLayout struct {
	spec *corev1.Container
	// name is predictor/container, label what messages call it:
	// deployment/predictor/container.
	name, label string
	choice      runtime.Choice
	command     process.Command
	// cleanup, if not nil, is run after the container has stopped.
	cleanup *process.Command
	// within makes the command that runs words inside the container, for
	// probes and hooks.
	within func(words []string) process.Command
	work   string
	// examples is the predictor's folder of examples; describe prints what the
	// container's model takes, nil: its server tells.
	examples string
	describe *process.Command
}

// layouts lays out the pods of Deployments on this machine.
type layouts struct {
	chooser *runtime.Chooser
	shell   runtime.Shell
	// modelCache keeps models that were fetched, for all runs.
	modelCache string
	// volumes are the user's folders by the name of a volume.
	volumes map[string]string
	// fileDir is where the files of manifests/python are on disk.
	fileDir string
}

// origin says whose pod is laid out.
type origin struct {
	deployment, predictor string
	// root is a folder for the pod's volumes and work.
	root string
}

// defaultGrace is what Kubernetes gives a pod to stop.
const defaultGrace = 30 * time.Second

// pod lays out the pod of d. All problems are reported at once; with an error
// comes what could be laid out.
func (p *layouts) pod(d *appsv1.Deployment, of origin) (*podLayout, error) {
	template := &d.Spec.Template
	layout, err := p.layOut(&template.Spec, runtime.Identity{
		Name: d.Name + "-local", Namespace: d.Namespace,
		Labels: template.Labels, Annotations: template.Annotations,
		ServiceAccount: template.Spec.ServiceAccountName,
	}, of)
	layout.name = d.Name
	return layout, err
}

// layOut lays out a pod that knows itself as id. All problems are reported at once;
// with an error comes what could be laid out.
func (p *layouts) layOut(spec *corev1.PodSpec, id runtime.Identity, of origin) (*podLayout, error) {
	layout := &podLayout{name: id.Name, grace: defaultGrace}
	if g := spec.TerminationGracePeriodSeconds; g != nil {
		layout.grace = time.Duration(*g) * time.Second
	}
	volumes, err := runtime.Volumes(spec, id, filepath.Join(of.root, "volumes"), p.volumes)
	errs := []error{err}
	layout.volumes = volumes
	add := func(list *[]containerLayout, specs []corev1.Container) {
		for i := range specs {
			c, notes, err := p.container(&specs[i], volumes, id, of)
			layout.names = append(layout.names, c.name)
			if err != nil {
				errs = append(errs, fmt.Errorf("container %s: %w", specs[i].Name, err))
				continue
			}
			layout.notes = append(layout.notes, notes...)
			if c.choice.Mode == runtime.AsNothing {
				layout.notes = append(layout.notes, c.label+" is left out, as --exec asks")
				continue
			}
			*list = append(*list, c)
		}
	}
	add(&layout.inits, spec.InitContainers)
	add(&layout.containers, spec.Containers)
	if err := errors.Join(errs...); err != nil {
		return layout, err
	}
	layout.dropFetches(spec.Containers)
	return layout, nil
}

func (p *layouts) container(c *corev1.Container, volumes map[string]runtime.Volume, id runtime.Identity, of origin) (containerLayout, []string, error) {
	name := of.predictor + "/" + c.Name
	layout := containerLayout{spec: c, name: name, label: of.deployment + "/" + name, work: filepath.Join(of.root, "work", c.Name), examples: examplesIn(of.root)}
	chosen, err := p.chooser.Choose(of.deployment, of.predictor, c)
	if err != nil {
		return layout, nil, err
	}
	layout.choice = chosen
	if chosen.Mode == runtime.AsNothing {
		return layout, nil, nil
	}
	env, err := runtime.Environment(c, id, p.shell)
	list, mountErr := runtime.Mounts(c, volumes)
	if err := errors.Join(err, mountErr); err != nil {
		return layout, nil, err
	}
	var notes []string
	for _, from := range c.EnvFrom {
		switch {
		case from.SecretRef != nil:
			notes = append(notes, fmt.Sprintf("%s takes variables from Secret %s in a cluster; here it sees those of this shell", layout.label, from.SecretRef.Name))
		case from.ConfigMapRef != nil:
			notes = append(notes, fmt.Sprintf("%s takes variables from ConfigMap %s in a cluster; here it sees those of this shell", layout.label, from.ConfigMapRef.Name))
		}
	}
	if chosen.Mode == runtime.AsImage {
		p.image(&layout, env, list, id)
		return layout, notes, nil
	}
	p.asProcess(&layout, env, list)
	return layout, notes, nil
}

// image lays out a container that an engine runs.
func (p *layouts) image(layout *containerLayout, env runtime.Variables, list []runtime.Mount, id runtime.Identity) {
	c := layout.spec
	run := runtime.ImageRun{
		Engine: layout.choice.Program, Name: "radiant-" + id.Name + "-" + c.Name, Image: c.Image,
		Entrypoint: expandAll(c.Command, env), Args: expandAll(c.Args, env), Env: env, Mounts: list, Dir: c.WorkingDir,
	}
	if c.SecurityContext != nil {
		run.User = c.SecurityContext.RunAsUser
	}
	layout.command = run.Start(p.shell)
	layout.cleanup = run.Remove(p.shell)
	layout.within = func(words []string) process.Command { return run.Enter(words, p.shell) }
}

// asProcess lays out a container that is a process of this machine. Paths of its
// mounts become those of the folders.
func (p *layouts) asProcess(layout *containerLayout, env runtime.Variables, list []runtime.Mount) {
	fill := func(text string) string { return p.fill(text, layout, list) }
	var own runtime.Variables
	for _, e := range layout.choice.Command.Env {
		own.Set(e.Name, fill(e.Value))
	}
	for _, v := range env {
		if !slices.Contains(layout.choice.Command.Unset, v.Name) {
			own.Set(v.Name, runtime.LocalPaths(v.Value, list))
		}
	}
	if _, set := p.shell.Value(storage.CacheVariable); !set && layout.choice.Fetches() {
		own.Set(storage.CacheVariable, p.modelCache)
	}
	environment := p.shell.With(own)
	if layout.choice.Packaged() {
		// Only the locked packages may be seen, and logs come as they are written.
		environment = append(environment, "PYTHONNOUSERSITE=1", "PYTHONPATH=", "PYTHONHOME=", "PYTHONUNBUFFERED=1")
	}
	local := func(words []string) []string {
		words = expandAll(words, env)
		for i := range words {
			words[i] = runtime.LocalPaths(words[i], list)
		}
		return words
	}
	words := local(layout.choice.Words)
	var args []string
	dir := layout.work
	if layout.choice.Mode == runtime.AsShell {
		args = append([]string{"-c", layout.choice.Shell, layout.spec.Name}, words...)
		dir = ""
	} else {
		for _, arg := range layout.choice.Command.Args {
			args = append(args, fill(arg))
		}
		if len(words) == 0 {
			for _, arg := range layout.choice.Command.Default {
				words = append(words, fill(arg))
			}
		}
		args = append(args, words...)
	}
	if moved := runtime.LocalPaths(layout.spec.WorkingDir, list); moved != layout.spec.WorkingDir {
		dir = moved
	}
	layout.command = process.Command{Program: layout.choice.Program, Args: args, Env: environment, Dir: dir}
	if describes := layout.choice.Command.Describes; len(describes) > 0 && layout.choice.Packaged() {
		var args []string
		for _, arg := range describes {
			args = append(args, fill(arg))
		}
		layout.describe = &process.Command{Program: filepath.Join(filepath.Dir(layout.choice.Program), "python"), Args: args, Env: environment, Dir: layout.work}
	}
	layout.within = func(words []string) process.Command {
		words = local(words)
		if layout.choice.Fetches() && len(words) > 0 && filepath.Base(words[0]) == filepath.Base(layout.choice.Program) {
			words[0] = layout.choice.Program // It lies elsewhere than in its image.
		}
		return process.Command{Program: words[0], Args: words[1:], Env: environment, Dir: dir}
	}
}

// fill replaces the placeholders of a manifests.Command.
func (p *layouts) fill(text string, layout *containerLayout, list []runtime.Mount) string {
	if !strings.Contains(text, "{") {
		return text
	}
	text = strings.NewReplacer("{work}", layout.work, "{examples}", layout.examples).Replace(text)
	text = fillNamed(text, "{file:", func(name string) string { return filepath.Join(p.fileDir, name) })
	return fillNamed(text, "{mount:", func(name string) string {
		if moved := runtime.LocalPaths(name, list); moved != name {
			return moved
		}
		return layout.work
	})
}

func fillNamed(text, prefix string, value func(string) string) string {
	before, rest, ok := strings.Cut(text, prefix)
	if !ok {
		return text
	}
	name, after, _ := strings.Cut(rest, "}")
	return before + value(name) + fillNamed(after, prefix, value)
}

// expandAll replaces $(NAME) in each word; the words given stay as they are.
func expandAll(words []string, env runtime.Variables) []string {
	expanded := make([]string, len(words))
	for i, w := range words {
		expanded[i] = runtime.ExpandReferences(w, env)
	}
	return expanded
}
