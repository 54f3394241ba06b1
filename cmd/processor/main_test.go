package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"event-processing-service/cmd/internal/programtest"
	"event-processing-service/internal/settings"
)

// output is written by the function and read by the test.
type output struct{ programtest.Output }

func TestEveryVariableHasItsEffectOnTheFunction(t *testing.T) {
	programtest.FunctionVariables(t, func(t *testing.T, lookup settings.Lookup) *programtest.Function {
		t.Helper()
		out := &output{}
		function, closeAll, err := newFunction(t.Context(), lookup, out, programtest.Failing)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(closeAll)
		return &programtest.Function{Function: function, Log: out.String}
	})
}

func TestStartedByHandTheFunctionSaysHowToInvokeIt(t *testing.T) {
	path := filepath.Join(t.TempDir(), "bootstrap")
	if log, err := exec.Command("go", "build", "-tags", "lambda.norpc", "-o", path, ".").CombinedOutput(); err != nil {
		t.Fatalf("build the function: %v\n%s", err, log)
	}
	out, err := exec.Command(path).CombinedOutput()
	if err == nil || !strings.Contains(string(out), "eventctl invoke FILE --bootstrap") {
		t.Errorf("it ends with %v and says %s", err, out)
	}
	for processor, want := range map[string]string{"": "", "adit": `PROCESSOR="adit": there is no processor "adit"`} {
		cmd := exec.Command(path, "--check")
		cmd.Env = append(os.Environ(), "PROCESSOR="+processor)
		if out, err := cmd.CombinedOutput(); (err == nil) != (want == "") || !strings.Contains(string(out), want) {
			t.Errorf("--check of PROCESSOR=%s ends with %v and says %s", processor, err, out)
		}
	}
	out, err = exec.Command(path, "--version").CombinedOutput()
	if err != nil || !strings.HasPrefix(string(out), "processor version ") {
		t.Errorf("--version ends with %v and says %s", err, out)
	}
}
