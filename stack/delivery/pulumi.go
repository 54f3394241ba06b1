package delivery

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os/exec"
)

// Pulumi is the engine's command, run in the project's root.
type Pulumi struct {
	Root string
	Env  []string // nil: the environment of this process
	Out  io.Writer
}

// Running reads a stack's output with its artifact.
func (p Pulumi) Running(ctx context.Context, stack string) (*Artifact, error) {
	output, err := p.run(ctx, "stack", "output", "--json", "--stack", stack)
	if err != nil {
		return nil, err
	}
	var outputs struct{ Artifact *Artifact }
	if err := json.Unmarshal(output, &outputs); err != nil {
		return nil, fmt.Errorf("read outputs of stack %s: %w", stack, err)
	}
	return outputs.Artifact, nil
}

// Deploy writes the artifact into the stack's file, in place of what it has, and runs `pulumi up`.
func (p Pulumi) Deploy(ctx context.Context, stack string, a Artifact) error {
	if _, err := p.run(ctx, "config", "rm", "--path", "artifact", "--stack", stack); err != nil {
		return err
	}
	set := []string{"config", "set-all", "--stack", stack, "--path"}
	for _, pair := range [][2]string{{"version", a.Version}, {"image", a.Image}, {"function.key", a.Function.Key},
		{"function.sha256", a.Function.SHA256}} {
		set = append(set, "--plaintext", "artifact."+pair[0]+"="+pair[1])
	}
	if _, err := p.run(ctx, set...); err != nil {
		return err
	}
	_, err := p.run(ctx, "up", "--yes", "--non-interactive", "--skip-preview", "--stack", stack)
	return err
}

func (p Pulumi) run(ctx context.Context, args ...string) ([]byte, error) {
	var out, errs bytes.Buffer // one each: two streams that share a buffer overwrite each other
	cmd := exec.CommandContext(ctx, "pulumi", args...)
	cmd.Dir, cmd.Env = p.Root, p.Env
	cmd.Stdout, cmd.Stderr = &out, &errs
	if args[0] == "up" && p.Out != nil {
		cmd.Stdout, cmd.Stderr = io.MultiWriter(p.Out, &out), io.MultiWriter(p.Out, &errs)
	}
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("pulumi %s: %w\n%s%s", args[0], err, out.String(), errs.String())
	}
	return out.Bytes(), nil
}
