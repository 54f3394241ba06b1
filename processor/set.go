package processor

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// Register registers handlers. It is called once, when the program starts; closeAll is called after the last event. An
// error stops the start, and closeAll is not called then.
type Register = func(ctx context.Context, mux *Mux, deps *Deps) (closeAll func(), err error)

// All registers the handlers of several functions as one, in their order, and closes what they made in the opposite
// order. If one of them fails, those before it are closed at once.
func All(registers ...Register) Register {
	return func(ctx context.Context, mux *Mux, deps *Deps) (closeAll func(), err error) {
		var made []func()
		closeAll = func() {
			for _, closeOne := range slices.Backward(made) {
				closeOne()
			}
		}
		for _, register := range registers {
			closeOne, err := register(ctx, mux, deps)
			if err != nil {
				closeAll()
				return nil, err
			}
			made = append(made, closeOne)
		}
		return closeAll, nil
	}
}

// Set is the handlers of one processor. Several processors read one topic, each in processes of its own.
type Set struct {
	// "": the first. Otherwise the name is part of the names of its consumer group, dead letter topic and outcomes.
	Name     string
	Register Register
}

// Sets are the sets of one binary: the first, which has no name, and others.
type Sets []Set

// names can be part of the name of a consumer group, a topic, a function in AWS, and a key of the table.
var names = regexp.MustCompile(`^[a-z]([a-z0-9-]{0,18}[a-z0-9])?$`)

// Find returns the set with a name. It fails if there is none, if two sets would share a consumer group, and if a name
// can't be used. It checks the whole list, so that every process fails alike, whichever set it runs.
func (s Sets) Find(name string) (found Set, err error) {
	seen := map[string]bool{}
	for i, set := range s {
		switch {
		case seen[set.Name] && set.Name == "":
			return Set{}, errors.New("two sets of handlers have no name, and would share a consumer group")
		case seen[set.Name]:
			return Set{}, fmt.Errorf("two sets of handlers are named %s, and would share a consumer group", set.Name)
		case (set.Name == "") != (i == 0):
			return Set{}, errors.New("the first set of handlers has no name, and each other has one")
		case i > 0 && !names.MatchString(set.Name):
			return Set{}, fmt.Errorf("the name of a set of handlers, %q, must be 1 to 20 of a-z, 0-9 and -, "+
				"begin with a letter and not end with -", set.Name)
		case set.Register == nil:
			return Set{}, fmt.Errorf("set %d of the handlers, %q, registers nothing", i, set.Name)
		}
		if seen[set.Name] = true; set.Name == name {
			found = set
		}
	}
	if found.Register == nil {
		return Set{}, fmt.Errorf("there is no processor %q, but the first, without a name%s", name, s.others())
	}
	return found, nil
}

// Names are the names of all sets. The first is "".
func (s Sets) Names() []string { return append([]string{""}, s.Others()...) }

// Others are the names of all but the first.
func (s Sets) Others() (names []string) {
	for _, set := range s {
		if set.Name != "" {
			names = append(names, set.Name)
		}
	}
	return names
}

func (s Sets) others() string {
	if names := s.Others(); names != nil {
		return ", and " + strings.Join(names, ", ")
	}
	return ""
}
