package main

import (
	"archive/zip"
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// processorPackage is the package of the function, and functionZip the path of its archive below the module's root.
const (
	processorPackage = "./cmd/processor"
	functionZip      = "dist/event-processor.zip"
)

// zipTime is the same for every archive: a zip's times are part of its bytes, and Lambda compares the bytes.
var zipTime = time.Date(1980, time.January, 1, 0, 0, 0, 0, time.UTC)

// buildFunction compiles pkg of the module at root for Lambda's arm64 and packs it to out as `bootstrap`. The same
// sources make the same bytes on any machine, in any directory and at any time, so that only a change is deployed.
func buildFunction(root, pkg, out string) error {
	work, err := os.MkdirTemp("", "bootstrap-")
	if err != nil {
		return fmt.Errorf("create build directory: %w", err)
	}
	defer func() { _ = os.RemoveAll(work) }() // the system empties its temporary directory, too
	binary := filepath.Join(work, "bootstrap")

	// -trimpath, -buildvcs=false and an empty build id keep directory, commit and machine out of the binary;
	// lambda.norpc leaves out the runtime interface of the go1.x days.
	build := exec.Command("go", "build", "-trimpath", "-buildvcs=false", "-tags", "lambda.norpc",
		"-ldflags=-s -w -buildid=", "-o", binary, pkg)
	build.Dir = root
	// What a developer's environment sets must not end up in the binary.
	build.Env = append(os.Environ(), "GOOS=linux", "GOARCH=arm64", "GOARM64=v8.0", "CGO_ENABLED=0", "GOFLAGS=",
		"GOWORK=off", "GOEXPERIMENT=")
	compiler, err := toolchain(root)
	if err != nil {
		return err
	}
	if compiler != "" {
		build.Env = append(build.Env, "GOTOOLCHAIN="+compiler)
	}
	var output bytes.Buffer
	build.Stdout, build.Stderr = &output, &output
	if err := build.Run(); err != nil {
		return fmt.Errorf("build %s: %w\n%s", pkg, err, output.String())
	}
	if err := os.MkdirAll(filepath.Dir(out), 0o755); err != nil {
		return fmt.Errorf("create directory of %s: %w", out, err)
	}
	return writeZip(binary, out)
}

// toolchain is the Go version that go.mod names, "" where it names none. To go, that line is only a lower bound: a
// newer compiler on another machine would make other bytes of the same sources, and so a deployment that changes
// nothing. The go command downloads this version where it is not installed.
func toolchain(root string) (string, error) {
	text, err := os.ReadFile(filepath.Join(root, "go.mod"))
	if err != nil {
		return "", fmt.Errorf("read Go version: %w", err)
	}
	for line := range strings.Lines(string(text)) {
		if version, found := strings.CutPrefix(line, "toolchain "); found {
			return strings.TrimSpace(version), nil
		}
	}
	return "", nil
}

// writeZip packs one executable. Pulumi's own archives carry no file modes, and Lambda may refuse to run a file that is
// not executable. Pulumi uploads an archive that exists already byte for byte.
func writeZip(binary, out string) error {
	program, err := os.ReadFile(binary)
	if err != nil {
		return fmt.Errorf("read function: %w", err)
	}
	var packed bytes.Buffer
	archive := zip.NewWriter(&packed)
	header := &zip.FileHeader{Name: "bootstrap", Method: zip.Deflate, Modified: zipTime}
	header.SetMode(0o755)
	entry, err := archive.CreateHeader(header)
	if err != nil {
		return fmt.Errorf("start archive: %w", err)
	}
	if _, err := entry.Write(program); err != nil {
		return fmt.Errorf("pack function: %w", err)
	}
	if err := archive.Close(); err != nil {
		return fmt.Errorf("finish archive: %w", err)
	}
	if err := os.WriteFile(out, packed.Bytes(), 0o644); err != nil {
		return fmt.Errorf("write archive: %w", err)
	}
	return nil
}
