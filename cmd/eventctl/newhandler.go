package main

import (
	"errors"
	"fmt"
	"go/ast"
	"go/format"
	"go/parser"
	"go/token"
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

The schema schemas/TYPE.json is left as it is where there is one. The Go types of the schemas are regenerated, and
handlers.Register registers the handler. go test ./handlers passes then.`,
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
	if register, err = callInRegister(register, "register"+typegen.Name(eventType)); err != nil {
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

// callInRegister puts a call at the beginning of the function Register, and names the parameters that it needs.
func callInRegister(source []byte, function string) ([]byte, error) {
	files := token.NewFileSet()
	file, err := parser.ParseFile(files, "handlers.go", source, parser.ParseComments)
	if err != nil {
		return nil, fmt.Errorf("read handlers.go: %w", err)
	}
	var register *ast.FuncDecl
	for _, d := range file.Decls {
		if f, ok := d.(*ast.FuncDecl); ok && f.Recv == nil && f.Name.Name == "Register" {
			register = f
		}
	}
	var names []*ast.Ident
	if register != nil && register.Body != nil {
		for _, p := range register.Type.Params.List {
			names = append(names, p.Names...)
		}
	}
	if len(names) != 3 {
		return nil, errors.New("handlers.go has no func Register(ctx, mux, deps) to add the handler to")
	}
	text := string(source)
	at := func(p token.Pos) int { return files.Position(p).Offset }
	call := map[*ast.Ident]string{names[1]: "mux", names[2]: "deps"}
	body := at(register.Body.Lbrace) + 1
	text = text[:body] + "\n\tif err := " + function + "(MUX, DEPS); err != nil {\n\t\treturn nil, err\n\t}" + text[body:]
	for i := 2; i >= 1; i-- { // from the end, so that what is before keeps its place
		if names[i].Name == "_" {
			text = text[:at(names[i].Pos())] + call[names[i]] + text[at(names[i].End()):]
		} else {
			call[names[i]] = names[i].Name
		}
	}
	text = strings.Replace(text, "(MUX, DEPS)", "("+call[names[1]]+", "+call[names[2]]+")", 1)
	return format.Source([]byte(text))
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
// It may be called again for an event that it has finished, so its effect must be harmless to repeat: hand e.Source and
// e.ID on as an idempotency key, or write under a condition. examples/orders shows how.
func register{Name}(mux *processor.Mux, deps *processor.Deps) error {
	processor.On(mux, "{type}", func(ctx context.Context, e event.Event, _ schemas.{Name}) error {
		deps.Log.InfoContext(ctx, "{type} is handled", "event_id", e.ID)
		return nil
	})
	return nil // or why it can't do its work, such as the error of deps.Env: the program does not start then
}
`

const newHandlerTest = `package handlers

import (
	"context"
	"testing"

	"{module}/internal/event"
	"{module}/processor"
	"{module}/processor/processortest"
)

func Test{Name}IsProcessedAgainAndAgainAndOtherDataIsADeadLetter(t *testing.T) {
	register := func(_ context.Context, mux *processor.Mux, deps *processor.Deps) (func(), error) {
		return func() {}, register{Name}(mux, deps)
	}
	processortest.Run(t, register, func(k *processortest.Kit) {
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
