package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// fakeSession answers as the CLI does to the console's script. SESSION is how the session goes: it ends at once, or
// stays until it is told to end. LATE is what comes last: the agent, or the line with the address.
const fakeSession = `#!/usr/bin/env bash
count() { echo x >>"$WORLD/$1"; wc -l <"$WORLD/$1"; }
printf '%s\n' "$@" >>"$WORLD/arguments"
case "$1 $2 $*" in
"ecs run-task"*) echo "arn:aws:ecs:us-east-1:1:task/cluster/7d3f" ;;
"ecs stop-task"*) ;;
*stoppedReason*) echo "CannotPullContainerError" ;;
"ecs describe-tasks"*)
    n=$(count looks)
    if [[ $SESSION == none ]]; then printf 'STOPPED\tNone\tNone\n'
    elif ((n == 1)); then printf 'PROVISIONING\tNone\tNone\n'
    elif [[ $LATE == agent ]] && ((n < 4)); then printf 'RUNNING\tPENDING\t7d3f-0000000001\n'
    else printf 'RUNNING\tRUNNING\t7d3f-0000000001\n'; fi ;;
"logs get-log-events"*)
    if [[ $LATE == line ]] && (($(wc -l <"$WORLD/looks") < 4)); then exit 254; fi
    case "$*" in
    *"--next-token"*) echo a ;;
    *) printf 'a\n{"level":"INFO"}\tconsole: http://localhost:8081/#token=secret\n' ;;
    esac ;;
"ssm start-session"*)
    if (($(wc -l <"$WORLD/looks") < 4)); then exit 254; fi # TargetNotConnected
    echo "Waiting for connections..."
    if [[ $SESSION == stays ]]; then
        sleep 60 & # the plugin
        echo $! >"$WORLD/plugin"
        wait
    fi ;;
*) exit 99 ;;
esac
`

// consoled is the script on a made-up AWS, which has not begun yet; the choice is the stack file's.
func consoled(t *testing.T, session, choice string) (cmd *exec.Cmd, dir string) {
	t.Helper()
	dir = t.TempDir()
	pulumi := "#!/usr/bin/env bash\ncase \"$*\" in\n*operator.console) " + given(choice) + " ;;\n" +
		"*) echo \"the-${*: -1}\" ;;\nesac\n"
	for name, text := range map[string]string{"aws": fakeSession, "pulumi": pulumi,
		"session-manager-plugin": "#!/usr/bin/env bash\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	cmd = exec.CommandContext(t.Context(), "./console", "prod", "--read-only")
	cmd.Env = append(os.Environ(), "PATH="+dir+":"+os.Getenv("PATH"), "WORLD="+dir, "SESSION="+session, "LATE=agent",
		"OPERATE_PAUSE=0")
	cmd.WaitDelay = time.Second // a session that is left behind holds on to the output
	cmd.Stdout, cmd.Stderr = new(bytes.Buffer), new(bytes.Buffer)
	return cmd, dir
}

// asked is what the made-up AWS was asked for, a word a line.
func asked(t *testing.T, dir string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, "arguments"))
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	return string(text)
}

func TestTheConsoleIsBroughtHereAndItsTaskEndsWithTheSession(t *testing.T) {
	for _, late := range []string{"agent", "line"} {
		cmd, dir := consoled(t, "ends", "true")
		cmd.Env = append(cmd.Env, "LATE="+late)
		brought(t, cmd, dir)
	}
}

// brought runs a console whose session ends by itself, and compares what it prints and asks for.
func brought(t *testing.T, cmd *exec.Cmd, dir string) {
	t.Helper()
	if err := cmd.Run(); err != nil {
		t.Fatalf("%v\n%s", err, cmd.Stderr)
	}
	if out := cmd.Stdout.(*bytes.Buffer).String(); out != "http://localhost:8081/#token=secret\n" {
		t.Errorf("it prints %q", out)
	}
	words := asked(t, dir)
	for _, part := range []string{"\n--enable-execute-command\n", `"command":["console","--listen","127.0.0.1:8081",` +
		`"--group","the-consumerGroup","--public-url","the-apiUrl","--for","4h","--read-only"]`,
		"\n--target\necs:the-ecsCluster_7d3f_7d3f-0000000001\n--document-name\nAWS-StartPortForwardingSession\n",
		"\n" + `{"portNumber":["8081"],"localPortNumber":["8081"]}` + "\n",
		"stop-task\n--cluster\nthe-ecsCluster\n--task\narn:aws:ecs:us-east-1:1:task/cluster/7d3f\n"} {
		if !strings.Contains(words, part) {
			t.Errorf("%q is not in\n%s", part, words)
		}
	}
}

func TestASignalEndsTheConsolesTaskAndItsSession(t *testing.T) {
	for sent, code := range map[syscall.Signal]int{syscall.SIGINT: 130, syscall.SIGTERM: 143, syscall.SIGHUP: 129} {
		cmd, dir := consoled(t, "stays", "true")
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		waitFor(t, func() bool { text, _ := os.ReadFile(filepath.Join(dir, "plugin")); return len(text) > 0 })
		if err := cmd.Process.Signal(sent); err != nil {
			t.Fatal(err)
		}
		_ = cmd.Wait() // its status is asked for below
		if got := cmd.ProcessState.ExitCode(); got != code {
			t.Errorf("%s: status %d, want %d\n%s", sent, got, code, cmd.Stderr)
		}
		if !strings.Contains(asked(t, dir), "\nstop-task\n") {
			t.Errorf("%s: the task goes on", sent)
		}
		plugin, err := os.ReadFile(filepath.Join(dir, "plugin"))
		if err != nil {
			t.Fatal(err)
		}
		waitFor(t, func() bool { return !lives(strings.TrimSpace(string(plugin))) })
	}
}

// lives reports whether a process runs, and is not merely waited for by nobody.
func lives(pid string) bool {
	state, err := exec.Command("ps", "-o", "stat=", "-p", pid).Output()
	return err == nil && !strings.HasPrefix(string(state), "Z")
}

func waitFor(t *testing.T, is func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !is(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("it did not come to be in 10 s")
		}
	}
}

func TestAConsoleThatDoesNotStartSaysWhyAndLeavesNothing(t *testing.T) {
	cmd, dir := consoled(t, "none", "true")
	if err := cmd.Run(); err == nil || !strings.Contains(cmd.Stderr.(*bytes.Buffer).String(), "CannotPullContainerError") {
		t.Errorf("%v: %s", err, cmd.Stderr)
	}
	if !strings.Contains(asked(t, dir), "\nstop-task\n") {
		t.Error("the task goes on")
	}
}

func TestAStackThatDidNotChooseTheConsoleStartsNoTask(t *testing.T) {
	cmd, dir := consoled(t, "ends", "")
	if err := cmd.Run(); err == nil || !strings.Contains(cmd.Stderr.(*bytes.Buffer).String(), "operator.console true") {
		t.Errorf("%v: %s", err, cmd.Stderr)
	}
	if words := asked(t, dir); words != "" {
		t.Errorf("it asks for\n%s", words)
	}
}
