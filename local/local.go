// Package local runs the Deployments that a SeldonDeployment expands to as
// processes of this machine: the second applier of the same desired state.
// What differs from a cluster is where things listen, and that images are
// stood in for by programs.
package local

import (
	"bufio"
	"context"
	"io"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/prime-radiant/radiant/apis/kubeflow"
	"github.com/prime-radiant/radiant/expand"
	"github.com/prime-radiant/radiant/local/gateway"
	"github.com/prime-radiant/radiant/local/process"
	"github.com/prime-radiant/radiant/local/runtime"
	"github.com/prime-radiant/radiant/manifests"
	"github.com/prime-radiant/radiant/wording"
)

// Options is all that [Run] depends on.
type Options struct {
	// Load reads the deployments and jobs and checks them. It is called again when
	// a watched file has changed; its error is shown as it is.
	Load func() (Loaded, error)
	// Watch lists the files and folders to watch; none: nothing is watched.
	Watch []string
	// Port is the gateway's. 0 takes a free one.
	Port int
	// Trust says who may use the gateway besides programs of this machine.
	Trust gateway.Trust
	// Exec are the commands to run in place of images, by the name of the
	// container, predictor/container or deployment/predictor/container. An
	// empty command leaves the container out.
	Exec map[string]string
	// Volumes are folders in place of volumes that a laptop has not.
	Volumes map[string]string
	// BinDir holds the programs executor and storage-initializer.
	BinDir string
	// CacheDir keeps what outlives a run: the virtual environment, and models.
	CacheDir string
	// StateDir keeps volumes and logs; "" makes one below CacheDir.
	StateDir string
	// Environ is the environment that containers start from, as KEY=value.
	Environ []string
	Servers manifests.Servers
	// Python holds the folder python of package manifests.
	Python fs.FS
	Config expand.Config

	Out io.Writer
	// Terminal says that Out is one, so that colours and lines that change in
	// place are welcome.
	Terminal bool
	// Keys is where the user types: "r" starts everything again, "r NAME" a node
	// or a predictor. Nil: nobody types.
	Keys io.Reader
	// Quiet prints problems alone. It excludes Verbose.
	Quiet bool
	// Verbose 1 shows the output of every container, 2 also what is started
	// and probed.
	Verbose int
	// Random(n) is a number from 0 to n-1, for splitting traffic.
	Random func(n int) int
	// Abort is closed when processes have to end at once.
	Abort <-chan struct{}
	// Started, if not nil, is called once with the gateway's address when all
	// deployments have been ready.
	Started func(address string)

	// Tests go faster, and do not depend on what else is installed.
	pace   *pace
	engine func() string
}

// stopTime bounds the wait for running requests when everything stops.
const stopTime = 10 * time.Second

// Loaded is what [Options.Load] has read and found valid. Warnings are shown as they
// are.
type Loaded struct {
	Sources  []Source
	Jobs     []kubeflow.Job
	Warnings []string
}

// Run runs the jobs to their ends, one after the other. Where all succeed it
// serves the deployments until ctx is done, and then stops everything that it
// started. The error is nil after such a stop, and where there were jobs alone; it
// is a [*JobError] where a job failed.
func Run(ctx context.Context, o Options) error {
	loaded, err := o.Load()
	if err != nil {
		return err
	}
	state, err := openState(o.StateDir, o.CacheDir)
	if err != nil {
		return err
	}
	defer state.close()
	r := newRunner(&o, state)
	defer r.world.host.spawn.Close()
	defer r.world.host.ports.Close()
	if len(loaded.Jobs) == 0 {
		return r.serve(ctx, loaded)
	}
	jobs, err := r.prepareJobs(loaded)
	if err != nil {
		return err
	}
	r.tell(loaded.Warnings, nil)
	for _, job := range jobs {
		if err := job.run(ctx); err != nil || ctx.Err() != nil {
			return err
		}
	}
	if len(loaded.Sources) == 0 {
		return nil
	}
	return r.serve(ctx, loaded)
}

// serve serves deployments until ctx is done.
func (r *runner) serve(ctx context.Context, loaded Loaded) error {
	listeners, port, err := gateway.Listen(r.options.Port, process.PortOwner)
	if err != nil {
		return err
	}
	r.port = port
	target, err := r.prepare(loaded.Sources)
	if err != nil {
		for _, l := range listeners {
			l.Close()
		}
		return err
	}
	r.tell(loaded.Warnings, target.notes)
	r.world.gateway.Serve(listeners)
	if err := r.world.start(ctx, target); err != nil {
		r.stop(ctx.Err() != nil)
		if ctx.Err() != nil {
			return nil
		}
		return err
	}
	r.announce(target)
	err = r.loop(ctx)
	r.stop(ctx.Err() != nil)
	return err
}

