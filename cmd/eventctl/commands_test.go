package main

import (
	"testing"

	"github.com/spf13/cobra"
)

func TestEachCommandSaysWhatItDoesAndWhichArgumentsItTakes(t *testing.T) {
	var look func(cmd *cobra.Command)
	look = func(cmd *cobra.Command) {
		if cmd.Short == "" {
			t.Errorf("%s has no Short: help would list it without a word", cmd.CommandPath())
		}
		if cmd.RunE != nil && cmd.Args == nil {
			t.Errorf("%s has no Args: it would ignore a mistyped argument", cmd.CommandPath())
		}
		for _, child := range cmd.Commands() {
			look(child)
		}
	}
	look(root())
}
