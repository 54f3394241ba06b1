package processor

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync"
)

// Deps is what handlers get when they are registered.
type Deps struct {
	Log       *slog.Logger
	Publisher Publisher // of follow-up events; see Publish

	// Lookup reads a variable of the environment. nil: there are none.
	Lookup func(name string) (value string, isSet bool)
	// Secrets reads a secret. nil: secrets are variables of the environment, as on a laptop.
	Secrets func(ctx context.Context, name string) (value string, err error)

	checks []Dependency
}

// Env is a variable of the environment: set by processor.uses.env in the stack's file, or on a laptop by the shell or
// .env.
func (d *Deps) Env(name string) (string, error) {
	if value := d.lookup(name); value != "" {
		return value, nil
	}
	return "", fmt.Errorf("%s is not set: set it below processor.uses.env in the stack's file, or here in .env", name)
}

// Secret is the current value of a secret. Call it where the value is used, not once in Register: it is read again
// every few minutes, so that a rotated secret needs no deployment; if that fails, the last value stays. Never log it.
func (d *Deps) Secret(ctx context.Context, name string) (string, error) {
	if d.Secrets != nil {
		return d.Secrets(ctx, name)
	}
	if value := d.lookup(name); value != "" {
		return value, nil
	}
	return "", fmt.Errorf("secret %s is not set: declare it below processor.uses.secrets in the stack's file, "+
		"or set it here in .env", name)
}

// SecretJSON decodes a secret that is JSON. The error does not show the value.
func (d *Deps) SecretJSON(ctx context.Context, name string, into any) error {
	value, err := d.Secret(ctx, name)
	if err != nil {
		return err
	}
	err = json.Unmarshal([]byte(value), into)
	if wrong, is := errors.AsType[*json.UnmarshalTypeError](err); is {
		return fmt.Errorf("secret %s: its member %q is not a %s", name, wrong.Field, wrong.Type)
	}
	if err != nil {
		return fmt.Errorf("secret %s is not JSON of the type that its handler asks for", name)
	}
	return nil
}

func (d *Deps) lookup(name string) string {
	if d.Lookup == nil {
		return ""
	}
	value, _ := d.Lookup(name)
	return value
}

// Dependency is a system that handlers need, and its check.
type Dependency struct {
	Name  string
	Check func(ctx context.Context) error
}

// Dependencies are those that were given to Check.
func (d *Deps) Dependencies() []Dependency { return d.checks }

// Check adds f to the checks at the start: if a dependency does not answer, the program stops before its first event,
// with the dependency's name and f's error. If the API runs in the same process, as in the local run, its health check
// shows the dependency, too. f must respect its context.
func (d *Deps) Check(name string, f func(ctx context.Context) error) {
	d.checks = append(d.checks, Dependency{name, f})
}

// Run runs all checks at the same time and joins their errors, each with its dependency's name.
func (d *Deps) Run(ctx context.Context) error {
	problems := make([]error, len(d.checks))
	var running sync.WaitGroup
	for i, dependency := range d.checks {
		running.Go(func() {
			if err := dependency.Check(ctx); err != nil {
				problems[i] = fmt.Errorf("check %s: %w", dependency.Name, err)
			}
		})
	}
	running.Wait()
	return errors.Join(problems...)
}
