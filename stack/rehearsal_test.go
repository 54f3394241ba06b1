//go:build pulumi

package main

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// The rehearsal runs a real Pulumi engine over a copy of the repository, for each stack: with the configuration that is
// committed, and what docs/deploying.md tells one to set, and nothing else. It needs on PATH the pulumi CLI, its Go language
// host, and providers that answer without a cloud; the real ones would find no credentials here and create nothing.
//
//	go test -tags pulumi -run Rehearsal -v ./stack
func TestRehearsalOfEachStack(t *testing.T) {
	for _, tool := range []string{"pulumi", "pulumi-language-go", "pulumi-resource-aws", "pulumi-resource-docker"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("no %s on PATH: the program was not run by a real engine", tool)
		}
	}
	for _, stack := range stacks {
		t.Run(stack, func(t *testing.T) { rehearse(t, newStage(t), stack) })
	}
}

func rehearse(t *testing.T, on stage, stack string) {
	on.run(t, "pulumi stack init "+stack)
	for _, command := range documented(t, "pulumi config set --stack "+stack) {
		on.run(t, command)
	}
	on.run(t, "pulumi preview --stack "+stack)
	on.run(t, "pulumi up --yes --skip-preview --stack "+stack)
	on.run(t, "pulumi up --yes --expect-no-changes --stack "+stack)
	on.run(t, "test -n \"$(pulumi stack output --stack "+stack+" curl)\"")

	// What a deployment leaves behind in the repository: the stack's own file, and nothing else.
	if changed := strings.TrimSpace(on.run(t, "git status --porcelain")); changed != "M Pulumi."+stack+".yaml" {
		t.Errorf("the deployment changed %q", changed)
	}

	// A page, a test and a commit change no image and no function.
	on.run(t, "echo more >> README.md && echo more >> docs/deploying.md && echo '// more' >> stack/tag.go && git add -A && git commit -qm more")
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

func recordedProtect(t *testing.T, stack string) bool { return recorded(t, stack, false).Protect }

// documented returns the commands of the guide that start with prefix. The one that takes protection off is for the end.
func documented(t *testing.T, prefix string) (commands []string) {
	t.Helper()
	guide, err := os.Open(filepath.Join(root, "docs/deploying.md"))
	if err != nil {
		t.Fatal(err)
	}
	defer guide.Close()
	for lines := bufio.NewScanner(guide); lines.Scan(); {
		line := strings.TrimSpace(lines.Text())
		if strings.HasPrefix(line, prefix) && strings.Contains(line, "protect false") == strings.Contains(prefix, "protect false") {
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
		"AWS_ACCESS_KEY_ID=rehearsal", "AWS_SECRET_ACCESS_KEY=rehearsal", "AWS_EC2_METADATA_DISABLED=true", "AWS_CONFIG_FILE=/dev/null", "AWS_SHARED_CREDENTIALS_FILE=/dev/null",
		"PULUMI_BACKEND_URL=file://"+state, "PULUMI_CONFIG_PASSPHRASE=rehearsal", "PULUMI_SKIP_UPDATE_CHECK=true", "PULUMI_HOME="+t.TempDir(),
		"GIT_AUTHOR_NAME=rehearsal", "GIT_AUTHOR_EMAIL=rehearsal@example.com", "GIT_COMMITTER_NAME=rehearsal", "GIT_COMMITTER_EMAIL=rehearsal@example.com")
	copyRepository := exec.Command("bash", "-euo", "pipefail", "-c", "git ls-files -z --cached --others --exclude-standard | tar --null --files-from=- -c | tar -x -C \"$1\"", "copy", s.dir)
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
