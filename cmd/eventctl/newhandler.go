package main

import (
	"errors"
	"fmt"
	"go/ast"
	"go/format"
	"go/parser"
	"go/token"
	"go/types"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/spf13/cobra"

	"event-processing-service/schemas/typegen"
)

func newCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "new", Short: "Write what a new part of the service begins with"}
	var root string
	handler := &cobra.Command{
		Use:   "handler TYPE",
		Short: "Write a handler for events of a type, its schema and its test",
		Long: `Write a handler for events of a type, its schema and its test.

The schema schemas/TYPE.json is left as it is where there is one. The Go types of the schemas are regenerated, and the
first of handlers.Sets registers the handler. go test ./handlers passes then.`,
		Example: "  eventctl new handler order.shipped",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			written, err := writeHandler(root, args[0])
			for _, name := range written {
				fmt.Fprintln(cmd.OutOrStdout(), name)
			}
			return err
		},
	}
	handler.Flags().StringVar(&root, "root", ".", "folder of the service's go.mod")
	cmd.AddCommand(handler)
	return cmd
}

// eventTypes are names of files and of Go, too.
var eventTypes = regexp.MustCompile(`^[a-z][a-z0-9_-]*(\.[a-z0-9][a-z0-9_-]*)*$`)

// writeHandler returns the files that it wrote.
func writeHandler(root, eventType string) (written []string, err error) {
	if !eventTypes.MatchString(eventType) || len(eventType) > 200 {
		return nil, fmt.Errorf("%w: the type must be like order.shipped: words of a-z, 0-9, _ and -, with dots between",
			errUsage)
	}
	module, err := moduleOf(root)
	if err != nil {
		return nil, err
	}
	base := filepath.Join("handlers", strings.NewReplacer(".", "_", "-", "_").Replace(eventType))
	schema := filepath.Join("schemas", eventType+".json")
	fill := strings.NewReplacer("{module}", module, "{type}", eventType, "{Name}", typegen.Name(eventType))
	for _, name := range []string{base + ".go", base + "_test.go"} {
		if _, err := os.Stat(filepath.Join(root, name)); !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("%s is there already: %w", name, errors.Join(err, fs.ErrExist))
		}
	}
	register, err := os.ReadFile(filepath.Join(root, "handlers", "handlers.go"))
	if err != nil {
		return nil, fmt.Errorf("read the handlers: %w", err)
	}
	if register, err = addToSets(register, "register"+typegen.Name(eventType)); err != nil {
		return nil, err
	}
	write := func(name string, text []byte) {
		if err == nil {
			if err = os.WriteFile(filepath.Join(root, name), text, 0o644); err == nil {
				written = append(written, name)
			}
		}
	}
	data := `{}` // fits every type: what is missing is zero
	if _, missing := os.Stat(filepath.Join(root, schema)); missing != nil {
		write(schema, []byte(fill.Replace(newSchema)))
		data = `{"id":"1"}`
	}
	if err == nil {
		var types []byte
		types, err = typegen.Generate(os.DirFS(filepath.Join(root, "schemas")), "schemas", module)
		write(filepath.Join("schemas", "types_gen.go"), types)
	}
	write(base+".go", []byte(fill.Replace(newHandler)))
	write(base+"_test.go", []byte(strings.ReplaceAll(fill.Replace(newHandlerTest), "{data}", data)))
	write(filepath.Join("handlers", "handlers.go"), register)
	return written, err
}

var moduleLine = regexp.MustCompile(`(?m)^module (\S+)`)

func moduleOf(root string) (string, error) {
	text, err := os.ReadFile(filepath.Join(root, "go.mod"))
	if err != nil {
		return "", fmt.Errorf("find the service's module; run this in its folder, or name it with --root: %w", err)
	}
	m := moduleLine.FindSubmatch(text)
	if m == nil {
		return "", errors.New("find the service's module: go.mod names none")
	}
	return string(m[1]), nil
}

