package memory

import (
	"bufio"
	"bytes"
	"math"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
)

// Limit is how much memory the container of this process may take: the least
// limit of its control groups, of version 1 or 2. 0: there is none, or it
// cannot be read. root is the root of the file system.
func Limit(root string) int64 {
	groups, err := os.ReadFile(filepath.Join(root, "proc/self/cgroup"))
	if err != nil {
		return 0
	}
	mounts, err := os.ReadFile(filepath.Join(root, "proc/self/mountinfo"))
	if err != nil {
		return 0
	}
	least := int64(math.MaxInt64)
	for _, h := range hierarchies(mounts) {
		for folder := h.folder(groups); ; folder = path.Dir(folder) {
			if n, ok := limitIn(filepath.Join(root, h.mount, folder, h.file)); ok {
				least = min(least, n)
			}
			if folder == "/" || folder == "." {
				break
			}
		}
	}
	// Version 1 says a number near the largest when there is no limit.
	if least >= math.MaxInt64/2 {
		return 0
	}
	return least
}

// hierarchy is a mounted tree of control groups that bounds memory.
type hierarchy struct {
	// mount is where it is, top the group that is mounted there.
	mount, top string
	// file is the file of a group that holds the limit.
	file string
	one  bool
}

func hierarchies(mountinfo []byte) (all []hierarchy) {
	lines := bufio.NewScanner(bytes.NewReader(mountinfo))
	for lines.Scan() {
		mount, kind, ok := strings.Cut(lines.Text(), " - ")
		fields, kinds := strings.Fields(mount), strings.Fields(kind)
		if !ok || len(fields) < 5 || len(kinds) < 3 {
			continue
		}
		h := hierarchy{mount: fields[4], top: fields[3], file: "memory.max"}
		switch {
		case kinds[0] == "cgroup2":
		case kinds[0] == "cgroup" && has(kinds[2], "memory"):
			h.file, h.one = "memory.limit_in_bytes", true
		default:
			continue
		}
		all = append(all, h)
	}
	return all
}

// folder is that of the process's own group below the mount. A container often
// has its group for the mount, whatever it is named outside.
func (h hierarchy) folder(groups []byte) string {
	for line := range strings.Lines(string(groups)) {
		fields := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(fields) < 3 || h.one != has(fields[1], "memory") || !h.one && fields[1] != "" {
			continue
		}
		if below, ok := strings.CutPrefix(fields[2], strings.TrimSuffix(h.top, "/")); ok && !strings.Contains(below, "..") {
			return path.Join("/", below)
		}
	}
	return "/"
}

func has(list, name string) bool {
	for item := range strings.SplitSeq(list, ",") {
		if item == name {
			return true
		}
	}
	return false
}

func limitIn(file string) (int64, bool) {
	text, err := os.ReadFile(file)
	if err != nil {
		return 0, false
	}
	n, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
	return n, err == nil && n > 0
}
