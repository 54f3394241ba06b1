package delivery

import (
	"context"
	"errors"
	"fmt"
	"io"
)

// Engine deploys artifacts.
type Engine interface {
	// Running is the artifact that a stack was last deployed with; nil if it has none.
	Running(ctx context.Context, stack string) (*Artifact, error)
	// Deploy puts the artifact into a stack's configuration, and deploys the stack.
	Deploy(ctx context.Context, stack string, a Artifact) error
}

// Delivery is the way of an artifact into a stack.
type Delivery struct {
	Engine  Engine
	Records Records
	// RollOut waits until the deployed artifact serves; gradually says whether to use the stack's canary.
	RollOut func(ctx context.Context, stack string, gradually bool) error
	// Smoke sends an event through the stack.
	Smoke func(ctx context.Context, stack string) error
	// Soak watches the stack for a while after the smoke test; nil: it is not watched.
	Soak func(ctx context.Context, stack string) error
	// Verify returns an error unless the artifact is signed by whom the project trusts.
	Verify func(context.Context, Artifact) error
	Out    io.Writer
}

// Deliver verifies who signed the artifact a, and deploys it to a stack. If a does not roll out, fails the smoke test,
// or an alarm goes off while it is watched, the stack goes back to the artifact that it ran before, and Deliver returns
// an error.
func (d Delivery) Deliver(ctx context.Context, stack string, a Artifact) error {
	if err := d.Verify(ctx, a); err != nil {
		return err
	}
	previous, err := d.Engine.Running(ctx, stack)
	if err != nil {
		return err
	}
	fmt.Fprintf(d.Out, "%s: deploying %s\n", stack, a.Version)
	failed := d.serve(ctx, stack, a, true)
	if failed == nil && d.Soak != nil {
		failed = d.Soak(ctx, stack)
	}
	switch {
	case failed == nil:
		return d.Records.NoteServed(ctx, stack, a)
	case previous == nil:
		return fmt.Errorf("%s does not serve in %s, and no artifact ran there before: %w", a.Version, stack, failed)
	case *previous == a:
		return fmt.Errorf("%s does not serve in %s, where it ran before: %w", a.Version, stack, failed)
	}
	fmt.Fprintf(d.Out, "%s: %s does not serve: %v\n%s: going back to %s\n", stack, a.Version, failed, stack,
		previous.Version)
	if err := d.serve(ctx, stack, *previous, false); err != nil {
		return fmt.Errorf("%s does not serve in %s, and neither does %s, which ran before: %w", a.Version, stack,
			previous.Version, errors.Join(failed, err))
	}
	return fmt.Errorf("%s does not serve in %s, which is back on %s: %w", a.Version, stack, previous.Version, failed)
}

// Rollback deploys an artifact that served in the stack before: the named version, or the one before the current one.
// It deploys at once, without a canary. It verifies no signature: only verified artifacts are recorded, and a rollback
// must not depend on other people's services.
func (d Delivery) Rollback(ctx context.Context, stack, version string) error {
	running, err := d.Engine.Running(ctx, stack)
	if err != nil {
		return err
	}
	history, err := d.Records.History(ctx, stack)
	if err != nil {
		return err
	}
	to, err := earlier(history, running, version)
	if err != nil {
		return fmt.Errorf("roll %s back: %w", stack, err)
	}
	fmt.Fprintf(d.Out, "%s: going back to %s\n", stack, to.Version)
	if err := d.serve(ctx, stack, to, false); err != nil {
		return fmt.Errorf("%s does not serve in %s: %w", to.Version, stack, err)
	}
	fmt.Fprintf(d.Out, "%s runs %s. %s\n", stack, to.Version, notUndone)
	return nil
}

const notUndone = `What that does not undo:
- what was processed: events took their effects, and dead letters stay;
- records of a newer format, which the older processor may not know: look at the dead letters;
- the stack's settings and resources: they are the file's and the program's that you have checked out;
- partitions, disks and Kafka's version, which only grow.`

func earlier(history []Artifact, running *Artifact, version string) (Artifact, error) {
	var names []string
	current := -1
	for i, a := range history {
		names = append(names, a.Version)
		if version != "" && a.Version == version {
			return a, nil
		}
		if running != nil && a == *running {
			current = i
		}
	}
	switch {
	case version != "":
		return Artifact{}, fmt.Errorf("%s has not served there; what has: %q", version, names)
	case current+1 < len(history):
		// If the current artifact never passed its tests, it is not in the history. Then the newest one in it is the target.
		return history[current+1], nil
	}
	return Artifact{}, fmt.Errorf("nothing served before what runs; what has served: %q", names)
}

func (d Delivery) serve(ctx context.Context, stack string, a Artifact, gradually bool) error {
	if err := d.Engine.Deploy(ctx, stack, a); err != nil {
		return err
	}
	if err := d.RollOut(ctx, stack, gradually); err != nil {
		return err
	}
	return d.Smoke(ctx, stack)
}
