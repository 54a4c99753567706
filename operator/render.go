package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/spf13/cobra"

	v1 "github.com/prime-radiant/radiant/apis/v1"
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
			for i := range docs {
				problems = append(problems, docs[i].Locate(expand.Warnings(docs[i].Deployment, input.Config))...)
			}
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
