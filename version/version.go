// Package version says which build of Radiant a program is.
package version

import (
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
)

// Number is the version of Radiant: that of its programs, its images and its
// chart.
const Number = "0.1.0"

// unknown stands for what was not written into a program, since it was built
// from sources that are in no repository.
const unknown = "unknown"

// Build is one build of a program. The same sources give the same values,
// whenever and wherever they are built.
type Build struct {
	Version string `json:"version"`
	// Commit is the revision of the sources, and "unknown" where they were in no
	// repository. It ends in "+changes" where they differed from that revision.
	Commit string `json:"commit"`
	// Date is when the commit was made, as 2026-01-02T15:04:05Z.
	Date string `json:"date"`
	// Go is the version of the compiler, Platform is as in linux/amd64.
	Go       string `json:"go"`
	Platform string `json:"platform"`
}

// This is the build of the running program.
func This() Build {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		info = &debug.BuildInfo{}
	}
	return from(info)
}

func from(info *debug.BuildInfo) Build {
	setting := func(key string) string {
		for _, s := range info.Settings {
			if s.Key == key && s.Value != "" {
				return s.Value
			}
		}
		return unknown
	}
	b := Build{
		Version: Number, Commit: setting("vcs.revision"), Date: setting("vcs.time"),
		Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH,
	}
	if setting("vcs.modified") == "true" {
		b.Commit += "+changes"
	}
	return b
}

// Line is what a program says of itself: its name, and all of the build.
func (b Build) Line(program string) string {
	return program + " " + b.Version + " (commit " + b.Commit + " of " + b.Date + ", " + b.Go + ", " + b.Platform + ")"
}

// Asked reports whether the arguments of a program ask for its version and for
// nothing else.
func Asked(args []string) bool {
	return len(args) == 1 && slices.Contains([]string{"version", "-version", "--version"}, strings.ToLower(args[0]))
}
