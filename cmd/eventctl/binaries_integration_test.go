//go:build integration

package main

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// To build it as it is released takes minutes on a machine that never did, so it is no part of `go test ./...`.
func TestAReleasedBinaryRunsHasItsChecksumAndIsTheSameTwice(t *testing.T) {
	target := runtime.GOOS + "/" + runtime.GOARCH
	name := "eventctl-v1.2.3-" + runtime.GOOS + "-" + runtime.GOARCH
	var sums []string
	for range 2 {
		out := t.TempDir()
		if text, err := exec.Command("bash", "../../.ci/binaries", "v1.2.3", out, target).CombinedOutput(); err != nil {
			t.Fatalf("build: %v\n%s", err, text)
		}
		said, err := exec.Command(filepath.Join(out, name), "--version").CombinedOutput()
		if err != nil || !strings.Contains(string(said), "v1.2.3") {
			t.Errorf("it says %q (%v)", said, err)
		}
		binary, err := os.ReadFile(filepath.Join(out, name))
		if err != nil {
			t.Fatal(err)
		}
		list, err := os.ReadFile(filepath.Join(out, "SHA256SUMS"))
		if err != nil {
			t.Fatal(err)
		}
		sum := sha256.Sum256(binary)
		if want := hex.EncodeToString(sum[:]) + "  " + name + "\n"; string(list) != want {
			t.Errorf("SHA256SUMS has %q, want %q", list, want)
		}
		sums = append(sums, string(list))
	}
	if sums[0] != sums[1] {
		t.Errorf("the same sources made two binaries: %q", sums)
	}
	if text, err := exec.Command("bash", "../../.ci/binaries", "../v1", t.TempDir()).CombinedOutput(); err == nil {
		t.Errorf("a version that is a path is taken: %s", text)
	}
}
