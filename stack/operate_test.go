package main

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// fakeAWS answers as the CLI does with --output text: a task that runs for a while, and two pages of logs, of which the
// first is not there at once. $WORLD is where it keeps count.
const fakeAWS = `#!/usr/bin/env bash
[ -n "${AWS_DEFAULT_REGION:-}" ] || { echo "You must specify a region." >&2; exit 253; } # as version 1 does
count() { echo x >>"$WORLD/$1"; wc -l <"$WORLD/$1"; }
printf '%s\n' "$@" >>"$WORLD/arguments"
case "$1 $2 $*" in
"ecs run-task"*) echo "$TASK" ;;
*lastStatus*) if (($(count polls) > 3)); then echo STOPPED; else echo RUNNING; fi ;;
*exitCode*) echo "$EXIT" ;;
*stoppedReason*) echo "CannotPullContainerError" ;;
"logs get-log-events"*)
    if (($(count looks) == 1)); then exit 254; fi
    case "$*" in
    *"--next-token b"*) echo b ;;
    *"--next-token a"*) printf 'b\nthird\n' ;;
    *) printf 'a\nfirst line\tsecond "line"\n' ;;
    esac ;;
*) exit 99 ;;
esac
`

// operate runs the script with ARGS on a made-up AWS.
func operate(t *testing.T, task, exit string, args ...string) (out, errs string, code int, asked string) {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{"aws": fakeAWS, "pulumi": "#!/usr/bin/env bash\necho \"the-${*: -1}\"\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.CommandContext(t.Context(), "./operate", args...)
	cmd.Env = append(os.Environ(), "PATH="+dir+":"+os.Getenv("PATH"), "WORLD="+dir, "TASK="+task, "EXIT="+exit,
		"OPERATE_PAUSE=0")
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	var ended *exec.ExitError
	if err != nil && !errors.As(err, &ended) {
		t.Fatal(err)
	}
	arguments, err := os.ReadFile(filepath.Join(dir, "arguments"))
	if err != nil {
		t.Fatal(err)
	}
	return stdout.String(), stderr.String(), cmd.ProcessState.ExitCode(), string(arguments)
}

const aTask = "arn:aws:ecs:us-east-1:1:task/cluster/7d3f"

func TestOperatePrintsAllThatTheTaskPrintsAndEndsAsItEnds(t *testing.T) {
	for _, code := range []string{"0", "3"} {
		out, errs, got, asked := operate(t, aTask, code, "prod", "dlq", "list")
		if diff := cmp.Diff("first line\nsecond \"line\"\nthird\n", out); diff != "" {
			t.Errorf("it prints (-want +got):\n%s%s", diff, errs)
		}
		if string(rune('0'+got)) != code {
			t.Errorf("it ends with %d, want %s", got, code)
		}
		if !strings.Contains(asked, "\noperator/operator/7d3f\n") || !strings.Contains(asked, "\nthe-operatorNetwork\n") {
			t.Errorf("it asks for\n%s", asked)
		}
	}
}

func TestOperateHandsArgumentsOnAsTheyAre(t *testing.T) {
	_, _, _, asked := operate(t, aTask, "0", "prod", "replay", "--from", "3 h", `a "b" \c`, "")
	want := `{"containerOverrides":[{"name":"operator","command":["replay","--from","3 h","a \"b\" \\c",""]}]}`
	if !strings.Contains(asked, "\n"+want+"\n") {
		t.Errorf("want %s in\n%s", want, asked)
	}
}

func TestOperateSaysWhyATaskDidNotRun(t *testing.T) {
	if _, errs, code, _ := operate(t, aTask, "None", "prod", "dlq"); code != 1 || !strings.Contains(errs,
		"CannotPullContainerError") {
		t.Errorf("it ends with %d and says %q", code, errs)
	}
	if _, errs, code, _ := operate(t, "None", "0", "prod", "dlq"); code != 1 || !strings.Contains(errs, "no task") {
		t.Errorf("it ends with %d and says %q", code, errs)
	}
}
