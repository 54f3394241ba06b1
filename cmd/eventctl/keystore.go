package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"

	"github.com/spf13/cobra"

	"event-processing-service/cmd/internal/assembly"
	"event-processing-service/internal/secrets"
	"event-processing-service/internal/settings"
)

// keyStore is where the keys of the API's clients are stored.
type keyStore struct{ settings.Origin }

func (s *keyStore) addTo(cmd *cobra.Command) {
	cmd.Flags().StringVar(&s.Secret, "secret", os.Getenv("API_KEYS_SECRET"),
		"name or ARN of the secret in Secrets Manager")
	cmd.Flags().StringVar(&s.File, "file", os.Getenv("API_KEYS_FILE"), "file with the keys")
	cmd.MarkFlagsMutuallyExclusive("secret", "file")
}

// read returns the clients, and the version of what is stored: of a file, its text.
func (s *keyStore) read(ctx context.Context) (clients map[string]settings.Client, version string, err error) {
	var text string
	switch {
	case s.Secret == "" && s.File == "":
		return nil, "", fmt.Errorf("%w: %w", errUsage, errNoKeyStore)
	case s.File != "":
		var raw []byte
		if raw, err = os.ReadFile(s.File); errors.Is(err, fs.ErrNotExist) {
			return map[string]settings.Client{}, "", nil
		}
		text = string(raw)
		version = text
	default:
		var d *secrets.Document
		if d, err = s.document(ctx); err == nil {
			text, version, err = d.Read(ctx)
		}
	}
	if err != nil {
		return nil, "", err
	}
	if clients, err = settings.ParseClients(text); err != nil {
		return nil, "", fmt.Errorf("the keys in the %s must be %w", s.Origin, err)
	}
	return clients, version, nil
}

// change reads the clients, changes them and stores them, unless somebody else has stored others meanwhile. Keys that
// were stored as they are become their hashes.
func (s *keyStore) change(cmd *cobra.Command, f func(map[string]settings.Client) error) error {
	ctx := cmd.Context()
	clients, version, err := s.read(ctx)
	if err != nil {
		return err
	}
	if err := f(clients); err != nil {
		return err
	}
	text := settings.FormatClients(clients)
	if _, err := settings.ParseClients(text); err != nil {
		return fmt.Errorf("%w: the keys must be %w", errUsage, err)
	}
	if s.File != "" {
		return replaceKeys(s.File, text, version)
	}
	d, err := s.document(ctx)
	if err != nil {
		return err
	}
	return d.Replace(ctx, text, version)
}

func (s *keyStore) document(ctx context.Context) (*secrets.Document, error) {
	return assembly.New(ctx, slog.New(slog.DiscardHandler)).SecretDocument(s.Secret)
}

// replaceKeys replaces the file unless somebody else has since it was read.
func replaceKeys(path, text, was string) error {
	if now, err := os.ReadFile(path); err == nil && string(now) != was {
		return secrets.ErrChanged
	}
	if err := replaceFile(path, text); err != nil {
		return fmt.Errorf("write the keys: %w", err)
	}
	return nil
}
