package local

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/prime-radiant/radiant/apis/kubeflow"
	v1 "github.com/prime-radiant/radiant/apis/v1"
	"github.com/prime-radiant/radiant/graph"
	"github.com/prime-radiant/radiant/local/gateway"
	"github.com/prime-radiant/radiant/local/process"
	"github.com/prime-radiant/radiant/local/runtime"
	"github.com/prime-radiant/radiant/train"
	"github.com/prime-radiant/radiant/wording"
)

// JobError is the error of [Run] where a job failed.
type JobError struct {
	// Job is the job's kind and name, as in tfjob/digits.
	Job string
	// Code is the exit code of the replica that decided; never 0.
	Code    int
	Message string
}

// Error implements error.
func (e *JobError) Error() string { return fmt.Sprintf("%s failed: %s", e.Job, e.Message) }

// training is a job that runs here, or is about to.
type training struct {
	*runner
	plan  *train.Plan
	title string
	// trainees are the replicas, in the order of the plan's.
	trainees []*trainee
	progress *progress
	// outputs are folders in which the model may be written.
	outputs []string
}

// trainee is one replica of a job that runs here.
type trainee struct {
	*train.Replica
	// layout is nil where the replica does not run here.
	layout *podLayout
	// cancel stops it; done is closed when it is gone.
	cancel func()
	done   chan struct{}
}

// prepareJobs lays out all jobs and checks the user's options against them, so that
// what is wrong is said before anything trains.
func (r *runner) prepareJobs(loaded Loaded) ([]*training, error) {
	if err := r.state.writePython(r.options.Python); err != nil {
		return nil, err
	}
	var all []*training
	var errs []error
	var names, served []string
	for _, source := range loaded.Sources {
		names = append(names, namesIn(source.Deployment)...)
		served = append(served, modelFolders(source)...)
	}
	for _, job := range loaded.Jobs {
		t, err := r.prepareJob(job)
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", train.Title(job), err))
			continue
		}
		t.outputs = append(t.outputs, served...)
		all = append(all, t)
	}
	if len(loaded.Sources) > 0 && r.options.Port != 0 {
		listeners, _, err := gateway.Listen(r.options.Port, process.PortOwner)
		errs = append(errs, err)
		for _, l := range listeners {
			l.Close()
		}
	}
	errs = append(errs, runtime.UnusedExec(r.options.Exec, slices.Concat(r.trained, names)))
	return all, errors.Join(errs...)
}

func (r *runner) prepareJob(job kubeflow.Job) (*training, error) {
	ports := map[string]int32{}
	var portErr error
	plan, err := train.NewPlan(job, func(pod string, _ int32) string {
		if ports[pod] == 0 {
			port, err := r.world.host.ports.Take(0)
			ports[pod], portErr = port, errors.Join(portErr, err)
		}
		return "localhost:" + strconv.Itoa(int(ports[pod]))
	})
	if err := errors.Join(err, portErr); err != nil {
		return nil, err
	}
	t := &training{runner: r, plan: plan, title: train.Title(job)}
	var errs []error
	if mpi, ok := plan.Job.(*kubeflow.MPIJob); ok {
		i := slices.IndexFunc(plan.Replicas, func(r train.Replica) bool { return r.Leads })
		if err := r.launchHere(mpi, plan.Replicas[i].Main()); err != nil {
			return nil, err
		}
	}
	for i := range plan.Replicas {
		member := &trainee{Replica: &plan.Replicas[i]}
		t.trainees = append(t.trainees, member)
		layout, names, err := r.layOut(plan.Job, member.Replica, ports[member.Name])
		for _, name := range names {
			if name = execName(plan.Job) + "/" + name; !slices.Contains(r.trained, name) {
				r.trained = append(r.trained, name)
			}
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", member.Name, err))
			continue
		}
		member.layout = layout
		if layout != nil {
			t.outputs = append(t.outputs, writtenTo(layout, member.Main().Name)...)
		}
	}
	return t, errors.Join(unique(errs)...)
}

// unique leaves out errors that say of one replica what was said of another.
func unique(errs []error) []error {
	said := map[string]bool{}
	return slices.DeleteFunc(errs, func(err error) bool {
		_, what, _ := strings.Cut(err.Error(), ": ")
		twice := said[what]
		said[what] = true
		return twice
	})
}

// execName is how --exec calls a job: by its name, behind its namespace where that is
// not the usual one.
func execName(j kubeflow.Job) string {
	if j.GetNamespace() == kubeflow.DefaultNamespace {
		return j.GetName()
	}
	return j.GetNamespace() + "/" + j.GetName()
}

