package delivery

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// pipeline is a repository with the delivery's scripts, and tools that stand for those that need AWS, a registry or a
// network: testdata/tool.
type pipeline struct {
	dir, store, tools string
	env               []string
}

// sourced are the files beside the scripts that these read.
var sourced = []string{".ci/allowed-findings", ".ci/artifact-of", "stack/api-key", "stack/operator-task",
	"Pulumi.artifacts.yaml"}

// A tool is called by its binary's name, with its version where .ci/tool installs it.
var installed = regexp.MustCompile(`\.ci/tool (\S+) \S+@([^\s)]+)`)

func newPipeline(t *testing.T) pipeline {
	t.Helper()
	p := pipeline{dir: t.TempDir(), store: t.TempDir(), tools: t.TempDir()}
	stand, err := filepath.Abs("testdata/tool")
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]bool{"aws": true, "docker": true, "go": true, "pulumi": true, "curl": true}
	for _, script := range append(scriptsOf(t), sourced...) {
		text, err := os.ReadFile(filepath.Join(root, script))
		if err != nil {
			t.Fatal(err)
		}
		for _, tool := range installed.FindAllStringSubmatch(string(text), -1) {
			names[tool[1]+"-"+tool[2]] = true
		}
		p.write(t, script, string(text))
	}
	for name := range names {
		if err := os.Symlink(stand, filepath.Join(p.tools, name)); err != nil {
			t.Fatal(err)
		}
	}
	p.env = append(os.Environ(), "PATH="+p.tools+":"+os.Getenv("PATH"), "CI_TOOLS="+p.tools, "STORE="+p.store,
		"ARTIFACTS_REPOSITORY=123456789012.dkr.ecr.us-east-1.amazonaws.com/events",
		"ARTIFACTS_BUCKET=events-releases-123456789012",
		"GITHUB_SERVER_URL=https://github.com", "GITHUB_REPOSITORY=example/events", "GITHUB_RUN_ID=7",
		"GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@example.com", "GIT_COMMITTER_NAME=a", "GIT_COMMITTER_EMAIL=a@example.com")
	p.mustRun(t, "git", "init", "-q")
	p.mustRun(t, "git", "add", ".")
	p.mustRun(t, "git", "commit", "-qm", "first")
	return p
}

func (p pipeline) write(t *testing.T, name, text string) {
	t.Helper()
	path := filepath.Join(p.dir, name)
	if filepath.IsAbs(name) {
		path = name
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o755); err != nil {
		t.Fatal(err)
	}
}

// run runs a script, and returns what it said and what the tools were asked.
func (p pipeline) run(t *testing.T, env []string, command ...string) (said, asked string, err error) {
	t.Helper()
	log := filepath.Join(p.store, "asked")
	_ = os.Remove(log)
	ran(command)
	program := command[0]
	if script := filepath.Join(p.dir, program); strings.Contains(program, "/") && !filepath.IsAbs(program) {
		program = script
	}
	cmd := exec.CommandContext(t.Context(), program, command[1:]...)
	cmd.Dir, cmd.Env = p.dir, slices.Concat(p.env, env)
	out, err := cmd.CombinedOutput()
	text, _ := os.ReadFile(log)
	return string(out), string(text), err
}

func (p pipeline) mustRun(t *testing.T, command ...string) (said string) {
	t.Helper()
	said, _, err := p.run(t, nil, command...)
	if err != nil {
		t.Fatalf("%q: %v\n%s", command, err, said)
	}
	return said
}

