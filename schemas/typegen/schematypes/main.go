// Command schematypes writes the Go types of the JSON Schemas in a folder to types_gen.go beside them, for go generate.
// It is a program of its own, so that types that do not compile, as after a merge, can be made anew.
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"

	"event-processing-service/schemas/typegen"
)

func main() {
	dir := flag.String("dir", ".", "`folder` of the schemas")
	pkg := flag.String("package", "schemas", "`name` of the package of the types")
	flag.Parse()
	if err := write(*dir, *pkg); err != nil {
		fmt.Fprintln(os.Stderr, "schematypes:", err)
		os.Exit(1)
	}
}

func write(dir, pkg string) error {
	module := ""
	if info, ok := debug.ReadBuildInfo(); ok {
		module = info.Main.Path
	}
	source, err := typegen.Generate(os.DirFS(dir), pkg, module)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "types_gen.go"), source, 0o644)
}