// layOut lays out the pod of a replica of a job, which listens on a port; nil where it has
// nothing to do. The names are those by which --exec knows its containers.
func (r *runner) layOut(job kubeflow.Job, m *train.Replica, port int32) (*podLayout, []string, error) {
	spec, kind := &m.Pod.Spec, strings.ToLower(string(m.Type))
	if m.Idles {
		var names []string
		for i := range spec.Containers {
			names = append(names, kind+"/"+spec.Containers[i].Name)
		}
		return nil, names, nil
	}
	if main := m.Main(); port != 0 {
		main.Ports = slices.DeleteFunc(main.Ports, func(p corev1.ContainerPort) bool { return p.ContainerPort == m.Port })
		main.Ports = append(main.Ports, corev1.ContainerPort{Name: train.PortName, ContainerPort: port})
	}
	layout, err := r.world.layouts.layOut(spec, runtime.Identity{
		Name: m.Name, Namespace: m.Pod.Namespace, Labels: m.Pod.Labels, Annotations: m.Pod.Annotations,
		ServiceAccount: spec.ServiceAccountName,
	}, origin{deployment: execName(job), predictor: kind, root: r.state.job(m.Pod.Namespace, m.Name)})
	names := slices.Clone(layout.names)
	if err != nil {
		return nil, names, err
	}
	runs := false
	name := func(list []containerLayout) {
		for i := range list {
			c := &list[i]
			c.name, c.label = m.Name+"/"+c.spec.Name, m.Name+"/"+c.spec.Name
			if c.spec.Name == m.Main().Name {
				c.label, runs = m.Name, true
			}
		}
	}
	name(layout.inits)
	name(layout.containers)
	if !runs {
		return nil, names, nil
	}
	return layout, names, nil
}

// namesIn are the names by which --exec may know the containers of a deployment.
func namesIn(d *v1.SeldonDeployment) []string {
	var names []string
	for i := range d.Spec.Predictors {
		p := &d.Spec.Predictors[i]
		prefix := d.Name + "/" + p.Name + "/"
		p.Graph.Walk(func(_ string, n *graph.Node) { names = append(names, prefix+n.Name) })
		for j := range p.ComponentSpecs {
			spec := &p.ComponentSpecs[j].Spec
			for _, c := range slices.Concat(spec.InitContainers, spec.Containers) {
				names = append(names, prefix+c.Name)
			}
		}
	}
	return names
}

// open makes the function that opens the logs of a replica. Its lines are shown,
// and those of the replica that leads tell how far the job is.
func (t *training) open(m *trainee) outputs {
	colour := colours[int(t.colours.Add(1)-1)%len(colours)]
	return func(c *containerLayout, _ bool) (*process.Output, error) {
		if t.options.Verbose > 1 {
			t.console.note("%s: %s %s", c.label, c.command.Program, strings.Join(c.command.Args, " "))
		}
		var line func(string)
		if !t.options.Quiet {
			line = func(text string) {
				t.console.line(c.label, colour, text)
				if m.Leads && c.label == m.Name && t.progress.read(text) {
					t.console.Progress("%s: %s", t.title, t.progress)
				}
			}
		}
		file := t.state.log(t.plan.Job.GetNamespace(), t.plan.Job.GetName(), c.name)
		return process.OpenOutput(file, line, nil)
	}
}

// announce says what is about to train.
func (t *training) announce() {
	running := 0
	for _, m := range t.trainees {
		if m.layout != nil {
			running++
		}
	}
	t.console.note("%s: training with %s; logs are in %s", t.title, wording.Count(running, "replica"), t.state.logs())
	for _, m := range t.trainees {
		switch {
		case m.layout != nil:
			for _, c := range m.layout.containers {
				t.console.note("  %s: %s", c.label, c.choice)
			}
		case m.Idles && m.Type == kubeflow.Worker:
			t.console.note("  %s: its ranks run on this machine", m.Name)
		case m.Idles:
			t.console.note("  %s: waits for the end, and is left out here", m.Name)
		default:
			t.console.note("  %s: left out", m.Name)
		}
	}
}

// ended says how a job ended, and where its model is.
func (t *training) ended(began time.Time, restarts int32) {
	again := ""
	if restarts > 0 {
		again = ", with " + wording.Count(int(restarts), "restart")
	}
	took := time.Since(began).Round(100 * time.Millisecond)
	t.console.note("%s: Succeeded after %v%s%s", t.title, took, again, t.progress.last())
	models := modelsIn(t.outputs, began)
	for _, m := range models {
		t.console.note("%s: the model is in %s", t.title, m)
	}
	if len(models) == 0 {
		t.console.note("%s: no file of a model was found that is newer than the start", t.title)
	}
}
