package main

import (
	"bytes"
	"context"
	"debug/buildinfo"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// options is one run of the program.
type options struct {
	source, out, prefix, authorities string

	programs  []program
	platforms []v1.Platform
	created   time.Time
	report    io.Writer
}

// binary is a program built for one platform.
type binary struct {
	program  program
	platform v1.Platform
	content  []byte
	info     *buildinfo.BuildInfo
}

// build makes all images, and reports the name and digest of each.
func build(ctx context.Context, o options) error {
	authorities, err := readAuthorities(o.authorities)
	if err != nil {
		return err
	}
	for _, p := range o.programs {
		parts := make([]part, 0, len(o.platforms))
		for _, platform := range o.platforms {
			b, err := compile(ctx, o.source, p, platform)
			if err != nil {
				return err
			}
			made, err := makePart(ctx, b, authorities, o)
			if err != nil {
				return fmt.Errorf("making the image of %s for %s: %w", p.name, platform, err)
			}
			parts = append(parts, made)
		}
		digest, err := write(o, p, parts)
		if err != nil {
			return fmt.Errorf("writing the image of %s: %w", p.name, err)
		}
		fmt.Fprintf(o.report, "%s%s@%s\n", o.prefix, p.image, digest)
	}
	return nil
}

// compile builds a static program. -trimpath and a fixed set of flags make the
// same bytes from the same sources on every machine.
func compile(ctx context.Context, source string, p program, platform v1.Platform) (binary, error) {
	dir, err := os.MkdirTemp("", "radiant-images-")
	if err != nil {
		return binary{}, fmt.Errorf("building %s: %w", p.name, err)
	}
	defer func() { _ = os.RemoveAll(dir) }() // Left over, it is only space.
	path := filepath.Join(dir, p.binary)
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-buildvcs=auto", "-ldflags", "-s -w", "-o", path, p.source)
	cmd.Dir = source
	cmd.Env = append(cmd.Environ(), "CGO_ENABLED=0", "GOOS="+platform.OS, "GOARCH="+platform.Architecture)
	if out, err := cmd.CombinedOutput(); err != nil {
		return binary{}, fmt.Errorf("building %s for %s: %w\n%s", p.name, platform, err, out)
	}
	content, err := os.ReadFile(path)
	if err != nil {
		return binary{}, fmt.Errorf("building %s: %w", p.name, err)
	}
	info, err := buildinfo.Read(bytes.NewReader(content))
	if err != nil {
		return binary{}, fmt.Errorf("reading what %s was built from: %w", p.name, err)
	}
	return binary{program: p, platform: platform, content: content, info: info}, nil
}

// setting is a value that go build wrote down, such as vcs.revision.
func (b *binary) setting(key string) string {
	for _, s := range b.info.Settings {
		if s.Key == key {
			return s.Value
		}
	}
	return ""
}
