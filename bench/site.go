package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// apart is the site whose parts are processes of their own.
const apart = "apart"

// site is the running product with its console.
type site struct {
	name    string
	api     *child
	console string // URL
	// cpu is what each part has used so far.
	cpu  func() (map[string]time.Duration, error)
	pids map[string]int // for memory
	stop func()
}

// startApart runs API, processor and console each in a process of its own, as in containers and in AWS.
func startApart(ctx context.Context, l *lab) (*site, error) {
	name := fmt.Sprintf("bench.console.%d", time.Now().UnixNano())
	for _, topic := range []string{name, name + ".dlq"} {
		if err := l.createTopic(ctx, topic); err != nil {
			return nil, err
		}
	}
	api, err := startChild(ctx, l.binary("eventctl"), serveArgs, true, "KAFKA_TOPIC="+name, "LOG_LEVEL=WARN",
		`API_KEYS={"bench":"`+key+`"}`)
	if err != nil {
		return nil, err
	}
	endpoints, stopTables, err := tables(ctx)
	if err != nil {
		return nil, err
	}
	run, err := l.processor(l.binary("bootstrap"), endpoints["at once"], "", name, name)
	if err != nil {
		return nil, err
	}
	running, cancel := context.WithCancel(ctx)
	ended := make(chan struct{})
	go func() { defer close(ended); run(running) }()
	console, url, err := l.startConsole(ctx, name, endpoints["at once"])
	s := &site{name: apart, api: api, console: url, stop: func() {
		if err == nil {
			stopProgram(console)
		}
		cancel()
		<-ended
		stopTables()
		api.stop()
		l.deleteTopics(name, name+".dlq")
	}}
	if err != nil {
		s.stop()
		return nil, err
	}
	s.pids = map[string]int{"API": api.cmd.Process.Pid, "console's server": console.Process.Pid}
	s.cpu = func() (map[string]time.Duration, error) {
		used := map[string]time.Duration{}
		for part, pid := range s.pids {
			var err error
			if used[part], err = cpuOf(pid); err != nil {
				return nil, err
			}
		}
		var err error
		used["processor"], err = cpuOfChildren("bootstrap")
		return used, err
	}
	return s, nil
}

// startConsole serves the console for a topic, whose processor has its group.
func (l *lab) startConsole(ctx context.Context, topic, endpoint string) (*exec.Cmd, string, error) {
	port, err := freePort()
	if err != nil {
		return nil, "", err
	}
	console := exec.CommandContext(ctx, l.binary("eventctl"), "console", "--read-only", "--group", topic,
		"--listen", "127.0.0.1:"+strconv.Itoa(port))
	console.Env = append(os.Environ(), "LOG_LEVEL=ERROR", "KAFKA_TOPIC="+topic, "KAFKA_DLQ_TOPIC="+topic+".dlq",
		"STORE=dynamodb", "EVENTS_TABLE=events", "AWS_ENDPOINT_URL_DYNAMODB="+endpoint, "AWS_REGION=us-east-1",
		"AWS_ACCESS_KEY_ID=bench", "AWS_SECRET_ACCESS_KEY=bench")
	console.Stderr = os.Stderr
	if err := console.Start(); err != nil {
		return nil, "", fmt.Errorf("start the console: %w", err)
	}
	url := fmt.Sprintf("http://localhost:%d/", port)
	if err := awaitOK(ctx, url); err != nil {
		stopProgram(console)
		return nil, "", err
	}
	return console, url, nil
}

func stopProgram(cmd *exec.Cmd) {
	_ = cmd.Process.Signal(syscall.SIGTERM)
	_ = cmd.Wait() // it may end by the signal
}

func awaitOK(ctx context.Context, url string) error {
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end) && ctx.Err() == nil; {
		if resp, err := http.Get(url); err == nil {
			resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return nil
			}
		}
		time.Sleep(10 * time.Millisecond)
	}
	return fmt.Errorf("%s does not answer", strings.TrimSuffix(url, "/"))
}

// startTogether runs cmd/local, where API, processor and console are one process.
func startTogether(ctx context.Context, l *lab) (*site, error) {
	if err := build(ctx, "local", "-o", l.binary("local"), "./cmd/local"); err != nil {
		return nil, err
	}
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	name := fmt.Sprintf("bench.console.%d", time.Now().UnixNano())
	for _, topic := range []string{name, name + ".dlq"} {
		if err := l.createTopic(ctx, topic); err != nil {
			return nil, err
		}
	}
	all, err := startChild(ctx, l.binary("local"), []string{"--console-port", strconv.Itoa(port)}, true,
		"KAFKA_TOPIC="+name, "KAFKA_DLQ_TOPIC="+name+".dlq")
	if err != nil {
		return nil, err
	}
	pid := all.cmd.Process.Pid
	return &site{
		name: "in one process", api: all, console: fmt.Sprintf("http://localhost:%d/", port),
		pids: map[string]int{"cmd/local": pid},
		cpu: func() (map[string]time.Duration, error) {
			used, err := cpuOf(pid)
			return map[string]time.Duration{"cmd/local": used}, err
		},
		stop: func() {
			all.stop()
			l.deleteTopics(name, name+".dlq")
		},
	}, nil
}
