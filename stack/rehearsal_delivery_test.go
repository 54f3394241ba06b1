//go:build pulumi

package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"event-processing-service/stack/delivery"
)

// deliveries is a stage with a world around it.
type deliveries struct {
	stage
	*world
}

func newDeliveries(t *testing.T) *deliveries {
	t.Helper()
	d := &deliveries{stage: newStage(t)}
	d.world = newWorld(t, d.dir)
	tools, stand := t.TempDir(), filepath.Join(d.dir, "stack/delivery/testdata/tool")
	for _, name := range []string{"aws", "docker", "syft-v1.57.1", "grype-v0.121.2", "cosign-v3.1.3"} {
		if err := os.Symlink(stand, filepath.Join(tools, name)); err != nil {
			t.Fatal(err)
		}
	}
	binary, err := exec.LookPath("pulumi")
	if err == nil {
		err = os.WriteFile(filepath.Join(tools, "pulumi"), []byte(engine), 0o755)
	}
	if err != nil {
		t.Fatal(err)
	}
	d.env = append(d.env, "PATH="+tools+":"+os.Getenv("PATH"), "CI_TOOLS="+tools, "ENGINE="+binary, "STORE="+d.folder,
		"WORLD="+d.url, "AWS_ENDPOINT_URL_S3="+d.url, "SMOKE_WAIT=20s",
		"GOFLAGS=-ldflags=-w") // the program is linked for each run of the engine: half the time
	return d
}

// publish builds a version of sources that are different for each.
func (d *deliveries) publish(t *testing.T, version string) (a delivery.Artifact) {
	t.Helper()
	d.run(t, fmt.Sprintf(`printf '\nfunc init() { print("%s") }\n' >cmd/processor/version.go && sed -i '1i package `+
		`main' cmd/processor/version.go && git add -A && git commit -qm %s`, version, version))
	d.run(t, "SIGNER='https://token.actions.githubusercontent.com https://github.com/example/events/.github/workflows/"+
		"release.yaml@refs/tags/"+version+"' .ci/publish "+version)
	if err := json.Unmarshal([]byte(d.run(t, "cat dist/artifact.json")), &a); err != nil {
		t.Fatal(err)
	}
	return a
}

// inWorld runs a command that changes a stack; its exit code is the error.
func (d *deliveries) inWorld(stack, command string) (string, error) {
	out, err := d.try(fmt.Sprintf("export AWS_ENDPOINT_URL_ECS=%[1]s/ecs/%[2]s "+
		"AWS_ENDPOINT_URL_LAMBDA=%[1]s/lambda/%[2]s\n%[3]s", d.url, stack, command))
	fmt.Printf("rehearsal: %s: %v\n", command, err)
	return out, err
}

// deliver runs the step of the pipeline: want "" is for its success, and else what it says when it fails.
func (d *deliveries) deliver(t *testing.T, a delivery.Artifact, stack, want string) {
	t.Helper()
	text, err := json.Marshal(a)
	if err != nil {
		t.Fatal(err)
	}
	out, err := d.inWorld(stack, fmt.Sprintf("ARTIFACT='%s' .ci/deliver %s", text, stack))
	if (err == nil) != (want == "") || !strings.Contains(out, want) {
		t.Fatalf("deliver %s to %s, want %q: %v\n%s", a.Version, stack, want, err, out)
	}
}

