package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"event-processing-service/cmd/internal/assembly"
	"event-processing-service/cmd/internal/watch"
	"event-processing-service/console"
)

type consoleOptions struct {
	listen, group, url, pasted, log string
	hosts                           []string
	readOnly                        bool
	lasts                           time.Duration
	check                           string
}

func consoleCommand() *cobra.Command {
	var o consoleOptions
	cmd := &cobra.Command{
		Use:   "console",
		Short: "Serve a page that shows the events, what becomes of them, and the dead letters, which it can replay",
		Long: `Serve the console: a page that shows how many events are where, the stream of events, what became of each,
and the dead letters, which can be replayed from it.

It reads the topics by place, without a consumer group, and only while somebody looks. What it shows of a processor that
runs elsewhere is in the topics and, with STORE=dynamodb, in the table. Attempts under way are in the processor's log
alone: --log - reads its lines from standard input.

The page is served on this machine only, unless --listen says otherwise, and has no encryption. To change anything takes
the token in the address that is printed, and the rights of whoever runs this command.`,
		Example: `  eventctl console
  docker compose logs --follow --no-log-prefix processor | eventctl console --log -
  KAFKA_AUTH=iam STORE=dynamodb EVENTS_TABLE=TABLE eventctl console --url https://api.example.com`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if o.check != "" {
				return checkConsole(cmd.Context(), o.check)
			}
			return o.run(cmd)
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.listen, "listen", "127.0.0.1:8080", "address to serve the page on")
	f.StringSliceVar(&o.hosts, "host", nil, "names under which the page is reached, beside localhost")
	f.StringVar(&o.group, "group", assembly.ConsumerGroup,
		"the first processor's consumer group; of a stack, its output consumerGroup")
	f.StringVar(&o.url, "url", "", "the API, for events that are sent from the page, with $API_KEY; without it none are")
	f.StringVar(&o.pasted, "public-url", "", "the API as people reach it, for the lines to paste (default: --url)")
	f.StringVar(&o.log, "log", "", "file with the processor's log lines, for the attempts; - is standard input")
	f.BoolVar(&o.readOnly, "read-only", false, "print no token, so that nobody can change anything")
	f.DurationVar(&o.lasts, "for", 0, "end by itself after this time, such as 4h; 0 is never")
	f.StringVar(&o.check, "check", "",
		"fail unless a console answers at this URL, and serve none: the container's health check")
	return cmd
}

func checkConsole(ctx context.Context, url string) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return fmt.Errorf("%w: --check: %w", errUsage, err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return fmt.Errorf("ask the console: %w", err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("the console answers %s", resp.Status)
	}
	return nil
}

func (o *consoleOptions) run(cmd *cobra.Command) error {
	ctx := cmd.Context()
	if o.lasts < 0 {
		return fmt.Errorf("%w: --for must be 0 or more, is %s", errUsage, o.lasts)
	}
	if o.lasts > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, o.lasts)
		defer cancel()
	}
	p, err := newProgram(ctx, os.Stderr)
	if err != nil {
		return err
	}
	ln, err := net.Listen("tcp", o.listen)
	if err != nil {
		return fmt.Errorf("listen for the console (choose another address with --listen): %w", err)
	}
	defer ln.Close()
	parts := watch.Parts{
		Group: assembly.GroupOf(o.group, p.env.Name), APIURL: strings.TrimSuffix(o.url, "/"),
		PublicURL: strings.TrimSuffix(o.pasted, "/"),
		APIKey:    os.Getenv("API_KEY"), Hosts: o.hosts, Settings: os.LookupEnv,
	}
	where := fmt.Sprintf("http://localhost:%d/", ln.Addr().(*net.TCPAddr).Port)
	if !o.readOnly {
		parts.Token = console.NewToken()
		where += "#token=" + parts.Token
	}
	if o.log != "" {
		if parts.Log, err = o.openLog(cmd.InOrStdin()); err != nil {
			return err
		}
	}
	c, closeConsole, err := watch.New(p.Assembly, p.env, parts)
	if err != nil {
		return err
	}
	defer closeConsole()
	fmt.Fprintf(cmd.OutOrStdout(), "console: %s\n", where)
	return c.Serve(ctx, func(s *http.Server) error { return s.Serve(ln) })
}

func (o *consoleOptions) openLog(in io.Reader) (io.Reader, error) {
	if o.log == "-" {
		return in, nil
	}
	f, err := os.Open(o.log)
	if err != nil {
		return nil, fmt.Errorf("%w: --log: %w", errUsage, err)
	}
	return f, nil
}
