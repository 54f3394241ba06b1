package delivery

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"
)

// executed are the scripts that the tests of this package have run.
var executed = map[string]bool{}

func ran(command []string) { executed[command[0]] = true }

// TestMain fails where a workflow runs a script that neither .ci/run nor a test of this package executes: on GitHub no
// step runs for the first time.
func TestMain(m *testing.M) {
	code := m.Run()
	if flag.Lookup("test.run").Value.String() == "" && flag.Lookup("test.list").Value.String() == "" {
		never, err := neverExecuted(executed)
		for _, script := range never {
			fmt.Println("a workflow runs what nothing here executes:", script)
		}
		if err != nil {
			fmt.Println(err)
		}
		if code == 0 && (err != nil || len(never) > 0) {
			code = 1
		}
	}
	os.Exit(code)
}

// neverExecuted are the scripts of the workflows that neither done nor .ci/run has.
func neverExecuted(done map[string]bool) (never []string, err error) {
	checks, err := os.ReadFile(filepath.Join(root, ".ci/run"))
	if err != nil {
		return nil, err
	}
	files, err := filepath.Glob(filepath.Join(root, ".github/workflows/*.yaml"))
	if err != nil {
		return nil, err
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		var w workflow
		if err := yaml.Unmarshal(text, &w); err != nil {
			return nil, fmt.Errorf("read %s: %w", file, err)
		}
		for name, job := range w.Jobs {
			for _, step := range job.Steps {
				line := strings.TrimPrefix(step.Run, "bash ")
				script, _, _ := strings.Cut(line, " ")
				byChecks := regexp.MustCompile(`(?m)^ *(optional "[^"]*" )?` + regexp.QuoteMeta(script) + `( |$)`)
				if script != "" && script != ".ci/run" && !done[script] && !byChecks.Match(checks) {
					never = append(never, fmt.Sprintf("%s (%s, job %s)", script, filepath.Base(file), name))
				}
			}
		}
	}
	return never, nil
}

func TestAStepThatNothingExecutesIsFound(t *testing.T) {
	never, err := neverExecuted(map[string]bool{".ci/deliver": true})
	text := strings.Join(never, "\n")
	if err != nil || !strings.Contains(text, ".ci/publish (release.yaml, job release)") ||
		strings.Contains(text, ".ci/deliver") || strings.Contains(text, ".ci/fuzz") {
		t.Errorf("%v\n%s", err, text)
	}
}