// addToSets adds a function to those that register the handlers of the first set.
func addToSets(source []byte, function string) ([]byte, error) {
	files := token.NewFileSet()
	file, err := parser.ParseFile(files, "handlers.go", source, parser.ParseComments)
	if err != nil {
		return nil, fmt.Errorf("read handlers.go: %w", err)
	}
	registers := registersOf(file)
	if registers == nil {
		return nil, errors.New("handlers.go has no var Sets with a Register in its first set to add the handler to")
	}
	at := func(p token.Pos) int { return files.Position(p).Offset }
	first, end := at(registers.Pos()), at(registers.End())
	before, value, after := string(source[:first]), string(source[first:end]), string(source[end:])
	if call, ok := registers.(*ast.CallExpr); ok && types.ExprString(call.Fun) == "processor.All" {
		value = strings.TrimRight(strings.TrimSuffix(value, ")"), ", \t\n") + ",\n" + function + ",\n)"
	} else {
		value = "processor.All(\n" + value + ",\n" + function + ",\n)"
	}
	return format.Source([]byte(before + value + after))
}

// registersOf is what registers the handlers of the first of the sets. nil: it is not found.
func registersOf(file *ast.File) (found ast.Expr) {
	ast.Inspect(file, func(n ast.Node) bool {
		sets, ok := n.(*ast.ValueSpec)
		if !ok || len(sets.Names) != 1 || sets.Names[0].Name != "Sets" || len(sets.Values) != 1 {
			return true
		}
		list, ok := sets.Values[0].(*ast.CompositeLit)
		if !ok || len(list.Elts) == 0 {
			return false
		}
		first, ok := list.Elts[0].(*ast.CompositeLit)
		if !ok {
			return false
		}
		for _, member := range first.Elts {
			if pair, ok := member.(*ast.KeyValueExpr); ok && types.ExprString(pair.Key) == "Register" {
				found = pair.Value
			}
		}
		return false
	})
	return found
}

const newSchema = `{
  "$schema": "https://json-schema.org/draft/2020-12/schema",
  "$comment": "draft",
  "title": "{type}",
  "description": "Says what has happened.",
  "type": "object",
  "required": ["id"],
  "properties": {
    "id": { "type": "string", "minLength": 1 }
  }
}
`

const newHandler = `package handlers

import (
	"context"

	"{module}/internal/event"
	"{module}/processor"
	"{module}/schemas"
)

// register{Name} registers the handler of {type}.
//
// It is called once, when the program starts: make what the handler needs here. deps reads variables and secrets,
// checks what the handler calls, and publishes follow-up events; an error stops the start, with its reason. The
// function that it returns is called after the last event. With a client of another system it begins and ends so:
//
//	address, err := deps.Env("WAREHOUSE_URL")
//	if err != nil {
//		return nil, err
//	}
//	client, err := warehouse.Connect(ctx, address)
//	if err != nil {
//		return nil, fmt.Errorf("connect to the warehouse: %w", err)
//	}
//	deps.Check("warehouse", client.Ping)
//	…
//	return client.Close, nil
//
// The handler may be called again for an event that it has finished, so its effect must be harmless to repeat: hand
// e.Source and e.ID on as an idempotency key, or write under a condition. examples/orders shows how.
func register{Name}(_ context.Context, mux *processor.Mux, deps *processor.Deps) (func(), error) {
	handle := func(ctx context.Context, e event.Event, _ schemas.{Name}) error {
		deps.Log.InfoContext(ctx, "{type} is handled", "event_id", e.ID)
		return nil
	}
	processor.On(mux, "{type}", handle)
	return func() {}, nil
}
`

const newHandlerTest = `package handlers

import (
	"testing"

	"{module}/internal/event"
	"{module}/processor/processortest"
)

func Test{Name}IsProcessedAgainAndAgainAndOtherDataIsADeadLetter(t *testing.T) {
	processortest.Run(t, register{Name}, func(k *processortest.Kit) {
		e := event.Event{
			ID: "1", Source: "/test", Type: "{type}", DataContentType: "application/json", Data: []byte(` + "`{data}`" + `),
		}
		k.InvokeAndDie(processortest.AfterHandler, e)
		k.Deliver(e) // once there is an effect, count it: k.ExpectOnce(e, func(id string) int { … })
		k.ExpectProcessed(e)

		bad := e
		bad.ID, bad.Data = "2", []byte(` + "`[]`" + `)
		k.Deliver(bad)
		k.ExpectDeadLetter(bad, "read data at its top: want an object")
	})
}
`
