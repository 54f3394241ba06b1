package serve

import (
	"os"
	"path/filepath"
	"testing"
)

func TestTheContainersMemoryIsReadOfBothVersionsOfControlGroups(t *testing.T) {
	for name, c := range map[string]struct {
		files map[string]string
		want  int64
	}{
		"version 2": {map[string]string{"proc/self/cgroup": "0::/\n",
			"sys/fs/cgroup/memory.max": "335544320\n"}, 335544320},
		"version 2, with the host's name": {map[string]string{"proc/self/cgroup": "0::/docker/1\n",
			"sys/fs/cgroup/memory.max": "335544320\n"}, 335544320},
		"version 2, no bound": {map[string]string{"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/memory.max": "max\n"}, 0},
		"version 1": {map[string]string{"proc/self/cgroup": "3:cpu:/a\n2:memory:/a\n",
			"sys/fs/cgroup/memory/a/memory.limit_in_bytes": "335544320\n"}, 335544320},
		"version 1, no bound": {map[string]string{"proc/self/cgroup": "2:memory:/\n",
			"sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n"}, 0},
		"no control groups": {nil, 0},
	} {
		root := t.TempDir()
		for file, text := range c.files {
			if err := os.MkdirAll(filepath.Dir(filepath.Join(root, file)), 0o700); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(root, file), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if got := containerMemory(root); got != c.want {
			t.Errorf("%s: %d, want %d", name, got, c.want)
		}
	}
}
