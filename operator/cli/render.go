package cli

import (
	"cmp"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/prime-radiant/radiant/apis/kubeflow"
	"github.com/prime-radiant/radiant/apis/manifest"
	"github.com/prime-radiant/radiant/expand"
	"github.com/prime-radiant/radiant/operator/config"
	"github.com/prime-radiant/radiant/setting"
	"github.com/prime-radiant/radiant/train"
)

// renderFlags are what the user gives to radiant render.
type renderFlags struct {
	files     []string
	recursive bool
	namespace string
	output    string
	quiet     bool
	verbose   bool
	settings  bool
	configMap string

	// diff compares with the cluster that the others name.
	diff                bool
	kubeconfig, context string
	operatorNamespace   string
}

// Render is the command radiant render.
func Render() *cobra.Command {
	var flags renderFlags
	cmd := &cobra.Command{
		Use:   "render FILE|FOLDER|-...",
		Short: "Print the Kubernetes objects that SeldonDeployments and training jobs stand for",
		Long: `Render prints the Kubernetes objects of all SeldonDeployments, TFJobs and
MPIJobs, as YAML documents. Warnings go to standard error; where there are errors, nothing is
rendered.

Of a folder all YAML and JSON files are read, those of the folders in it too.
Other objects in them are passed over. --output yaml or json prints that form;
any other name is a folder (./json for one of that name), to which one file for
each object is written, as NAMESPACE/DEPLOYMENT/KIND-NAME.yaml.

--diff asks a cluster what applying would change, and changes nothing. The
settings are those of the operator there. Exit status: 0 nothing, 1 something,
2 there were errors.

Images, ports and resources are settings: environment variables with the names
that installations of Seldon Core v1 use. --settings lists them.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			flags.files = append(flags.files, args...)
			return flags.run(cmd)
		},
	}
	f := cmd.Flags()
	addFiles(cmd, &flags.files, "file, folder or - (standard input)")
	f.BoolVarP(&flags.recursive, "recursive", "R", true, "read the folders in folders too")
	f.StringVarP(&flags.namespace, "namespace", "n", "", "namespace of deployments that name none")
	f.StringVarP(&flags.output, "output", "o", yamlOutput, "yaml, json, or a folder to write a file for each object to")
	f.BoolVarP(&flags.quiet, "quiet", "q", false, quietUsage)
	f.BoolVarP(&flags.verbose, "verbose", "v", false, verboseUsage)
	f.BoolVar(&flags.diff, "diff", false, "print what applying would change in a cluster")
	f.StringVar(&flags.kubeconfig, "kubeconfig", "", "with --diff: file that says how the API server is reached")
	f.StringVar(&flags.context, "context", "", "with --diff: context of that file")
	f.StringVar(&flags.operatorNamespace, "operator-namespace", "seldon-system", "with --diff: namespace of the operator, whose settings count")
	f.StringVar(&flags.configMap, "config-map", "", configMapUsage)
	f.BoolVar(&flags.settings, "settings", false, "list the settings and their values, and do nothing else")
	return cmd
}

func (f *renderFlags) run(cmd *cobra.Command) error {
	if f.diff {
		return f.compare(cmd)
	}
	settings, err := config.FromEnvironment()
	if err != nil {
		return err
	}
	if f.settings {
		return setting.Print(cmd.OutOrStdout(), settings.Settings())
	}
	settings, servers, err := installed(settings, f.configMap)
	if err != nil {
		return err
	}
	in := expand.Input{Config: settings.Expand, Servers: servers}
	read, err := f.read(cmd, in, kubeflow.ManifestKinds())
	if err != nil {
		return err
	}
	all, err := expandAll(read, in)
	if err != nil {
		return err
	}
	var objects []expand.Object
	for _, r := range all {
		objects = append(objects, r.objects...)
	}
	switch f.output {
	case yamlOutput:
		text, err := expand.Marshal(objects)
		if err != nil {
			return err
		}
		_, err = cmd.OutOrStdout().Write(text)
		return err
	case jsonOutput:
		return writeList(cmd.OutOrStdout(), objects)
	}
	return writeFolder(f.output, all, cmd.ErrOrStderr())
}

// writeList prints objects as one List in JSON, which can be applied too.
func writeList(w io.Writer, objects []expand.Object) error {
	items := make([]map[string]any, len(objects))
	for i, o := range objects {
		var err error
		if items[i], err = expand.Fields(o); err != nil {
			return fmt.Errorf("writing %s %s: %w", o.GetObjectKind().GroupVersionKind().Kind, o.GetName(), err)
		}
	}
	return writeIndented(w, map[string]any{"apiVersion": "v1", "kind": "List", "items": items})
}

// read returns the deployments, and the jobs of some kinds, each with a namespace
// if one is given. What is said of them is printed; errors end in one.
func (f *renderFlags) read(cmd *cobra.Command, in expand.Input, jobs []manifest.Kind) (contents, error) {
	from := input{jobs: jobs, paths: f.files, recursive: f.recursive, verbose: f.verbose, stdin: cmd.InOrStdin()}
	all, problems, err := checkObjects(from, in.Config.Rules(in.Servers))
	docs := all.deployments
	for i := range docs {
		problems = append(problems, docs[i].Locate(expand.Warnings(docs[i].Deployment, in.Config))...)
	}
	problems.Sort()
	said := findings{problems: problems, quiet: f.quiet, colours: isColourful(cmd.ErrOrStderr())}
	if failed := said.writeText(cmd.ErrOrStderr()); failed != nil {
		return contents{}, failed
	}
	if err == nil && problems.Err() != nil {
		err = ErrReported
	}
	for _, d := range docs {
		d.Deployment.Namespace = cmp.Or(d.Deployment.Namespace, f.namespace)
	}
	for _, d := range all.jobs {
		d.Job.SetNamespace(cmp.Or(d.Job.GetNamespace(), f.namespace))
	}
	return all, err
}

// rendered is what one deployment or job stands for.
type rendered struct {
	// name is that of the deployment or job.
	name    string
	objects []expand.Object
}

// expandAll makes the objects of all that was read, jobs before deployments, which
// may serve what they make; or says what is wrong with any.
func expandAll(read contents, in expand.Input) ([]rendered, error) {
	var all []rendered
	var errs []error
	for _, d := range read.jobs {
		objects, err := train.Expand(d.Job)
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %s %q: %w", d.File, d.Kind, d.Job.GetName(), err))
		}
		all = append(all, rendered{d.Job.GetName(), objects})
	}
	for _, d := range read.deployments {
		in.Deployment = d.Deployment
		objects, err := expand.Expand(in)
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: deployment %q: %w", d.File, d.Deployment.Name, err))
		}
		all = append(all, rendered{d.Deployment.Name, objects})
	}
	return all, errors.Join(errs...)
}
