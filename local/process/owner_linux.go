package process

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// PortOwner names the process that listens on a TCP port of this machine, or
// returns "" when it cannot be seen.
func PortOwner(port int) string {
	sockets := map[string]bool{}
	for _, table := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		listeningSockets(table, port, sockets)
	}
	links, _ := filepath.Glob("/proc/[0-9]*/fd/*")
	for _, link := range links {
		target, err := os.Readlink(link)
		if err != nil || !sockets[target] {
			continue
		}
		process := filepath.Dir(filepath.Dir(link))
		name, err := os.ReadFile(filepath.Join(process, "comm"))
		if err != nil {
			continue
		}
		return fmt.Sprintf("%s (process %s)", strings.TrimSpace(string(name)), filepath.Base(process))
	}
	return ""
}

// listeningSockets adds the sockets of table that listen on port, in the form
// that links in /proc/*/fd have.
func listeningSockets(table string, port int, sockets map[string]bool) {
	file, err := os.Open(table)
	if err != nil {
		return
	}
	defer file.Close()
	const listening = "0A"
	suffix := fmt.Sprintf(":%04X", port)
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		// The columns are: number, local address, remote address, state, ...,
		// the tenth is the inode.
		f := strings.Fields(lines.Text())
		if len(f) > 9 && f[3] == listening && strings.HasSuffix(f[1], suffix) {
			sockets["socket:["+f[9]+"]"] = true
		}
	}
}
