//go:build hostile

package hostile

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
)

// taskMemory is what dev's task leaves the API.
const taskMemory = 320 << 20

// encrypted is whether the API is attacked over TLS: HOSTILE_TLS=true.
var encrypted = os.Getenv("HOSTILE_TLS") == "true"

// unverified is for a certificate that nobody can verify.
var unverified = &tls.Config{InsecureSkipVerify: true}

// target is the API's binary at work.
type target struct {
	t       *testing.T
	address string
	scheme  string
	pid     int
	cluster *kfake.Cluster
	ended   chan struct{}
	log     *bytes.Buffer // to be read once it has ended
}

func start(t *testing.T) *target {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "eventctl")
	if out, err := exec.Command("go", "build", "-o", binary,
		"event-processing-service/cmd/eventctl").CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(1, "events"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &target{t: t, address: ln.Addr().String(), scheme: "http", cluster: cluster, ended: make(chan struct{}),
		log: new(bytes.Buffer)}
	ln.Close()
	_, port, _ := net.SplitHostPort(s.address)

	env := []string{
		"PORT=" + port, "METRICS_PORT=0", "LOG_LEVEL=ERROR", "GOMAXPROCS=1", // as on dev's quarter of a processor
		"KAFKA_BOOTSTRAP_SERVERS=" + strings.Join(cluster.ListenAddrs(), ","),
	}
	if encrypted {
		s.scheme, env = "https", append(env, "TLS_SELF_SIGNED=true")
	}
	command := `exec "$0" serve`
	if group := controlGroup(t); group != "" {
		command = `echo $$ > "` + group + `/cgroup.procs" && ` + command
	} else {
		t.Log("no control group can be made here: GOMEMLIMIT alone")
		env = append(env, fmt.Sprint("GOMEMLIMIT=", taskMemory/10*9))
	}
	cmd := exec.Command("sh", "-c", command, binary)
	cmd.Env = append(os.Environ(), env...)
	cmd.Stdout, cmd.Stderr = s.log, s.log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	s.pid = cmd.Process.Pid
	go func() { _ = cmd.Wait(); close(s.ended) }()
	t.Cleanup(func() {
		_ = syscall.Kill(s.pid, syscall.SIGKILL)
		<-s.ended
		if t.Failed() {
			t.Logf("the API printed:\n%.4000s", s.log)
		}
	})
	for end := time.Now().Add(30 * time.Second); s.probe() != nil; time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("it does not come up: %v", s.probe())
		}
	}
	return s
}

// controlGroup makes one of the task's size, "" where that can't be.
func controlGroup(t *testing.T) string {
	for _, c := range []struct{ parent, file string }{
		{"/sys/fs/cgroup/memory", "memory.limit_in_bytes"}, // version 1
		{"/sys/fs/cgroup", "memory.max"},
	} {
		group := filepath.Join(c.parent, "hostile-"+strconv.Itoa(os.Getpid()))
		if os.Mkdir(group, 0o755) != nil {
			continue
		}
		t.Cleanup(func() {
			for range 50 { // the kernel needs a moment to see that it is empty
				if os.Remove(group) == nil {
					return
				}
				time.Sleep(20 * time.Millisecond)
			}
		})
		limit, err := os.OpenFile(filepath.Join(group, c.file), os.O_WRONLY, 0) // which must be there
		if err != nil {
			continue
		}
		_, err = fmt.Fprint(limit, taskMemory)
		if limit.Close(); err == nil {
			return group
		}
	}
	return ""
}

// probe asks for health on a new connection, as whoever decides whether the process lives does.
func (s *target) probe() error {
	client := http.Client{Timeout: 2 * time.Second, Transport: &http.Transport{DisableKeepAlives: true,
		TLSClientConfig: unverified}}
	resp, err := client.Get(s.scheme + "://" + s.address + "/health/live")
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("health is told with %s", resp.Status)
	}
	return nil
}

func (s *target) connect() net.Conn {
	s.t.Helper()
	conn, err := net.Dial("tcp", s.address)
	if err != nil {
		s.t.Fatal(err)
	}
	if encrypted {
		return tls.Client(conn, unverified) // which shakes hands with what is first written
	}
	return conn
}

// send writes a request and leaves the answer unread.
func (s *target) send(request string) net.Conn {
	conn := s.connect()
	_ = conn.SetWriteDeadline(time.Now().Add(10 * time.Second))
	_, _ = io.WriteString(conn, request) // it may be refused midway
	return conn
}

// answer is all that comes back for a request.
func (s *target) answer(request string) string {
	conn := s.send(request)
	defer conn.Close()
	_ = conn.SetReadDeadline(time.Now().Add(20 * time.Second))
	answer, _ := io.ReadAll(conn)
	return string(answer)
}

func post(contentType, body string, headers ...string) string {
	more := ""
	for i := 0; i < len(headers); i += 2 {
		more += headers[i] + ": " + headers[i+1] + "\r\n"
	}
	return fmt.Sprintf("POST /v1/events HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Type: "+
		"%s\r\n%sContent-Length: %d\r\n\r\n%s",
		contentType, more, len(body), body)
}

func get(path string) string { return "GET " + path + " HTTP/1.1\r\nHost: h\r\n\r\n" }

// kept is a request after which the connection stays open.
func kept(request string) string { return strings.Replace(request, "Connection: close\r\n", "", 1) }

// resetPeak forgets the peak so far; peak is that of resident memory since then.
func (s *target) resetPeak() {
	_ = os.WriteFile(fmt.Sprintf("/proc/%d/clear_refs", s.pid), []byte("5"), 0)
}

func (s *target) peak() int64 {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.pid))
	if err != nil {
		s.t.Fatalf("the API is gone: %v", err)
	}
	_, rest, _ := strings.Cut(string(status), "VmHWM:")
	kib, _ := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
	return kib << 10
}

// cpu is what the API has used, user and system.
func (s *target) cpu() time.Duration {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", s.pid))
	if err != nil {
		s.t.Fatalf("the API is gone: %v", err)
	}
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	user, _ := strconv.ParseInt(fields[11], 10, 64)
	system, _ := strconv.ParseInt(fields[12], 10, 64)
	return time.Duration(user+system) * time.Second / 100 // USER_HZ is 100 everywhere that Go runs
}

// records are all that is stored.
func (s *target) records() (records []*kgo.Record) {
	s.t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(s.cluster.ListenAddrs()...), kgo.ConsumeTopics("events"),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	if err != nil {
		s.t.Fatal(err)
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	for ctx.Err() == nil {
		records = append(records, client.PollFetches(ctx).Records()...)
	}
	return records
}
