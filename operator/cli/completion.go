package cli

import (
	"slices"
	"strings"

	"github.com/spf13/cobra"

	v1 "github.com/prime-radiant/radiant/apis/v1"
)

// completeNames offers to shells the names that NAME=VALUE of a flag may begin
// with, by the deployments that the command line names.
func completeNames(cmd *cobra.Command, flag string, files *[]string, names func(*v1.PredictorSpec) []string) {
	// The error is that there is no such flag, or two completions of it.
	_ = cmd.RegisterFlagCompletionFunc(flag, func(cmd *cobra.Command, args []string, begun string) ([]string, cobra.ShellCompDirective) {
		if strings.Contains(begun, "=") {
			return nil, cobra.ShellCompDirectiveDefault
		}
		paths := slices.DeleteFunc(slices.Concat(*files, args), func(path string) bool { return path == stdinName })
		all, _, err := readObjects(input{paths: paths, stdin: cmd.InOrStdin()})
		if err != nil && len(all.deployments) == 0 {
			return nil, cobra.ShellCompDirectiveError
		}
		return offers(all.deployments, names), cobra.ShellCompDirectiveNoSpace | cobra.ShellCompDirectiveNoFileComp
	})
}

// offers are the names with "=", each with its predictor in front where several
// predictors have it.
func offers(docs []v1.Document, names func(*v1.PredictorSpec) []string) []string {
	predictors := map[string][]string{}
	for _, d := range docs {
		for i := range d.Deployment.Spec.Predictors {
			p := &d.Deployment.Spec.Predictors[i]
			for _, name := range names(p) {
				if !slices.Contains(predictors[name], p.Name) { // cobra reads the flags twice.
					predictors[name] = append(predictors[name], p.Name)
				}
			}
		}
	}
	var all []string
	for name, of := range predictors {
		if len(of) == 1 {
			all = append(all, name+"=")
			continue
		}
		for _, predictor := range of {
			all = append(all, predictor+"/"+name+"=")
		}
	}
	slices.Sort(all)
	return all
}

// containerNames are the containers that the user writes.
func containerNames(p *v1.PredictorSpec) []string {
	var names []string
	for i := range p.ComponentSpecs {
		for _, c := range p.ComponentSpecs[i].Spec.Containers {
			names = append(names, c.Name)
		}
	}
	return names
}

// volumeNames are the volumes that the user writes.
func volumeNames(p *v1.PredictorSpec) []string {
	var names []string
	for i := range p.ComponentSpecs {
		for _, v := range p.ComponentSpecs[i].Spec.Volumes {
			names = append(names, v.Name)
		}
	}
	return names
}
