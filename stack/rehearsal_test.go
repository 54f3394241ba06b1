//go:build pulumi

package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// The rehearsal runs a real Pulumi engine over a copy of the repository, for each stack: with the configuration that is
// committed, and what docs/deploying.md tells one to set, and nothing else. It needs on PATH the pulumi CLI, its Go
// language host, and providers that answer without a cloud; the real ones would find no credentials here and create
// nothing.
//
//	go test -tags pulumi -run Rehearsal -v ./stack
func TestRehearsalOfEachStack(t *testing.T) {
	requireEngine(t)
	for _, stack := range []string{"dev", "prod"} { // staging is prod's shape, and in the rehearsal of a delivery
		t.Run(stack, func(t *testing.T) { rehearse(t, newStage(t), stack) })
	}
}

func requireEngine(t *testing.T) {
	t.Helper()
	for _, tool := range []string{"pulumi", "pulumi-language-go", "pulumi-resource-aws", "pulumi-resource-docker"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("no %s on PATH: the program was not run by a real engine", tool)
		}
	}
}

func rehearse(t *testing.T, on stage, stack string) {
	on.run(t, "pulumi stack init "+stack)
	for _, command := range documented(t, "pulumi config set --stack "+stack) {
		on.run(t, command)
	}
	on.run(t, "pulumi preview --stack "+stack)
	on.run(t, "pulumi up --yes --skip-preview --stack "+stack)
	// The stand-in computes few outputs, and what is made of the others looks changed in a preview. Policies and names
	// are made of nothing that only a deployment computes.
	if preview := on.run(t, "pulumi preview --stack "+stack); strings.Contains(preview,
		"~policy") || strings.Contains(preview, "~bucket") {
		t.Errorf("a second preview would change policies:\n%s", preview)
	}
	on.run(t, "pulumi up --yes --expect-no-changes --stack "+stack)
	on.run(t, "test -n \"$(pulumi stack output --stack "+stack+" curl)\"")

	if stack == "dev" {
		rehearseUses(t, on)
		rehearseAnotherProcessor(t, on)
		rehearseEdge(t, on)
		rehearseNetwork(t, on)
		rehearseArchive(t, on)
		rehearseCanary(t, on)
		rehearseCacheAndMetrics(t, on)
		rehearseRotation(t, on)
	}

	// What a deployment leaves behind in the repository: the stack's own file, and nothing else.
	if changed := strings.TrimSpace(on.run(t, "git status --porcelain")); changed != "M Pulumi."+stack+".yaml" {
		t.Errorf("the deployment changed %q", changed)
	}

	// A page, a test and a commit change no image and no function.
	on.run(t, "echo more >> README.md && echo more >> docs/deploying.md && echo '// more' >> stack/tag.go && git add -A "+
		"&& git commit -qm more")
	on.run(t, "pulumi up --yes --skip-preview --expect-no-changes --stack "+stack)

	if recordedProtect(t, stack) {
		if out, err := on.try("pulumi destroy --yes --skip-preview --stack " + stack); err == nil {
			t.Errorf("a protected stack was destroyed:\n%s", out)
		}
		for _, command := range documented(t, "pulumi config set --stack "+stack+" protect false") {
			on.run(t, command)
		}
		on.run(t, "pulumi up --yes --skip-preview --stack "+stack)
	}
	on.run(t, "pulumi destroy --yes --skip-preview --stack "+stack)
	if left := on.run(t, "pulumi stack export --stack "+stack); strings.Contains(left, `"aws:`) {
		t.Error("resources are left")
	}
}

// rehearseUses declares what handlers use, deploys, takes it out again and deploys.
func rehearseUses(t *testing.T, on stage) {
	t.Helper()
	brings := []string{"processor-to-anywhere-443", "SHOP_URL", "secret:shop/key-??????"}
	deployed := func() string {
		on.run(t, "pulumi up --yes --skip-preview --stack dev")
		return on.run(t, "pulumi stack export --stack dev")
	}
	for _, setting := range []string{"https true", "env.SHOP_URL https://shop.example.com",
		"secrets.SHOP_KEY.secretsManager shop/key"} {
		on.run(t, "pulumi config set --stack dev --path processor.uses."+setting)
	}
	state := deployed()
	for _, what := range brings {
		if !strings.Contains(state, what) {
			t.Errorf("a use does not bring %s", what)
		}
	}
	on.run(t, "pulumi config rm --stack dev --path processor.uses")
	state = deployed()
	for _, what := range brings {
		if strings.Contains(state, what) {
			t.Errorf("%s stays, though nothing uses it", what)
		}
	}
}

