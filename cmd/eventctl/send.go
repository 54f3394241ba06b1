package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

type sendOptions struct {
	url, file, key string
	wait           time.Duration
	event          map[string]*string // attributes by name
	data           string
}

func sendCommand() *cobra.Command {
	o := sendOptions{event: map[string]*string{}}
	cmd := &cobra.Command{
		Use:   "send [--file FILE | --type TYPE [--data JSON]]",
		Short: "Post events to the API, from a file, standard input or flags",
		Long: `Post events to the API and print its answer.

A file (- is standard input) holds one event as JSON, which may leave out all but its type, or an array of complete
CloudEvents. With --wait it then asks until every event that was posted is processed, and fails if one is dead-lettered
or the time runs out.`,
		Example: `  eventctl send --type order.created --data '{"n":1}' --wait 10s
  eventctl send --file events.json --url https://api.example.com`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return o.run(cmd.Context(), cmd.InOrStdin(), cmd.OutOrStdout())
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.url, "url", "http://localhost:5001", "the API")
	f.StringVar(&o.file, "file", "", "file with an event or an array of events; - is standard input")
	f.StringVar(&o.key, "api-key", os.Getenv("API_KEY"), "key for the API (default: $API_KEY)")
	f.DurationVar(&o.wait, "wait", 0, "how long to wait until it is processed; 0 does not wait")
	f.StringVar(&o.data, "data", "", "the event's data, JSON")
	for _, attribute := range []string{"type", "id", "source", "subject"} {
		o.event[attribute] = f.String(attribute, "", "the event's "+attribute)
	}
	cmd.MarkFlagsOneRequired("file", "type")
	cmd.MarkFlagsMutuallyExclusive("file", "type")
	return cmd
}

func (o *sendOptions) run(ctx context.Context, in io.Reader, out io.Writer) error {
	body, err := o.body(in)
	if err != nil {
		return err
	}
	contentType := "application/json"
	if bytes.HasPrefix(bytes.TrimSpace(body), []byte("[")) {
		contentType = "application/cloudevents-batch+json"
	}
	answer, err := o.ask(ctx, http.MethodPost, "/v1/events", contentType, body)
	if err != nil {
		return err
	}
	fmt.Fprintln(out, string(answer))
	if o.wait == 0 {
		return nil
	}
	sent, err := identities(body, answer)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, o.wait)
	defer cancel()
	for _, path := range sent {
		if err := o.await(ctx, path, out); err != nil {
			return err
		}
	}
	return nil
}

func (o *sendOptions) body(in io.Reader) ([]byte, error) {
	switch o.file {
	case "-":
		return io.ReadAll(in)
	case "":
	default:
		return os.ReadFile(o.file)
	}
	e := map[string]any{}
	for name, value := range o.event {
		if *value != "" {
			e[name] = *value
		}
	}
	if o.data != "" {
		if !json.Valid([]byte(o.data)) {
			return nil, fmt.Errorf("%w: --data must be JSON; put a text into double quotes", errUsage)
		}
		e["data"] = json.RawMessage(o.data)
	}
	return json.Marshal(e)
}

// ask sends a request and returns the body of a 2xx.
func (o *sendOptions) ask(ctx context.Context, method, path, contentType string, body []byte) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, method, strings.TrimSuffix(o.url, "/")+path, bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("%w: --url: %w", errUsage, err)
	}
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	if o.key != "" {
		req.Header.Set("Authorization", "Bearer "+o.key)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, fmt.Errorf("ask the API: %w", err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, fmt.Errorf("read the API's answer: %w", err)
	}
	if resp.StatusCode/100 != 2 {
		return nil, &statusError{status: resp.StatusCode, body: string(answer)}
	}
	return answer, nil
}

type statusError struct {
	status int
	body   string
}

func (e *statusError) Error() string { return fmt.Sprintf("the API answers %d: %s", e.status, e.body) }

// identities are the paths of the outcomes of what was accepted. A batch's answer has no sources: they are in the body.
func identities(body, answer []byte) ([]string, error) {
	type identity struct{ ID, Source string }
	var one identity
	var batch struct{ Results []struct{ Index, Status int } }
	var posted []identity
	if err := json.Unmarshal(answer, &one); err != nil {
		return nil, fmt.Errorf("decode the API's answer: %w", err)
	}
	accepted := []identity{one}
	if one.ID == "" {
		if err := json.Unmarshal(answer, &batch); err != nil {
			return nil, fmt.Errorf("decode the API's answer: %w", err)
		}
		if err := json.Unmarshal(body, &posted); err != nil {
			return nil, fmt.Errorf("decode the events: %w", err)
		}
		accepted = nil
		for _, r := range batch.Results {
			if r.Status == http.StatusAccepted {
				accepted = append(accepted, posted[r.Index])
			}
		}
	}
	paths := make([]string, len(accepted))
	for i, a := range accepted {
		paths[i] = "/v1/events/" + url.PathEscape(a.ID) + "?source=" + url.QueryEscape(a.Source)
	}
	return paths, nil
}

// await asks until the event has an outcome.
func (o *sendOptions) await(ctx context.Context, path string, out io.Writer) error {
	for {
		answer, err := o.ask(ctx, http.MethodGet, path, "", nil)
		status, isStatus := err.(*statusError) //nolint:errorlint // ask returns it unwrapped
		switch {
		case err == nil:
			fmt.Fprintln(out, string(answer))
			var outcome struct{ Status string }
			if err := json.Unmarshal(answer, &outcome); err != nil || outcome.Status != "processed" {
				return fmt.Errorf("the event is %s", outcome.Status)
			}
			return nil
		case ctx.Err() != nil:
			return fmt.Errorf("no outcome of %s after %s", path, o.wait)
		case isStatus && status.status != http.StatusNotFound && status.status != http.StatusServiceUnavailable:
			return err
		}
		select {
		case <-ctx.Done():
		case <-time.After(100 * time.Millisecond):
		}
	}
}
