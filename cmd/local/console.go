package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"syscall"

	"event-processing-service/api"
	"event-processing-service/cmd/internal/assembly"
	"event-processing-service/cmd/internal/watch"
	pages "event-processing-service/console"
)

// page is the console in the browser. The zero page is none, which costs nothing.
type page struct {
	journal  *pages.Journal
	listener net.Listener
	token    string
}

// openPage listens first, so that a taken port is known before anything else is begun. A port that nobody chose is
// given up: whoever has something else on 8080 still gets the service.
func openPage(env environment, kept data) (p page, problem string, err error) {
	if env.consolePort == 0 {
		return p, "", nil
	}
	p.listener, err = net.Listen("tcp", "127.0.0.1:"+strconv.Itoa(env.consolePort))
	switch {
	case err == nil:
		p.journal = pages.NewJournal()
		if p.token, err = kept.token(); err != nil {
			p.close()
			return page{}, "", err
		}
		return p, "", nil
	case !env.consolePortChosen && errors.Is(err, syscall.EADDRINUSE):
		return page{}, fmt.Sprintf("none: port %d is taken; choose another with --console-port", env.consolePort), nil
	}
	return page{}, "", fmt.Errorf("listen for the console (choose another port with --console-port): %w", err)
}

func (p page) isOpen() bool { return p.listener != nil }

func (p page) close() {
	if p.isOpen() {
		p.listener.Close()
	}
}

// url opens the page for changes. What stands behind # is not sent to any server, nor kept in its log.
func (p page) url() string {
	return fmt.Sprintf("http://localhost:%d/#token=%s", p.listener.Addr().(*net.TCPAddr).Port, p.token)
}

// told is a copy of a that tells the page what it logs.
func (p page) told(a *assembly.Assembly) *assembly.Assembly {
	if !p.isOpen() {
		return a
	}
	told := *a
	told.Log = slog.New(p.journal.Handler(a.Log.Handler()))
	return &told
}

func (p page) publisher(inner api.Publisher) api.Publisher {
	if !p.isOpen() {
		return inner
	}
	return watch.Publisher(inner, p.journal)
}

// serve answers until ctx ends.
func (p page) serve(ctx context.Context, a *assembly.Assembly, env environment, outcomes pages.Outcomes,
	apiURL string) error {
	if !p.isOpen() {
		return nil
	}
	c, closeConsole, err := watch.New(a, env.processor, watch.Parts{
		Journal: p.journal, Outcomes: outcomes,
		Group: assembly.GroupOf(assembly.ConsumerGroup, env.processor.Name), APIURL: apiURL, APIKey: os.Getenv("API_KEY"),
		Token: p.token, Examples: demoExamples(), Settings: env.seen,
	})
	if err != nil {
		return err
	}
	defer closeConsole()
	return c.Serve(ctx, func(s *http.Server) error { return s.Serve(p.listener) })
}

// seen is the environment as the service has it: the embedded broker is where it is, whatever the default says.
func (e environment) seen(name string) (string, bool) {
	if name == "KAFKA_BOOTSTRAP_SERVERS" {
		return strings.Join(e.processor.Kafka.Brokers, ","), true
	}
	return e.lookup(name)
}