// rehearseAnotherProcessor declares one, which is refused until it has handlers, deploys it and takes it out again.
func rehearseAnotherProcessor(t *testing.T, on stage) {
	t.Helper()
	for _, setting := range []string{"memory 256", "timeoutSeconds 60", "batchSize 100", "maxAttempts 5",
		"logLevel INFO"} {
		on.run(t, "pulumi config set --stack dev --path processors.audit."+setting)
	}
	if out, err := on.try("pulumi up --yes --skip-preview --stack dev"); err == nil ||
		!strings.Contains(out, `there is no processor "audit"`) {
		t.Errorf("a processor without handlers ends with %v:\n%s", err, out)
	}
	on.run(t, `sed -i 's/{Register: Register},/&\n\t{Name: "audit", Register: Register},/' handlers/handlers.go`)
	on.run(t, "pulumi up --yes --skip-preview --stack dev")
	on.run(t, "pulumi stack output --stack dev --json | jq -e '.processors.audit.deadLetters == \"events.dlq.audit\"'")
	on.run(t, "pulumi config rm --stack dev --path processors.audit && git checkout -q handlers")
	on.run(t, "pulumi up --yes --skip-preview --stack dev")
	if strings.Contains(on.run(t, "pulumi stack export --stack dev"), "processor-audit") {
		t.Error("something of the processor stays")
	}
}

func recordedProtect(t *testing.T, stack string) bool { return recorded(t, stack, false).Protect }

// documented returns the commands of the guides that start with prefix. The one that takes protection off is for the
// end.
func documented(t *testing.T, prefix string) (commands []string) {
	t.Helper()
	var guides string
	for _, name := range []string{"docs/deploying.md", "docs/delivery.md"} {
		guide, err := os.ReadFile(filepath.Join(root, name))
		if err != nil {
			t.Fatal(err)
		}
		guides += string(guide)
	}
	for line := range strings.Lines(guides) {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, prefix) && strings.Contains(line, "protect false") == strings.Contains(prefix,
			"protect false") {
			commands = append(commands, line)
		}
	}
	return commands
}

// stage is a copy of the repository with an engine of its own.
type stage struct {
	dir string
	env []string
}

func newStage(t *testing.T) stage {
	t.Helper()
	s := stage{dir: t.TempDir()}
	state := t.TempDir()
	// Nothing of the account that this machine may be logged in to.
	s.env = slices.DeleteFunc(os.Environ(), func(v string) bool {
		return strings.HasPrefix(v, "AWS_") || strings.HasPrefix(v, "PULUMI_") || strings.HasPrefix(v, "IMAGE_TAG=")
	})
	s.env = append(s.env,
		"AWS_ACCESS_KEY_ID=rehearsal", "AWS_SECRET_ACCESS_KEY=rehearsal", "AWS_EC2_METADATA_DISABLED=true",
		"AWS_CONFIG_FILE=/dev/null", "AWS_SHARED_CREDENTIALS_FILE=/dev/null",
		"PULUMI_BACKEND_URL=file://"+state, "PULUMI_CONFIG_PASSPHRASE=rehearsal", "PULUMI_SKIP_UPDATE_CHECK=true",
		"PULUMI_HOME="+t.TempDir(),
		"GIT_AUTHOR_NAME=rehearsal", "GIT_AUTHOR_EMAIL=rehearsal@example.com", "GIT_COMMITTER_NAME=rehearsal",
		"GIT_COMMITTER_EMAIL=rehearsal@example.com")
	copyRepository := exec.Command("bash", "-euo", "pipefail", "-c",
		"git ls-files -z --cached --others --exclude-standard | tar --null --files-from=- -c | tar -x -C \"$1\"", "copy",
		s.dir)
	copyRepository.Dir = root
	if out, err := copyRepository.CombinedOutput(); err != nil {
		t.Fatalf("copy repository: %v\n%s", err, out)
	}
	s.run(t, "git init -q && git add -A && git commit -qm copy")
	return s
}

func (s stage) try(command string) (string, error) {
	cmd := exec.Command("bash", "-euo", "pipefail", "-c", command)
	cmd.Dir, cmd.Env = s.dir, s.env
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func (s stage) run(t *testing.T, command string) string {
	t.Helper()
	out, err := s.try(command)
	fmt.Println("rehearsal:", command)
	if err != nil {
		t.Fatalf("%s: %v\n%s", command, err, out)
	}
	return out
}
