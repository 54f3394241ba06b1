package settings_test

import (
	"flag"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"event-processing-service/internal/settings"
)

var update = flag.Bool("update", false, "write the README's table")

func TestTheREADMEsTableIsWhatTheProgramsRead(t *testing.T) {
	const readme = "../../README.md"
	text, err := os.ReadFile(readme)
	if err != nil {
		t.Fatal(err)
	}
	table := regexp.MustCompile(`(?m)^\| variable \| default \|.*\n(\|.*\n)+`)
	if *update {
		text = table.ReplaceAllLiteral(text, []byte(settings.Table()))
		if err := os.WriteFile(readme, text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(settings.Table(), string(table.Find(text))); diff != "" {
		t.Errorf("README.md is out of date: go test ./internal/settings -update (-want +got):\n%s", diff)
	}
}

// standard are the names that the AWS SDK, OpenTelemetry's SDK and Go read by themselves.
var standard = regexp.MustCompile(`^(AWS|OTEL)_[A-Z0-9_]+$`)

func TestTheContainersAreGivenOnlyVariablesThatAProgramReads(t *testing.T) {
	text, err := os.ReadFile("../../compose.yaml")
	if err != nil {
		t.Fatal(err)
	}
	block := regexp.MustCompile(`(?m)^x-environment:.*\n((?:  .*\n)+)`).FindStringSubmatch(string(text))
	if block == nil {
		t.Fatal("compose.yaml has no x-environment")
	}
	api, processor := settings.Variables()
	given := regexp.MustCompile(`(?m)^  ([A-Z0-9_]+):`).FindAllStringSubmatch(block[1], -1)
	if len(given) < 5 {
		t.Fatalf("only %v are given", given)
	}
	for _, name := range given {
		read := func(v settings.Variable) bool { return v.Name == name[1] }
		if !slices.ContainsFunc(api, read) && !slices.ContainsFunc(processor, read) && !standard.MatchString(name[1]) {
			t.Errorf("compose.yaml gives %s, which no program reads", name[1])
		}
	}
}

func TestSettingsKnowNoPartOfTheService(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", ".").CombinedOutput()
	if err != nil {
		t.Fatalf("list the dependencies: %v\n%s", err, out)
	}
	for name := range strings.Lines(string(out)) {
		name = strings.TrimSpace(name)
		const ours = "event-processing-service/internal/settings"
		first, _, _ := strings.Cut(name, "/")
		own, _, _ := strings.Cut(ours, "/")
		if name != ours && (strings.Contains(first, ".") || first == own) {
			t.Errorf("settings are made of %s", name)
		}
	}
}
