package main

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"
	"unsafe"
)

// openTerminal makes a pair of ends: what is written to the first is typed at the second.
func openTerminal(t *testing.T) (keyboard, terminal *os.File) {
	t.Helper()
	keyboard, err := os.OpenFile("/dev/ptmx", os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Skip("there are no terminals here:", err)
	}
	t.Cleanup(func() { keyboard.Close() })
	var number, unlock int32
	for request, value := range map[uintptr]*int32{syscall.TIOCGPTN: &number, syscall.TIOCSPTLCK: &unlock} {
		if _, _, e := syscall.Syscall(syscall.SYS_IOCTL, keyboard.Fd(), request, uintptr(unsafe.Pointer(value))); e != 0 {
			t.Skip("there are no terminals here:", e)
		}
	}
	terminal, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Skip("there are no terminals here:", err)
	}
	t.Cleanup(func() { terminal.Close() })
	return keyboard, terminal
}

func TestCtrlCEndsTheLogsOfTheContainersWithoutAnError(t *testing.T) {
	just, err := exec.LookPath("just")
	if err != nil {
		t.Skip("needs just")
	}
	fakes := t.TempDir()
	ready := filepath.Join(fakes, "ready")
	docker := "#!/usr/bin/env bash\n" + // as docker compose ends when it is interrupted
		"trap 'exit 130' INT; touch " + ready + "; for _ in $(seq 200); do sleep 0.1; done\n"
	if err := os.WriteFile(filepath.Join(fakes, "docker"), []byte(docker), 0o700); err != nil {
		t.Fatal(err)
	}
	keyboard, terminal := openTerminal(t)
	cmd := exec.Command(just, "logs")
	cmd.Dir = "../.."
	cmd.Env = append(os.Environ(), "PATH="+fakes+":"+os.Getenv("PATH"))
	cmd.Stdin, cmd.Stdout, cmd.Stderr = terminal, terminal, terminal
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { _, _ = io.Copy(io.Discard, keyboard) }()
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		if _, err := os.Stat(ready); err == nil {
			break
		}
		if time.Now().After(end) {
			_ = cmd.Process.Kill()
			t.Fatal("the logs do not start")
		}
	}
	if _, err := keyboard.Write([]byte{3}); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("just ends with %v", err)
	}
}
