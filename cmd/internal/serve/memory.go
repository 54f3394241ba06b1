package serve

import (
	"os"
	"path"
	"runtime/debug"
	"strconv"
	"strings"
)

// boundMemory sets Go's memory limit to nine tenths of the container's memory, unless GOMEMLIMIT is set. The API's own
// bounds are shares of it.
func boundMemory(root string) {
	if os.Getenv("GOMEMLIMIT") != "" {
		return
	}
	if limit := containerMemory(root); limit > 0 {
		debug.SetMemoryLimit(limit / 10 * 9)
	}
}

// containerMemory is the memory limit of this process's control group; 0 if there is none, or it is not known.
func containerMemory(root string) int64 {
	groups, err := os.ReadFile(path.Join(root, "/proc/self/cgroup"))
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(groups)) {
		_, rest, _ := strings.Cut(strings.TrimSpace(line), ":")
		var files []string
		switch controllers, group, _ := strings.Cut(rest, ":"); controllers {
		case "": // version 2. In a container the group is the root, unless the host's names are visible.
			files = []string{path.Join("/sys/fs/cgroup", group, "memory.max"), "/sys/fs/cgroup/memory.max"}
		case "memory": // version 1
			files = []string{path.Join("/sys/fs/cgroup/memory", group, "memory.limit_in_bytes"),
				"/sys/fs/cgroup/memory/memory.limit_in_bytes"}
		}
		for _, file := range files {
			text, err := os.ReadFile(path.Join(root, file))
			if err != nil {
				continue
			}
			// "max" in version 2, and a number near 2^63 in version 1, mean no limit.
			if limit, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64); err == nil && limit < 1<<50 {
				return limit
			}
		}
	}
	return 0
}
