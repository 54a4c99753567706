package main

import (
	"bytes"
	"context"
	"fmt"
	"io"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/prime-radiant/radiant/expand"
)

// repository is where the sources are.
const repository = "https://github.com/prime-radiant/radiant"

// part is the image for one platform, with its SBOM.
type part struct {
	platform v1.Platform
	image    v1.Image
	sbom     []byte
}

func makePart(ctx context.Context, b binary, authorities []byte, o options) (part, error) {
	files, err := content(ctx, &b, authorities, o.source)
	if err != nil {
		return part{}, err
	}
	archive, err := pack(files, o.created)
	if err != nil {
		return part{}, err
	}
	img, err := image(&b, archive, o)
	if err != nil {
		return part{}, err
	}
	sbom, err := describe(&b, authorities, o.created)
	return part{platform: b.platform, image: img, sbom: sbom}, err
}

// image puts one layer and the configuration together.
func image(b *binary, archive []byte, o options) (v1.Image, error) {
	layer, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) {
		return io.NopCloser(bytes.NewReader(archive)), nil
	}, tarball.WithMediaType(types.OCILayer), tarball.WithCompressedCaching)
	if err != nil {
		return nil, fmt.Errorf("making the layer: %w", err)
	}
	img := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
	img, err = mutate.Append(img, mutate.Addendum{
		Layer: layer, MediaType: types.OCILayer,
		History: v1.History{Created: v1.Time{Time: o.created}, CreatedBy: "make images"},
	})
	if err != nil {
		return nil, fmt.Errorf("adding the layer: %w", err)
	}
	config, err := img.ConfigFile()
	if err != nil {
		return nil, fmt.Errorf("reading the configuration: %w", err)
	}
	config = config.DeepCopy()
	config.OS, config.Architecture = b.platform.OS, b.platform.Architecture
	config.Created = v1.Time{Time: o.created}
	config.Config = v1.Config{
		Entrypoint: []string{"/" + b.program.binary},
		// A number, since Kubernetes cannot tell whether a name is root's.
		User:       userID + ":" + userID,
		WorkingDir: "/",
		Env:        []string{"PATH=/", "HOME=/tmp", "SSL_CERT_FILE=" + defaultAuthorities},
		Labels:     labels(b, o),
	}
	if img, err = mutate.ConfigFile(img, config); err != nil {
		return nil, fmt.Errorf("writing the configuration: %w", err)
	}
	annotated, ok := mutate.Annotations(img, labels(b, o)).(v1.Image)
	if !ok {
		return nil, fmt.Errorf("annotating: the image has become a %T", annotated)
	}
	return annotated, nil
}

// labels are the keys that the OCI image specification defines, of an image's
// configuration, manifest and index alike.
func labels(b *binary, o options) map[string]string {
	const key = "org.opencontainers.image."
	all := map[string]string{
		key + "title":       b.program.title,
		key + "description": b.program.description,
		key + "licenses":    licence,
		key + "source":      repository,
		key + "url":         repository,
		key + "version":     expand.Version,
		key + "created":     o.created.Format("2006-01-02T15:04:05Z"),
	}
	if revision := b.setting("vcs.revision"); revision != "" {
		all[key+"revision"] = revision
	}
	return all
}
