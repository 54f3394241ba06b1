package main

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"text/tabwriter"
	"time"
	"unicode/utf8"

	"github.com/spf13/cobra"
)

// outputFlag is how a command prints: a table for people, or one JSON object a line for programs.
type outputFlag struct{ kind string }

func (o *outputFlag) addTo(cmd *cobra.Command) {
	o.kind = "table"
	cmd.Flags().VarP(o, "output", "o", "table, or json: one object a line")
}

func (o *outputFlag) String() string { return o.kind }

// Type names the flag's value in the help.
func (o *outputFlag) Type() string { return "table|json" }

func (o *outputFlag) Set(s string) error {
	if s != "table" && s != "json" {
		return fmt.Errorf("%q is neither table nor json", s)
	}
	o.kind = s
	return nil
}

// letterPrinter prints letters as they come.
type letterPrinter interface {
	print(*letter) error
	close() error
}

func (o *outputFlag) lines(out io.Writer) letterPrinter {
	if o.kind == "json" {
		return jsonPrinter{out, func(l *letter) any { return l.line() }}
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "PARTITION\tOFFSET\tFAILED AT\tTYPE\tID\tKEY\tATTEMPTS\tHOPS\tERROR")
	return tablePrinter{w}
}

func (o *outputFlag) documents(out io.Writer) letterPrinter {
	if o.kind == "json" {
		return jsonPrinter{out, func(l *letter) any { return l.document() }}
	}
	return documentPrinter{out}
}

type jsonPrinter struct {
	out  io.Writer
	view func(*letter) any
}

func (p jsonPrinter) print(l *letter) error { return json.NewEncoder(p.out).Encode(p.view(l)) }
func (p jsonPrinter) close() error          { return nil }

type tablePrinter struct{ *tabwriter.Writer }

func (p tablePrinter) print(l *letter) error {
	key := "-"
	if l.record.Key != nil {
		key = clip(fmt.Sprintf("%q", l.record.Key), 32)
	}
	_, err := fmt.Fprintf(p, "%d\t%d\t%s\t%s\t%s\t%s\t%d\t%d\t%s\n", l.record.Partition, l.record.Offset,
		l.failedAt().UTC().Format(time.RFC3339), orDash(clip(l.event.Type, 40)), orDash(clip(l.event.ID, 40)), key,
		l.says.Attempts, l.says.Hops, clip(l.says.Error, 100))
	return err
}

func (p tablePrinter) close() error { return p.Flush() }

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

// documentPrinter prints all of each letter: every header, and the value as it is.
type documentPrinter struct{ out io.Writer }

func (p documentPrinter) print(l *letter) error {
	w := tabwriter.NewWriter(p.out, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "letter\t%s, written %s\n", l.record.Place, l.failedAt().UTC().Format(time.RFC3339))
	key := "none"
	if l.record.Key != nil {
		key = readable(l.record.Key)
	}
	fmt.Fprintf(w, "key\t%s\n", key)
	for _, h := range l.record.Headers {
		fmt.Fprintf(w, "header %s\t%s\n", clip(h.Key, 100), readable(h.Value))
	}
	if err := w.Flush(); err != nil {
		return err
	}
	switch value := l.record.Value; {
	case value == nil:
		fmt.Fprintln(p.out, "no value")
	case utf8.Valid(value):
		fmt.Fprintf(p.out, "value, %d bytes:\n%s\n", len(value), value)
	default:
		fmt.Fprintf(p.out, "value, %d bytes, not text:\n%s", len(value), hex.Dump(value))
	}
	_, err := fmt.Fprintln(p.out)
	return err
}

func (p documentPrinter) close() error { return nil }

// readable is text as it is if a line can hold it, else quoted.
func readable(b []byte) string {
	if q := fmt.Sprintf("%q", b); q != `"`+string(b)+`"` {
		return q
	}
	return string(b)
}