func (p pipeline) read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(p.store, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

const releases = "events-releases-123456789012/releases/"

var byTheWorkflow = []string{"SIGNER=https://token.actions.githubusercontent.com " +
	"https://github.com/example/event-processing-service/.github/workflows/release.yaml@refs/tags/v1.0.0"}

func TestAReleaseIsStoredWithItsContentsAndItsSignatureOnce(t *testing.T) {
	p := newPipeline(t)
	output := filepath.Join(p.store, "output")
	said, asked, err := p.run(t, append(byTheWorkflow, "GITHUB_OUTPUT="+output), ".ci/publish", "v1.0.0")
	if err != nil {
		t.Fatal(err, said)
	}
	var a Artifact
	if err := json.Unmarshal([]byte(strings.TrimPrefix(p.read(t, "output"), "artifact=")), &a); err != nil ||
		a.Version != "v1.0.0" || !strings.Contains(a.Image, "/events@sha256:") || a.Function.SHA256 == "" {
		t.Errorf("the next jobs get %+v: %v", a, err)
	}
	for _, list := range []string{"image", "function", "sources"} {
		if text := p.read(t, releases+"v1.0.0."+list+".spdx.json"); !strings.Contains(text, `"name": "`+list+`"`) {
			t.Errorf("contents of %s: %s", list, text)
		}
	}
	for _, subject := range []string{strings.Split(a.Image, "sha256:")[1], a.Function.SHA256, `"image.spdx.json"`,
		strings.TrimSpace(p.mustRun(t, "git", "rev-parse", "HEAD"))} {
		if !strings.Contains(p.read(t, releases+"v1.0.0.sigstore.json"), subject) {
			t.Errorf("%s is not signed", subject)
		}
	}
	if strings.Index(asked, "attest-blob") > strings.Index(asked, releases+"v1.0.0.json\n") &&
		strings.Count(asked, releases+"v1.0.0.json") == 2 {
		t.Errorf("it is noted before it is signed:\n%s", asked)
	}

	said, asked, err = p.run(t, byTheWorkflow, ".ci/publish", "v1.0.0")
	if err != nil || strings.Contains(asked, "buildx") || strings.Contains(asked, "attest-blob") {
		t.Errorf("a second time: %v\n%s%s", err, said, asked)
	}
	p.write(t, filepath.Join(p.store, "image-v1.0.0"), "sha256:"+strings.Repeat("0", 64))
	if said, _, err = p.run(t, nil, ".ci/publish", "v1.0.0"); err == nil ||
		!strings.Contains(said, "was published before, as other bytes") {
		t.Errorf("other bytes: %v\n%s", err, said)
	}
}

func TestABuildWithAKnownVulnerabilityIsNotSignedAndNotNoted(t *testing.T) {
	p := newPipeline(t)
	p.write(t, filepath.Join(p.store, "matches"), `{"matches":[{"vulnerability":{"id":"CVE-2026-1","severity":"High",
		"fix":{"versions":["2"]}},"artifact":{"name":"zlib","version":"1"}}]}`)
	said, asked, err := p.run(t, byTheWorkflow, ".ci/publish", "v1.0.0")
	if err == nil || !strings.Contains(said, "CVE-2026-1 zlib 1 in dist/function.spdx.json") ||
		strings.Contains(asked, "attest-blob") {
		t.Errorf("%v\n%s%s", err, said, asked)
	}
	if _, err := os.Stat(filepath.Join(p.store, releases+"v1.0.0.json")); err == nil {
		t.Error("it is noted as released")
	}
}

func TestWhatIsNotCommittedIsNotSigned(t *testing.T) {
	p := newPipeline(t)
	p.write(t, "Pulumi.artifacts.yaml", "config: {}\n")
	said, asked, err := p.run(t, byTheWorkflow, ".ci/publish", "v1.0.0")
	if err == nil || !strings.Contains(said, "commit the changes first") || strings.Contains(asked, "attest-blob") {
		t.Errorf("%v\n%s%s", err, said, asked)
	}
}

func TestOnlyWhatTheReleasesWorkflowSignedAtItsTagIsDeployed(t *testing.T) {
	p := newPipeline(t)
	if said, _, err := p.run(t, byTheWorkflow, ".ci/publish", "v1.0.0"); err != nil {
		t.Fatal(err, said)
	}
	verify := func(want string, env ...string) {
		t.Helper()
		said, _, err := p.run(t, env, "stack/verify", "dist/artifact.json")
		if (err == nil) != (want == "") || !strings.Contains(said, want) {
			t.Errorf("want %q: %v\n%s", want, err, said)
		}
	}
	verify("")
	bundle := filepath.Join(p.store, releases+"v1.0.0.sigstore.json")
	signed := p.read(t, releases+"v1.0.0.sigstore.json")
	for _, other := range [][2]string{{"refs/tags/v1.0.0", "refs/heads/main"}, {"release.yaml", "ci.yaml"},
		{"example/event", "fork/event"}, {"token.actions", "token.other"}} {
		p.write(t, bundle, strings.Replace(signed, other[0], other[1], 1))
		verify("is not signed by --certificate-oidc-issuer https://token.actions.githubusercontent.com")
	}
	p.write(t, bundle, signed)
	function := p.mustRun(t, "jq", "-r", ".function.key", "dist/artifact.json")
	archive := filepath.Join(p.store, "events-releases-123456789012", strings.TrimSpace(function))
	was := p.read(t, "events-releases-123456789012/"+strings.TrimSpace(function))
	p.write(t, archive, "other code")
	verify("is not what was published")
	p.write(t, archive, was)
	artifact := p.mustRun(t, "cat", "dist/artifact.json")
	p.write(t, "dist/artifact.json", regexp.MustCompile(`@sha256:.{4}`).ReplaceAllString(artifact, "@sha256:0000"))
	verify("sha256:0000")
	p.write(t, "dist/artifact.json", artifact)
	longer := strings.Replace(artifact, "@sha256:", "@sha256:0", 1)
	p.write(t, "dist/artifact.json", longer)
	verify("is no image of ECR's by its digest")
	if err := os.Remove(bundle); err != nil {
		t.Fatal(err)
	}
	p.mustRun(t, "cp", filepath.Join(p.store, releases+"v1.0.0.json"), "dist/artifact.json")
	verify("there is no releases/v1.0.0.sigstore.json")
	verify("there is no releases/v1.0.0.sigstore.json", "UNSIGNED=v1.0.1")
	verify("", "UNSIGNED=v1.0.0")
}

func TestADeliveryGetsWhatTheBuildPutOut(t *testing.T) {
	p := newPipeline(t)
	said, asked, err := p.run(t, []string{`ARTIFACT={"version":"v1"}`}, ".ci/deliver", "staging", "15m")
	if want := "go run ./stack deliver staging dist/artifact.json 15m\n"; err != nil || asked != want {
		t.Errorf("%v\n%s%s", err, said, asked)
	}
	if got := p.mustRun(t, "cat", "dist/artifact.json"); got != "{\"version\":\"v1\"}\n" {
		t.Errorf("the artifact is %s", got)
	}
}
