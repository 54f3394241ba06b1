package delivery

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// pulumi is an engine whose command runs script.
func pulumi(t *testing.T, script string) Pulumi {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "pulumi"), []byte("#!/usr/bin/env bash\n"+script), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
	return Pulumi{Root: dir}
}

func TestADeploymentThatFailsSaysAllThatTheEngineSaid(t *testing.T) {
	p := pulumi(t,
		`[ "$1" = config ] || { echo "artifact.image: staging has not run v1"; echo "two errors" >&2; exit 1; }`)
	err := p.Deploy(t.Context(), "prod", artifact("v1"))
	if err == nil || !strings.Contains(err.Error(), "staging has not run v1") ||
		!strings.Contains(err.Error(), "two errors") {
		t.Error(err)
	}
}

func TestADeploymentReplacesTheWholeArtifact(t *testing.T) {
	p := pulumi(t, `echo "$@" >>asked`)
	if err := p.Deploy(t.Context(), "prod", artifact("v1")); err != nil {
		t.Fatal(err)
	}
	asked, err := os.ReadFile(filepath.Join(p.Root, "asked"))
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(string(asked), "\n")
	if lines[0] != "config rm --path artifact --stack prod" ||
		!strings.HasPrefix(lines[1], "config set-all --stack prod") ||
		!strings.HasPrefix(lines[2], "up --yes --non-interactive") {
		t.Errorf("it asked for %q", lines)
	}
}

func TestAStackThatBuildsRunsNoArtifact(t *testing.T) {
	running, err := pulumi(t, `echo '{"apiUrl":"u"}'`).Running(t.Context(), "dev")
	if err != nil || running != nil {
		t.Errorf("runs %v: %v", running, err)
	}
	running, err = pulumi(t, `echo '{"artifact":{"version":"v1","function":{"key":"k"}}}'`).Running(t.Context(), "dev")
	if err != nil || running == nil || running.Version != "v1" || running.Function.Key != "k" {
		t.Errorf("runs %v: %v", running, err)
	}
}
