package main

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// loadTest is a run of the script on a made-up AWS. LINE is what the task prints beside another line.
type loadTest struct {
	stack, line, exit, key, typed string
	protect, keys                 string // of the stack
	pipelineKey                   string // that is stored; "": none
	before                        string // result that is kept; "": none
}

// result is what the task prints of a number of events a second.
func result(perSecond string) string {
	return `{"load_test":{"events":9,"events_per_second":` + perSecond + `,"p50_ms":4,"p99_ms":9,"refused":{}}}`
}

// sound is a run that is not slower than the one before.
func sound() loadTest {
	return loadTest{stack: "dev", line: result("900.4"), exit: "0", key: `k"1`, keys: "stack/api-keys",
		before: `{"events_per_second":1000,"p99_ms":8}`}
}

// storedKey answers for the key that stack/pipeline-key stores.
const storedKey = `*"get-secret-value --secret-id stack/pipeline-key"*)
    if [ -z "$PIPELINE_KEY" ]; then echo "An error occurred (ResourceNotFoundException)" >&2; exit 254; fi
    if [ "$PIPELINE_KEY" = denied ]; then echo "An error occurred (AccessDeniedException)" >&2; exit 254; fi
    echo "$PIPELINE_KEY" ;;`

// given is how the engine answers for a key of the stack's file, which may lack it.
func given(value string) string {
	if value == "" {
		return "exit 255"
	}
	return "echo " + value
}

// run returns what the script prints and how it ends, what AWS was asked for, and the result that is kept then.
func (l loadTest) run(t *testing.T) (out string, code int, asked, kept string) {
	t.Helper()
	dir := t.TempDir()
	aws := strings.NewReplacer(`printf 'a\nfirst line\tsecond "line"\n'`,
		`printf 'a\n{"level":"INFO"}\t%s\n' "$LINE"`,
		"\n*) exit 99", "\n\"ecs stop-task\"*) ;;\n"+storedKey+"\n*) exit 99").Replace(fakeAWS)
	pulumi := "#!/usr/bin/env bash\ncase \"$*\" in\n*protect) " + given(l.protect) + " ;;\n*apiKeysSecret) echo '" +
		l.keys + "' ;;\n*) echo \"the-${*: -1}\" ;;\nesac\n"
	for name, text := range map[string]string{"aws": aws, "pulumi": pulumi} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	file := filepath.Join(dir, "results-"+l.stack+".json")
	if l.before != "" {
		if err := os.WriteFile(file, []byte(l.before), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.CommandContext(t.Context(), "./load-test", l.stack, "--events", "9")
	cmd.Env = append(os.Environ(), "PATH="+dir+":"+os.Getenv("PATH"), "WORLD="+dir, "TASK="+aTask, "EXIT="+l.exit,
		"OPERATE_PAUSE=0", "LINE="+l.line, "API_KEY="+l.key, "RESULTS_DIR="+dir,
		"PIPELINE_KEY="+l.pipelineKey)
	cmd.Stdin = strings.NewReader(l.typed)
	var both bytes.Buffer
	cmd.Stdout, cmd.Stderr = &both, &both
	err := cmd.Run()
	var ended *exec.ExitError
	if err != nil && !errors.As(err, &ended) {
		t.Fatal(err)
	}
	arguments, _ := os.ReadFile(filepath.Join(dir, "arguments"))
	left, _ := os.ReadFile(file)
	return both.String(), cmd.ProcessState.ExitCode(), string(arguments), string(left)
}

func TestALoadTestComparesItselfWithTheRunBeforeAndIsKept(t *testing.T) {
	l := sound()
	out, code, asked, kept := l.run(t)
	if code != 0 || !strings.Contains(out, "before: 1000 events a second, p99 8 ms; now: 900, p99 9 ms") ||
		!strings.Contains(kept, `"events_per_second":900.4`) {
		t.Errorf("it ends with %d, keeps %q and says\n%s", code, kept, out)
	}
	if !strings.Contains(asked, `"command":["load","--url","the-apiUrl","--events","9"],`+
		`"environment":[{"name":"API_KEY","value":"k\"1"}]`) || strings.Contains(asked, "stop-task") {
		t.Errorf("it asks for\n%s", asked)
	}
	l.before = ""
	if _, code, _, kept := l.run(t); code != 0 || !strings.Contains(kept, "900.4") {
		t.Errorf("the first run ends with %d and keeps %q", code, kept)
	}
}

func TestALoadTestThatIsSlowerBy15PercentFailsAndIsNotKept(t *testing.T) {
	for perSecond, want := range map[string]int{"850": 1, "850.1": 0} {
		l := sound()
		l.line = result(perSecond)
		out, code, _, kept := l.run(t)
		if code != want || strings.Contains(kept, perSecond) != (want == 0) {
			t.Errorf("%s of 1000: it ends with %d, keeps %q and says\n%s", perSecond, code, kept, out)
		}
	}
}

func TestALoadTestThatFailedIsNotCompared(t *testing.T) {
	l := sound()
	l.exit = "1"
	if out, code, _, kept := l.run(t); code != 1 || kept != l.before || !strings.Contains(out, "is not compared") {
		t.Errorf("it ends with %d, keeps %q and says\n%s", code, kept, out)
	}
	l = sound()
	l.line = "none"
	if out, code, _, kept := l.run(t); code != 1 || kept != l.before || !strings.Contains(out, "has no result") {
		t.Errorf("it ends with %d, keeps %q and says\n%s", code, kept, out)
	}
}

func TestAProtectedStackIsLoadedOnlyByName(t *testing.T) {
	l := sound()
	l.stack, l.protect = "prod", "true"
	for typed, want := range map[string]int{"": 1, "yes\n": 1, "prod\n": 0} {
		l.typed = typed
		if out, code, asked, _ := l.run(t); code != want || (asked == "") != (want == 1) {
			t.Errorf("%q: it ends with %d and says\n%s", typed, code, out)
		}
	}
}

func TestALoadTestTakesAKeyWhereTheStackAsksForOne(t *testing.T) {
	l := sound()
	l.key = ""
	if out, code, asked, _ := l.run(t); code != 1 || strings.Contains(asked, "run-task") ||
		!strings.Contains(out, "`just pipeline-key dev` makes one") {
		t.Errorf("it ends with %d and says\n%s", code, out)
	}
	l.pipelineKey = "denied"
	if out, code, asked, _ := l.run(t); code == 0 || strings.Contains(asked, "run-task") ||
		!strings.Contains(out, "AccessDeniedException") {
		t.Errorf("it ends with %d and says\n%s", code, out)
	}
	l.pipelineKey = "stored"
	if out, code, asked, _ := l.run(t); code != 0 || !strings.Contains(asked, `{"name":"API_KEY","value":"stored"}`) {
		t.Errorf("it ends with %d and says\n%s", code, out)
	}
	l.keys = ""
	if out, code, asked, _ := l.run(t); code != 0 || strings.Contains(asked, "environment") {
		t.Errorf("it ends with %d and says\n%s", code, out)
	}
}
