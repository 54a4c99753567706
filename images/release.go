package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/prime-radiant/radiant/version"
)

// checksums is the file with the SHA-256 of each other one.
const checksums = "SHA256SUMS"

// release is all that is published of one commit.
type release struct {
	options
	// archives are the platforms of the programs' archives.
	archives []v1.Platform
}

// build writes a release into the folder out: archives of the programs for each
// platform with their SBOMs, images as OCI archives with theirs, the chart,
// install.yaml with the images' digests, and checksums. It builds what is
// committed, in a clone, so that one commit gives one release.
func (r release) build(ctx context.Context) error {
	work, err := os.MkdirTemp("", "radiant-release-")
	if err != nil {
		return fmt.Errorf("making a release: %w", err)
	}
	defer func() { _ = os.RemoveAll(work) }() // Left over, it is only space.
	source := filepath.Join(work, "source")
	if out, err := exec.CommandContext(ctx, "git", "clone", "--quiet", "--shared", r.source, source).CombinedOutput(); err != nil {
		return fmt.Errorf("cloning %s: %w\n%s", r.source, err, out)
	}
	r.source = source
	if r.created, err = timeOfSource(ctx, source, ""); err != nil {
		return err
	}
	if err := os.MkdirAll(r.out, 0o755); err != nil {
		return fmt.Errorf("making a release: %w", err)
	}
	for _, platform := range r.archives {
		if err := r.archive(ctx, platform); err != nil {
			return err
		}
	}
	images, err := r.images(ctx, filepath.Join(work, "images"))
	if err != nil {
		return err
	}
	if err := errors.Join(r.chart(), r.install(images), r.copy("CHANGELOG.md")); err != nil {
		return err
	}
	return r.sum()
}

// archive writes the programs for one platform and what each is made of.
func (r release) archive(ctx context.Context, platform v1.Platform) error {
	name := fmt.Sprintf("%s_%s_%s", version.Number, platform.OS, platform.Architecture)
	var files []file
	for _, p := range r.programs {
		b, err := compile(ctx, r.source, p, platform)
		if err != nil {
			return err
		}
		if b.setting("vcs.revision") == "" || b.setting("vcs.modified") != "false" {
			return fmt.Errorf("building %s: the program does not say of which commit it is; a release is made of a clone of the repository", p.binary)
		}
		files = append(files, file{path: p.binary, mode: 0o755, content: b.content})
		sbom, err := describe(&b, nil, r.created)
		if err != nil {
			return err
		}
		if err := replace(filepath.Join(r.out, p.binary+"_"+name+".cdx.json"), sbom); err != nil {
			return fmt.Errorf("writing the SBOM: %w", err)
		}
	}
	for _, text := range []string{"LICENSE", "README.md", "CHANGELOG.md"} {
		content, err := os.ReadFile(filepath.Join(r.source, text))
		if err != nil {
			return fmt.Errorf("packing the programs: %w", err)
		}
		files = append(files, file{path: text, mode: 0o644, content: content})
	}
	return r.compressed("radiant_"+name+".tar.gz", files)
}

// images writes those of this version, and returns the name with its digest of
// each.
func (r release) images(ctx context.Context, dir string) ([]string, error) {
	var report bytes.Buffer
	o := r.options
	o.out, o.report = dir, &report
	if len(o.platforms) == 0 {
		return nil, nil
	}
	if err := build(ctx, o); err != nil {
		return nil, err
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("reading the images: %w", err)
	}
	for _, e := range entries {
		if e.IsDir() {
			continue // The same as the archive, as a folder.
		}
		content, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err == nil {
			err = replace(filepath.Join(r.out, "image-"+e.Name()), content)
		}
		if err != nil {
			return nil, fmt.Errorf("writing the images: %w", err)
		}
	}
	return strings.Fields(report.String()), nil
}

