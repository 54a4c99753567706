//go:build !linux

package apiserver

import "os/exec"

// dieWithParent is a promise that only Linux can keep.
func dieWithParent(*exec.Cmd) {}
