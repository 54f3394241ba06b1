package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"event-processing-service/cmd/internal/archiving"
	"event-processing-service/cmd/internal/assembly"
)

// build is what an API tells of itself.
type build struct {
	Version string `json:"version"`
	Commit  string `json:"commit,omitempty"`
	Image   string `json:"image,omitempty"`
	released
}

func provenanceCommand() *cobra.Command {
	var client apiClient
	var output outputFlag
	var releases string
	cmd := &cobra.Command{
		Use:   "provenance [URL]",
		Short: "Tell which build an API runs: version, commit, and the image's digest",
		Long: `Tell which build an API runs: version, commit, and the image's digest, by its health.

A member that the API does not know is "unknown": the commit, where the image was built without it, and the digest,
outside of ECS.

With --releases it also tells what the build noted of that version: the function's archive, the signed commit, the lists
of contents and who signed. It fails where another image runs than was released. It checks no signature: stack/verify
does, before each deployment.`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				client.url = args[0]
			}
			answer, err := client.ask(cmd.Context(), http.MethodGet, "/v1/health", "", nil, nil)
			var refused *statusError
			if errors.As(err, &refused) && refused.status == http.StatusServiceUnavailable {
				answer, err = []byte(refused.body), nil // an unhealthy API tells, too
			}
			if err != nil {
				return err
			}
			var b build
			if err := json.Unmarshal(answer, &b); err != nil {
				return fmt.Errorf("decode the API's answer: %w", err)
			}
			if releases != "" {
				place, err := archiving.Open(assembly.New(cmd.Context(), nil), releases)
				if err != nil {
					return err
				}
				if b.released, err = findRelease(cmd.Context(), place, b.Version); err != nil {
					return err
				}
			}
			if err := b.print(cmd.OutOrStdout(), output.kind); err != nil {
				return err
			}
			if b.image != "" && b.Image != "" && b.image != b.Image {
				return fmt.Errorf("%s runs, and %s was released as %s", b.Image, b.Version, b.image)
			}
			return nil
		},
	}
	client.addTo(cmd.Flags())
	output.addTo(cmd)
	cmd.Flags().StringVar(&releases, "releases", "", "where releases are noted: s3://BUCKET, the artifacts stack's")
	return cmd
}

func (b build) print(out io.Writer, kind string) error {
	if kind == "json" {
		return json.NewEncoder(out).Encode(b)
	}
	lines := [][2]string{{"version", b.Version}, {"commit", b.Commit}, {"image", b.Image}}
	if b.SignedBy != "" {
		lines = append(lines, [2]string{"function", b.Function}, [2]string{"source", b.Source})
		for _, list := range b.Contents {
			lines = append(lines, [2]string{"contents", list})
		}
		lines = append(lines, [2]string{"signed by", b.SignedBy})
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, line := range lines {
		fmt.Fprintf(w, "%s\t%s\n", line[0], cmp.Or(line[1], "unknown"))
	}
	return w.Flush()
}