// runner connects the world with the user: what is printed, and what happens
// when files change.
type runner struct {
	options *Options
	console *console
	world   *world
	state   *state
	port    int
	colours atomic.Int64
	sources []Source
	// shown are the notes that were printed.
	shown map[string]bool
	// trained are the names of the containers of the jobs.
	trained []string
	// reported is set when all deployments have been ready and were shown.
	reported bool
	// completed gets a value when a deployment becomes ready.
	completed chan struct{}
}

func newRunner(o *Options, s *state) *runner {
	c := &console{out: o.Out, terminal: o.Terminal, quiet: o.Quiet}
	h := &host{spawn: process.NewSpawner(), console: c, ports: process.NewPortBook(), pace: usualPace(), abort: o.Abort, verbose: o.Verbose}
	if o.pace != nil {
		h.pace = *o.pace
	}
	engine := onceString(runtime.FindEngine)
	if o.engine != nil {
		engine = o.engine
	}
	python := runtime.NewPython(o.CacheDir, o.Python, news{c}, o.Environ)
	r := &runner{
		options: o, console: c, state: s,
		shown: map[string]bool{}, completed: make(chan struct{}, 1),
	}
	r.world = &world{
		host: h, gateway: gateway.New(o.Random), state: s.pods(),
		layouts: &layouts{
			chooser: &runtime.Chooser{
				Runtimes: o.Servers.Runtimes, Exec: o.Exec, BinDir: o.BinDir, VenvDir: python.Dir(),
				Engine: engine,
			},
			shell: o.Environ, volumes: o.Volumes, fileDir: s.python(),
			modelCache: filepath.Join(o.CacheDir, "models"),
		},
		input:    expand.Input{Config: o.Config, Servers: o.Servers},
		python:   python.Ensure,
		outdated: make(chan *generation, 1),
		served:   map[string]*served{},
		starts:   map[string]starts{},
	}
	r.world.gateway.SetTrust(o.Trust)
	r.world.open = r.open
	r.world.adopted = r.adopted
	return r
}

// onceString calls f at most once.
func onceString(f func() string) func() string {
	var value string
	var called bool
	return func() string {
		if !called {
			value, called = f(), true
		}
		return value
	}
}

// prepare computes what has to run and checks the user's options against it.
func (r *runner) prepare(sources []Source) (*target, error) {
	if err := r.state.writePython(r.options.Python); err != nil {
		return nil, err
	}
	t, err := r.world.prepare(sources)
	if err != nil {
		return nil, err
	}
	if err := runtime.UnusedExec(r.options.Exec, slices.Concat(t.containers, r.trained)); err != nil {
		t.release()
		return nil, err
	}
	r.sources = sources
	return t, nil
}

// tell prints warnings and notes that were not printed before.
func (r *runner) tell(warnings, notes []string) {
	lines := slices.Clone(warnings)
	for _, note := range notes {
		if !r.options.Quiet {
			lines = append(lines, "note: "+note)
		}
	}
	for _, line := range lines {
		if !r.shown[line] {
			r.shown[line] = true
			r.console.Say("%s", line)
		}
	}
}

// open makes the function that opens the logs of a generation.
func (r *runner) open(g *generation) outputs {
	return func(c *containerLayout, init bool) (*process.Output, error) {
		colour := colours[int(r.colours.Add(1)-1)%len(colours)]
		own := c.choice.Mode == runtime.AsShell || c.choice.Mode == runtime.AsImage
		show := (own || init || r.options.Verbose > 0) && !r.options.Quiet
		if r.options.Verbose > 1 {
			r.console.note("%s: %s %s", c.label, c.command.Program, strings.Join(c.command.Args, " "))
		}
		var line func(string)
		if show {
			line = func(text string) { r.console.line(c.label, colour, text) }
		}
		file := r.state.log(g.deployment.Namespace, g.deployment.Name, c.name)
		return process.OpenOutput(file, line, process.ProbePaths(c.spec))
	}
}

// announce says what is being started.
func (r *runner) announce(t *target) {
	r.console.note("starting %s; logs are in %s", wording.Count(len(t.successions), "deployment"), r.state.logs())
	for _, g := range t.fresh {
		for _, layout := range g.layouts {
			for _, c := range layout.containers {
				r.console.note("  %s: %s", c.label, c.choice)
			}
		}
	}
}

