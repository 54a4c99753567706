//go:build !linux

package process

import (
	"fmt"
	"os/exec"
	"strings"
)

// PortOwner names the process that listens on a TCP port of this machine, or
// returns "" when it cannot be seen.
func PortOwner(port int) string {
	out, err := exec.Command("lsof", "-nP", "-Fpc", "-sTCP:LISTEN", fmt.Sprintf("-iTCP:%d", port)).Output()
	if err != nil {
		return ""
	}
	var pid, name string
	for _, line := range strings.Split(string(out), "\n") {
		if v, ok := strings.CutPrefix(line, "p"); ok && pid == "" {
			pid = v
		}
		if v, ok := strings.CutPrefix(line, "c"); ok && name == "" {
			name = v
		}
	}
	if pid == "" {
		return ""
	}
	return fmt.Sprintf("%s (process %s)", name, pid)
}
