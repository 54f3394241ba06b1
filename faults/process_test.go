//go:build faults

package faults

import (
	"bytes"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// process is a program of the project that can be killed and started again.
type process struct {
	t    *testing.T
	name string
	path string
	args []string
	env  []string
	logs logBuffer

	mu   sync.Mutex
	cmd  *exec.Cmd
	gone chan struct{}
	err  error // how it ended
}

// logBuffer keeps the end of a process's output, to print it if the test fails.
type logBuffer struct {
	mu   sync.Mutex
	tail []byte
	all  int
}

func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.all += len(p)
	b.tail = append(b.tail, p...)
	if len(b.tail) > 64<<10 {
		b.tail = bytes.Clone(b.tail[len(b.tail)-32<<10:])
	}
	return len(p), nil
}

func newProcess(t *testing.T, name, path string, env []string, args ...string) *process {
	t.Helper()
	p := &process{t: t, name: name, path: path, args: args, env: env}
	t.Cleanup(func() {
		_ = p.stop(syscall.SIGKILL) // says "signal: killed", unless it ended before
		if t.Failed() {
			p.logs.mu.Lock()
			defer p.logs.mu.Unlock()
			t.Logf("the end of what %s printed (%d bytes in all):\n%s", name, p.logs.all,
				p.logs.tail[max(0, len(p.logs.tail)-6000):])
		}
	})
	p.start()
	return p
}

// start runs the program. It must not be running.
func (p *process) start() {
	p.t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	cmd := exec.Command(p.path, p.args...)
	cmd.Env = append(os.Environ(), p.env...)
	cmd.Stdout, cmd.Stderr = &p.logs, &p.logs
	// A process group of its own, so that Ctrl-C reaches only the test, which ends them; and so that its children can be
	// found.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.WaitDelay = time.Second // a grandchild may keep the pipe open
	if err := cmd.Start(); err != nil {
		p.t.Errorf("start %s: %v", p.name, err)
		return
	}
	p.cmd, p.gone = cmd, make(chan struct{})
	go func(gone chan struct{}) {
		err := cmd.Wait()
		p.mu.Lock()
		p.err = err
		p.mu.Unlock()
		close(gone)
	}(p.gone)
}

func (p *process) pid() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.cmd.Process.Pid
}

// stop sends a signal, waits until the process has ended, and returns its exit error.
func (p *process) stop(sig syscall.Signal) error {
	p.mu.Lock()
	cmd, gone := p.cmd, p.gone
	p.mu.Unlock()
	if cmd == nil {
		return nil
	}
	_ = cmd.Process.Signal(sig) // it may have ended by itself
	select {
	case <-gone:
	case <-time.After(45 * time.Second):
		p.t.Errorf("%s did not end within 45 s of %v", p.name, sig)
		_ = cmd.Process.Kill()
		<-gone
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.err
}

// apiProcess is a process of the API.
type apiProcess struct {
	*process
	url     string
	metrics string
}

func newAPI(t *testing.T, name string, env ...string) *apiProcess {
	t.Helper()
	port, metrics := freePort(t), freePort(t)
	env = append([]string{"PORT=" + strconv.Itoa(port), "METRICS_PORT=" + strconv.Itoa(metrics), "LOG_LEVEL=WARN"}, env...)
	a := &apiProcess{
		process: newProcess(t, name, binary(t, "eventctl"), env, "serve"),
		url:     fmt.Sprintf("http://127.0.0.1:%d", port), metrics: fmt.Sprintf("http://127.0.0.1:%d/metrics", metrics),
	}
	await(t, 30*time.Second, name+" to be ready", a.ready)
	return a
}

var probe = http.Client{Timeout: 2 * time.Second}

func (a *apiProcess) ready() bool {
	resp, err := probe.Get(a.url + "/health/ready")
	if err != nil {
		return false
	}
	resp.Body.Close()
	return resp.StatusCode == http.StatusOK
}

// nextPort counts up from a start that differs between runs, so that two runs do not collide. It stays below the
// system's ports for connections, so that none is taken while a process restarts.
var nextPort = func() *atomic.Int32 {
	var n atomic.Int32
	n.Store(20_000 + int32(os.Getpid()%80)*100)
	return &n
}()

func freePort(t *testing.T) int {
	t.Helper()
	for range 100 {
		port := int(nextPort.Add(1))
		if ln, err := net.Listen("tcp", ":"+strconv.Itoa(port)); err == nil {
			ln.Close()
			return port
		}
	}
	t.Fatalf("found no free port up to %d", nextPort.Load())
	return 0
}
