package delivery

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"gopkg.in/yaml.v3"
)

const root = "../.."

type workflow struct {
	Permissions map[string]string
	Concurrency concurrency
	Jobs        map[string]job
}

type job struct {
	Permissions map[string]string
	Environment string
	Concurrency concurrency
	Strategy    struct{ Matrix map[string][]string }
	Steps       []struct{ Uses, Run string }
}

// runs reports whether the job runs anything of the repository, which a pull request may have changed.
func (j job) runs() bool {
	return slices.ContainsFunc(j.Steps, func(s struct{ Uses, Run string }) bool { return s.Run != "" })
}

type concurrency struct {
	Group  string
	Cancel bool `yaml:"cancel-in-progress"`
}

var (
	pinned = regexp.MustCompile(`^\s*- uses: [\w.-]+/[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$`)
	script = regexp.MustCompile(`^(bash )?(\.ci/[a-z-]+|stack/[a-z-]+)( [a-z0-9^]+| HEAD\^1| "\$[A-Z_]+")*$`)
)

// mistakes are what no workflow may have. scripts are the files that may be run.
func mistakes(text []byte, scripts []string) (found []string) {
	report := func(format string, args ...any) { found = append(found, fmt.Sprintf(format, args...)) }
	var w workflow
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	if err := decoder.Decode(&w); err != nil {
		return []string{err.Error()}
	}
	if w.Permissions == nil || len(w.Permissions) > 0 {
		report("the workflow's permissions are not {}")
	}
	for line := range strings.Lines(string(text)) {
		line = strings.TrimRight(line, "\n")
		if strings.Contains(line, "uses:") && !pinned.MatchString(line) {
			report("not pinned by commit, with the version beside: %s", strings.TrimSpace(line))
		}
		if strings.Contains(line, "secrets.") {
			report("a secret: %s", strings.TrimSpace(line))
		}
	}
	for name, job := range w.Jobs {
		if job.Permissions == nil {
			report("job %s does not say its permissions", name)
		}
		for what, access := range job.Permissions {
			if may := what + ": " + access; may != "contents: read" && (may != "id-token: write" || job.Environment == "") &&
				(may != "security-events: write" || job.runs()) {
				report("job %s has %s", name, may)
			}
		}
		if job.Environment != "" && (job.Concurrency.Group != "stack-"+job.Environment || job.Concurrency.Cancel) {
			report("job %s may change %s beside another, or be cut off", name, job.Environment)
		}
		for _, step := range job.Steps {
			match := script.FindStringSubmatch(step.Run)
			if step.Run != "" && (match == nil || !slices.Contains(scripts, match[2])) {
				report("job %s runs what is no script of the repository: %s", name, step.Run)
			}
		}
	}
	return found
}

// scriptsOf are the repository's executables.
func scriptsOf(t *testing.T) (names []string) {
	t.Helper()
	for _, folder := range []string{".ci", "stack"} {
		all, err := filepath.Glob(filepath.Join(root, folder, "*"))
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range all {
			if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0 {
				names = append(names, folder+"/"+filepath.Base(path))
			}
		}
	}
	return append(names, ".ci/run") // by bash
}

func TestWorkflowsArePinnedAndRunScriptsOfTheRepositoryAlone(t *testing.T) {
	all, err := filepath.Glob(filepath.Join(root, ".github/workflows/*.yaml"))
	if err != nil || len(all) < 5 {
		t.Fatalf("workflows are %v: %v", all, err)
	}
	for _, path := range all {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, mistake := range mistakes(text, scriptsOf(t)) {
			t.Errorf("%s: %s", filepath.Base(path), mistake)
		}
	}
}

func TestAMistakeInAWorkflowIsFound(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root, ".github/workflows/release.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	for _, mutation := range []struct{ from, to, found string }{
		{"3d3c42e5aac5ba805825da76410c181273ba90b1 # v7.0.1", "v7", "not pinned by commit"},
		{"3d3c42e5aac5ba805825da76410c181273ba90b1 # v7.0.1", "3d3c42e5aac5ba805825da76410c181273ba90b1", "not pinned"},
		{"run: .ci/deliver dev", "run: .ci/missing dev", "no script of the repository: .ci/missing"},
		{"run: .ci/deliver dev", "run: pulumi up --yes", "no script of the repository: pulumi up"},
		{"run: .ci/deliver dev", `run: .ci/deliver "${{ github.head_ref }}"`, "no script of the repository"},
		{"permissions: {}", "permissions:\n  contents: write", "permissions are not {}"},
		{"contents: read", "contents: write", "has contents: write"},
		{"environment: prod", "# none", "has id-token: write"},
		{"id-token: write", "security-events: write", "has security-events: write"},
		{"group: stack-prod", "group: prod", "may change prod beside another"},
		{"cancel-in-progress: false\n    permissions", "cancel-in-progress: true\n    permissions", "or be cut off"},
		{"${{ vars.AWS_ROLE }}", "${{ secrets.AWS_ROLE }}", "a secret"},
	} {
		if !bytes.Contains(text, []byte(mutation.from)) {
			t.Fatalf("there is no %q", mutation.from)
		}
		found := mistakes(bytes.Replace(text, []byte(mutation.from), []byte(mutation.to), 1), scriptsOf(t))
		if !slices.ContainsFunc(found, func(m string) bool { return strings.Contains(m, mutation.found) }) {
			t.Errorf("%q: no mistake says %q; there are %q", mutation.to, mutation.found, found)
		}
	}
}

