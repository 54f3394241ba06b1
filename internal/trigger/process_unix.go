//go:build unix

package trigger

import (
	"os"
	"os/exec"
	"syscall"
)

// ownProcessGroup keeps a Ctrl-C in the terminal, which goes to the whole foreground group, from the child. The parent
// ends the child, after the running batch.
func ownProcessGroup(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }

func terminate(p *os.Process) error { return p.Signal(syscall.SIGTERM) }
