package main

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// write leaves three things in the output folder: NAME, an OCI image layout
// with one index of all platforms; NAME.tar, the same as one file; and
// NAME-OS-ARCHITECTURE.cdx.json, what is in each image. It returns the digest
// of the index.
func write(o options, p program, parts []part) (v1.Hash, error) {
	index := mutate.IndexMediaType(empty.Index, types.OCIImageIndex)
	for _, made := range parts {
		index = mutate.AppendManifests(index, mutate.IndexAddendum{
			Add: made.image, Descriptor: v1.Descriptor{Platform: &made.platform},
		})
		sbom := fmt.Sprintf("%s-%s-%s.cdx.json", p.name, made.platform.OS, made.platform.Architecture)
		if err := replace(filepath.Join(o.out, sbom), made.sbom); err != nil {
			return v1.Hash{}, err
		}
	}
	digest, err := index.Digest()
	if err != nil {
		return v1.Hash{}, err
	}
	dir := filepath.Join(o.out, p.name)
	if err := os.RemoveAll(dir); err != nil {
		return v1.Hash{}, err
	}
	path, err := layout.Write(dir, empty.Index)
	if err != nil {
		return v1.Hash{}, err
	}
	short := o.prefix + p.image
	full, err := fullName(short)
	if err != nil {
		return v1.Hash{}, err
	}
	// containerd takes an image's name from the first key, other programs from
	// the second.
	err = path.AppendIndex(index, layout.WithAnnotations(map[string]string{
		"io.containerd.image.name":          full,
		"org.opencontainers.image.ref.name": short,
	}))
	if err != nil {
		return v1.Hash{}, err
	}
	return digest, writeArchive(dir, dir+".tar", o)
}

// fullName is the name that a node looks for when a pod names an image: with
// the default registry in front, unless the name has one.
func fullName(short string) (string, error) {
	tag, err := name.NewTag(short)
	if err != nil {
		return "", fmt.Errorf("naming the image: %w", err)
	}
	return strings.TrimPrefix(tag.Name(), "index."), nil
}

// writeArchive packs a layout into one file.
func writeArchive(dir, to string, o options) error {
	var files []file
	tree := os.DirFS(dir)
	err := fs.WalkDir(tree, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		content, err := fs.ReadFile(tree, path)
		files = append(files, file{path: path, mode: 0o644, content: content})
		return err
	})
	if err != nil {
		return err
	}
	archive, err := pack(files, o.created)
	if err != nil {
		return err
	}
	return replace(to, archive)
}

// replace writes a file in one step.
func replace(path string, content []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	part := path + ".part"
	if err := os.WriteFile(part, content, 0o644); err != nil {
		return err
	}
	return os.Rename(part, path)
}
