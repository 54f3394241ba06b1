//go:build !unix

package trigger

import (
	"errors"
	"os"
	"os/exec"
)

func ownProcessGroup(*exec.Cmd) {}

// terminate has no equivalent here; the child is killed instead.
func terminate(*os.Process) error { return errors.ErrUnsupported }
