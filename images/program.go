package main

import (
	"fmt"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/prime-radiant/radiant/expand"
)

// operatorImage is the name of the operator's own image, which the manifests
// of an installation use.
const operatorImage = "radiant/operator:" + expand.Version

// program is what one image runs.
type program struct {
	// name of the image's folder, binary of its program in the root folder.
	name, binary string
	// image is the name that the operator looks for.
	image string
	// variable is the operator's setting of the image, of those that it starts.
	variable string
	// source is the program's package.
	source      string
	title       string
	description string
}

// programs is the table of all images. The names of those that the operator
// starts are the ones that it starts by default.
func programs() []program {
	defaults := expand.DefaultConfig()
	return []program{
		{
			name: "operator", binary: "radiant", image: operatorImage, source: "./operator",
			title: "Radiant operator", description: "Serves SeldonDeployments on Kubernetes",
		},
		{
			name: "executor", binary: "executor", image: defaults.Executor.Image, variable: "EXECUTOR_CONTAINER_IMAGE_AND_VERSION", source: "./executor",
			title: "Radiant executor", description: "Walks the graph of one predictor for each request",
		},
		{
			name: "storage-initializer", binary: "storage-initializer", image: defaults.Storage.Image, variable: "RELATED_IMAGE_STORAGE_INITIALIZER", source: "./initializer",
			title: "Radiant storage initializer", description: "Fetches a model before its server starts",
		},
	}
}

// choose picks programs by the names in a list; an empty list picks all.
func choose(all []program, list string) ([]program, error) {
	if list == "" {
		return all, nil
	}
	var chosen []program
	for name := range strings.SplitSeq(list, ",") {
		i := slices.IndexFunc(all, func(p program) bool { return p.name == name })
		if i < 0 {
			return nil, fmt.Errorf("choosing images: there is no %q", name)
		}
		chosen = append(chosen, all[i])
	}
	return chosen, nil
}

func parsePlatforms(list string) ([]v1.Platform, error) {
	var all []v1.Platform
	for name := range strings.SplitSeq(list, ",") {
		system, architecture, ok := strings.Cut(name, "/")
		if !ok || system == "" || architecture == "" || strings.Contains(architecture, "/") {
			return nil, fmt.Errorf("reading platforms: %q is not of the form linux/amd64", name)
		}
		all = append(all, v1.Platform{OS: system, Architecture: architecture})
	}
	return all, nil
}
