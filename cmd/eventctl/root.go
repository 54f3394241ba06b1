package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"event-processing-service/cmd/internal/assembly"
	"event-processing-service/internal/settings"
	"event-processing-service/internal/telemetry"
	"event-processing-service/internal/terminal"
)

// errUsage marks a command line that is wrong. It exits 2, as a wrong environment does; all else exits 1.
var errUsage = errors.New("usage")

// clientID names the tool in the brokers' logs and quotas.
const clientID = "eventctl"

func root() *cobra.Command {
	cmd := &cobra.Command{
		Use:           "eventctl",
		Short:         "Send events, invoke the function, look after topics and dead letters, serve the API",
		Version:       telemetry.Version(),
		SilenceUsage:  true, // a broker that is away is not a reason to explain flags
		SilenceErrors: true,
	}
	raw := cmd.PersistentFlags().Bool("raw", false, "print events as they are, even what commands the terminal")
	cmd.PersistentPreRun = func(cmd *cobra.Command, _ []string) {
		if f := cmd.Flags().Lookup("processor"); f != nil && f.Changed {
			cmd.SetContext(context.WithValue(cmd.Context(), processorKey{}, f.Value.String()))
		}
		if !*raw {
			cmd.Root().SetOut(terminal.Writer(cmd.OutOrStdout()))
			cmd.Root().SetErr(terminal.Writer(cmd.ErrOrStderr()))
		}
	}
	cmd.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return fmt.Errorf("%w: %w", errUsage, err) })
	cmd.AddCommand(sendCommand(), schemaCommand(), newCommand(), initCommand(), serveCommand(), healthcheckCommand(),
		keysCommand(), provenanceCommand(), archiveCommand(), seedCommand(), auditCommand(), forgetCommand(),
		loadCommand())
	cmd.AddCommand(ofProcessor(tailCommand(), invokeCommand(), topicsCommand(), setupCommand(), triggerCommand(),
		statusCommand(), dlqCommand(), replayCommand(), consoleCommand())...)
	return cmd
}

// execute runs the command. What is wrong before the command's own work begins is the command line.
func execute(ctx context.Context, cmd *cobra.Command) error {
	began := false
	prepare(cmd, &began)
	err := cmd.ExecuteContext(ctx)
	if err != nil && !began && !errors.Is(err, errUsage) {
		return fmt.Errorf("%w: %w", errUsage, err)
	}
	return err
}

// prepare notes where a command's own work begins, and lets a command that only has others take no arguments: by
// itself, the library answers a mistyped command with help, as if it were a success.
func prepare(cmd *cobra.Command, began *bool) {
	for _, child := range cmd.Commands() {
		prepare(child, began)
	}
	if work := cmd.RunE; work != nil {
		cmd.RunE = func(cmd *cobra.Command, args []string) error {
			*began = true
			return work(cmd, args)
		}
		return
	}
	cmd.Args = func(cmd *cobra.Command, args []string) error {
		if len(args) == 0 {
			return nil
		}
		problem := fmt.Errorf("there is no command %q in %s", args[0], cmd.CommandPath())
		if like := cmd.SuggestionsFor(args[0]); len(like) > 0 {
			problem = fmt.Errorf("%w; did you mean %s?", problem, strings.Join(like, " or "))
		}
		return problem
	}
	cmd.RunE = func(cmd *cobra.Command, _ []string) error { return cmd.Help() }
	cmd.SuggestionsMinimumDistance = 2
}

// arguments are those of the command line. The image has this binary as /api, too: `api` is `eventctl serve`, and
// `api healthcheck` is `eventctl healthcheck`.
func arguments(argv []string) []string {
	args := argv[1:]
	if strings.TrimSuffix(filepath.Base(argv[0]), ".exe") != "api" || len(args) > 0 && args[0] == "healthcheck" {
		return args
	}
	return append([]string{"serve"}, args...)
}

// program is what a command that needs the brokers or the store works with.
type program struct {
	*assembly.Assembly
	env settings.Processor
}

// processorKey is under which a command's context has the name of the processor that --processor gives.
type processorKey struct{}

// ofProcessor lets commands be about another processor than the first.
func ofProcessor(commands ...*cobra.Command) []*cobra.Command {
	for _, cmd := range commands {
		cmd.PersistentFlags().String("processor", "",
			"the processor that is meant, where several read the topic (default: $PROCESSOR, or the first)")
	}
	return commands
}

// newProgram reads what the processor reads that is meant, and logs to logs.
func newProgram(ctx context.Context, logs io.Writer) (*program, error) {
	env, err := settings.LoadProcessor(func(name string) (string, bool) {
		if named, given := ctx.Value(processorKey{}).(string); given && name == "PROCESSOR" {
			return named, true
		}
		return os.LookupEnv(name)
	})
	if err != nil {
		return nil, fmt.Errorf("the environment is wrong:\n%w", err)
	}
	return &program{assembly.New(ctx, telemetry.NewLogger(logs, env.LogLevel)), env}, nil
}