// adopted is called when a deployment has become ready or has changed.
func (r *runner) adopted(s *served, first bool) {
	if first {
		select {
		case r.completed <- struct{}{}:
		default:
		}
		return
	}
	r.console.note("deployment %s: the change is served", s.deployment.Name)
}

// stop ends everything, the gateway first. It speaks when it was asked for:
// else there is an error that says why.
func (r *runner) stop(asked bool) {
	if asked {
		start := ""
		if r.options.Terminal {
			start = "\r" // The terminal shows ^C.
		}
		r.console.note("%sstopping; Ctrl-C again ends everything at once", start)
	}
	ctx, cancel := context.WithTimeout(context.Background(), stopTime)
	defer cancel()
	go func() {
		select {
		case <-r.options.Abort:
			cancel()
		case <-ctx.Done():
		}
	}()
	r.world.gateway.Stop(ctx)
	r.world.stop()
}

// loop reacts to changes until ctx is done.
func (r *runner) loop(ctx context.Context) error {
	watch, err := watchFiles(r.options.Watch)
	if err != nil {
		return err
	}
	defer watch.stop()
	watch.follow(r.folders())
	keys := readLines(r.options.Keys)
	waiting := time.NewTicker(r.world.host.pace.waiting)
	defer waiting.Stop()
	looking := time.NewTicker(r.world.host.pace.starts)
	defer looking.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-r.completed:
			r.report(ctx)
		case <-waiting.C:
			r.waiting()
		case <-looking.C:
			if news := r.world.newStarts(); len(news) > 0 {
				for _, line := range news {
					r.console.note("%s", line)
				}
				r.change(ctx, r.sources, nil)
			}
		case g := <-r.world.outdated:
			r.console.note("deployment %s, predictor %s: choosing other ports", g.deployment.Name, g.predictor.Name)
			r.change(ctx, r.sources, nil)
		case <-watch.changed():
			r.reload(ctx)
			watch.follow(r.folders())
		case line, ok := <-keys:
			if !ok {
				keys = nil
				continue
			}
			r.typed(ctx, line)
		}
	}
}

// reload reads the files again; when they are wrong what runs keeps running.
func (r *runner) reload(ctx context.Context) {
	loaded, err := r.options.Load()
	if err != nil {
		r.console.Say("%v\nnot applied: what runs keeps running", err)
		return
	}
	r.change(ctx, loaded.Sources, loaded.Warnings)
}

func (r *runner) change(ctx context.Context, sources []Source, warnings []string) {
	t, err := r.prepare(sources)
	if err != nil {
		r.console.Say("%v\nnot applied: what runs keeps running", err)
		return
	}
	r.tell(warnings, t.notes)
	for _, g := range t.fresh {
		r.console.note("deployment %s, predictor %s: starting%s", g.deployment.Name, g.predictor.Name, g.why)
	}
	for _, one := range t.tellings {
		r.console.note("deployment %s, predictor %s: has other shares or labels of versions", one.generation.deployment.Name, one.generation.predictor.Name)
	}
	if err := r.world.start(ctx, t); err != nil && ctx.Err() == nil {
		r.console.Say("%v\nnot applied: what runs keeps running", err)
		return
	}
	// What was awaited may have gone.
	r.report(ctx)
}

// folders are those of models and code of what was to run last.
func (r *runner) folders() []string {
	var all []string
	for _, source := range r.sources {
		d := source.localized()
		for i := range d.Spec.Predictors {
			all = append(all, foldersOf(madeOf(d, &d.Spec.Predictors[i], r.options.Exec))...)
		}
	}
	return all
}

// typed does what the user asks for by a line.
func (r *runner) typed(ctx context.Context, line string) {
	word, name, _ := strings.Cut(strings.TrimSpace(line), " ")
	if word != "r" {
		if word != "" {
			r.console.Say("r and Enter starts everything again, r NAME a node or a predictor")
		}
		return
	}
	if !r.world.renew(strings.TrimSpace(name)) {
		r.console.Say("there is no node and no predictor %q", name)
		return
	}
	r.change(ctx, r.sources, nil)
}

// readLines passes on what is typed, line by line.
func readLines(from io.Reader) <-chan string {
	if from == nil {
		return nil
	}
	lines := make(chan string)
	go func() {
		defer close(lines)
		for scan := bufio.NewScanner(from); scan.Scan(); {
			lines <- scan.Text()
		}
	}()
	return lines
}
