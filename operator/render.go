package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/spf13/cobra"

	v1 "github.com/prime-radiant/radiant/apis/v1"
	"github.com/prime-radiant/radiant/graph"
	"github.com/prime-radiant/radiant/manifests"
	"github.com/prime-radiant/radiant/operator/config"
	"github.com/prime-radiant/radiant/operator/expand"
)

func renderCommand() *cobra.Command {
	var files []string
	var namespace string
	var list bool
	cmd := &cobra.Command{
		Use:   "render -f FILE [-f FILE|FOLDER|-]",
		Short: "Print the Kubernetes objects that SeldonDeployments stand for",
		Long: `Render prints the Kubernetes objects of all SeldonDeployments, as YAML documents.
Warnings go to standard error; where there are errors, nothing is rendered.

Images, ports and resources are settings: environment variables with the names
that installations of Seldon Core v1 use. --settings lists them.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			settings, err := config.FromEnvironment()
			if err != nil {
				return err
			}
			if list {
				return printSettings(cmd.OutOrStdout(), settings.Settings())
			}
			servers, err := manifests.Load()
			if err != nil {
				return err
			}
			input := expand.Input{Config: settings.Expand, Servers: settings.Servers(servers)}
			docs, problems, err := checkDeployments(files, cmd.InOrStdin(), input.Servers)
			problems = append(problems, inCluster(docs, input.Config)...)
			problems.Sort()
			for _, p := range problems {
				if p.Severity != v1.SeverityNote {
					fmt.Fprintln(cmd.ErrOrStderr(), p)
				}
			}
			if err == nil && problems.Err() != nil {
				err = errReported
			}
			if err != nil {
				return err
			}
			for _, d := range docs {
				d.Deployment.Namespace = cmp.Or(d.Deployment.Namespace, namespace)
			}
			return render(docs, input, cmd.OutOrStdout())
		},
	}
	cmd.Flags().StringArrayVarP(&files, "filename", "f", nil, "file, folder or - (standard input); may be repeated")
	cmd.Flags().StringVarP(&namespace, "namespace", "n", "", "namespace of deployments that name none")
	cmd.Flags().BoolVar(&list, "settings", false, "list the settings and their values, and do nothing else")
	return cmd
}

// printSettings lists settings, one a line.
func printSettings(w io.Writer, settings []config.Setting) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, s := range settings {
		fmt.Fprintf(table, "%s=%s\t%s\n", s.Name, s.Value, s.Doc)
	}
	return table.Flush()
}

// render writes the objects of all documents.
func render(docs []v1.Document, input expand.Input, w io.Writer) error {
	var objects []expand.Object
	var errs []error
	for _, d := range docs {
		input.Deployment = d.Deployment
		expanded, err := expand.Expand(input)
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: deployment %q: %w", d.File, d.Deployment.Name, err))
		}
		objects = append(objects, expanded...)
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	text, err := expand.Marshal(objects)
	if err != nil {
		return err
	}
	_, err = w.Write(text)
	return err
}

// inCluster warns of what does not work in a cluster with these settings,
// though it is right in itself.
func inCluster(docs []v1.Document, c expand.Config) v1.Problems {
	var all v1.Problems
	for i := range docs {
		var problems v1.Problems
		warn := func(path, message string) {
			problems = append(problems, v1.Problem{Severity: v1.SeverityWarning, Path: path, Message: message})
		}
		for j := range docs[i].Deployment.Spec.Predictors {
			p := &docs[i].Deployment.Spec.Predictors[j]
			at := fmt.Sprintf("spec.predictors[%d].", j)
			for k := range p.ComponentSpecs {
				if p.ComponentSpecs[k].KEDASpec != nil && !c.KEDA {
					warn(fmt.Sprintf("%scomponentSpecs[%d].kedaSpec", at, k), "has no effect: set KEDA_ENABLED=true where KEDA is installed")
				}
			}
			const local = "is a path of this machine: a pod will not find it; put the model into a store and name that"
			p.Graph.Walk(func(path string, n *graph.Node) {
				if v1.IsLocal(n.ModelURI) && n.StorageInitializerImage == "" {
					warn(at+path+".modelUri", local)
				}
			})
			if e := p.Explainer; e != nil && v1.IsLocal(e.ModelURI) && e.StorageInitializerImage == "" {
				warn(at+"explainer.modelUri", local)
			}
		}
		all = append(all, docs[i].Locate(problems)...)
	}
	return all
}
