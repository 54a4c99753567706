package cli

import (
	"slices"
	"strings"

	"github.com/spf13/cobra"
	corev1 "k8s.io/api/core/v1"

	"github.com/prime-radiant/radiant/apis/kubeflow"
)

// completeNames offers to shells the names that NAME=VALUE of a flag may begin
// with, by the deployments and jobs that the command line names.
func completeNames(cmd *cobra.Command, flag string, files *[]string, names func(*corev1.PodSpec) []string) {
	// The error is that there is no such flag, or two completions of it.
	_ = cmd.RegisterFlagCompletionFunc(flag, func(cmd *cobra.Command, args []string, begun string) ([]string, cobra.ShellCompDirective) {
		if strings.Contains(begun, "=") {
			return nil, cobra.ShellCompDirectiveDefault
		}
		paths := slices.DeleteFunc(slices.Concat(*files, args), func(path string) bool { return path == stdinName })
		all, _, err := readObjects(input{jobs: kubeflow.ManifestKinds(), paths: paths, stdin: cmd.InOrStdin()})
		if err != nil && len(all.deployments)+len(all.jobs) == 0 {
			return nil, cobra.ShellCompDirectiveError
		}
		return offers(all, names), cobra.ShellCompDirectiveNoSpace | cobra.ShellCompDirectiveNoFileComp
	})
}

// offers are the names with "=", each with its predictor, or the type of its replicas,
// in front where several have it.
func offers(all contents, names func(*corev1.PodSpec) []string) []string {
	owners := map[string][]string{}
	add := func(owner string, pod *corev1.PodSpec) {
		for _, name := range names(pod) {
			if !slices.Contains(owners[name], owner) { // cobra reads the flags twice.
				owners[name] = append(owners[name], owner)
			}
		}
	}
	for _, d := range all.deployments {
		for i := range d.Deployment.Spec.Predictors {
			p := &d.Deployment.Spec.Predictors[i]
			for j := range p.ComponentSpecs {
				add(p.Name, &p.ComponentSpecs[j].Spec)
			}
		}
	}
	for _, d := range all.jobs {
		for of, spec := range d.Job.Parts().Replicas {
			if spec != nil {
				add(strings.ToLower(string(of)), &spec.Template.Spec)
			}
		}
	}
	var begins []string
	for name, of := range owners {
		if len(of) == 1 {
			begins = append(begins, name+"=")
			continue
		}
		for _, owner := range of {
			begins = append(begins, owner+"/"+name+"=")
		}
	}
	slices.Sort(begins)
	return begins
}

// containerNames are the containers that the user writes.
func containerNames(pod *corev1.PodSpec) []string {
	var names []string
	for i := range pod.Containers {
		names = append(names, pod.Containers[i].Name)
	}
	return names
}

// volumeNames are the volumes that the user writes.
func volumeNames(pod *corev1.PodSpec) []string {
	var names []string
	for i := range pod.Volumes {
		names = append(names, pod.Volumes[i].Name)
	}
	return names
}
