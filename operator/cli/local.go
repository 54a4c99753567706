package cli

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/prime-radiant/radiant/apis/kubeflow"
	"github.com/prime-radiant/radiant/apis/manifest"
	v1 "github.com/prime-radiant/radiant/apis/v1"
	"github.com/prime-radiant/radiant/expand"
	"github.com/prime-radiant/radiant/local"
	"github.com/prime-radiant/radiant/local/gateway"
	"github.com/prime-radiant/radiant/manifests"
	"github.com/prime-radiant/radiant/operator/config"
)

// defaultPort is the port of the ingress in the documentation of the API's
// tutorials, so that their curl lines work here.
const defaultPort = 8003

// localFlags are what the user gives to radiant local.
type localFlags struct {
	files   []string
	exec    []string
	volumes []string
	port    int
	watch   bool
	verbose int
	quiet   bool
	state   string

	configMap string

	hosts, origins []string
}

// Local is the command radiant local.
func Local() *cobra.Command {
	var flags localFlags
	cmd := &cobra.Command{
		Use:   "local FILE|FOLDER|-...",
		Short: "Serve SeldonDeployments on this machine, as processes, and train before",
		Long: `Serve SeldonDeployments on this machine: the pods that a cluster would run,
each container as a process, behind a gateway on localhost.

Training jobs (TFJob, MPIJob) run first, and what they write can be served next:
each replica of a TFJob is a process, and an MPIJob runs by mpirun of this machine. A job that fails ends radiant with its exit code; where there
are jobs alone, radiant ends with them.

Prepackaged servers run as programs of this machine, installed on first use.
An image of your own runs by the command that you give for it, or in Docker or
Podman where one answers:

  radiant local my.yaml --exec classifier='python3 -m myserver'

The command runs in the folder that radiant was started in and sees the
environment of the container. It listens on
$PREDICTIVE_UNIT_HTTP_SERVICE_PORT.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			flags.files = append(flags.files, args...)
			options, err := flags.options(cmd.InOrStdin(), cmd.OutOrStdout())
			if err != nil {
				return err
			}
			abort, stop := abortSignal()
			defer stop()
			options.Abort = abort
			err = local.Run(cmd.Context(), options)
			var failed *local.JobError
			if errors.As(err, &failed) {
				fmt.Fprintln(cmd.ErrOrStderr(), "radiant:", failed)
				return ExitCode(failed.Code)
			}
			return err
		},
	}
	f := cmd.Flags()
	addFiles(cmd, &flags.files, "file, folder or - (standard input)")
	f.StringArrayVar(&flags.exec, "exec", nil, "NAME=COMMAND to run in place of the image of container NAME (or PREDICTOR/NAME); an empty command leaves it out; may be repeated")
	f.StringArrayVar(&flags.volumes, "volume", nil, "NAME=FOLDER in place of a volume that exists in a cluster only; may be repeated")
	f.IntVar(&flags.port, "port", defaultPort, "port of the gateway on localhost")
	f.BoolVarP(&flags.watch, "watch", "w", false, "apply the files again when they change, or models and code that they name, without dropping a request")
	f.CountVarP(&flags.verbose, "verbose", "v", "show the output of every container; twice: also what is started and probed")
	f.BoolVarP(&flags.quiet, "quiet", "q", false, "print problems only: neither what runs, nor lines to ask with, nor the output of containers")
	cmd.MarkFlagsMutuallyExclusive("quiet", "verbose")
	f.StringVar(&flags.configMap, "config-map", "", configMapUsage)
	f.StringSliceVar(&flags.hosts, "allow-host", nil, "other names than those of localhost by which the gateway may be called; * is any")
	f.StringSliceVar(&flags.origins, "allow-origin", nil, "web pages that may use the gateway, such as https://a.example; * is any (default: its own)")
	f.StringVar(&flags.state, "state-dir", "", "folder for volumes and logs (default: one in the cache folder)")
	completeNames(cmd, "exec", &flags.files, containerNames)
	completeNames(cmd, "volume", &flags.files, volumeNames)
	return cmd
}

// options turns flags into the options of a run.
func (f *localFlags) options(stdin io.Reader, out io.Writer) (local.Options, error) {
	if f.watch && slices.Contains(f.files, stdinName) {
		return local.Options{}, errors.New("--watch cannot follow standard input: name a file or a folder in place of -f -")
	}
	exec, err := pairs("exec", "COMMAND", f.exec)
	volumes, volumeErr := pairs("volume", "FOLDER", f.volumes)
	_, servers, serversErr := installed(config.Default(), f.configMap)
	machine, machineErr := local.ThisMachine()
	errs := []error{err, volumeErr, serversErr, machineErr}
	for name, folder := range volumes {
		volumes[name], err = filepath.Abs(folder)
		errs = append(errs, err)
	}
	if err := errors.Join(errs...); err != nil {
		return local.Options{}, err
	}
	settings := expand.DefaultConfig()
	settings.Storage.ImageVolumes = ""         // There is no kubelet to mount them.
	settings.Executor.ShutdownDelaySeconds = 0 // The gateway here knows at once where not to send.
	o := local.Options{
		Load: f.loader(stdin, settings.Rules(servers)), Port: f.port, Exec: exec, Volumes: volumes,
		Trust:  gateway.Trust{Hosts: f.hosts, Origins: f.origins},
		BinDir: machine.BinDir, CacheDir: machine.CacheDir, StateDir: f.state, Environ: machine.Environ,
		Servers: servers, Python: manifests.Python(), Config: settings,
		Out: out, Terminal: !machine.Plain && isTerminal(out), Verbose: f.verbose, Quiet: f.quiet, Random: rand.IntN,
	}
	if in, ok := stdin.(*os.File); ok && term.IsTerminal(int(in.Fd())) && !slices.Contains(f.files, stdinName) {
		o.Keys = in
	}
	if f.watch {
		o.Watch = f.files
	}
	return o, nil
}

// pairs reads flags of the form NAME=VALUE.
func pairs(flag, value string, list []string) (map[string]string, error) {
	m := map[string]string{}
	for _, text := range list {
		name, v, ok := strings.Cut(text, "=")
		if !ok || name == "" {
			return nil, fmt.Errorf("--%s %q: want NAME=%s", flag, text, value)
		}
		m[name] = v
	}
	return m, nil
}

// loader returns the function that reads and checks the files. Standard input
// is read once.
func (f *localFlags) loader(stdin io.Reader, rules v1.ValidateOptions) func() (local.Loaded, error) {
	var piped []byte
	var read bool
	return func() (local.Loaded, error) {
		if !read && slices.Contains(f.files, stdinName) {
			text, err := io.ReadAll(stdin)
			if err != nil {
				return local.Loaded{}, fmt.Errorf("reading standard input: %w", err)
			}
			piped, read = text, true
		}
		all, problems, err := checkObjects(input{jobs: kubeflow.ManifestKinds(), paths: f.files, stdin: bytes.NewReader(piped)}, rules)
		if err := errors.Join(err, problems.Err()); err != nil {
			return local.Loaded{}, err
		}
		var loaded local.Loaded
		for _, p := range problems.Of(v1.SeverityWarning) {
			loaded.Warnings = append(loaded.Warnings, p.Error())
		}
		for _, p := range unawaited(all) {
			loaded.Warnings = append(loaded.Warnings, p.Error())
		}
		for i := range all.deployments {
			s, err := source(&all.deployments[i])
			if err != nil {
				return local.Loaded{}, err
			}
			loaded.Sources = append(loaded.Sources, s)
		}
		for _, d := range all.jobs {
			loaded.Jobs = append(loaded.Jobs, d.Job)
		}
		return loaded, nil
	}
}

// unawaited warns of jobs that deployments wait for on a cluster, and that are in
// none of the files: here nobody can tell how they fare.
func unawaited(all contents) manifest.Problems {
	var problems manifest.Problems
	for i := range all.deployments {
		d := &all.deployments[i]
		for _, name := range d.Deployment.After() {
			is := func(job kubeflow.Document) bool {
				return job.Kind == name.Kind && job.Job.GetName() == name.Name &&
					cmp.Or(job.Job.GetNamespace(), kubeflow.DefaultNamespace) == cmp.Or(d.Deployment.Namespace, v1.DefaultNamespace)
			}
			if slices.ContainsFunc(all.jobs, is) {
				continue
			}
			problems = append(problems, d.Locate(manifest.Problems{{Severity: manifest.SeverityWarning, Path: "metadata.annotations[" + v1.AnnotationAfter + "]",
				Message: fmt.Sprintf("%s is in none of the files, so nothing is waited for here", name)}})...)
		}
	}
	return problems
}

// source says where a document was read; relative paths in one from standard
// input start at the current folder.
func source(d *v1.Document) (local.Source, error) {
	s := local.Source{Deployment: d.Deployment, File: d.File, Locate: d.Locate}
	if _, err := os.Stat(d.File); err != nil {
		s.File = ""
	}
	var err error
	if s.Dir, err = filepath.Abs(filepath.Dir(d.File)); err != nil {
		return s, fmt.Errorf("looking for the folder of %s: %w", d.File, err)
	}
	return s, nil
}

// abortSignal returns a channel that is closed by the second interrupt: the
// first one asks for an orderly end.
func abortSignal() (abort <-chan struct{}, stop func()) {
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	aborted, done := make(chan struct{}), make(chan struct{})
	go func() {
		for n := 0; n < 2; n++ {
			select {
			case <-signals:
			case <-done:
				return
			}
		}
		close(aborted)
	}()
	return aborted, func() { signal.Stop(signals); close(done) }
}

func isTerminal(out io.Writer) bool {
	file, ok := out.(*os.File)
	return ok && term.IsTerminal(int(file.Fd()))
}
