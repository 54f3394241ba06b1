package main

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"event-processing-service/cmd/internal/serve"
	"event-processing-service/internal/settings"
	"event-processing-service/internal/telemetry"
)

func serveCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "serve",
		Short: "Serve the HTTP API, as the container does",
		Long: `Serve the HTTP API on PORT until SIGTERM or SIGINT, and then finish the requests that are under way.

It reads the API's environment, which the README describes.`,
		Version: telemetry.Version(),
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			env, err := apiEnvironment()
			if err != nil {
				return err
			}
			return serve.Run(cmd.Context(), env, cmd.OutOrStdout())
		},
	}
}

func healthcheckCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "healthcheck",
		Short: "Fail unless the API on this host answers: the container's health check, as its image has no curl",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			env, err := apiEnvironment()
			if err != nil {
				return err
			}
			return serve.CheckHealth(cmd.Context(), env)
		},
	}
}

func apiEnvironment() (settings.API, error) {
	env, err := settings.LoadAPI(os.LookupEnv)
	if err != nil {
		return env, fmt.Errorf("the environment is wrong:\n%w", err)
	}
	return env, nil
}