func TestThePipelineRunsEachPartOfTheChecks(t *testing.T) {
	var ci workflow
	text, err := os.ReadFile(filepath.Join(root, ".github/workflows/ci.yaml"))
	if err == nil {
		err = yaml.Unmarshal(text, &ci)
	}
	run, readErr := os.ReadFile(filepath.Join(root, ".ci/run"))
	if err := errors.Join(err, readErr); err != nil {
		t.Fatal(err)
	}
	all := regexp.MustCompile(`(?m)^all=\((.*)\)$`).FindSubmatch(run)
	if all == nil {
		t.Fatal(".ci/run has no list of its parts")
	}
	parts := strings.Fields(string(all[1]))
	if diff := cmp.Diff(parts, ci.Jobs["checks"].Strategy.Matrix["part"]); diff != "" {
		t.Errorf("parts of .ci/run, and those of the pipeline (-run +pipeline):\n%s", diff)
	}
	for _, part := range parts {
		if !bytes.Contains(run, []byte("\npart_"+part+"() {")) {
			t.Errorf(".ci/run has no part %s", part)
		}
	}
	out, err := runScript(t, nil, nil, ".ci/run", "tests", "vibes")
	if err == nil || !strings.Contains(out, "vibes is not one of tests race") {
		t.Errorf("an unknown part: %v\n%s", err, out)
	}
}

func TestTheCheckThatAMergeNeedsFailsUnlessAllJobsSucceeded(t *testing.T) {
	for results, ok := range map[string]bool{"success success": true, "success failure": false, "success skipped": false,
		"cancelled success": false, "": false} {
		if out, err := runScript(t, nil, nil, ".ci/verdict", results); (err == nil) != ok {
			t.Errorf("%q: %v\n%s", results, err, out)
		}
	}
}

// runScript runs one of the pipeline's scripts with commands of the test in place of the real ones.
func runScript(t *testing.T, commands map[string]string, env []string, command ...string) (string, error) {
	t.Helper()
	ran(command)
	dir := t.TempDir()
	for name, text := range commands {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("#!/usr/bin/env bash\n"+text+"\n"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.CommandContext(t.Context(), filepath.Join(root, command[0]), command[1:]...)
	cmd.Env = append(append(os.Environ(), "PATH="+dir+":"+os.Getenv("PATH"), "ASKED="+filepath.Join(dir, "asked")), env...)
	out, err := cmd.CombinedOutput()
	asked, _ := os.ReadFile(filepath.Join(dir, "asked"))
	return string(out) + string(asked), err
}

func TestALoginExchangesTheJobsTokenForItsRole(t *testing.T) {
	env := filepath.Join(t.TempDir(), "env")
	out, err := runScript(t, map[string]string{
		"curl": `echo "$@" >>"$ASKED"; echo '{"value":"the-token"}'`,
		"aws": `echo "$@" >>"$ASKED"
echo '{"AccessKeyId":"AKIA","SecretAccessKey":"hidden","SessionToken":"also"}'`,
	}, []string{"ACTIONS_ID_TOKEN_REQUEST_URL=https://token.example?x=1", "ACTIONS_ID_TOKEN_REQUEST_TOKEN=bearer",
		"AWS_ROLE=arn:role", "GITHUB_RUN_ID=7", "GITHUB_ENV=" + env}, ".ci/aws-login")
	if err != nil {
		t.Fatal(err, out)
	}
	for _, want := range []string{"x=1&audience=sts.amazonaws.com", "--role-arn arn:role",
		"--web-identity-token the-token",
		"::add-mask::hidden", "::add-mask::also", "::add-mask::the-token"} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is not in\n%s", want, out)
		}
	}
	set, err := os.ReadFile(env)
	if err != nil || string(set) != "AWS_ACCESS_KEY_ID=AKIA\nAWS_SECRET_ACCESS_KEY=hidden\nAWS_SESSION_TOKEN=also\n" {
		t.Errorf("it sets %q: %v", set, err)
	}
}

func TestDriftIsLookedForWithTheArtifactThatTheStackRuns(t *testing.T) {
	const pulumi = `echo "$@" >>"$ASKED"
[ "$1 $2" != "stack output" ] || echo '{"artifact":{"version":"v1","image":"i","function":{"key":"k","sha256":"s"}}}'
[ "$1" != preview ] || exit "$CODE"`
	for code, ok := range map[string]bool{"0": true, "1": false} {
		out, err := runScript(t, map[string]string{"pulumi": pulumi}, []string{"CODE=" + code}, ".ci/drift", "prod")
		if (err == nil) != ok || !strings.Contains(out, "--plaintext artifact.image=i --plaintext artifact.function.key=k") ||
			!strings.Contains(out, "preview --non-interactive --diff --expect-no-changes --stack prod") {
			t.Errorf("%v\n%s", err, out)
		}
	}
}

func TestADrillGoesBackAndForwardAgain(t *testing.T) {
	out, err := runScript(t, map[string]string{"pulumi": `echo '{"artifact":{"version":"v7"}}'`,
		"go": `echo "$@" >>"$ASKED"`}, nil, ".ci/drill", "staging")
	if want := "run ./stack rollback staging\nrun ./stack rollback staging v7\n"; err != nil || out != want {
		t.Errorf("%v\n%s", err, out)
	}
}
