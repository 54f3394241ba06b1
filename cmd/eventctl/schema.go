package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"

	"event-processing-service/schemas/compat"
)

// errBreaks ends a check that found what a change breaks.
var errBreaks = errors.New("the change breaks readers of events")

func schemaCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "schema",
		Short: "Tell what a change of an event type's schema breaks",
		Long: `Tell what a change of an event type's schema breaks.

  backward  events that are there may be invalid by the new schema
  forward   new events may be invalid by the old schema, which others still use
  full      both

A keyword that the comparison does not know counts as a break where it is new or changed. A member that only one schema
names does not count as a break: the comparison assumes that no event had it.`,
	}
	var mode string
	diff := &cobra.Command{
		Use:     "diff OLD NEW",
		Short:   "Compare two schema files",
		Example: "  eventctl schema diff schemas/released/order.placed.json schemas/order.placed.json --mode full",
		Args:    cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			return compareSchemas(cmd.OutOrStdout(), compat.Mode(mode), args[0], args[1])
		},
	}
	var directory string
	check := &cobra.Command{
		Use:   "check",
		Short: "Compare each schema with its released copy",
		Long: "Compare each schema with the copy of its name in the folder released beside it. A schema without a copy " +
			"is not released yet; a copy without a schema is a break.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			released, err := filepath.Glob(filepath.Join(directory, "released", "*.json"))
			if err != nil || len(released) == 0 {
				return fmt.Errorf("find released schemas in %s: %w", filepath.Join(directory, "released"),
					errors.Join(err, os.ErrNotExist))
			}
			for _, old := range released {
				if one := compareSchemas(cmd.OutOrStdout(), compat.Mode(mode), old,
					filepath.Join(directory, filepath.Base(old))); one != nil {
					err = one
				}
			}
			return err
		},
	}
	check.Flags().StringVar(&directory, "dir", "schemas", "folder of the schemas")
	for _, c := range []*cobra.Command{diff, check} {
		c.Flags().StringVar(&mode, "mode", string(compat.Backward),
			"whom the change must not break: backward, forward or full")
		c.PreRunE = func(*cobra.Command, []string) error {
			if !slices.Contains([]compat.Mode{compat.Backward, compat.Forward, compat.Full}, compat.Mode(mode)) {
				return fmt.Errorf("--mode must be backward, forward or full, not %q", mode)
			}
			return nil
		}
	}
	cmd.AddCommand(diff, check)
	return cmd
}

// compareSchemas prints what the change breaks, a line for each.
func compareSchemas(out io.Writer, mode compat.Mode, old, updated string) error {
	before, err := readSchema(old)
	if err != nil {
		return err
	}
	after, err := readSchema(updated)
	if err != nil {
		return err
	}
	found := compat.Check(mode, before, after)
	for _, b := range found {
		fmt.Fprintf(out, "%s: %s\n", updated, b)
	}
	if len(found) > 0 {
		return errBreaks
	}
	fmt.Fprintf(out, "%s: %s compatible\n", updated, mode)
	return nil
}

func readSchema(path string) (schema map[string]any, err error) {
	source, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read schema: %w", err)
	}
	if err := json.Unmarshal(source, &schema); err != nil || schema == nil {
		return nil, fmt.Errorf("read schema %s: %w", path, errors.Join(err, errors.New("it must be a JSON object")))
	}
	return schema, nil
}
