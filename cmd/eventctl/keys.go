package main

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"event-processing-service/internal/secrets"
	"event-processing-service/internal/settings"
)

func keysCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "keys",
		Short: "Give clients of the API their keys, replace them, and take them away",
		Long: `Give clients of the API their keys, replace them, and take them away, in the secret or the file that the ` +
			`API reads
again each minute (API_KEYS_SECRET, API_KEYS_FILE): no roll-out, and no request is refused for the change.

Only the SHA-256 of a key is stored. The key itself is printed once, on standard output, and can't be had again.`,
	}
	cmd.AddCommand(addKeyCommand(), rotateKeyCommand(), revokeKeyCommand(), listKeysCommand())
	return cmd
}

func addKeyCommand() *cobra.Command {
	var stored keyStore
	var client settings.Client
	var limit string
	var expires time.Duration
	cmd := &cobra.Command{
		Use:   "add CLIENT",
		Short: "Give a client a key, beside those that it has",
		Example: `  eventctl keys add shop --secret orders-prod-api-keys
  eventctl keys add web --source '/web/*' --type 'order.*' --limit 100/1s --expires-in 2160h`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			if limit != "" {
				if client.Limit, err = settings.ParseRate(limit); err != nil {
					return fmt.Errorf("%w: --limit must be %w", errUsage, err)
				}
			}
			return stored.giveKey(cmd, args[0], expires, func(now *settings.Client, _ bool) error {
				now.Sources = slices.Concat(now.Sources, client.Sources)
				now.Types = slices.Concat(now.Types, client.Types)
				now.Limit = cmp.Or(client.Limit, now.Limit)
				return nil
			})
		},
	}
	stored.addTo(cmd)
	cmd.Flags().StringSliceVar(&client.Sources, "source", nil, "bind the client to this source, too; may end in *")
	cmd.Flags().StringSliceVar(&client.Types, "type", nil, "let the client post this event type, too; may end in *")
	cmd.Flags().StringVar(&limit, "limit", "", "the client's own limit, such as 100/1s")
	cmd.Flags().DurationVar(&expires, "expires-in", 0, "end the key after so long; 0: never")
	return cmd
}

func rotateKeyCommand() *cobra.Command {
	var stored keyStore
	var overlap, expires time.Duration
	cmd := &cobra.Command{
		Use:     "rotate CLIENT",
		Short:   "Give a client a new key, and let its old ones end after a while",
		Example: `  eventctl keys rotate shop --overlap 72h`,
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return stored.giveKey(cmd, args[0], expires, func(now *settings.Client, known bool) error {
				if !known {
					return unknownClient(args[0])
				}
				*now = now.Ending(time.Now(), overlap)
				return nil
			})
		},
	}
	stored.addTo(cmd)
	cmd.Flags().DurationVar(&overlap, "overlap", 24*time.Hour, "how long the old keys go on to work")
	cmd.Flags().DurationVar(&expires, "expires-in", 0, "end the new key after so long; 0: never")
	return cmd
}

func revokeKeyCommand() *cobra.Command {
	var stored keyStore
	var one string
	cmd := &cobra.Command{
		Use:   "revoke CLIENT",
		Short: "Take away a client's keys, all or one",
		Long: `Take away a client's keys, all or one. It holds at the latest a minute later, when every task has read the ` +
			`keys again.
A client without keys is forgotten, with its sources, types and limit.`,
		Example: "  eventctl keys revoke shop --key 3f9a1c07",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return stored.change(cmd, func(clients map[string]settings.Client) error {
				c, known := clients[args[0]]
				if !known {
					return unknownClient(args[0])
				}
				left := slices.DeleteFunc(slices.Clone(c.Keys), func(key settings.Key) bool {
					return strings.HasPrefix(hex.EncodeToString(key.Hash[:]), one)
				})
				if len(left) == len(c.Keys) {
					return fmt.Errorf("client %q has no key that begins with %s; see eventctl keys list", args[0], one)
				}
				c.Keys = left
				if clients[args[0]] = c; len(left) == 0 {
					delete(clients, args[0])
				}
				return nil
			})
		},
	}
	stored.addTo(cmd)
	cmd.Flags().StringVar(&one, "key", "", "the key whose SHA-256 begins so; empty: all")
	return cmd
}

func listKeysCommand() *cobra.Command {
	var stored keyStore
	var output outputFlag
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the clients with their keys, each by the beginning of its SHA-256",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			clients, _, err := stored.read(cmd.Context())
			if err != nil {
				return err
			}
			w := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
			if output.kind != "json" {
				fmt.Fprintln(w, "CLIENT\tKEY\tEXPIRES\tSOURCES\tTYPES\tLIMIT")
			}
			for _, name := range slices.Sorted(maps.Keys(clients)) {
				if err := printClient(w, name, clients[name], output.kind == "json"); err != nil {
					return err
				}
			}
			return w.Flush()
		},
	}
	stored.addTo(cmd)
	output.addTo(cmd)
	return cmd
}

// printClient writes a line for each key.
func printClient(w *tabwriter.Writer, name string, c settings.Client, asJSON bool) error {
	for _, key := range c.Keys {
		id, expires := hex.EncodeToString(key.Hash[:4]), "never"
		if !key.Expires.IsZero() {
			expires = key.Expires.Format(time.RFC3339)
		}
		if asJSON {
			line := map[string]any{"client": name, "key": id, "expires": expires, "sources": c.Sources, "types": c.Types,
				"limit": c.Limit.String()}
			if err := json.NewEncoder(w).Encode(line); err != nil {
				return err
			}
			continue
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", name, id, expires, cmp.Or(strings.Join(c.Sources, ","), "no other's"),
			cmp.Or(strings.Join(c.Types, ","), "all"), cmp.Or(c.Limit.String(), "everybody's"))
	}
	return nil
}

// giveKey changes a client, adds a key to it, and prints the key when it is stored.
func (s *keyStore) giveKey(
	cmd *cobra.Command, name string, expires time.Duration, change func(c *settings.Client, known bool) error,
) error {
	if expires < 0 {
		return fmt.Errorf("%w: a key can't end before it begins", errUsage)
	}
	text := secrets.NewKey()
	key := settings.Key{Hash: sha256.Sum256([]byte(text))}
	if expires > 0 {
		key.Expires = time.Now().Add(expires).UTC().Truncate(time.Second)
	}
	err := s.change(cmd, func(clients map[string]settings.Client) error {
		c, known := clients[name]
		if err := change(&c, known); err != nil {
			return err
		}
		c.Keys = append(slices.DeleteFunc(c.Keys, func(old settings.Key) bool {
			return !old.Expires.IsZero() && old.Expires.Before(time.Now())
		}), key)
		clients[name] = c
		return nil
	})
	if err != nil {
		return err
	}
	fmt.Fprintln(cmd.OutOrStdout(), text)
	return nil
}

func unknownClient(name string) error {
	return fmt.Errorf("there is no client %q; see eventctl keys list", name)
}

var errNoKeyStore = errors.New("say where the keys are: --secret or --file, or API_KEYS_SECRET or API_KEYS_FILE")
