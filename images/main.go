// Images builds Radiant's container images without a container engine, a
// registry or a base image: static programs, the certificates of public
// authorities, and licences, as OCI image layouts with an SBOM for each. With
// -release it makes all that is published of a commit.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		if !errors.Is(err, flag.ErrHelp) {
			fmt.Fprintln(os.Stderr, "images:", err)
		}
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("images", flag.ContinueOnError)
	out := flags.String("o", filepath.Join("bin", "images"), "folder that the images go to")
	source := flags.String("C", ".", "folder of the module")
	only := flags.String("only", "", "names of images, separated by commas; empty: all")
	prefix := flags.String("prefix", "", "put before each image's name, such as a registry's host and folder with a / at the end")
	targets := flags.String("platforms", "linux/amd64,linux/arm64", "operating systems and architectures")
	authorities := flags.String("authorities", defaultAuthorities, "file with the certificates of authorities that the programs trust")
	published := flags.String("release", "", "folder for a release of what is committed: archives of the programs, images, chart, install.yaml, SBOMs and checksums")
	archived := flags.String("archives", "linux/amd64,linux/arm64,darwin/amd64,darwin/arm64", "with -release: platforms of the programs' archives")
	if err := flags.Parse(args); err != nil {
		return err
	}
	platforms, err := parsePlatforms(*targets)
	if err != nil {
		return err
	}
	chosen, err := choose(programs(), *only)
	if err != nil {
		return err
	}
	created, err := timeOfSource(ctx, *source, os.Getenv("SOURCE_DATE_EPOCH"))
	if err != nil {
		return err
	}
	o := options{
		source: *source, out: *out, prefix: *prefix, authorities: *authorities,
		programs: chosen, platforms: platforms, created: created, report: os.Stdout,
	}
	if *published == "" {
		return build(ctx, o)
	}
	archives, err := parsePlatforms(*archived)
	if err != nil {
		return err
	}
	o.out = *published
	return release{o, archives}.build(ctx)
}

// timeOfSource is the time that images say they were made: the given number of
// seconds since 1970, else that of the commit, else 1970. The time of the
// build would make each build another image.
func timeOfSource(ctx context.Context, source, epoch string) (time.Time, error) {
	if epoch == "" {
		cmd := exec.CommandContext(ctx, "git", "log", "-1", "--format=%ct")
		cmd.Dir = source
		out, err := cmd.Output()
		if err != nil {
			return time.Unix(0, 0).UTC(), nil // Not a repository: an archive of the sources has no time of its own.
		}
		epoch = strings.TrimSpace(string(out))
	}
	seconds, err := strconv.ParseInt(epoch, 10, 64)
	if err != nil {
		return time.Time{}, fmt.Errorf("reading SOURCE_DATE_EPOCH: %q is not a number of seconds", epoch)
	}
	return time.Unix(seconds, 0).UTC(), nil
}
