//go:build unix

package trigger

import (
	"strconv"
	"syscall"
	"testing"
)

func TestRuntimeAPIKeepsACtrlCFromTheChild(t *testing.T) {
	f := childFunction(t, "serves", nil)
	pid, err := strconv.Atoi(mustInvoke(t, f, "pid"))
	if err != nil {
		t.Fatal(err)
	}
	group, err := syscall.Getpgid(pid)
	if err != nil {
		t.Fatal(err)
	}
	if group == syscall.Getpgrp() {
		t.Error("the child is in this process's group, which the terminal signals as a whole")
	}
}
