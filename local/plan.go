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

// podPlan is a Deployment's pod, ready to be started here: everything that
// can be wrong with it was found out before.
type podPlan struct {
	name       string
	volumes    map[string]runtime.Volume
	inits      []containerPlan
	containers []containerPlan
	grace      time.Duration
	// names are those of all containers, also of those that are left out.
	names []string
	// notes are for the user to read.
	notes []string
}

// containerPlan is one container of a pod.
type containerPlan struct {
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
}

// planner turns Deployments into pod plans.
type planner struct {
	chooser *runtime.Chooser
	shell   runtime.Shell
	// modelCache keeps models that were fetched, for all runs.
	modelCache string
	// volumes are the user's folders by the name of a volume.
	volumes map[string]string
	// fileDir is where the files of manifests/python are on disk.
	fileDir string
}

// place says whose pod is planned.
type place struct {
	deployment, predictor string
	// root is a folder for the pod's volumes and work.
	root string
}

// defaultGrace is what Kubernetes gives a pod to stop.
const defaultGrace = 30 * time.Second

// pod plans the pod of d. All problems are reported at once; with an error
// comes what could be planned.
func (p *planner) pod(d *appsv1.Deployment, at place) (*podPlan, error) {
	template := &d.Spec.Template
	id := runtime.Identity{
		Name: d.Name + "-local", Namespace: d.Namespace,
		Labels: template.Labels, Annotations: template.Annotations,
		ServiceAccount: template.Spec.ServiceAccountName,
	}
	plan := &podPlan{name: d.Name, grace: defaultGrace}
	if g := template.Spec.TerminationGracePeriodSeconds; g != nil {
		plan.grace = time.Duration(*g) * time.Second
	}
	volumes, err := runtime.Volumes(&template.Spec, id, filepath.Join(at.root, "volumes"), p.volumes)
	errs := []error{err}
	plan.volumes = volumes
	add := func(list *[]containerPlan, specs []corev1.Container) {
		for i := range specs {
			c, notes, err := p.container(&specs[i], volumes, id, at)
			plan.names = append(plan.names, c.name)
			if err != nil {
				errs = append(errs, fmt.Errorf("container %s: %w", specs[i].Name, err))
				continue
			}
			plan.notes = append(plan.notes, notes...)
			if c.choice.Way == runtime.AsNothing {
				plan.notes = append(plan.notes, c.label+" is left out, as --exec asks")
				continue
			}
			*list = append(*list, c)
		}
	}
	add(&plan.inits, template.Spec.InitContainers)
	add(&plan.containers, template.Spec.Containers)
	if err := errors.Join(errs...); err != nil {
		return plan, err
	}
	plan.dropFetches(template.Spec.Containers)
	return plan, nil
}

func (p *planner) container(c *corev1.Container, volumes map[string]runtime.Volume, id runtime.Identity, at place) (containerPlan, []string, error) {
	name := at.predictor + "/" + c.Name
	plan := containerPlan{spec: c, name: name, label: at.deployment + "/" + name, work: filepath.Join(at.root, "work", c.Name)}
	chosen, err := p.chooser.Choose(at.deployment, at.predictor, c)
	if err != nil {
		return plan, nil, err
	}
	plan.choice = chosen
	if chosen.Way == runtime.AsNothing {
		return plan, nil, nil
	}
	env, err := runtime.Environment(c, id, p.shell)
	list, mountErr := runtime.Mounts(c, volumes)
	if err := errors.Join(err, mountErr); err != nil {
		return plan, nil, err
	}
	var notes []string
	for _, from := range c.EnvFrom {
		switch {
		case from.SecretRef != nil:
			notes = append(notes, fmt.Sprintf("%s takes variables from Secret %s in a cluster; here it sees those of this shell", plan.label, from.SecretRef.Name))
		case from.ConfigMapRef != nil:
			notes = append(notes, fmt.Sprintf("%s takes variables from ConfigMap %s in a cluster; here it sees those of this shell", plan.label, from.ConfigMapRef.Name))
		}
	}
	if chosen.Way == runtime.AsImage {
		p.image(&plan, env, list, id)
		return plan, notes, nil
	}
	p.asProcess(&plan, env, list)
	return plan, notes, nil
}

// image plans a container that an engine runs.
func (p *planner) image(plan *containerPlan, env runtime.Variables, list []runtime.Mount, id runtime.Identity) {
	c := plan.spec
	run := runtime.ImageRun{
		Engine: plan.choice.Program, Name: "radiant-" + id.Name + "-" + c.Name, Image: c.Image,
		Entrypoint: expandAll(c.Command, env), Args: expandAll(c.Args, env), Env: env, Mounts: list, Dir: c.WorkingDir,
	}
	if c.SecurityContext != nil {
		run.User = c.SecurityContext.RunAsUser
	}
	plan.command = run.Start(p.shell)
	plan.cleanup = run.Remove(p.shell)
	plan.within = func(words []string) process.Command { return run.Enter(words, p.shell) }
}

// asProcess plans a container that is a process of this machine. Paths of its
// mounts become those of the folders.
func (p *planner) asProcess(plan *containerPlan, env runtime.Variables, list []runtime.Mount) {
	fill := func(text string) string { return p.fill(text, plan.work, list) }
	var own runtime.Variables
	for _, e := range plan.choice.Command.Env {
		own.Set(e.Name, fill(e.Value))
	}
	for _, v := range env {
		if !slices.Contains(plan.choice.Command.Unset, v.Name) {
			own.Set(v.Name, runtime.LocalPaths(v.Value, list))
		}
	}
	if _, set := p.shell.Value(storage.CacheVariable); !set && plan.choice.Fetches() {
		own.Set(storage.CacheVariable, p.modelCache)
	}
	environment := p.shell.With(own)
	if plan.choice.Packaged() {
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
	words := local(plan.choice.Words)
	var args []string
	dir := plan.work
	if plan.choice.Way == runtime.AsShell {
		args = append([]string{"-c", plan.choice.Shell, plan.spec.Name}, words...)
		dir = ""
	} else {
		for _, arg := range plan.choice.Command.Args {
			args = append(args, fill(arg))
		}
		if len(words) == 0 {
			for _, arg := range plan.choice.Command.Default {
				words = append(words, fill(arg))
			}
		}
		args = append(args, words...)
	}
	if moved := runtime.LocalPaths(plan.spec.WorkingDir, list); moved != plan.spec.WorkingDir {
		dir = moved
	}
	plan.command = process.Command{Program: plan.choice.Program, Args: args, Env: environment, Dir: dir}
	plan.within = func(words []string) process.Command {
		words = local(words)
		return process.Command{Program: words[0], Args: words[1:], Env: environment, Dir: dir}
	}
}

// fill replaces the placeholders of a manifests.Command.
func (p *planner) fill(text, work string, list []runtime.Mount) string {
	if !strings.Contains(text, "{") {
		return text
	}
	text = strings.ReplaceAll(text, "{work}", work)
	text = fillNamed(text, "{file:", func(name string) string { return filepath.Join(p.fileDir, name) })
	return fillNamed(text, "{mount:", func(name string) string {
		if moved := runtime.LocalPaths(name, list); moved != name {
			return moved
		}
		return work
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