// chart packs the Helm chart as helm package does, with times that do not depend
// on when it is done.
func (r release) chart() error {
	const name = "radiant-operator"
	tree := os.DirFS(filepath.Join(r.source, "manifests", "helm", name))
	var files []file
	err := fs.WalkDir(tree, ".", func(at string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		content, err := fs.ReadFile(tree, at)
		if err == nil && at == "values.yaml" {
			content, err = r.values(content)
		}
		files = append(files, file{path: path.Join(name, at), mode: 0o644, content: content})
		return err
	})
	if err != nil {
		return fmt.Errorf("packing the chart: %w", err)
	}
	return r.compressed(name+"-"+version.Number+".tgz", files)
}

// values are those of the chart with the places of images, where they have a
// prefix.
func (r release) values(text []byte) ([]byte, error) {
	if r.prefix == "" {
		return text, nil
	}
	const registry, image = `registry: ""`, `image: "" # radiant/storage-initializer`
	if bytes.Count(text, []byte(registry)) != 2 || bytes.Count(text, []byte(image)) != 1 {
		return nil, fmt.Errorf("packing the chart: its values do not have %s twice and %s once", registry, image)
	}
	text = bytes.ReplaceAll(text, []byte(registry), []byte("registry: "+strings.TrimSuffix(r.prefix, "/")))
	return bytes.Replace(text, []byte(image), []byte("image: "+r.prefix+"radiant/storage-initializer:"+version.Number), 1), nil
}

// install writes install.yaml with images by their digests: that of the operator,
// and those that it starts.
func (r release) install(images []string) error {
	text, err := os.ReadFile(filepath.Join(r.source, "manifests", "install.yaml"))
	if err != nil {
		return fmt.Errorf("writing install.yaml: %w", err)
	}
	const first = "        - name: POD_NAMESPACE\n"
	for _, image := range images {
		name, _, _ := strings.Cut(image, "@")
		short := strings.TrimPrefix(name, r.prefix)
		i := slices.IndexFunc(r.programs, func(p program) bool { return p.image == short })
		before, after := "image: "+short+"\n", "image: "+image+"\n"
		if variable := r.programs[i].variable; variable != "" {
			before, after = first, fmt.Sprintf("        - name: %s\n          value: %s\n%s", variable, image, first)
		}
		if !bytes.Contains(text, []byte(before)) {
			return fmt.Errorf("writing install.yaml: it has no %q", strings.TrimSpace(before))
		}
		text = bytes.Replace(text, []byte(before), []byte(after), 1)
	}
	return replace(filepath.Join(r.out, "install.yaml"), text)
}

func (r release) copy(name string) error {
	content, err := os.ReadFile(filepath.Join(r.source, name))
	if err != nil {
		return fmt.Errorf("making a release: %w", err)
	}
	return replace(filepath.Join(r.out, name), content)
}

// compressed writes files as one archive.
func (r release) compressed(name string, files []file) error {
	packed, err := pack(files, r.created)
	if err != nil {
		return err
	}
	var out bytes.Buffer
	w, err := gzip.NewWriterLevel(&out, gzip.BestCompression)
	if err != nil {
		return fmt.Errorf("packing %s: %w", name, err)
	}
	if _, err := w.Write(packed); err != nil {
		return fmt.Errorf("packing %s: %w", name, err)
	}
	if err := w.Close(); err != nil {
		return fmt.Errorf("packing %s: %w", name, err)
	}
	return replace(filepath.Join(r.out, name), out.Bytes())
}

// sum writes the checksums, in the form that sha256sum -c reads, and reports
// them.
func (r release) sum() error {
	entries, err := os.ReadDir(r.out)
	if err != nil {
		return fmt.Errorf("writing the checksums: %w", err)
	}
	var sums bytes.Buffer
	for _, e := range entries {
		if e.IsDir() || e.Name() == checksums {
			continue
		}
		content, err := os.ReadFile(filepath.Join(r.out, e.Name()))
		if err != nil {
			return fmt.Errorf("writing the checksums: %w", err)
		}
		fmt.Fprintf(&sums, "%x  %s\n", sha256.Sum256(content), e.Name())
	}
	if _, err := r.report.Write(sums.Bytes()); err != nil {
		return err
	}
	return replace(filepath.Join(r.out, checksums), sums.Bytes())
}
