//go:build integration

package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// Building all of it under another path takes about a minute, so it is no part of `go test ./...`.
func TestARenamedCloneBuildsPassesTestsAndPlans(t *testing.T) {
	dir := t.TempDir()
	list, err := exec.Command("git", "-C", "../..", "ls-files", "-z", "--cached", "--others",
		"--exclude-standard").Output()
	if err != nil {
		t.Fatalf("list the files: %v", err)
	}
	for name := range strings.SplitSeq(strings.Trim(string(list), "\x00"), "\x00") {
		text, err := os.ReadFile(filepath.Join("../..", name))
		if os.IsNotExist(err) {
			continue // deleted and not committed
		}
		path := filepath.Join(dir, name)
		if err == nil {
			err = os.MkdirAll(filepath.Dir(path), 0o755)
		}
		if err == nil {
			err = os.WriteFile(path, text, 0o755)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if out, err := run(t, "", "init", "github.com/acme/shop", "--name", "shop-events", "--root", dir); err != nil {
		t.Fatalf("%s: %v", out, err)
	}
	git(t, dir, "init", "-q") // which a clone has, and the stack's tests ask
	git(t, dir, "add", "-A")
	goIn(t, dir, "build", "./...")
	goIn(t, dir, "test", "./docs", "./schemas/...", "./internal/settings", "./handlers", "./examples/...", "./stack")
	if plan := goIn(t, dir, "run", "./stack", "plan", "dev"); !strings.Contains(plan, "shop-events-dev-event-processor") ||
		strings.Contains(plan, template) {
		t.Errorf("the plan is\n%s", plan)
	}
}
