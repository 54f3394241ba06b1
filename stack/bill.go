package main

import (
	"fmt"
	"io"
	"strconv"

	"event-processing-service/stack/review"
)

// bill prints what a stack costs a month: idle, and where `--events N` is there, at N events a second.
func bill(w io.Writer, root, stack string, args []string) error {
	load := review.Load{}
	if len(args) > 0 {
		if len(args) != 2 || args[0] != "--events" {
			return fmt.Errorf("plan %s --cost takes --events N, not %q", stack, args)
		}
		events, err := strconv.ParseFloat(args[1], 64)
		if err != nil || !(events > 0 && events <= 1_000_000) {
			return fmt.Errorf("--events must be a number of events a second, more than 0 and at most 1000000, is %q", args[1])
		}
		load.Events = events
	}
	g, err := review.Record(root, stack, offlineProgram(), &review.Recorder{})
	if err != nil {
		return err
	}
	review.WriteBill(w, g.Bill(load))
	return nil
}
