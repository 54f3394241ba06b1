package api_test

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// Whoever moves a tag changes what is built, so a base image has a tag that is not moved by a release: one with a whole
// version. Distroless has no such tags, and ours are built here.
func TestEveryImageThatIsBuiltOnOrRunHasAnExactVersion(t *testing.T) {
	named := regexp.MustCompile(`(?m)^(?:FROM(?: --platform=\S+)?|# syntax=| +image:) *(\S+)`)
	exact := regexp.MustCompile(`:v?\d+\.\d+\.\d+(-[a-z]+)?$|@sha256:[0-9a-f]{64}$|^docker/dockerfile:\d+\.\d+$`)
	allowed := regexp.MustCompile(
		`^gcr\.io/distroless/static-debian12:nonroot|^event-processing-service-(api|processor):local$`)
	found := 0
	for _, file := range []string{"../api/Dockerfile", "../processor/Dockerfile", "../compose.yaml"} {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, match := range named.FindAllStringSubmatch(string(text), -1) {
			found++
			if image := match[1]; !exact.MatchString(image) && !allowed.MatchString(image) {
				t.Errorf("%s names %s, which may be another image tomorrow", file, image)
			}
		}
	}
	if found < 10 {
		t.Fatalf("only %d images are named", found)
	}
}

// An older image would fetch the toolchain at each build, a newer one would build with another than the tests ran with.
func TestTheImagesAreBuiltWithTheToolchainOfTheModule(t *testing.T) {
	module, err := os.ReadFile("../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	toolchain := regexp.MustCompile(`(?m)^toolchain go(\S+)$`).FindSubmatch(module)
	if toolchain == nil {
		t.Fatal("go.mod names no toolchain")
	}
	for _, file := range []string{"../api/Dockerfile", "../processor/Dockerfile"} {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if want := " golang:" + string(toolchain[1]) + "-"; !strings.Contains(string(text), want) {
			t.Errorf("%s has no%s", file, want)
		}
	}
}
