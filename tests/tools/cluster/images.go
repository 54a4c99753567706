package main

import (
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

// image stands in on the node for one that its project publishes in a
// registry: real parts under the name that manifests use.
type image struct {
	name   string
	layers []layer
	config v1.Config
}

// layer is a tar archive of files, made when it is not in the cache.
type layer func(context.Context, *cluster) (path string, err error)

// pauseName is the image of the process that holds a pod's network.
const pauseName = "localhost/pause:1"

// standIns are the images that samples and the users' manifests name.
func standIns() []image {
	python := pythonVariables("/opt/packages", "/opt/packages/bin:/usr/bin:/bin")
	mlserver := v1.Config{
		Entrypoint: []string{"/usr/bin/python3", "/opt/packages/bin/mlserver", "start", "/mnt/models"},
		// It writes into the folder that it starts in.
		WorkingDir: "/tmp", Env: python, User: "1000",
	}
	component := func(name, folder, program string) image {
		return image{
			name:   "docker.io/samples/" + name + ":1",
			layers: []layer{base, copied("opt/"+name, "../../../samples/"+folder, program)},
			config: v1.Config{Entrypoint: []string{"/usr/bin/python3", "/opt/" + name + "/" + program}, User: "8888", Env: python},
		}
	}
	servers := []layer{base, packages("servers", serverLists()...)}
	return append(trainingImages(servers), []image{
		{
			name:   "docker.io/seldonio/mock_classifier_rest:1.3",
			layers: []layer{program("classifier", "../classifier")},
			// Each request costs about what it does in Python.
			config: v1.Config{Entrypoint: []string{"/classifier"}, User: "8888", Env: []string{"WORK=20000"}},
		},
		{
			name:   "docker.io/tensorflow/serving:2.20.0",
			layers: append(servers[:2:2], copied("opt/tensorflow", "../../../manifests/python", "tensorflow_server.py", "tfserver", "modelserver")),
			config: v1.Config{Entrypoint: []string{"/usr/bin/python3", "/opt/tensorflow/tensorflow_server.py", "--host=0.0.0.0"}, Env: python},
		},
		{
			name:   "docker.io/radiant/onnx-server:1.32.0",
			layers: []layer{base, packages("onnx", "../../../manifests/python/onnx.txt"), copied("opt/onnx", "../../../manifests/python", "onnx_server.py", "modelserver")},
			config: v1.Config{Entrypoint: []string{"/usr/bin/python3", "/opt/onnx/onnx_server.py", "--host=0.0.0.0"}, User: "8888", Env: python},
		},
		{
			name:   "docker.io/radiant/bento-server:1.4.39",
			layers: []layer{base, packages("bento", "../../../manifests/python/bento.txt"), copied("opt/bento", "../../../manifests/python", "bento_server.py")},
			config: v1.Config{Entrypoint: []string{"/usr/bin/python3", "/opt/bento/bento_server.py", "--host=0.0.0.0"}, User: "8888", Env: python},
		},
		{
			// What users build from their class and the Python wrapper.
			name:   "docker.io/example/components:1",
			layers: []layer{base, packages("wrapper", "../../peers/wrapper.txt"), copied("opt/component", "../../peers", "components.py")},
			config: v1.Config{
				Entrypoint: []string{"/usr/bin/python3", "/opt/packages/bin/seldon-core-microservice"},
				WorkingDir: "/opt/component", Env: python, User: "8888",
			},
		},
		{name: "docker.io/seldonio/mlserver:1.7.1-sklearn", layers: servers, config: mlserver},
		{name: "docker.io/seldonio/mlserver:1.7.1-xgboost", layers: servers, config: mlserver},
		{name: "docker.io/seldonio/mlserver:1.7.1-lightgbm", layers: servers, config: mlserver},
		{name: "docker.io/seldonio/mlserver:1.7.1-mlflow", layers: servers, config: mlserver},
		component("router", "router", "router.py"),
		component("overloaded", "policies", "overloaded.py"),
		component("transformer-chain", "transformer-chain", "component.py"),
	}...)
}

// pythonVariables are those of a container whose programs are in Python.
func pythonVariables(modules, programs string) []string {
	return []string{"PYTHONPATH=" + modules, "PATH=" + programs, "HOME=/tmp", "PYTHONUNBUFFERED=1", "MPLCONFIGDIR=/tmp"}
}

func pause() image {
	return image{name: pauseName, layers: []layer{program("pause", "pause")}, config: v1.Config{Entrypoint: []string{"/pause"}, User: "65535"}}
}

// pauseImage makes the one image that every pod needs.
func (c *cluster) pauseImage(ctx context.Context) error { return c.standIn(ctx, pause()) }

// standInImages makes all others.
func (c *cluster) standInImages(ctx context.Context) error { return c.standIn(ctx, standIns()...) }

// standIn imports images at once: what they share is written once.
func (c *cluster) standIn(ctx context.Context, images ...image) error {
	all, seen := map[string]v1.Image{}, map[string]v1.Layer{}
	for _, i := range images {
		img, err := c.assemble(ctx, i, seen)
		if err != nil {
			return fmt.Errorf("image %s: %w", i.name, err)
		}
		all[i.name] = img
	}
	return c.importImages(ctx, all)
}

// assemble puts an image together. seen are layers by their archive: hashing one
// takes a while.
func (c *cluster) assemble(ctx context.Context, i image, seen map[string]v1.Layer) (v1.Image, error) {
	img := empty.Image
	for _, make := range i.layers {
		path, err := make(ctx, c)
		if err != nil {
			return nil, err
		}
		if seen[path] == nil {
			// It goes to a disk beside; compressing it would take longer.
			if seen[path], err = tarball.LayerFromFile(path, tarball.WithCompressionLevel(gzip.NoCompression)); err != nil {
				return nil, err
			}
		}
		if img, err = mutate.AppendLayers(img, seen[path]); err != nil {
			return nil, err
		}
	}
	file, err := img.ConfigFile()
	if err != nil {
		return nil, err
	}
	file = file.DeepCopy()
	// An image for no platform is left out of an import.
	file.OS, file.Architecture, file.Config = "linux", architecture, i.config
	return mutate.ConfigFile(img, file)
}

// importLayout makes the image of an OCI layout known to the node as ref.
func (c *cluster) importLayout(ctx context.Context, ref, dir string) error {
	index, err := layout.ImageIndexFromPath(dir)
	if err != nil {
		return err
	}
	img, err := imageFor(index)
	if err != nil {
		return fmt.Errorf("%s: %w", dir, err)
	}
	return c.importImages(ctx, map[string]v1.Image{ref: img})
}

// imageFor finds the image for this machine in an index, or in one within.
func imageFor(index v1.ImageIndex) (v1.Image, error) {
	manifest, err := index.IndexManifest()
	if err != nil {
		return nil, err
	}
	for _, m := range manifest.Manifests {
		switch {
		case m.MediaType.IsIndex():
			inner, err := index.ImageIndex(m.Digest)
			if err != nil {
				return nil, err
			}
			if img, err := imageFor(inner); err == nil {
				return img, nil
			}
		case m.MediaType.IsImage() && (m.Platform == nil || m.Platform.Architecture == architecture):
			return index.Image(m.Digest)
		}
	}
	return nil, fmt.Errorf("no image for %s", architecture)
}

// importImages makes images known to the node by their names.
func (c *cluster) importImages(ctx context.Context, images map[string]v1.Image) error {
	tagged := map[name.Tag]v1.Image{}
	for ref, img := range images {
		tag, err := name.NewTag(ref)
		if err != nil {
			return err
		}
		tagged[tag] = img
	}
	file, err := os.CreateTemp(c.dir, "image-*.tar")
	if err != nil {
		return err
	}
	defer os.Remove(file.Name())
	if err := errors.Join(file.Close(), tarball.MultiWriteToFile(file.Name(), tagged)); err != nil {
		return err
	}
	return c.ctr(ctx, "images", "import", file.Name())
}

// imageCache is where layers stay: they take minutes to make.
func (c *cluster) imageCache() (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	dir := filepath.Join(cache, "radiant", "cluster-images")
	return dir, os.MkdirAll(dir, 0o755)
}