// runs checks what the engine's state says that a stack runs, bytes and all.
func (d *deliveries) runs(t *testing.T, stack string, want delivery.Artifact) {
	t.Helper()
	var state struct {
		Deployment struct {
			Resources []struct {
				Type   string
				Inputs struct{ S3Key, SourceCodeHash, ContainerDefinitions string }
			}
		}
	}
	if err := json.Unmarshal([]byte(d.run(t, "pulumi stack export --stack "+stack)), &state); err != nil {
		t.Fatal(err)
	}
	got := map[string]bool{}
	for _, r := range state.Deployment.Resources {
		switch {
		case strings.HasPrefix(r.Type, "docker:") || strings.Contains(r.Type, "ecr/"):
			t.Errorf("%s: there is a %s", stack, r.Type)
		case r.Type == "aws:lambda/function:Function":
			got[r.Inputs.S3Key] = true
			code := artifactConfig{Function: &artifactFunction{SHA256: want.Function.SHA256}}.codeSHA256()
			if r.Inputs.SourceCodeHash != code {
				t.Errorf("%s: the function's hash is %s, want %s", stack, r.Inputs.SourceCodeHash, code)
			}
		case r.Type == "aws:ecs/taskDefinition:TaskDefinition":
			var containers []container
			if err := json.Unmarshal([]byte(r.Inputs.ContainerDefinitions), &containers); err != nil {
				t.Fatal(err)
			}
			got[containers[0].Image] = true
		}
	}
	if diff := cmp.Diff(map[string]bool{want.Image: true, want.Function.Key: true}, got); diff != "" {
		t.Errorf("%s does not run %s (-want +got):\n%s", stack, want.Version, diff)
	}
}

func TestRehearsalOfADeliveryFromCommitToProd(t *testing.T) {
	requireEngine(t)
	if _, err := exec.LookPath("jq"); err != nil {
		t.Skip("no jq on PATH, which stack/publish needs")
	}
	d := newDeliveries(t)
	fill := strings.NewReplacer("OWNER/NAME", "example/events", " BUCKET", " example-state")
	for _, stack := range []string{"artifacts", "dev", "staging", "prod"} {
		d.run(t, "pulumi stack init "+stack)
		for _, command := range documented(t, "pulumi config set --stack "+stack) {
			if !strings.Contains(command, "artifact.untested") {
				d.run(t, fill.Replace(command))
			}
		}
	}
	d.run(t, "pulumi up --yes --skip-preview --stack artifacts")
	d.run(t, "pulumi preview --expect-no-changes --stack artifacts")
	first := d.publish(t, "v1.0.0")
	for _, stack := range []string{"dev", "staging", "prod"} {
		d.deliver(t, first, stack, "")
		d.runs(t, stack, first)
	}
	d.run(t, "stack/publish v1.0.0") // a run that failed half way is run again, and builds no other image
	if builds, err := os.ReadFile(filepath.Join(d.folder, "builds")); err != nil || string(builds) != "x\n" {
		t.Errorf("v1.0.0 was built %q times: %v", builds, err)
	}

	d.fails["staging v1.1.0"] = losesEvents
	second := d.publish(t, "v1.1.0")
	d.deliver(t, second, "staging",
		"v1.1.0 does not serve in staging, which is back on v1.0.0: send an event through staging")
	d.runs(t, "staging", first)
	engine := delivery.Pulumi{Root: d.dir, Env: d.env}
	if err := engine.Deploy(t.Context(), "prod", second); err == nil ||
		!strings.Contains(err.Error(), "staging has not run v1.1.0") {
		t.Errorf("prod took what staging gave back: %v", err)
	}
	d.runs(t, "prod", first)

	third := d.publish(t, "v1.2.0")
	if first.Function == third.Function || first.Image == third.Image {
		t.Fatal("two versions are the same bytes: the rehearsal proves nothing")
	}
	stolen := third
	stolen.Image = second.Image
	d.deliver(t, stolen, "staging", "is not signed by")
	d.runs(t, "staging", first)
	d.deliver(t, third, "staging", "")
	d.fails["prod v1.2.0"] = rollOutFails
	d.deliver(t, third, "prod", "the roll-out failed and was rolled back")
	d.runs(t, "prod", first)
	delete(d.fails, "prod v1.2.0")
	d.deliver(t, third, "prod", "")
	d.runs(t, "prod", third)
	d.run(t, "pulumi up --yes --skip-preview --expect-no-changes --stack prod")
	if out, err := d.inWorld("prod", "go run ./stack rollback prod"); err != nil {
		t.Errorf("roll back: %v\n%s", err, out)
	}
	d.runs(t, "prod", first)
}
